"""Sound as a server sends it: samples in, the bytes of a file out as soon as there are any."""

from __future__ import annotations

import io
from functools import cache

import numpy as np

from pocket_fast.audio.sink import Outbox
from pocket_fast.audio.write import open_writer
from pocket_fast.errors import AudioError, UnsupportedError, shown

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
    "aac": "audio/aac",
}
FORMATS = tuple(MEDIA_TYPES)
"""Formats that can be streamed, where there is an encoder for them: see `available_formats`."""

_HEAVY = ("mp3", "opus", "aac")


@cache
def available_formats() -> tuple[str, ...]:
    """The FORMATS that can be encoded here; wav and pcm always can."""
    return tuple(name for name in FORMATS if _works(name))


def open_encoder(format: str, sample_rate: int = 24000, *, samples: int | None = None) -> Encoder:
    """An encoder of mono float32 sound into `format`, one of `available_formats()`.

    `samples`: the length of the whole, where it is known before the first byte. Headers then state it.
    Raises AudioError for any other format, naming the available ones, and for a rate that the format lacks.
    """
    if format not in available_formats():
        known = " ".join(available_formats())
        raise AudioError(f"audio format {shown(format)} cannot be encoded here; choose one of: {known}")
    return Encoder(format, sample_rate, samples)


class Encoder:
    """Made by `open_encoder`. One stream; not for use from two threads at once.

    At 24 kHz: how many samples must go in before the first sound comes out, how many each later portion
    holds, milliseconds of computing per second of sound (a slow core), and what a decoder gives:

        wav, pcm      1      1   0.3   16 bits, x * 32767 truncated; an open length: see wav_header
        flac       1153   1152   0.7   the same values; an open length is stated as unknown, which not every
                                       reader can handle
        mp3         800    576    10   80 kbit/s; the exact length with `samples`, else 24 or 46 ms of delay
                                       (ffmpeg, mpg123) before the sound and up to 57 ms of silence after it
        opus       1441   1440    15   56 kbit/s; the exact length
        aac        2049   1024    14   64 kbit/s; 43 ms of delay before the sound, up to 43 ms of silence after it

    A stream that ends early decodes up to there. is_heavy: the computing takes milliseconds for a frame of 80 ms.
    """

    def __init__(self, format: str, sample_rate: int, samples: int | None) -> None:
        self.media_type = MEDIA_TYPES[format]
        self.is_heavy = format in _HEAVY
        self._out = Outbox()
        self._writer = open_writer(self._out, format, sample_rate, samples=samples)

    def encode(self, chunk: np.ndarray) -> bytes:
        """The bytes that chunk (n,) float32, clipped to [-1, 1], has completed; often none: b"".

        The first call, even with an empty chunk, gives the header of wav and pcm.
        Raises AudioError for another shape or type and for NaN or infinite samples.
        """
        self._writer.write(chunk)
        return self._out.take()

    def finish(self) -> bytes:
        """The last bytes. AudioError when the length differs from the `samples` that were announced."""
        self._writer.close()
        return self._out.take()


def _works(name: str) -> bool:
    try:
        open_writer(io.BytesIO(), name).abort()
    except (AudioError, UnsupportedError):
        return False
    return True
