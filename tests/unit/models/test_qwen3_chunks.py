"""Chunks of long texts: where they are cut, that nothing is lost, and how long each may take."""

from __future__ import annotations

import random

import pytest

from awkward_texts import HAND_WRITTEN, random_text
from pocket_fast.errors import ConfigError, TextError
from pocket_fast.models.qwen3.chunks import MOST_CHARACTERS, most_frames, split_text
from pocket_fast.text.pauses import is_spoken

SENTENCE = "The boat left the harbour at five, and the gulls went with it."  # 62 characters


@pytest.mark.parametrize("text", ["Hi", "  two words \n", "a.\n\nb.", SENTENCE * 3, "你好，世界。"])
def test_a_short_text_is_spoken_as_it_is(text):
    assert split_text(text) == [text]


@pytest.mark.parametrize("most", [0, None])
def test_no_limit(most):
    text = f" {SENTENCE} " * 20
    assert split_text(text, most) == [text]


def test_whole_sentences_are_packed():
    assert split_text(" ".join([SENTENCE] * 7)) == [" ".join([SENTENCE] * n) for n in (3, 3, 1)]


def test_lines_and_paragraphs_stay_in_a_chunk():
    text = f"A heading\n\n{SENTENCE}\n{SENTENCE}\n\n{SENTENCE}"
    assert split_text(text, 150) == [f"A heading\n\n{SENTENCE}\n{SENTENCE}", SENTENCE]


def test_long_sentences_are_cut_after_a_clause_then_between_words():
    clause = "and she said that it was so " * 5 + "indeed, "
    assert split_text(clause * 3) == [clause.strip()] * 3
    words = "word " * 100
    chunks = split_text(words)
    assert " ".join(chunks) == words.strip()
    assert all(150 < len(chunk) <= MOST_CHARACTERS for chunk in chunks[:-1])


def test_a_long_sentence_among_short_ones():
    long = "this goes on " * 20 + "."
    chunks = split_text(f"{SENTENCE} {long} {SENTENCE}")
    assert chunks[0] == SENTENCE
    assert chunks[-1].endswith(SENTENCE)
    assert all(len(chunk) <= 1.3 * MOST_CHARACTERS for chunk in chunks)


def test_sentences_of_chinese_and_japanese():
    text = "今日は元気ですか？はい、元気です。" * 10
    chunks = split_text(text)
    assert "".join(chunks) == text
    assert all(chunk[-1] in "。？" for chunk in chunks)
    assert all(3 * len(chunk) <= MOST_CHARACTERS for chunk in chunks[:-1])
    assert len(chunks) == 3


def test_nothing_is_cut_inside_a_word_a_number_or_an_abbreviation():
    text = (
        "Dr. Smith paid 1,234.50 dollars to Mr. J. R. Jones at 10:30 p.m. for www.example.com, version 1.2.3, "
        * 8
    )
    chunks = split_text(text, 60)
    assert len(chunks) > 8
    assert " ".join(chunks) == text.strip()
    for whole in ("Dr. Smith", "1,234.50", "Mr. J. R. Jones", "10:30", "www.example.com", "1.2.3"):
        assert sum(chunk.count(whole) for chunk in chunks) == 8


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        (f"Yes. {'so ' * 66}.", 1),  # 204 letters in all: a chunk of four would hardly be heard to end
        (f"Yes. {'so ' * 100}.", 2),
        (f"{SENTENCE} {SENTENCE} {SENTENCE} No.", 1),
    ],
)
def test_very_short_chunks_are_spoken_with_a_neighbour(text, chunks):
    found = split_text(text)
    assert len(found) == chunks
    assert all(len(chunk) >= 40 for chunk in found)


def test_marks_alone_are_no_chunk():
    text = f"{SENTENCE} {SENTENCE} {SENTENCE} " + "... " * 60 + SENTENCE
    for chunk in split_text(text):
        assert any(map(is_spoken, chunk))


@pytest.mark.parametrize("text", ["", " ", "...", "?!", "\n\n", "—", "“”"])
def test_nothing_to_speak(text):
    with pytest.raises(TextError, match="there is nothing to speak in"):
        split_text(text)


@pytest.mark.parametrize(("text", "words"), [("a\ud800", "lone surrogate"), (b"a", "must be a str")])
def test_what_is_no_text(text, words):
    with pytest.raises(TextError, match=words):
        split_text(text)


def test_a_negative_limit():
    with pytest.raises(ConfigError, match="expected 0 or more, got -1"):
        split_text("a", -1)


@pytest.mark.parametrize("most", [0, 200])
@pytest.mark.parametrize("text", ["a" * 200_000, "你" * 100_000])
def test_pages_without_any_place_to_cut_at(text, most):
    with pytest.raises(TextError, match="00 characters without a mark to cut at, about 10000 can be spoken"):
        split_text(text, most)


def test_no_word_of_awkward_texts_is_lost():
    rng = random.Random(4)
    for text in HAND_WRITTEN + [random_text(rng) for _ in range(300)]:
        if not any(map(is_spoken, text)):
            continue
        for most in (1, 7, 20, 60, 200):
            chunks = split_text(text, most)
            assert list(filter(is_spoken, "".join(chunks))) == list(filter(is_spoken, text))
            assert all(any(map(is_spoken, chunk)) for chunk in chunks)


@pytest.mark.parametrize("unit", [f"{SENTENCE} Why?\n\n", "one, ", "so ", "a... ", "- ", "\n", "a。", "a — "])
def test_much_of_anything_is_cut_and_can_be_spoken(unit):
    chunks = split_text("a " + unit * (200_000 // len(unit)) + " b.")
    assert all(any(map(is_spoken, chunk)) for chunk in chunks)
    assert all(len(chunk) <= 1.3 * MOST_CHARACTERS for chunk in chunks)


@pytest.mark.parametrize("unit", ["[pause:", "3. ", "e.g. ", "*_`", "x", "... ", ". ", '."', "。"])
def test_much_of_what_has_no_place_to_cut_at_is_refused(unit):
    with pytest.raises(TextError, match="without a mark to cut at"):
        split_text("a " + unit * (200_000 // len(unit)) + " b.")


def test_the_longer_the_text_the_more_frames_it_may_take():
    assert most_frames("No.") == 72  # 3 letters take less than a second, and five are to spare
    assert most_frames(SENTENCE) == 257
    assert most_frames("x" * 200) == 688
    assert most_frames("你" * 20) == most_frames("x" * 60)
    assert most_frames("7" * 10) == most_frames("x" * 50)
