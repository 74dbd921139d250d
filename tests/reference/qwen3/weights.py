"""Seeded random weights of Qwen3-TTS that keep signals alive, for any architecture.

As for Pocket TTS (see ../lively.py): uniform numbers that are the same on every machine, one stream of them for each
tensor, spread so that a signal keeps its size. Here also: what the codec's decoder makes stays within [-1, 1] (with
louder convolutions it saturates, and SnakeBeta turns rounding into noise); the end of speech is drawn now and then,
neither at once nor never; and what goes into some norms is so quiet, and one vector of each table so rarely used, that
a wrong constant beneath them is heard.
"""

from __future__ import annotations

import math
import re

import numpy as np

from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.models.qwen3.names import CODEC_PREFIX, expected_tensors

from ..checkpoint import narrow, widen
from ..lively import uniform, uniform_pieces

_HEAD, _USAGE, _SUM = "talker.codec_head.weight", ".cluster_usage", "_sum"
_UNIT = math.sqrt(3)  # a uniform variable within +-sqrt(3) has unit variance

# (centre, limit) by the end of the name, the first that fits.
_SPREADS = {
    ".initialized": (1.0, 0.0),
    ".scale": (0.3, 0.1),
    ".gamma": (0.3, 0.1),
    "norm.weight": (1.0, 0.3),
    ".alpha": (0.0, 0.5),
    ".beta": (0.0, 0.5),
    _USAGE: (1.25, 0.75),
    _SUM: (0.0, _UNIT),
    "embedding.weight": (0.0, 0.5 * _UNIT),
    ".bias": (0.0, 0.2),
}
# Factors over unit variance of matrices and kernels, by a part of the name, the first that fits. ReLU halves a
# variance, SnakeBeta and the sums of residual units add to it; sounds are quiet, and so shall the last layer be.
_GAINS = {
    "codec_head": 1.5,
    "lm_head": 1.5,
    "speaker_encoder.fc": 0.06,  # as large as the rows it is added to
    "speaker_encoder.": 1.4,
    "tokenizer.encoder.encoder.layers.0.": 8.0,
    "tokenizer.encoder.quantizer.": 50.0,  # after what is quiet
    "tokenizer.decoder.decoder.6.": 0.18,
    "tokenizer.decoder.decoder.0.": 0.8,
    "block.1.conv": 0.9,
    "tokenizer.decoder.decoder.": 0.4,
}
# Factors on weights and biases of layers that a norm follows: the norm makes their signal as loud as any, but its
# constant under the root, and no other, matters.
_QUIET = {
    r"talker\..*\.[qk]_proj\.": 0.004,
    r".*tokenizer\.decoder\.pre_transformer\.input_proj\.": 0.02,
    r".*\.dwconv\.": 0.004,
    r".*tokenizer\.encoder\.encoder\.layers\.14\.": 0.02,
    r".*\.encoder_transformer\..*\.scale$": 0.02,
}
_UNUSED_CODE = 3  # of each table: its usage is 0, and the constant stands in for it


def end_gain(codes):
    """How much larger than a code's the row of code 0's head is that means the end, among so many codes.

    It lets a draw in 50 end the speech of a tiny model, and a draw in 200 that of one with 2048 codes.
    """
    return 1 + 0.1 * math.log2(codes / 32)


def lively_tensor(config: ModelConfig, name, shape, seed=0):
    """The float32 array of one tensor, by its name as expected_tensors gives it."""
    centre, limit = spread(name, shape)
    values = np.float32(centre) + np.float32(limit) * uniform(name, shape, seed)
    if name == _HEAD:
        gain = end_gain(config.talker_config.code_predictor_config.vocab_size)
        values[config.talker_config.codec_eos_token_id] *= np.float32(gain)
    if name.endswith(_USAGE):
        values[_UNUSED_CODE] = 0
    if name.endswith(_SUM):
        values[_UNUSED_CODE] *= np.float32(1e-5)
    return values


def lively_pieces(config: ModelConfig, name, shape, seed=0):
    """The same as consecutive flat pieces, in little memory."""
    if name == _HEAD or name.endswith((_USAGE, _SUM)):
        yield lively_tensor(config, name, shape, seed)
        return
    centre, limit = spread(name, shape)
    for piece in uniform_pieces(name, math.prod(shape), seed):
        yield np.float32(centre) + np.float32(limit) * piece


def lively_weights(config: ModelConfig, seed=0, storage="BF16"):
    """{name: float32 array} of all expected tensors, rounded as a folder holds them: the codec always as float32."""
    weights = {}
    for name, shape in expected_tensors(config).items():
        stored = "F32" if name.startswith(CODEC_PREFIX) else storage
        weights[name] = widen(narrow(lively_tensor(config, name, shape, seed), stored), stored)
    return weights


def part(weights, prefix):
    """The tensors under a prefix, without it: what a stage takes (`talker.`, `speech_tokenizer.decoder.`, ...)."""
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}


def spread(name, shape):
    """(centre, limit) of the uniform distribution of a tensor."""
    quiet = next((factor for pattern, factor in _QUIET.items() if re.match(pattern, name)), 1.0)
    centre, limit = _spread(name, shape)
    return centre * quiet, limit * quiet


def _spread(name, shape):
    for end, values in _SPREADS.items():
        if name.endswith(end):
            return values
    if "codec_embedding." in name:  # of the predictor: 15 of them are added to a row
        return 0.0, 0.25 * _UNIT
    fan_in = math.prod(shape[1:])
    if _is_transposed(
        name
    ):  # of a kernel twice the stride two taps reach each output, of one like the stride one
        fan_in = shape[0] * (1 if ".upsample." in name else 2)
    gain = next((g for part_of_name, g in _GAINS.items() if part_of_name in name), 1.0)
    return 0.0, gain * _UNIT / math.sqrt(fan_in)


def _is_transposed(name):
    inside = "tokenizer.decoder."
    if not name.endswith(".weight") or inside not in name:
        return False
    return ".block.1.conv." in name or (".upsample." in name and name.endswith(".0.conv.weight"))
