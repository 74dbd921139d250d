"""tools/voice_quality/recognise.py: what it asks the recogniser, and that the recogniser knows a lost word."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from voice_quality.recognise import Decoder, grammar, in_turn, prepared, sets_of
from voice_quality.texts import lines, sentences_of, spoken_words


def test_the_grammar_holds_the_sentences_and_nothing_else():
    one = grammar([["good", "night"], ["don't"]])
    assert one.startswith("#JSGF V1.0;\n")
    assert "<one> = good night | don't;\n" in one
    assert one.endswith("public <said> = <one>;\n")
    assert grammar([["a"]], many=True).endswith("public <said> = <one>+;\n")


def test_sets_hold_everything_once_and_keep_neighbours_apart():
    sets = sets_of(103, 20)
    assert sorted(k for each in sets for k in each) == list(range(103))
    assert max(len(each) for each in sets) <= 20
    assert all(b - a > 1 for each in sets for a, b in pairwise(each))
    assert sets_of(5, 20) == [[0, 1, 2, 3, 4]]


def test_sentences_are_found_in_their_turn():
    a, b, c = ["one", "two"], ["three"], ["one", "four"]
    assert in_turn([*a, *b, *c], [a, b, c]) == [0, 2, 3]
    assert in_turn([*b, *a, *c], [a, b, c]) == [1, None, 3]
    assert in_turn([*a, *c], [a, b, c]) == [0, None, 2]
    assert in_turn(["one"], [a]) == [None]
    assert in_turn([], [a]) == [None]


@pytest.mark.parametrize("level", [1e-3, 0.1, 0.9])
def test_every_sound_comes_as_loud_and_in_the_same_noise(level):
    tone = (level * np.sin(np.arange(24000) / 10)).astype(np.float32)
    heard = np.frombuffer(prepared(tone), dtype=np.int16) / 32767
    assert len(heard) == 16000 * 1.6
    assert np.sqrt(np.mean(heard[4800:-4800] ** 2)) == pytest.approx(0.05, rel=0.02)
    assert np.sqrt(np.mean(heard[:4500] ** 2)) == pytest.approx(0.001, rel=0.05)


@pytest.fixture(scope="module")
def decoder():
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is the recogniser")
    return Decoder()


@pytest.fixture
def truth():
    """espeak-ng; its library answers whoever set it up last, so every test does."""
    pytest.importorskip("espeakng_loader", reason="espeakng-loader carries espeak-ng")
    from voice.speech import CANONICAL, Synthesizer
    from voice_quality.sources import Truth

    return Truth(CANONICAL, Synthesizer())


def test_a_word_without_a_sound_is_named(decoder):
    with pytest.raises(ValueError, match=r"pronunciations.txt: gribblish"):
        decoder.choose([["gribblish", "time"]], [])


def test_it_knows_which_sentence_was_said(decoder, truth):
    texts = lines("everyday")[:4] + lines("hard")[4:5]
    words = [spoken_words(text) for text in texts]
    assert decoder.choose(words, truth.say(texts)) == words


def test_it_knows_what_a_paragraph_lost(decoder, truth):
    sentences = sentences_of(lines("paragraphs")[0])[2:6]
    words = [spoken_words(sentence) for sentence in sentences]
    assert decoder.whole(words, truth.say([" ".join(sentences)])[0]) == [True] * 4
    first_word_lost = sentences[1].split(" ", 1)[1].capitalize()
    torn = " ".join([sentences[0], first_word_lost, sentences[3]])
    assert decoder.whole(words, truth.say([torn])[0]) == [True, False, False, True]
