"""What of a file is given to libsndfile, so that it reads all of it, and knows how much that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from pocket_fast.audio import mpeg
from pocket_fast.audio.chunks import Sound, layout_of, sounds
from pocket_fast.audio.joined import flac_files, ogg_files
from pocket_fast.audio.kinds import ENOUGH, describe, foreign, is_known
from pocket_fast.audio.library import load_soundfile, open_for_reading
from pocket_fast.audio.quiet import quiet
from pocket_fast.audio.source import View
from pocket_fast.errors import AudioError

_LARGEST_TAG = 16 << 20  # bytes in front of an MP3: pictures
_HARDLY_ANY = 0.1  # seconds missing at the end of an MP3: some count wrong by a frame or two
_UNKNOWN = 1 << 62  # libsndfile's frame count for a FLAC that was streamed is the largest integer
_EVEN = ("PCM", "FLOAT", "DOUBLE", "ULAW", "ALAW")  # so many bytes for every sample
_EMPTY_TAG = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)  # libsndfile knows nothing else of MPEG by its first bytes


@dataclass(frozen=True)
class Part:
    """A file, or one of those that were joined to it.

    open: gives a SoundFile of it, anew each time. stated: gives the samples that its header counts, of the SoundFile;
    None where it does not say. is_short: sound is missing, however much was counted. talks: libsndfile may print what
    it thinks of it.
    """

    open: Callable[[], Any]
    stated: Callable[[Any], int | None]
    is_short: bool = False
    talks: bool = False


def parts_of(file: BinaryIO, path: Path, seconds: float) -> Iterator[Part]:
    """The parts of an open file, as far as so many seconds need them. Raises AudioError where there are none."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(ENOUGH)
    start = 0
    while head[:3] == b"ID3" and (tag := mpeg.tag_length(head, 0)):
        start += tag
        file.seek(start)
        head = file.read(ENOUGH)
    found = False
    for part in _parts(file, head, start, size, seconds):
        found = True
        yield part
    if not found:
        raise AudioError(f"{path}: {describe(head, path)}")


def _parts(file: BinaryIO, head: bytes, start: int, size: int, seconds: float) -> Iterator[Part]:
    if foreign(head):
        return
    if layout_of(head) is not None:
        found = [*sounds(file, size, start)]
        for sound in found:
            yield from _of_mpeg(sound.view, seconds) if sound.is_mpeg else [_of_sound(sound)]
        if found:
            return
    elif head.startswith((b"fLaC", b"OggS")):
        for stretch in (ogg_files if head[:1] == b"O" else flac_files)(file, start, size):
            yield Part(
                _opener(stretch.view),
                lambda sound, n=stretch.samples: n or known_frames(sound),
                stretch.is_cut,
            )
        return
    elif not is_known(head):
        found = [*_of_mpeg(View(file, [(start, size)]), seconds)]
        yield from found
        if found or head[:1] == b"\xff":  # what libsndfile would take for MPEG and is none
            return
    whole = View(file, [(start, size)])
    with quiet:  # what it is, libsndfile may tell
        try:
            _opener(whole)().close()
        except load_soundfile().SoundFileError:
            return
    yield Part(_opener(whole), known_frames, talks=True)


def known_frames(sound: Any) -> int | None:
    """Samples that libsndfile counts; None where it cannot tell."""
    return sound.frames if sound.frames < _UNKNOWN else None


def _opener(view: View) -> Callable[[], Any]:
    def open() -> Any:
        view.seek(0)
        return open_for_reading(view)

    return open


def _of_sound(sound: Sound) -> Part:
    def stated(opened: Any) -> int:
        if sound.announced is None or not opened.subtype.startswith(_EVEN):
            return opened.frames
        return -(-opened.frames * sound.announced // max(sound.got, 1))

    return Part(_opener(sound.view), stated, sound.is_cut)


def _of_mpeg(view: View, seconds: float) -> Iterator[Part]:
    data = view.read(int(seconds * mpeg.FASTEST) + _LARGEST_TAG) or b""
    found = mpeg.scan(data, seconds)
    for run in found.runs:
        is_last = run is found.runs[-1]
        missing = found.missing if is_last and found.missing > _HARDLY_ANY else 0.0
        yield Part(
            lambda run=run: open_for_reading(BytesIO(_EMPTY_TAG + run.data(data))),
            lambda _, run=run, missing=missing: (
                run.samples + round(missing * run.stream[2]) if missing else None
            ),
            is_last and (found.cut or found.is_damaged),
            talks=True,
        )
