"""The language models of the tiny Qwen3-TTS models on the CPU backend and on the NumPy stages, each built once."""

from __future__ import annotations

import functools

import numpy as np
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.integers import quantize, quantize_int4
from pocket_fast.cpu.qwen3.predictor import CodePredictor
from pocket_fast.cpu.qwen3.talker import Talker

from reference import qwen3
from reference.checkpoint import narrow

F32 = np.float32
SAME, WIDE = "qwen3-tiny-base", "qwen3-tiny-base-wide"  # of one width, and with a projection between
NAMES = (SAME, WIDE)


@functools.cache
def config(name):
    return qwen3.tiny_config(name).talker_config


@functools.cache
def weights(name, storage="F32"):
    """{name without 'talker.': read-only array} with the values of a bfloat16 file: F32, BF16, or INT8 or INT4, where
    the matrices of the layers are integers."""
    arrays = qwen3.part(qwen3.lively_weights(qwen3.tiny_config(name)), "talker.")
    if storage != "F32":
        arrays = {n: narrow(a, "BF16") for n, a in arrays.items()}
    if storage in ("INT8", "INT4"):
        for n in [n for n in arrays if n.endswith("_proj.weight")]:
            how, parts = (
                (quantize, ("", "_scale")) if storage == "INT8" else (quantize_int4, ("", "_scale", "_lines"))
            )
            arrays.update(zip([n + part for part in parts], how(arrays[n]), strict=True))
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


def new_talker(name, storage="F32", **how):
    return Talker(WeightStore(), weights(name, storage), config(name), **how)


def new_predictor(name, storage="F32", **how):
    return CodePredictor(WeightStore(), weights(name, storage), config(name), **how)


talker = functools.cache(new_talker)
predictor = functools.cache(new_predictor)


@functools.cache
def reference_talker(name):
    return qwen3.Talker(config(name), weights(name))


@functools.cache
def reference_predictor(name):
    return qwen3.CodePredictor(config(name), weights(name))


def step(model, streams, rows, **how):
    """(hidden, logits)"""
    hidden = np.full((len(streams), model.hidden_dim), np.nan, F32)
    logits = np.full((len(streams), model.vocab), np.nan, F32)
    model.step(streams, rows, hidden, logits, **how)
    return hidden, logits


def predict(model, hidden, first, uniforms, settings, **how):
    """(codes, embedding)"""
    codes = np.full((len(settings), model.draws + 1), -1, np.int32)
    codes[:, 0] = first
    embedding = np.full((len(settings), model.hidden_dim), np.nan, F32)
    model.predict(hidden, codes, uniforms, settings, embedding, **how)
    return codes, embedding
