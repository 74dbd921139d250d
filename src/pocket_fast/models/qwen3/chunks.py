"""A long text -> chunks that are spoken one by one, and how long each may take.

The models speak faster after some hundred characters, and drift after minutes: so no chunk is long, but as long as
whole sentences allow.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate, pairwise

from pocket_fast.errors import ConfigError, TextError
from pocket_fast.text.arriving import CLAUSE, SENTENCE, SPACE, places
from pocket_fast.text.pauses import is_spoken
from pocket_fast.text.prepare import check_text

MOST_CHARACTERS = 200  # of a chunk: about 13 seconds of English

# What a character counts for, in letters of English: a Chinese character is a syllable, a digit is a word.
_WIDE, _DIGIT = 3, 5
_SHORT, _STRETCH = (
    40,
    1.3,
)  # a chunk of fewer letters is better spoken with a neighbour, even if that grows so much
_ENORMOUS = 10_000  # letters in one go: a quarter of an hour, most of the positions that the models know

# English takes 15 letters a second, the slowest speakers take 5; an instruction may ask for even slower ones, and a
# sigh or a laugh takes seconds without any letter.
_LETTERS_PER_SECOND = 4.0
_SPARE_SECONDS = 5.0
_FRAMES_PER_SECOND = 12.5


def split_text(text: str, most: int | None = MOST_CHARACTERS) -> list[str]:
    """The chunks of a text, each with something to say; a short text comes back as it is, blanks and all.

    most: characters of a chunk (a Chinese one counts as three, a digit as five); 0 or None: never cut. Whole sentences
    are packed together; a longer sentence is cut after a clause, else between words, and never inside a word. Raises
    TextError (nothing to speak, or pages without any place to cut at), ConfigError (most is negative).
    """
    if most is not None and most < 0:
        raise ConfigError(
            f"characters of a chunk: expected 0 or more, got {most}; {MOST_CHARACTERS} is the usual number"
        )
    check_spoken(text)
    weights = [0, *accumulate(map(_letters, text))]
    chunks = [(0, len(text))]
    if most and weights[-1] > most:
        chunks = _join_short(_Splitter(text, weights, most).chunks(), text, weights, most)
    spoken = [text] if len(chunks) == 1 else [text[start:end].strip() for start, end in chunks]
    for (start, end), chunk in zip(chunks, spoken, strict=True):
        if weights[end] - weights[start] > _ENORMOUS and sum(map(_letters, chunk)) > _ENORMOUS:
            raise TextError(
                f"{len(chunk)} characters without a mark to cut at, about {_ENORMOUS} can be spoken in one go; add "
                f"punctuation after {chunk.strip()[:40]!r}"
            )
    return spoken


def check_spoken(text: str) -> None:
    """Raises TextError unless there is something to speak in the text."""
    if not any(map(is_spoken, check_text(text))):
        raise TextError(f"there is nothing to speak in {text[:40]!r}; give at least one word")


def most_frames(text: str) -> int:
    """Frames after which speech of this text has surely ended, or gone astray."""
    seconds = sum(map(_letters, text)) / _LETTERS_PER_SECOND + _SPARE_SECONDS
    return math.ceil(seconds * _FRAMES_PER_SECOND)


def _letters(character: str) -> int:
    """How many letters of English take as long."""
    if character < "\u0100":
        return _DIGIT if character.isdigit() else 1
    if unicodedata.east_asian_width(character) in "WF":
        return _WIDE
    return _DIGIT if character.isnumeric() else 1


class _Splitter:
    """Cuts at sentences first, and at lesser places only inside what is still too long."""

    def __init__(self, text: str, weights: list[int], most: int):
        self._weights = weights
        self._most = most
        found = list(places(text))
        self._places = {
            least: [at for at, kind in found if kind >= least] for least in (SENTENCE, CLAUSE, SPACE)
        }
        self._end = len(text)

    def chunks(self) -> list[tuple[int, int]]:
        return list(self._pack(0, self._end, (SENTENCE, CLAUSE, SPACE)))

    def _pack(self, start: int, end: int, kinds: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        """As many parts between two places of the first kind as fit, one chunk after the other."""
        if not kinds:
            yield start, end
            return
        places = self._places[kinds[0]]
        inside = places[bisect_left(places, start + 1) : bisect_left(places, end)]
        begun = start
        for here, there in pairwise([start, *inside, end]):
            if self._weight(begun, there) <= self._most:
                continue
            if begun < here:
                yield begun, here
            begun = here
            if self._weight(here, there) > self._most:
                yield from self._pack(here, there, kinds[1:])
                begun = there
        if begun < end:
            yield begun, end

    def _weight(self, start: int, end: int) -> int:
        return self._weights[end] - self._weights[start]


def _join_short(
    chunks: list[tuple[int, int]], text: str, weights: list[int], most: int
) -> list[tuple[int, int]]:
    """Very short chunks spoken with the one before, or else with the one behind; of marks alone, too, or dropped."""
    spoken = [0, *accumulate(map(is_spoken, text))]
    joined: list[tuple[int, int]] = []
    for start, end in chunks:
        if joined:
            first, middle = joined[-1][0], start
            short = min(weights[middle] - weights[first], weights[end] - weights[middle]) < min(_SHORT, most)
            silent_before, silent = spoken[middle] == spoken[first], spoken[end] == spoken[middle]
            if (short or silent or silent_before) and weights[end] - weights[first] <= _STRETCH * most:
                start = joined.pop()[0]
            elif silent_before:
                joined.pop()
        joined.append((start, end))
    if spoken[joined[-1][1]] == spoken[joined[-1][0]]:
        joined.pop()
    return joined
