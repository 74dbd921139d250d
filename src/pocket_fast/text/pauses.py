"""A text with pauses -> what to speak and how long to be silent in between.

Markers look like `[pause:500ms]` or `[pause:1.5s]`: digits with an optional decimal part, a unit, lower
case, no spaces; anything else is read aloud. Call this before `prepare`, whose replacements delete brackets.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ..errors import TextError
from .prepare import check_text

MARKER = re.compile(r"\[pause:([0-9]+)(?:\.([0-9]+))?(ms|s)\]")
PART_OF_MARKER = re.compile(r"\[pause:([0-9]*)(\.?)([0-9]*)(m?s?)")
"""What may become one, with all of its beginning."""
# Three dots or more, and any comma but the one in 1,000.
_MARKER_OR_NATURAL = re.compile(MARKER.pattern + r"|\.{3,}|(?<![0-9]),|,(?![0-9])")
_DOTS_MS = 500
_COMMA_MS = 200
_WORDLESS_MS = 500  # for a text of marks and emoji alone: as for the dots of a natural pause
_MOST_DIGITS = 15  # 30 million years of seconds; Python refuses to convert numbers of thousands of digits
_SPOKEN_MARKS = "%&@§"  # punctuation to Unicode, words to a reader
_SILENT_SIGNS = "|~∼～"  # mathematics to Unicode, lines and strokes to a reader
_LINE = re.compile(r"([^\w\s])\1\1+")  # ***, ---, ===: it parts, and says nothing


@dataclass(frozen=True)
class Spoken:
    """A piece of text to speak on its own: own capital, final period, padding and voice start."""

    text: str


@dataclass(frozen=True)
class Silence:
    """Exact zeros: a number of samples, at least 1."""

    samples: int


class Pauses:
    """How long the pauses are of a text that arrives piece by piece. Each character is looked at once, or nearly."""

    def __init__(self) -> None:
        self.milliseconds = 0
        self._rest = ""  # what may become a marker

    def push(self, piece: str) -> None:
        """Raises TextError as cut_at_pauses."""
        text = self._rest + piece
        end = 0
        for marker in MARKER.finditer(text):
            self.milliseconds += milliseconds(marker)
            end = marker.end()
        start = max(end, text.rfind("["))
        self._rest = _shortened(text[start:])


def _shortened(rest: str) -> str:
    """It, if a marker may begin with it, without digits that make no difference; else nothing."""
    if "[pause:".startswith(rest):
        return rest
    part = PART_OF_MARKER.fullmatch(rest)
    if part is None:
        return ""
    whole, point, decimals, unit = part.groups()
    return f"[pause:{whole[: _MOST_DIGITS + 1]}{point}{decimals[:3]}{unit}"


def cut_at_pauses(text: str, natural: bool = False, sample_rate: int = 24000) -> list[Spoken | Silence]:
    """Cut `text` at its pause markers and, with `natural`, at `...` (500 ms) and commas (200 ms).

    A text without any of them comes back whole and unchanged. Otherwise the marks are dropped, pieces are
    stripped, pieces with nothing to say (see has_words) are skipped, and silences that meet are added up: no two
    Silence in a row. Each pause has whole milliseconds * sample_rate // 1000 samples; a marker below 1 ms is a
    space, not a cut. A text with nothing to say is half a second of silence.
    Raises TextError when the text is unusable or blank.
    """
    if not MARKER.sub("", check_text(text)).strip() and not any(map(milliseconds, MARKER.finditer(text))):
        raise TextError("the text to speak is blank; give at least one word")
    pauses = _MARKER_OR_NATURAL if natural else MARKER
    result: list[Spoken | Silence] = []
    if not pauses.search(text):
        result = [Spoken(text)] if has_words(text) else []
    else:
        text = MARKER.sub(lambda marker: marker[0] if milliseconds(marker) else " ", text)
        start = 0
        for pause in pauses.finditer(text):
            _add_speech(result, text[start : pause.start()])
            _add_silence(result, milliseconds(pause) * sample_rate // 1000)
            start = pause.end()
        _add_speech(result, text[start:])
    return result or [wordless(sample_rate)]


def wordless(sample_rate: int) -> Silence:
    """What is heard of a text with nothing to say in it."""
    return Silence(_WORDLESS_MS * sample_rate // 1000)


def has_words(text: str) -> bool:
    """Whether there is anything to say in it: more than marks, emoji, and lines of one sign."""
    return any(map(is_spoken, _LINE.sub("", text)))


def _add_speech(result: list[Spoken | Silence], piece: str) -> None:
    if has_words(piece):
        result.append(Spoken(piece.strip()))


def _add_silence(result: list[Spoken | Silence], samples: int) -> None:
    if result and isinstance(result[-1], Silence):
        result[-1] = Silence(result[-1].samples + samples)
    elif samples:
        result.append(Silence(samples))


def milliseconds(pause: re.Match[str]) -> int:
    """How long a match of MARKER (or a natural pause) lasts. TextError when nobody could wait that long."""
    whole, decimals, unit = pause.groups()
    if unit is None:
        return _COMMA_MS if pause[0] == "," else _DOTS_MS
    if len(whole) > _MOST_DIGITS:
        raise TextError(f"a pause has {len(whole)} digits; at most {_MOST_DIGITS} are allowed")
    if unit == "ms":
        return int(whole)
    # In whole numbers: 1.001 * 1000 is less than 1001 in floating point.
    return int(whole) * 1000 + int((decimals or "").ljust(3, "0")[:3])


def is_spoken(character: str) -> bool:
    """Letters, digits and signs that have a name; not marks, quotes, brackets, blanks, controls, pictures (emoji)."""
    category = unicodedata.category(character)
    if category == "So":  # ©, °, ™, but neither lines nor emoji
        return character < "\u2190" or "\u2460" <= character < "\u2500" or "\u3200" <= character < "\u3400"
    if category in ("Sc", "Sm"):
        return character not in _SILENT_SIGNS
    return category[0] in "LN" or character in _SPOKEN_MARKS
