"""Samples in [-1, 1] to the bytes of a format: WAV and raw PCM by hand, the rest by libsndfile."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from pocket_fast.audio.formats import FORMATS, Format
from pocket_fast.audio.headers import flac_length, mp3_info
from pocket_fast.audio.library import load_soundfile, open_for_writing, shorten_ogg_pages
from pocket_fast.audio.sink import Sink
from pocket_fast.errors import AudioError

_RIFF_MOST = 0xFFFFFFFF
_DATA_MOST = _RIFF_MOST - 37  # bytes of samples that fit into such a file: an even number


def to_int16(x: np.ndarray) -> np.ndarray:
    """x (n,) float32 in [-1, 1] -> (n,) little-endian int16, x * 32767 truncated toward zero."""
    return (x * np.float32(32767)).astype("<i2")


def wav_header(sample_rate: int, data_bytes: int | None) -> bytes:
    """The 44 bytes before the samples of a mono 16-bit PCM WAV.

    A length that is unknown (None), or more than 32 bits can say (24 h), is stated as the largest there is. Of the
    readers tried, Python's wave, soundfile, scipy, pydub, PyAV, miniaudio, ffmpeg, aplay, Java's and Chromium's take
    any too large size for "to the end of the file" (scipy with a warning; its mmap takes none). wyoming-openai knows
    an unknown length by a RIFF size of 2**32 - 1 or 2**31 - 1 whose data fill it, and warns of missing samples
    otherwise. Rust's hound wants whole samples, so the size is even. sox is silent about 0x7FFFF000 alone, which
    wyoming-openai is not; of others it says "Premature EOF" and reads everything.
    """
    unknown = data_bytes is None or data_bytes > _DATA_MOST
    riff_bytes, data_bytes = (_RIFF_MOST, _DATA_MOST) if unknown else (data_bytes + 36, data_bytes)
    layout = struct.pack("<IHHIIHH", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    riff = b"RIFF" + struct.pack("<I", riff_bytes) + b"WAVE"
    return riff + b"fmt " + layout + b"data" + struct.pack("<I", data_bytes)


class RawEncoder:
    """Signed 16-bit little-endian samples and nothing else."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def start(self) -> None:
        """Called once, before the first samples."""

    def put(self, x: np.ndarray) -> None:
        """x (n,) float32 in [-1, 1]."""
        self._sink.write(to_int16(x).tobytes())

    def finish(self) -> None:
        """After the last samples."""

    def drop(self) -> None:
        """Instead of finish: let go without another byte."""


class WavEncoder(RawEncoder):
    """WAV whose header announces `samples`, or an unknown length until the true one can be patched in.

    Readers take such a header as "to the end of the file", so even a killed process leaves sound.
    """

    def __init__(self, sink: Sink, sample_rate: int, samples: int | None = None) -> None:
        super().__init__(sink)
        self._sample_rate = sample_rate
        self._data_bytes = None if samples is None else 2 * samples

    def start(self) -> None:
        self._sink.write(wav_header(self._sample_rate, self._data_bytes))

    def finish(self) -> None:
        self._sink.patch(0, wav_header(self._sample_rate, self._sink.size - 44))


class LibraryEncoder(RawEncoder):
    """A format of libsndfile, encoded into the sink as samples come.

    Where the sink cannot seek, somebody is listening: blocks are short, and what the library would patch
    into the front of the file at the end is sent at once, as far as it is known. Formats that are invalid
    without the patch wait in a temporary file until finish.
    """

    def __init__(self, sink: Sink, format: Format, sample_rate: int, samples: int | None = None) -> None:
        super().__init__(sink)
        self._format = format
        self._sample_rate = sample_rate
        self._samples = samples
        self._file: Any = None
        self._waiting: Any = None
        self._open(io.BytesIO()).close()  # whatever the library refuses, it refuses before any work is done

    def start(self) -> None:
        sink = self._sink
        if not (sink.seekable or self._format.streams):
            import tempfile  # here: it costs 6 ms that WAV and pipes need not pay

            self._waiting = tempfile.TemporaryFile()  # noqa: SIM115  closed by finish or drop
            sink = Sink(self._waiting)
        self._tape = _Tape(sink, None if sink.seekable else self._announce)
        self._file = self._open(self._tape)
        if not sink.seekable and self._format.container == "OGG":
            shorten_ogg_pages(self._file)
        self._tape.check()

    def put(self, x: np.ndarray) -> None:
        self._file.write(to_int16(x) if self._format.subtype == "PCM_16" else x)
        self._tape.check()

    def finish(self) -> None:
        self._file.close()
        self._tape.check()
        if self._waiting is not None:
            self._waiting.seek(0)
            while data := self._waiting.read(1 << 16):
                self._sink.write(data)
            self._waiting.close()

    def drop(self) -> None:
        if self._file is None:
            return
        self._tape.cut = True
        with suppress(Exception):  # the library may find its own file inconsistent: nobody wants it any more
            self._file.close()
        if self._waiting is not None:
            self._waiting.close()

    def _announce(self, position: int, data: bytes) -> bytes:
        """Bytes that the library wrote at `position`, with what it does not know yet about the length."""
        if self._format.name == "mp3" and position == 0:
            return mp3_info(data, self._samples)
        if self._format.name == "flac" and position == 4 and self._samples is not None:
            return flac_length(data, self._samples)
        return data

    def _open(self, file: Any) -> Any:
        soundfile = load_soundfile()
        options: dict[str, Any] = {}
        if self._format.name == "mp3":  # a constant rate (80 kbit/s at 24 kHz): players can tell the length
            options = {"bitrate_mode": "CONSTANT", "compression_level": 0.5}
        elif self._format.name == "opus":  # 56 kbit/s: from there on libopus leaves its slow speech coder
            options = {"compression_level": 0.8}
        elif self._format.name == "flac" and not self._sink.seekable:
            options = {"compression_level": 0.0}  # blocks of 48 ms, not 171, for 8 % more bytes
        try:
            return open_for_writing(
                file, self._sample_rate, self._format.container, self._format.subtype, **options
            )
        except (soundfile.SoundFileError, ValueError) as error:
            reason = getattr(error, "error_string", error)
            raise AudioError(
                f"this libsndfile ({soundfile.__libsndfile_version__}) cannot write {self._format.name} at "
                f"{self._sample_rate} Hz ({reason}); choose another of: {' '.join(FORMATS)}"
            ) from error


class _Tape:
    """The file that libsndfile believes it writes.

    An exception in one of its callbacks would be printed and forgotten; it is kept, and `check` raises it
    once the library has returned.
    """

    def __init__(self, sink: Sink, change: Callable[[int, bytes], bytes] | None) -> None:
        self._sink = sink
        self._change = change
        self._position = 0
        self._error: BaseException | None = None
        self.cut = False  # no byte goes to the sink any more

    def check(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> None:
        self._position = offset + (0, self._position, self._sink.size)[whence]

    def read(self, size: int) -> bytes:
        raise io.UnsupportedOperation("a file that is being written")

    def write(self, data: bytes) -> int:
        try:
            if not self.cut:
                self._put(data)
        except BaseException as error:  # KeyboardInterrupt too
            self._error = self._error or error
        self._position += len(data)
        return len(data)

    def _put(self, data: bytes) -> None:
        if self._change is not None:
            data = self._change(self._position, data)
        behind = self._sink.size - self._position
        if behind > 0:
            self._sink.patch(self._position, data[:behind])
        self._sink.write(bytes(max(-behind, 0)) + data[max(behind, 0) :])
