"""The codec and the speaker encoder of a tiny Qwen3-TTS on the CPU and in NumPy, each built once."""

from __future__ import annotations

import functools

import numpy as np
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.qwen3.codec import CodecDecoder, CodecEncoder
from pocket_fast.cpu.qwen3.speaker import SpeakerEncoder

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


def encoder_config():
    return config(NAME).speech_tokenizer.encoder_config


def new_encoder(threads=1, given=None):
    given = weights("speech_tokenizer.encoder.") if given is None else given
    return CodecEncoder(WeightStore(), given, encoder_config(), 16, threads=threads)


encoder = functools.cache(new_encoder)


@functools.cache
def reference_encoder():
    return qwen3.CodecEncoder(encoder_config(), weights("speech_tokenizer.encoder."), 16)


def new_speaker_encoder(threads=1, name=NAME, given=None):
    given = weights("speaker_encoder.", name) if given is None else given
    return SpeakerEncoder(WeightStore(), given, config(name).speaker_encoder_config, threads=threads)


speaker_encoder = functools.cache(new_speaker_encoder)


@functools.cache
def reference_speaker_encoder(name=NAME):
    return qwen3.SpeakerEncoder(config(name).speaker_encoder_config, weights("speaker_encoder.", name))


@functools.cache
def recording(n, seed=0):
    """Samples (n,) at 24 kHz: a voice of overtones that swells and pauses, and a little noise. Read-only."""
    rng, time = np.random.default_rng(seed), np.arange(n) / 24000
    pitch = 140 + 60 * np.sin(2 * time + seed) + 25 * np.sin(11 * time)
    phase = np.cumsum(2 * np.pi * pitch / 24000)
    voice = sum(np.sin(k * phase) / k for k in range(1, 12)) * (1 + np.sin(5 * time)) * (np.sin(time) > -0.4)
    pcm = (0.12 * voice + 0.01 * rng.standard_normal(n)).astype(F32)
    pcm.setflags(write=False)
    return pcm
