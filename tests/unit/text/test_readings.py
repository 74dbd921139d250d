"""How the built-in voice reads what people paste: tests/data/readings.txt, which other implementations may use too."""

from __future__ import annotations

import random
import re

import pytest

from pocket_fast.text.arriving import passages
from pocket_fast.text.spell import spell_out
from text_cases import readings

WORDS_ONLY = re.compile(r"(?:[A-Za-z',.?!-]|(?<=\S) (?=\S))*")
READINGS = readings()
BEGINS_A_LINE = re.compile(r"\s*(?:[-*+>→]|\[[^\]]*\]: |[IVX]+\. )")


def words(text: str) -> list[str]:
    return re.findall(r"[a-z'-]+", text.lower())


@pytest.mark.parametrize(("text", "expected"), READINGS)
def test_readings(text, expected):
    assert spell_out(text) == expected


def test_there_are_many():
    assert len(READINGS) > 400


def test_text_that_arrives_in_pieces_is_read_like_the_whole():
    rng = random.Random(2)
    for text, _ in READINGS:
        blank = "\n\n" if BEGINS_A_LINE.match(text) else " "
        whole = f"It began well.{blank}{text}\n\nAnd so it went on, for a long while."
        pieces = []
        while rest := whole[sum(map(len, pieces)) :]:
            pieces.append(rest[: rng.randint(1, 9)])
        read = " ".join(map(spell_out, passages(pieces)))
        assert words(read) == words(spell_out(whole)), text


FRAGMENTS = [part for text, _ in READINGS for part in (text, *text.split())]


def mixtures(count: int) -> list[str]:
    rng = random.Random(7)
    made = []
    for _ in range(count):
        glue = rng.choice(["", " ", "\n", None])
        parts = [rng.choice(FRAGMENTS)[: rng.choice([3, 8, 40])] for _ in range(rng.randint(1, 6))]
        made.append("".join(part + (rng.choice(["", " "]) if glue is None else glue) for part in parts))
    return made


def test_whatever_is_mixed_only_words_come_out():
    spoiled = [text for text in mixtures(1500) if not WORDS_ONLY.fullmatch(spell_out(text))]
    assert spoiled == []


def test_what_came_out_is_mostly_left_alone():
    """Letters that were beside a number or a line's end may be an abbreviation beside its words: `dr3`."""
    changed = [text for text in mixtures(1500) if spell_out(once := spell_out(text)) != once]
    assert len(changed) <= 3


UNITS = """
&amp; &#39 &rsquo <b> </ <!-- <script> [a] [^1] ]( | a| ` ** _a_ #a A. 1h 1m 5~ kg/ m/ a/ a@b. a.b 1.2. 1:2 A1 A-1 1A
A1- (x) Mon- v1. €1, 1'0 1_0 12,34, 1,2 5°' 5" ★ ☆ â€ â a´ \\ \\* /a ~/ C:\\ ⁿ ⁻ ^- ^a $/ a'
"""
SPACED = [
    "| a ",
    "AB ",
    "IT ",
    "US ",
    "> ",
    "- [x] ",
    "00 ",
    "0 0 ",
    "123 ",
    "+1 ",
    "call 1",
    "code 1",
    "RTX 4090 ",
]
SPACED += [
    "IV ",
    "xvi ",
    "tt ",
    "(i) ",
    "i) ",
    "a-\n",
    "a\u00ad",
    "\u00ad",
    "\ufffd",
    "a\ufffd",
    "<3 ",
    ":) ",
    '5" x ',
]


@pytest.mark.parametrize("unit", [*UNITS.split(), *SPACED])
def test_runs_of_anything(unit):
    """A pattern that tries again and again never gets through these."""
    assert WORDS_ONLY.fullmatch(spell_out(unit * (8_000 // len(unit))))
