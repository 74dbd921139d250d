"""The specification of Qwen3-TTS: every stage in NumPy, and seeded models to run it on.

Stages take the part of the config that is theirs and the tensors of their part of the checkpoint without its prefix
(`part(weights, "talker.")`), and compute in the dtype they are given: float64 tells what is right, float32 what
rounding does.
"""

from .codec_decoder import CodecDecoder
from .codec_encoder import CodecEncoder
from .model import Model, Settings, Spoken, greedy
from .predictor import CodePredictor
from .prompt import Prompt, Reference, assistant_text, instruct_text, reference_text
from .sampling import GREEDY, Draw, first_code_scores, pick
from .speaker_encoder import SpeakerEncoder
from .synthetic import QWEN3_MODELS, make_qwen3_model
from .talker import Talker
from .tiny import TINY_QWEN3, tiny_config, tiny_files
from .transformer import Transformer
from .weights import lively_weights, part

__all__ = [
    "GREEDY",
    "QWEN3_MODELS",
    "TINY_QWEN3",
    "CodePredictor",
    "CodecDecoder",
    "CodecEncoder",
    "Draw",
    "Model",
    "Prompt",
    "Reference",
    "Settings",
    "SpeakerEncoder",
    "Spoken",
    "Talker",
    "Transformer",
    "assistant_text",
    "first_code_scores",
    "greedy",
    "instruct_text",
    "lively_weights",
    "make_qwen3_model",
    "part",
    "pick",
    "reference_text",
    "tiny_config",
    "tiny_files",
]
