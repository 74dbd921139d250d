"""How long a FLAC is by its last frame. Layout: RFC 9639, section 9.1."""

from __future__ import annotations

import re
from typing import NamedTuple

_SYNC = re.compile(rb"\xff[\xf8\xf9][\x10-\xff][\x00-\xaf]")
_NEAREST = 1 << 16  # headers that are looked at, from the end
_SIZES = {
    1: 192,
    **{code: 576 << code - 2 for code in range(2, 6)},
    **{code: 256 << code - 8 for code in range(8, 16)},
}


class _Frame(NamedTuple):
    """first: its first sample; samples: those of a channel."""

    first: int
    samples: int


def samples_before_end(tail: bytes, head: bytes) -> int | None:
    """Samples of a channel up to the end of the last frame that begins in `tail`, the end of a file that begins with
    `head` (42 bytes); None where no frame is found."""
    frames = [
        frame
        for found in _SYNC.finditer(tail)
        if (frame := _frame(tail[found.start() :][:16], head)) is not None
    ][-_NEAREST:]
    for before, last in zip(reversed(frames[:-1]), reversed(frames), strict=False):
        # what looks like a header in the sound does not go on so
        if before.first + before.samples == last.first:
            return last.first + last.samples
    return frames[0].samples if len(frames) == 1 and frames[0].first == 0 else None


def _frame(data: bytes, head: bytes) -> _Frame | None:
    """The frame with this header, if it is one."""
    size_code, rate_code = data[2] >> 4, data[2] & 15
    number, at = _number(data, 4)
    if rate_code == 15 or number is None:
        return None
    if size_code in (6, 7):
        width = size_code - 5
        samples = int.from_bytes(data[at : at + width], "big") + 1
        at += width
    else:
        samples = _SIZES[size_code]
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if len(data) <= at or _crc8(data[:at]) != data[at]:
        return None
    if data[1] & 1:  # counted in samples
        return _Frame(number, samples)
    return _Frame(number * int.from_bytes(head[8:10], "big"), samples)


def _number(data: bytes, at: int) -> tuple[int | None, int]:
    """A number coded as UTF-8 codes characters, up to 36 bits, and where it ends."""
    if len(data) <= at:
        return None, at
    ones = 8 - (data[at] ^ 0xFF).bit_length()
    if ones == 0:
        return data[at], at + 1
    following = data[at + 1 : at + ones]
    if ones in (1, 8) or len(following) < ones - 1 or any(byte & 0xC0 != 0x80 for byte in following):
        return None, at
    number = data[at] & (0x7F >> ones)
    for byte in following:
        number = number << 6 | byte & 0x3F
    return number, at + ones


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x107 if crc & 0x80 else 0)) & 0xFF
    return crc
