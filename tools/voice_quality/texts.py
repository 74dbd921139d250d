"""The held-out texts: nothing of them may be in what a model learns from.

texts/everyday.txt  200 sentences of 15 to 70 characters
texts/hard.txt      100 sentences of 60 to 120 characters: rare, long and repeated words, tongue twisters, lists
texts/paragraphs.txt 20 lines of 10 sentences of 20 to 70 characters each
texts/numbers.txt   50 sentences of numbers, dates, money and times in words
texts/words.txt     500 words, lower case; see choose_words.py
All of them use only A-Z a-z ' , . ? ! - and space.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "texts"
_MARKS = re.compile(r"[^a-z']+")


def lines(name: str, limit: int | None = None) -> list[str]:
    """The items of a set, in order; the first `limit`, of paragraphs a tenth of it."""
    if limit is not None and name == "paragraphs":
        limit = -(-limit // 10)
    return (FOLDER / f"{name}.txt").read_text(encoding="ascii").splitlines()[:limit]


def sentences_of(paragraph: str) -> list[str]:
    """Its sentences, in order, each with its mark."""
    return [sentence.strip() for sentence in re.findall(r"[^.?!]+[.?!]+", paragraph)]


def single_sentences(limit: int | None = None) -> list[str]:
    """Every sentence of everyday, hard and paragraphs."""
    inside = [sentence for paragraph in lines("paragraphs", limit) for sentence in sentences_of(paragraph)]
    return lines("everyday", limit) + lines("hard", limit) + inside


def spoken_words(text: str) -> list[str]:
    """Lower-case words without marks; a hyphen parts two."""
    return [word.strip("'") for word in _MARKS.split(text.lower()) if word.strip("'")]
