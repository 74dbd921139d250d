"""The tiny models of tests/reference on the CPU backend and on the NumPy stages, each built once."""

from __future__ import annotations

import functools

import numpy as np

from pocket_fast.cpu.pocket.backend import load_stages
from pocket_fast.models.pocket.voice import VoiceState, taking_in
from reference import TINY_MODELS, Model, lively_weights, tiny_config
from reference.checkpoint import narrow

MODELS = TINY_MODELS
F32 = np.float32

config = functools.cache(tiny_config)


@functools.cache
def weights(name, storage="F32"):
    """{bundle name: read-only array} with the values of a bfloat16 checkpoint: bf16 bits, or widened to F32."""
    arrays = lively_weights(config(name), storage="BF16")
    if storage == "BF16":
        arrays = {n: narrow(a, "BF16") for n, a in arrays.items()}
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


def new_stages(name, storage="F32", threads=1):
    return load_stages(config(name), weights(name, storage), threads=threads)


stages = functools.cache(new_stages)


@functools.cache
def reference(name) -> Model:
    return Model(config(name), weights(name))


def at_once(slices):
    """What work in slices returns (models.contract)."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            return end.value


def run_prompt(rows, backbone):
    """A voice of what the backbone takes in: rows (n, d) float32."""
    return VoiceState(at_once(taking_in(rows, backbone)).freeze())


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(F32)


def worst(found, expected):
    """Largest difference relative to the largest value."""
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


def step(backbone, streams, latents):
    out = np.full((len(streams), backbone.hidden_dim), np.nan, F32)
    backbone.step(streams, latents, out)
    return out


def decode(decoder, streams, latents):
    out = np.full((len(streams), decoder.samples_per_frame), np.nan, F32)
    decoder.decode(streams, latents, out)
    return out


def sample(head, hidden, noise, steps=1):
    """(latents, logits of end of speech)"""
    latents, eos = np.full(noise.shape, np.nan, F32), np.full(len(noise), np.nan, F32)
    head.sample(hidden, noise, latents, eos, steps)
    return latents, eos
