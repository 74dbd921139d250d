"""The specification: every stage of Pocket TTS in NumPy, and seeded models to run it on."""

from .backbone import Backbone
from .checkpoint import read_weights, write_weights
from .codec import CodecDecoder, CodecEncoder, CodecStream
from .flow_head import FlowHead
from .lively import lively_weights
from .pipeline import Model, Spoken
from .synthetic import make_model
from .tiny import TINY_MODELS, tiny_config
from .transformer import KVCache, Transformer

__all__ = [
    "TINY_MODELS",
    "Backbone",
    "CodecDecoder",
    "CodecEncoder",
    "CodecStream",
    "FlowHead",
    "KVCache",
    "Model",
    "Spoken",
    "Transformer",
    "lively_weights",
    "make_model",
    "read_weights",
    "tiny_config",
    "write_weights",
]
