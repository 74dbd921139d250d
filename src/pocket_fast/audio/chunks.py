"""Files made of chunks (WAV and its kin, AIFF, CAF), and AU: where their sound lies, whatever their sizes say.

Sizes stay what they were at first where a recorder crashed or a stream was cut: 0, the largest number, or those of a
moment before. Sound then reaches to the end of the file, or to the file that was joined to it. Layouts: RIFF (IBM and
Microsoft 1991), EBU Tech 3306 (RF64), Sony's Wave64, Audio Interchange File Format (Apple 1989, 1991), Core Audio
Format (Apple), sun/au.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pocket_fast.audio.source import View

_PLACEHOLDER = 0x70000000  # bytes; so much is announced by those who do not know yet
_A_REST = 64  # bytes behind the sound that are not worth a word
_MPEG = (0x50, 0x55)  # formats of WAV
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of the names of most of its chunks
_SEARCHED = 64 << 20  # bytes of sound of unknown length that are searched for another file
_BLOCK = 1 << 18
_TELLING = (b"fmt ", b"fact", b"COMM", b"FVER", b"desc", b"kuki", b"pakt")
_MOST_TOLD = 1 << 24  # bytes of one of these
_FRONT = re.compile(
    rb"RI(?:FF|FX).{4}WAVE|RF64.{4}WAVE|FORM.{4}AIF[FC]|riff\x2e\x91\xcf\x11|caff\x00\x01\x00\x00desc"
    rb"|\.snd\x00\x00[\x00-\x0f].{5}\x00\x00\x00[\x01-\x1b]",
    re.DOTALL,
)
_FRONT_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICS")
_NAMES = (b"LIST", b"fact", b"bext", b"iXML", b"id3 ", b"ID3 ", b"JUNK", b"cue ", b"smpl", b"PEAK")


@dataclass(frozen=True)
class Sound:
    """What libsndfile is to read. announced: bytes of sound that the header counts, None if it could not know; got:
    bytes there are; is_mpeg: the sound is MPEG audio, without the header."""

    view: View
    announced: int | None
    got: int
    is_mpeg: bool = False

    @property
    def is_cut(self) -> bool:
        """Less is there than was counted."""
        return self.announced is not None and self.announced > self.got

    @property
    def has_more(self) -> bool:
        """More is there than was counted."""
        return self.announced is not None and 0 < self.announced < self.got


@dataclass(frozen=True)
class _Layout:
    """How a container is built: bytes before its first chunk, of a chunk's name, the form of its size, and what that
    counts besides the body; the name of the chunk with the sound, and bytes in it before the sound."""

    front: int
    name: int
    size: str
    counts: int
    align: int
    sound: bytes
    preface: int = 0

    @property
    def head(self) -> int:
        return self.name + struct.calcsize(self.size)


_WAV = _Layout(12, 4, "<I", 0, 2, b"data")
_BIG_WAV = _Layout(12, 4, ">I", 0, 2, b"data")
_AIFF = _Layout(12, 4, ">I", 0, 2, b"SSND", 8)
_CAF = _Layout(8, 4, ">q", 0, 1, b"data", 4)
_W64 = _Layout(40, 16, "<Q", 24, 8, b"data" + _W64_TAIL)
_LAYOUTS = {"WAV": _WAV, "RIFX": _BIG_WAV, "W64": _W64, "AIFF": _AIFF, "CAF": _CAF}


def layout_of(head: bytes) -> str | None:
    """The name of the container that begins like this, if it is one of ours."""
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "RIFX" if head[:4] == b"RIFX" else "WAV"
    if head[:4] == b"riff" and head[24:28] == b"wave":
        return "W64"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    return {b"caff": "CAF", b".snd": "AU"}.get(head[:4])


def sounds(file: BinaryIO, size: int, start: int = 0) -> Iterator[Sound]:
    """The sound of the container that begins at `start`, and of those that were joined to it."""
    while True:
        kind = layout_of(_at(file, start, 32))
        if kind is None:
            return
        sound, start = _au(file, start, size) if kind == "AU" else _chunks(file, start, size, kind)
        if sound is not None:
            yield sound


def _chunks(file: BinaryIO, start: int, size: int, kind: str) -> tuple[Sound | None, int]:
    """The sound of one container, and where it ends."""
    layout = _LAYOUTS[kind]
    kept: list[bytes] = []  # chunks that tell what the sound is
    windows: list[tuple[int, int]] = []
    announced: int | None = 0
    in_ds64: int | None = None
    is_sane = _at(file, start, 4) != b"BW64"
    at = start + layout.front
    while at + layout.head <= size and not layout_of(_at(file, at, 32)):
        name = _at(file, at, layout.name)
        (length,) = struct.unpack(layout.size, _at(file, at + layout.name, layout.head - layout.name))
        length -= layout.counts
        body = at + layout.head
        if name == layout.sound:
            if length == 0xFFFFFFFF and in_ds64 is not None:
                length = in_ds64
            first = min(body + layout.preface, size)
            stated = length - layout.preface
            end, at = _end_of_sound(file, start, first, stated, size, layout)
            if announced is not None and (stated >= _A_REST or stated == end - first):
                announced = None if stated >= _PLACEHOLDER and first + stated > size else announced + stated
            windows.append((first, end))
            continue
        if name[:4] in _TELLING and 0 <= length < _MOST_TOLD:
            kept.append(_at(file, at, layout.head + length))
        elif not _is_chunk(file, at, size, layout):
            break
        if name[:4] == b"ds64" and kind == "WAV":
            in_ds64 = int.from_bytes(_at(file, body + 8, 8), "little")
        at = _behind(file, start, body + max(length, 0), size, layout)
        is_sane = is_sane and (at - start) % layout.align == 0
    if not windows:
        return None, at
    (first, end), *others = windows
    got = sum(end - first for first, end in windows)
    if kind in ("WAV", "W64") and _format_of(kept, layout) in _MPEG:
        return Sound(View(file, windows), announced, got, True), at
    if is_sane and announced == got and not others:
        whole = end if kind == "W64" else min(at, size)  # libsndfile takes all of a W64 for sound
        return Sound(View(file, [(start, whole)]), announced, got), at
    front = _front(kind, kept, got, _at(file, start, 12), _at(file, first - layout.preface, layout.preface))
    return Sound(View(file, [front, *windows]), announced or None, got), at


def _format_of(kept: list[bytes], layout: _Layout) -> int:
    """The number of a WAV's coding; 0 where it has none."""
    chunk = next((chunk for chunk in kept if chunk[:4] == b"fmt "), b"")
    return int.from_bytes(chunk[layout.head : layout.head + 2], "big" if layout is _BIG_WAV else "little")


def _end_of_sound(
    file: BinaryIO, start: int, first: int, stated: int, size: int, layout: _Layout
) -> tuple[int, int]:
    """Where sound that begins at `first` ends, and where the next chunk begins."""
    if 0 <= stated <= size - first:
        behind = _behind(file, start, first + stated, size, layout)
        is_chunk = _is_chunk(file, behind, size, layout)
        if is_chunk or (stated and (size - behind < _A_REST or layout_of(_at(file, behind, 32)))):
            return first + stated, behind
    joined = _joined(file, first, size)
    return joined, joined


def _joined(file: BinaryIO, first: int, size: int) -> int:
    """Where another container begins behind sound of unknown length, or the end of the file."""
    overlap = b""
    for at in range(first, min(size, first + _SEARCHED), _BLOCK):
        block = overlap + _at(file, at, _BLOCK)
        for found in _FRONT.finditer(block):
            begin = at - len(overlap) + found.start()
            if layout_of(_at(file, begin, 32)):
                return begin
        overlap = block[-32:]
    return size


def _behind(file: BinaryIO, start: int, end: int, size: int, layout: _Layout) -> int:
    """Where the chunk after one begins, in the container from `start`; some writers forget the padding."""
    padded = end + (start - end) % layout.align
    if padded != end and not _is_chunk(file, padded, size, layout) and _is_chunk(file, end, size, layout):
        return end
    return padded


def _is_chunk(file: BinaryIO, at: int, size: int, layout: _Layout) -> bool:
    """Whether what is there looks like a chunk, or like a tag that somebody put behind the file."""
    head = _at(file, at, layout.head)
    if len(head) < layout.head:
        return at >= size
    name = head[: layout.name]
    if head.startswith(_FRONT_TAGS) or name[:4] in _NAMES:
        return True
    if layout is _W64:
        return name.endswith(_W64_TAIL)
    (length,) = struct.unpack(layout.size, head[layout.name :])
    return all(32 <= byte < 127 for byte in name) and 0 <= length <= size - at - layout.head


def _front(kind: str, kept: list[bytes], got: int, head: bytes, preface: bytes) -> bytes:
    """A header that counts right."""
    if kind == "CAF":
        return head[:8] + b"".join(kept) + b"data" + struct.pack(">q", got + 4) + preface
    if kind == "AIFF":
        most = (0xFFFFFFFF).to_bytes(4, "big")  # frames: up to the end of the sound
        chunks = [c[:10] + most + c[14:] if c[:4] == b"COMM" else c for c in kept]
        body = b"".join(c + b"\0" * (len(c) % 2) for c in chunks)
        return _sized(b"FORM", head[8:12] + body, got + 8, b"SSND", ">I") + preface
    if kind == "W64":
        kept = [c[:4] + struct.pack("<I", len(c) - 24) + c[24:] for c in kept]
    body = b"".join(c + b"\0" * (len(c) % 2) for c in kept)
    if kind == "RIFX":
        return _sized(b"RIFX", b"WAVE" + body, got, b"data", ">I")
    return _sized(b"RIFF", b"WAVE" + body, got, b"data", "<I")


def _sized(form: bytes, body: bytes, sound: int, name: bytes, size: str) -> bytes:
    """A header; beyond 4 GiB its sizes are the largest numbers, which libsndfile takes for the end of the file."""
    most = 0xFFFFFFFF
    whole = struct.pack(size, min(most, len(body) + 8 + sound))
    return form + whole + body + name + struct.pack(size, min(most, sound))


def _au(file: BinaryIO, start: int, size: int) -> tuple[Sound | None, int]:
    """The same of an AU: a header that states how long it is itself, and sound."""
    front, stated = struct.unpack(">II", _at(file, start + 4, 8).ljust(8, b"\0"))
    first = min(start + max(front, 24), size)
    is_known = _A_REST <= stated < _PLACEHOLDER or stated == size - first
    end = first + stated
    behind = _at(file, end, 32)
    is_over = size - end < _A_REST or layout_of(behind) or behind.startswith(_FRONT_TAGS)
    if not is_known or end > size or not is_over:
        end = _joined(file, first, size)
    head = bytearray(_at(file, start, first - start))
    head[8:12] = struct.pack(">I", min(end - first, 0xFFFFFFFF))
    return Sound(View(file, [bytes(head), (first, end)]), stated if is_known else None, end - first), end


def _at(file: BinaryIO, start: int, count: int) -> bytes:
    try:
        file.seek(start)
    except (OSError, OverflowError):  # a place that no file reaches, by a size that is none
        return b""
    return file.read(count)
