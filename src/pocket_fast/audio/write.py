"""Samples out: clipped, counted, encoded and written while they are made."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from pocket_fast.audio.aac import AacEncoder
from pocket_fast.audio.codecs import LibraryEncoder, RawEncoder, WavEncoder
from pocket_fast.audio.formats import Format, find_format
from pocket_fast.audio.sink import Sink, open_sink
from pocket_fast.errors import AudioError

_BLOCK = 1 << 13  # libsndfile's Vorbis encoder overflows its stack on long writes


def open_writer(
    target: str | Path | BinaryIO,
    format: str | None = None,
    sample_rate: int = 24000,
    *,
    samples: int | None = None,
) -> AudioWriter:
    """A writer of mono audio to a path, to "-" (standard output) or to a binary file object.

    `format`: a name of `pocket_fast.audio.formats.FORMATS` or an alias; None goes by the suffix, WAV without
    one. `samples`: the length, where it is known; headers announce it where they cannot be patched at the
    end, and close holds the caller to it (AudioError).

    Everything that can be refused is refused here, before any sound is made: unknown format, folder that is
    missing (NotFoundError) or not writable, libsndfile that lacks the encoder (AudioError, UnsupportedError).
    A path appears, or is replaced, only when the writer is closed.
    """
    chosen = find_format(target, format)
    sink = open_sink(target)
    try:
        return AudioWriter(sink, chosen, sample_rate, samples)
    except BaseException:
        sink.discard()
        raise


class AudioWriter:
    """Writes float32 chunks; made by `open_writer`. Not for use from two threads at once.

    `samples` written so far; `clipped` of them lay outside [-1, 1]. As a context manager: closes at the end
    and, when sound was written, at KeyboardInterrupt (what was said so far is a valid file); any other
    exception aborts.
    """

    def __init__(self, sink: Sink, format: Format, sample_rate: int, announced: int | None = None) -> None:
        self.format = format
        self.sample_rate = sample_rate
        self.samples = 0
        self.clipped = 0
        self._announced = announced
        self._sink = sink
        self._started = False
        self._closed = False
        if format.container is not None:
            self._encoder: RawEncoder = LibraryEncoder(sink, format, sample_rate, announced)
        elif format.name == "raw":
            self._encoder = RawEncoder(sink)
        elif format.name == "aac":
            self._encoder = AacEncoder(sink, sample_rate)
        else:
            self._encoder = WavEncoder(sink, sample_rate, announced)

    def write(self, chunk: np.ndarray) -> None:
        """Append chunk (n,) of float samples, clipped to [-1, 1]; 16-bit values are x * 32767 truncated.

        Raises AudioError, with nothing of the chunk written, for another shape or type and for NaN or
        infinite samples; AudioError when the disk is full; BrokenPipeError when nobody reads standard output.
        """
        x = np.asarray(chunk)
        if x.ndim != 1 or x.dtype.kind != "f":
            raise AudioError(f"audio chunk: expected float samples of shape (n,), got {x.dtype} {x.shape}")
        if len(x) and not (np.isfinite(x.min()) and np.isfinite(x.max())):
            at = self.samples + int(np.argmin(np.isfinite(x)))
            raise AudioError(f"audio chunk: NaN or infinite sample at {at / self.sample_rate:.3f} s")
        self._start()
        for i in range(0, len(x), _BLOCK):
            block = x[i : i + _BLOCK].astype(np.float32, copy=False)
            self._encoder.put(block.clip(-1, 1))
            self.clipped += int(np.count_nonzero(np.abs(block) > 1))
            self.samples += len(block)

    def silence(self, samples: int) -> None:
        """Append exact zeros, however many, in constant memory."""
        self._start()
        zeros = np.zeros(_BLOCK, np.float32)
        while samples > 0:
            n = min(samples, _BLOCK)
            self._encoder.put(zeros[:n])
            self.samples += n
            samples -= n

    def close(self) -> None:
        """Complete the file; without samples, a WAV of length 0. A second call does nothing."""
        if self._closed:
            return
        try:
            self._start()
            if self._announced not in (None, self.samples):
                raise AudioError(f"{self._announced} samples were announced, but {self.samples} written")
            self._encoder.finish()
            self._sink.commit()
        except BaseException:
            self.abort()
            raise
        self._closed = True

    def abort(self) -> None:
        """Give up: a path keeps what it held before; bytes already sent down a pipe stay sent."""
        if self._closed:
            return
        self._closed = True
        self._encoder.drop()
        self._sink.discard()

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or (issubclass(kind, KeyboardInterrupt) and self.samples):
            self.close()
        else:
            self.abort()

    def _start(self) -> None:
        if self._closed:
            raise AudioError("this audio file is already closed")
        if not self._started:
            self._started = True
            self._encoder.start()
