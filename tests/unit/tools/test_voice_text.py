"""The texts the built-in voice learns from: their form, and that nothing held out is among them."""

from __future__ import annotations

import importlib
import itertools
import random
import re
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[3] / "tools"


@pytest.fixture
def text(monkeypatch):
    """voice.text with a few lines in place of the books."""
    monkeypatch.syspath_prepend(str(TOOLS))
    module = importlib.import_module("voice.text")
    held_out = sorted(module._held_out_words())[0]
    examples = [f"Example {word} of a sentence, with a clause" for word in ("one", "two", "red", "blue")]
    examples += [f"this one holds {held_out} and must not be learned", "Ünlearnable", "too short a digit 5"]
    examples += [next(module.held_out_sentences()).strip()]
    monkeypatch.setattr(module, "_wordnet_examples", lambda: map(module._tidy, examples))
    monkeypatch.setattr(module, "_novels", lambda: iter(["He wrote, she read, and nobody spoke of it."]))
    monkeypatch.setattr(module, "_bible", lambda: iter(["And there was light."]))
    monkeypatch.setattr(module, "_devils_dictionary", lambda: iter(["Patience is a minor form of despair."]))
    monkeypatch.setattr(
        module, "_lexicon", lambda: iter(["lamp", "river", "stone", held_out, "Alps", "quilt"])
    )
    return module


def test_sentences_have_the_form_the_model_is_given_and_none_is_held_out(text):
    sentences = text.corpus(400)
    assert len(sentences) == len(set(sentences))
    assert len(sentences) > 180
    held_out = {text._plain(sentence) for sentence in text.held_out_sentences()}
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z][A-Za-z ',.?!-]{0,118}[.?!]", sentence), sentence
        assert text._plain(sentence) not in held_out
        assert text._held_out_words().isdisjoint(text._plain(sentence).split())
    assert any("Example one" in sentence for sentence in sentences)
    assert sum(" " not in sentence for sentence in sentences) > 3


def test_the_same_seed_gives_the_same_sentences(text):
    assert text.corpus(100, seed=3) == text.corpus(100, seed=3)
    assert text.corpus(100, seed=3) != text.corpus(100, seed=4)


@pytest.mark.parametrize(
    ("written", "tidied"),
    [
        ('"Stop," he said; then -- nothing', "Stop, he said, then, nothing"),
        ("the LORD spake  unto [them]", "the Lord spake unto them"),
        ("Who ?  Me !", "Who? Me!"),
        ("a , , b ,.", "a, b."),
        ("so it goes...", "so it goes"),
    ],
)
def test_tidying(text, written, tidied):
    assert text._tidy(written) == tidied


def test_long_sentences_are_cut_at_commas_and_lose_no_word(text):
    sentence = ", ".join(
        f"clause number {word} goes on" for word in ("one", "two", "three", "four", "five", "six", "seven")
    )
    for seed in range(20):
        clauses = text._clauses(sentence, random.Random(seed))
        assert text._plain(" ".join(clauses)) == text._plain(sentence)
        assert all(clause[0].isupper() and clause.endswith(".") for clause in clauses)


def test_every_pattern_can_be_filled(text):
    grammar = importlib.import_module("voice.grammar")
    filler = grammar.Grammar(random.Random(1), ["word"])
    for pattern in grammar.PATTERNS:
        for kind in re.findall(r"\{(\w+)\}", pattern):
            assert re.fullmatch(r"[A-Za-z _'-]+", filler._fill(kind)), kind


def test_no_word_comes_twice_before_all_have_come(text):
    words = ["lamp", "river", "stone", "quilt", "moss"]
    grammar = importlib.import_module("voice.grammar").Grammar(random.Random(2), words)
    for _ in range(3):
        assert {grammar.single_word().lower().rstrip(".?!") for _ in words} == set(words)


def test_word_lists_are_no_longer_than_asked_and_words_come_back_in_them(text):
    words = [f"{first}{second}ord" for first in "bcdfgh" for second in "aeiou"]
    grammar = importlib.import_module("voice.grammar").Grammar(random.Random(2), words)
    lists = [grammar.word_list(80) for _ in range(200)]
    assert 60 < max(map(len, lists)) <= 80
    spoken = [text._plain(words).split() for words in lists]
    assert any(one == other for words in spoken for one, other in itertools.pairwise(words))
    assert any(one == other for words in spoken for one, other in zip(words, words[2:], strict=False))
