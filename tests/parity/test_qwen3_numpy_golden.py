"""The NumPy stages of Qwen3-TTS against recordings of qwen-tts 0.1.1."""

import functools

import pytest

from reference.qwen3 import TINY_QWEN3, Model
from reference.qwen3.cases import RECORDED
from reference.qwen3.compare import (
    check_decoder,
    check_logits,
    check_recordings,
    check_second_block,
    check_speech,
)
from reference.qwen3.golden import load_golden, speeches

BASE = "qwen3-tiny-base"
BASE_MODELS = [name for name in TINY_QWEN3 if "base" in name]
SPEECHES = [(name, n) for name in TINY_QWEN3 for n in range(len(RECORDED[name]))]


@functools.lru_cache
def golden(name):
    config, weights, recording = load_golden(name)
    return Model(config, weights), recording, tuple(speeches(name, recording))


@pytest.mark.parametrize(("name", "n"), SPEECHES)
def test_speech(name, n):
    model, recording, spoken = golden(name)
    check_speech(model, recording, spoken[n])


@pytest.mark.parametrize("name", TINY_QWEN3)
def test_talker_and_predictor(name):
    model, recording, _ = golden(name)
    check_logits(model, recording)


@pytest.mark.parametrize("name", BASE_MODELS)
def test_recordings(name):
    model, recording, _ = golden(name)
    check_recordings(model, recording, golden(BASE)[1])


def test_decoder():
    model, recording, _ = golden(BASE)
    check_decoder(model.decoder, recording)
    check_second_block(model.decoder, recording)
