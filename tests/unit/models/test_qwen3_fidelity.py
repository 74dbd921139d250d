"""How near a model in 8 bits is said to be: nothing differs from itself, and 8 bits are near but not the same."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from pocket_fast.cpu.qwen3.sampling import Draw

import tiny_talkers
from pocket_fast.models.qwen3.fidelity import speak, speech_report
from pocket_fast.models.qwen3.prompt import NONE, Embedder, Plan

FRAMES = 12


def stages(storage, product):
    """The language models of a tiny model, as a backend gives them."""
    talker = tiny_talkers.new_talker(tiny_talkers.WIDE, storage, product=product)
    predictor = tiny_talkers.new_predictor(tiny_talkers.WIDE, storage, product=product)
    name = {"INT8": "int8_float32"}.get(storage, "float32")
    return SimpleNamespace(talker=talker, predictor=predictor, compute_type=name, draw=Draw)


@pytest.fixture(scope="module")
def exact():
    return stages("BF16", None)


@pytest.fixture(scope="module")
def near():
    return stages("INT8", "int8")


@pytest.fixture(scope="module")
def prompt(exact):
    return prompt_of(exact, [0, 1, 2])


def prompt_of(stages, trailing):
    constants = SimpleNamespace(tts_pad_token_id=5, tts_bos_token_id=6, tts_eos_token_id=7)
    embedder = Embedder(stages.talker, constants, stages.predictor.embed)
    return embedder.prompt(Plan(np.arange(20), np.full(20, NONE), np.array(trailing)))


def figures(report):
    """What stands at the end of each line but the title."""
    return [float(re.search(r"([\d.]+|inf) (?:dB|%)$", line)[1]) for line in report[1:]]


def test_a_model_is_the_same_as_itself(exact, prompt):
    report = speech_report(exact, exact, (prompt, prompt), FRAMES)
    assert report[0] == "float32 over float32, 12 frames"
    assert figures(report) == [np.inf, 100, 100]


def test_eight_bits_are_near(exact, near, prompt):
    report = speech_report(exact, near, (prompt, prompt), FRAMES)
    assert report[0].startswith("int8_float32 over float32")
    decibels, first, others = figures(report)
    assert 10 < decibels < 60
    assert 0 < first <= 100
    assert 0 < others < 100


def test_both_hear_the_same_past(exact, near, prompt):
    spoken = speak(exact, prompt, FRAMES)
    again = speak(near, prompt, FRAMES, spoken)
    np.testing.assert_array_equal(again.rows, spoken.rows)
    alone = speak(near, prompt, FRAMES)
    assert not np.array_equal(alone.rows, spoken.rows)


def test_the_text_is_heard_beside_the_frames(exact, prompt):
    spoken = speak(exact, prompt, FRAMES)
    silent = speak(exact, prompt_of(exact, [0]), FRAMES)
    np.testing.assert_array_equal(spoken.rows[:2], silent.rows[:2])
    assert not np.array_equal(spoken.rows[2], silent.rows[2])
