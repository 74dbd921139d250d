"""The codec and the speaker encoder of a tiny Qwen3-TTS on the CPU and in NumPy, each built once."""

from __future__ import annotations

import functools

import numpy as np
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.qwen3.codec import CodecDecoder

from reference import qwen3
from reference.qwen3 import lively_weights, part, tiny_config

F32 = np.float32
NAME = "qwen3-tiny-base"

config = functools.cache(tiny_config)


@functools.cache
def weights(prefix, name=NAME):
    """{name without the prefix: read-only float32 array}"""
    arrays = part(lively_weights(config(name)), prefix)
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


def decoder_config():
    return config(NAME).speech_tokenizer.decoder_config


def new_decoder(threads=1, product=None, given=None):
    given = weights("speech_tokenizer.decoder.") if given is None else given
    return CodecDecoder(WeightStore(), given, decoder_config(), product=product, threads=threads)


decoder = functools.cache(new_decoder)


@functools.cache
def reference_decoder():
    return qwen3.CodecDecoder(decoder_config(), weights("speech_tokenizer.decoder."))


def random_codes(seed, *shape):
    """Codes (..., 16) of the tiny model."""
    codes = np.random.default_rng(seed).integers(0, decoder_config().codebook_size, (*shape, 16))
    return codes.astype(np.int32)


def decode(stage, streams, codes):
    """One frame each: codes (B, 16) -> samples (B, 1920)."""
    out = np.full((len(streams), stage.samples_per_frame), np.nan, F32)
    stage.decode(streams, codes, out)
    return out


def speech(stage, codes, stream=None):
    """The frames of one stream alone: codes (T, 16) -> samples (T, 1920)."""
    stream = stream or stage.stream()
    return np.concatenate([decode(stage, [stream], row[None]) for row in codes])
