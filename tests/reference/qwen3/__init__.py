"""The specification of Qwen3-TTS: every stage in NumPy, and seeded models to run it on.

Stages take the part of the config that is theirs and the tensors of their part of the checkpoint without its prefix
(`part(weights, "talker.")`), and compute in the dtype they are given: float64 tells what is right, float32 what
rounding does.
"""

from .codec_decoder import CodecDecoder
from .predictor import CodePredictor
from .sampling import GREEDY, Draw, first_code_scores, pick
from .talker import Talker
from .tiny import TINY_QWEN3, tiny_config, tiny_files
from .transformer import Transformer
from .weights import lively_weights, part

__all__ = [
    "GREEDY",
    "TINY_QWEN3",
    "CodePredictor",
    "CodecDecoder",
    "Draw",
    "Talker",
    "Transformer",
    "first_code_scores",
    "lively_weights",
    "part",
    "pick",
    "tiny_config",
    "tiny_files",
]
