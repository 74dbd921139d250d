"""Files of compressed sound that are several, joined end to end: Ogg, where that is the rule, and FLAC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pocket_fast.audio import flac
from pocket_fast.audio.source import View

_SEARCHED = 64 << 20  # bytes that are searched for another file
_BLOCK = 1 << 18
_TAIL = 1 << 18  # bytes at its end, in which a FLAC's last frame begins
_TOTAL = 0xF_FFFF_FFFF
_FLAC = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")  # and the head of its first block


@dataclass(frozen=True)
class Stretch:
    """One of the files. samples: how many it counts, None where it does not say; is_cut: its end is missing."""

    view: View
    samples: int | None
    is_cut: bool


def flac_files(file: BinaryIO, start: int, size: int) -> Iterator[Stretch]:
    """The FLAC that begins at `start`, and those joined to it, each with the length that its last frame tells: in the
    header it is missing after a crash, and nobody changes it when a file is cut."""
    begins = [start]
    overlap = b""
    for at in range(start + 1, min(size, start + _SEARCHED), _BLOCK):
        file.seek(at)
        block = overlap + file.read(_BLOCK)
        begins += [at - len(overlap) + found.start() for found in _FLAC.finditer(block)]
        overlap = block[-7:]  # one byte less than what is looked for
    for begin, end in zip(begins, [*begins[1:], size], strict=True):
        file.seek(begin)
        head = file.read(42)
        stated = int.from_bytes(head[21:26], "big") & _TOTAL  # RFC 9639, section 8.2
        file.seek(max(begin, end - _TAIL))
        there = flac.samples_before_end(file.read(end - file.tell()), head)
        if there is not None:
            total = int.from_bytes(head[21:26], "big") & ~_TOTAL | there
            head = head[:21] + total.to_bytes(5, "big") + head[26:]
        yield Stretch(View(file, [head, (begin + len(head), end)]), stated or None, False)


def ogg_files(file: BinaryIO, start: int, size: int) -> Iterator[Stretch]:
    """The Ogg stream that begins at `start`, and those chained to it (RFC 3533): a page that begins a stream, where
    the page before does not."""
    begin, at, begins, ended = start, start, True, False
    while at + 27 <= size and at < start + _SEARCHED:
        file.seek(at)
        head = file.read(27 + 255)
        if head[:4] != b"OggS":
            break
        flags, segments = head[5], head[26]
        length = 27 + segments + sum(head[27 : 27 + segments])
        if flags & 2 and not begins:
            yield Stretch(View(file, [(begin, at)]), None, not ended)
            begin = at
        begins, ended = bool(flags & 2), bool(flags & 4) and at + length <= size
        at += length
    whole = ended or at < size
    yield Stretch(View(file, [(begin, size)]), None, not whole)
