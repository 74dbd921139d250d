"""Recordings as text: base64, bare or in a data: URL."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from pocket_fast.errors import AudioError, shown

_LEAST = 100  # characters of bare base64: no name and no path is that long and has nothing else in it
_BLANKS = re.compile(r"\s+")
# characters; Python's own C does many megabytes in one go, and keeps all other threads waiting
_STEP = 1 << 16


def embedded_audio(text: str) -> bytes | None:
    """The bytes of a `data:` URL, or of more than 100 characters of nothing but base64; None for any other text.

    Lines may be broken, as `base64` breaks them, and both alphabets will do. Raises AudioError for a data: URL that
    holds no base64.
    """
    if text[:5].lower() == "data:":
        comma = text.find(",")
        if comma < 0 or not text[:comma].lower().endswith(";base64"):
            raise AudioError(f"{shown(text)}: expected data:audio/...;base64,... in a data URL")
        try:
            return _decoded(map(_unquoted, _steps(text, comma + 1)))
        except ValueError as error:
            raise AudioError(f"{shown(text)}: not valid base64 ({error})") from None
    if len(text) <= _LEAST or not _are_lines(text):
        return None
    try:
        return _decoded(_steps(text))
    except ValueError:
        return None


def _steps(text: str, at: int = 0) -> Iterator[str]:
    """It from `at` on, little by little; escapes (%2B) in one piece."""
    while at < len(text):
        end = at + _STEP
        if (begun := text.rfind("%", end - 2, end)) > at:
            end = begun
        yield text[at:end]
        at = end


def _unquoted(text: str) -> str:
    return unquote(text) if "%" in text else text


def _are_lines(text: str) -> bool:
    """Whether its words are lines: all of one length, but for the last one."""
    lengths = _word_lengths(text)
    before = first = next(lengths, 0)
    for length in lengths:
        if before != first:
            return False
        before = length
    return True


def _word_lengths(text: str) -> Iterator[int]:
    length = 0
    for part in _steps(text):
        *ended, last = _BLANKS.split(part)
        for piece in ended:
            length += len(piece)
            if length:
                yield length
            length = 0
        length += len(last)
    if length:
        yield length


def _decoded(parts: Iterable[str]) -> bytes:
    """Raises ValueError for what is no base64."""
    found, rest = bytearray(), ""
    for part in parts:
        rest += "".join(part.split())
        whole = len(rest) // 4 * 4 - 4  # the last four may have less in them
        if whole > 0:
            if "=" in rest[:whole]:
                raise ValueError("an end in the middle")
            found += _quads(rest[:whole])
            rest = rest[whole:]
    return bytes(found + _quads(rest))


def _quads(text: str) -> bytes:
    return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
