"""MPEG audio (MP3 and its elder layers): the frames of a file, so that a decoder gets them and nothing else.

What stands before, between and behind them (tags, pictures, broken frames, a web page) makes decoders guess, complain
or stop, and the frame that should tell the length may be missing, or lie. Layout: ISO 11172-3 and 13818-3; the frames
that tell lengths: "Mp3 Info Tag revision 1" (LAME project).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from pocket_fast.audio.headers import info_frame

FASTEST = 96_000  # bytes per second: more than any stream has

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version
_KBITS = {  # by layer, of version 1 and of the others
    1: (
        (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
        (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    ),
    2: (
        (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
        (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    ),
    3: (
        (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
        (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    ),
}
_LEADING_JUNK = 1 << 16  # bytes before the first frame
_MORE_JUNK = 1 << 20  # bytes between two
_FIRST, _NEXT = (
    8,
    3,
)  # frames in a row that are no chance: anywhere in any file, and in one that had some before
_LARGEST_FREE = 1 << 13  # bytes of a frame of a bit rate that is not in the table
_DECODER_DELAY = 529  # samples that a decoder skips where it is told to skip any
_A_HICCUP = 1024  # bytes of junk between frames that are not worth a word
_CANDIDATE = re.compile(rb"\xff[\xe2-\xe7\xf2-\xff][\x00-\xef]|ID3|TAG|APETAGEX|LYRICSBEGIN")


class Stream(NamedTuple):
    """What is the same in every frame; rate in Hz."""

    version: int  # 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
    layer: int
    rate: int
    one_channel: bool


class _Header(NamedTuple):
    """Four bytes. size: of the whole frame in bytes, 0 where the bit rate is not in the table."""

    stream: Stream
    kbits: int
    size: int
    padding: int
    samples: int
    side: int  # bytes of side information behind the header, in layer 3


class _Info(NamedTuple):
    """What the frame in front of the sound says: frames that follow; samples to skip before and behind."""

    frames: int | None
    trim: tuple[int, int] | None


_NOTHING = _Info(None, None)


@dataclass
class Run:
    """Frames of one stream, in order: what a decoder can decode in one go."""

    stream: Stream
    info: tuple[int, int] | None = None  # where the frame that tells the length lies
    says: _Info = _NOTHING
    frames: list[tuple[int, int]] = field(default_factory=list)  # (start, size)
    kbits: set[int] = field(default_factory=set)
    samples: int = 0

    @property
    def seconds(self) -> float:
        """Of its frames."""
        return self.samples / self.stream.rate

    def data(self, file: bytes) -> bytes:
        """The frames, behind one that tells their true number where a decoder would be wrong about it."""
        sound = b"".join([file[start : start + size] for start, size in self.frames])
        count = len(self.frames)
        is_constant = len(self.kbits) == 1 and 0 not in self.kbits
        if self.stream.layer != 3 or (self.says.frames is None and is_constant and count > 3):
            start, size = self.info or (0, 0)
            return file[start : start + size] + sound
        trim = self.says.trim
        if trim is not None and self.says.frames not in (
            count,
            count + 1,
        ):  # some count the one that tells, too
            trim = trim[0], 0  # what lies at the end now is not the end that was meant
        first = self.frames[0][0]
        return info_frame(file[first : first + 4], count, trim) + sound


@dataclass
class Scan:
    """All runs of a file; junk: bytes between the first frame and the last that are none; cut: the last is not whole;
    partial: there may be more, which nobody asked for."""

    runs: list[Run]
    junk: int = 0
    cut: bool = False
    partial: bool = False

    @property
    def is_damaged(self) -> bool:
        """Sound is missing in the middle."""
        return self.junk > _A_HICCUP

    @property
    def missing(self) -> float:
        """Seconds that were announced and are not there."""
        missing = left = 0.0
        for run in self.runs:
            if run.says.frames is not None:
                missing += max(left, 0.0)
                left = run.says.frames * run.samples / len(run.frames) / run.stream.rate
            left -= run.seconds
        return 0.0 if self.partial else missing + max(left, 0.0)


def scan(file: bytes, seconds: float) -> Scan:
    """The frames of a file, up to so many seconds of sound; no runs where there are none."""
    found = Scan([])
    run: Run | None = None
    free = 0  # bytes of a frame without padding, where the bit rate is not in the table
    got = 0.0
    at, end = 0, len(file)
    while got <= seconds:
        header = _parse(file[at : at + 4])
        size = 0 if header is None else header.size or (free and free + header.padding)
        if header is None or not size or run is None or header.stream != run.stream or at + size > end:
            most, least = (_LEADING_JUNK, _FIRST) if run is None else (_MORE_JUNK, _NEXT)
            start, junk, free = _find(file, at, most, least)
            if run is not None:
                found.cut = header is not None and header.stream == run.stream and start is None
                if start is not None:
                    found.junk += junk
            if start is None:
                break
            header = _parse(file[start : start + 4])
            assert header is not None
            size = header.size or free + header.padding
            if run is None or junk or header.stream != run.stream:
                run = Run(header.stream)
                found.runs.append(run)
            at = start
        says = _told_by(file, at, size, header)
        if says is not None:
            run = Run(header.stream, (at, size), says)
            found.runs.append(run)
            got -= (sum(says.trim or ()) + _DECODER_DELAY) / header.stream.rate
        else:
            if header.stream.layer != 3 and run.kbits and header.kbits not in run.kbits:
                run = Run(header.stream)
                found.runs.append(run)
            run.frames.append((at, size))
            run.kbits.add(header.kbits)
            run.samples += header.samples
            got += header.samples / header.stream.rate
        at += size
    found.partial = got > seconds
    least = {1: 2, 2: 2, 3: 1}  # frames that decode: one alone does behind one that tells of it
    found.runs = [run for run in found.runs if len(run.frames) >= least[run.stream.layer]]
    return found


def tag_length(file: bytes, at: int) -> int:
    """Bytes of the tag that begins there (ID3, APE, Lyrics3), 0 if none does."""
    head = file[at : at + 32]
    if head[:3] == b"ID3" and len(head) >= 10 and head[3] < 0xFF and not any(b & 0x80 for b in head[6:10]):
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        return 10 + size + (10 if head[5] & 0x10 else 0)
    if head[:4] == b"TAG+":
        return 227
    if head[:3] == b"TAG":
        return 128
    if head[:8] == b"APETAGEX" and len(head) == 32:
        return int.from_bytes(head[12:16], "little") + (32 if head[23] & 0x20 else 0)
    if head[:11] == b"LYRICSBEGIN":
        close = file.find(b"LYRICS200", at, at + (1 << 20))
        return 0 if close < 0 else close + 9 - at
    return 0


def _find(file: bytes, at: int, most: int, least: int) -> tuple[int | None, int, int]:
    """The next of `least` frames in a row, from `at` on, with at most so much junk before it: (its start or None, bytes
    of junk, frame size where that is not in the table)."""
    begin, tags = at, 0
    while at < len(file) and at - begin - tags <= most:
        tag = tag_length(file, at)
        if tag:
            at += tag
            tags += tag
            continue
        free = _leads_a_chain(file, at, least)
        if free is not None:
            return at, at - begin - tags, free
        candidate = _CANDIDATE.search(file, at + 1)
        at = len(file) if candidate is None else candidate.start()
    return None, at - begin - tags, 0


def _leads_a_chain(file: bytes, at: int, least: int) -> int | None:
    """Whether `least` frames of one stream are there, or a few at the end of the file: the size of its frames without
    padding if the bit rate is not in the table, else 0; None if they are not."""
    header = _parse(file[at : at + 4])
    if header is None:
        return None
    free = 0 if header.size else _free_size(file, at, header)
    stream, count = header.stream, 0
    while count < least:
        size = (
            0
            if header is None or header.stream != stream
            else header.size or (free and free + header.padding)
        )
        if not size or at + size > len(file):
            return None
        at += size
        count += 1
        if at + 4 > len(file) or tag_length(file, at):
            return free if count > 1 else None
        header = _parse(file[at : at + 4])
    return free


def _free_size(file: bytes, at: int, header: _Header) -> int:
    """Bytes of a frame without padding: up to the next header of the stream, which another follows as far behind."""
    following = at + 4
    while (following := file.find(file[at : at + 2], following, at + _LARGEST_FREE)) >= 0:
        second = _parse(file[following : following + 4])
        if second is not None and second.stream == header.stream and not second.kbits:
            size = following - at - header.padding
            third = _parse(file[following + size + second.padding :][:4])
            if third is not None and third.stream == header.stream and not third.kbits:
                return size
        following += 1
    return 0


@lru_cache(maxsize=4096)
def _parse(head: bytes) -> _Header | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    index, rate_index, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or index == 15 or rate_index == 3:
        return None
    rate = _RATES[version][rate_index]
    one_channel = head[3] >> 6 == 3
    kbits = _KBITS[layer][version != 3][index - 1] if index else 0
    if layer == 1:
        samples, padding = 384, 4 * padding
        size = kbits * 12000 // rate * 4
    else:
        samples = 576 if layer == 3 and version != 3 else 1152
        size = samples // 8 * kbits * 1000 // rate
    side = (17, 32) if version == 3 else (9, 17)
    return _Header(
        Stream(version, layer, rate, one_channel),
        kbits,
        size and size + padding,
        padding,
        samples,
        side[not one_channel] if layer == 3 else 0,
    )


def _told_by(file: bytes, at: int, size: int, header: _Header) -> _Info | None:
    """What a frame says of those that follow, if it is there for that and holds no sound."""
    if not header.side:
        return None
    if file[at + 36 : at + 40] == b"VBRI":
        return _Info(int.from_bytes(file[at + 50 : at + 54], "big"), None)
    at += 4 + header.side
    if file[at : at + 4] not in (b"Xing", b"Info"):
        return None
    flags = file[at + 7]
    body = file[at + 8 : at + size]
    frames = int.from_bytes(body[:4], "big") if flags & 1 else None
    body = body[4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4) + (flags & 8) // 2 :]
    trim = None
    if len(body) >= 24 and body[0]:
        both = int.from_bytes(body[21:24], "big")
        trim = both >> 12, both & 0xFFF
    return _Info(frames, trim)
