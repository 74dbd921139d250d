"""Audio files in: any container, width, rate and channel count, as one float32 channel."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pocket_fast.audio.library import load_soundfile, open_for_reading
from pocket_fast.errors import AudioError, NotFoundError

logger = logging.getLogger("pocket_fast.audio")

MAX_SECONDS = 600.0
"""Longest file that is read whole. A voice prompt is seconds long; hours of audio are a mistake."""

_BLOCK = 1 << 14  # values per read over all channels; what a damaged file loses before the damage
_UNKNOWN = 1 << 62  # libsndfile's frame count for a FLAC that was streamed is the largest integer
_SILENT = 1e-4  # -80 dBFS


def read_audio(path: str | Path, *, max_seconds: float | None = None) -> tuple[np.ndarray, int]:
    """Samples of an audio file, averaged over its channels: ((n,) float32, rate in Hz).

    The content decides what the file is, not its name: WAV in every width, FLAC, MP3, Ogg and the rest of
    what libsndfile reads. Integers are divided by 2**(bits - 1), so full scale is [-1, 1); floating-point
    files are taken as they are. `max_seconds` decodes only that much, int(max_seconds * rate) samples;
    without it, files longer than MAX_SECONDS are refused. A file cut short gives what can be decoded, with
    a warning; so does a silent one.

    Raises NotFoundError; AudioError when nothing can be decoded, when there are no samples or when one is
    NaN or infinite; UnsupportedError without libsndfile.
    """
    path = Path(path)
    _check_file(path)
    soundfile = load_soundfile()
    try:
        file = open_for_reading(os.fsencode(path) if os.name == "posix" else os.fspath(path))
    except TypeError as error:  # soundfile wants to be told the rate of anything named .raw
        raise AudioError(f"{path}: headerless audio states no sample rate; convert it to WAV") from error
    except soundfile.SoundFileError as error:
        raise AudioError(f"{path}: not an audio file that can be read ({_reason(error)})") from error
    with file:
        rate = file.samplerate
        known = file.frames < _UNKNOWN
        wanted = int((MAX_SECONDS if max_seconds is None else max_seconds) * rate)
        if max_seconds is None and known and file.frames > wanted:
            raise AudioError(_too_long(path, f"{file.frames / rate:.0f} s"))
        samples = np.concatenate([np.empty(0, np.float32), *_blocks(file, path, wanted)])
        if max_seconds is None and not known and len(samples) == wanted:
            raise AudioError(_too_long(path, f"over {MAX_SECONDS:.0f} s"))
        if known and len(samples) < min(wanted, file.frames):
            logger.warning("%s is cut short: %d of %d samples read", path, len(samples), file.frames)
    if len(samples) == 0:
        raise AudioError(f"{path}: no samples in it; expected speech")
    if np.abs(samples).max() < _SILENT:
        logger.warning("%s is silent; a voice made from it will not sound like anybody", path)
    return samples, rate


def one_channel(samples: np.ndarray, rate: int) -> np.ndarray:
    """(n,) of floating-point samples (n,) or (1, n) at `rate`. Raises AudioError for any other array."""
    pcm = samples[0] if samples.ndim == 2 and len(samples) == 1 else samples
    if pcm.ndim != 1 or pcm.dtype.kind != "f":
        raise AudioError(
            f"voice prompt: an array {samples.shape} of {samples.dtype}; expected one channel, (1, samples) or "
            f"(samples,), floating point in [-1, 1] at {rate} Hz"
        )
    return pcm


def _check_file(path: Path) -> None:
    """Say plainly what libsndfile would call a system error."""
    try:
        info = os.stat(path)
    except FileNotFoundError:
        raise NotFoundError(f"audio file {path} does not exist; check the path") from None
    except (OSError, ValueError) as error:  # ValueError: NUL in the name
        raise AudioError(f"{path}: cannot be opened ({getattr(error, 'strerror', error)})") from error
    if not stat.S_ISREG(info.st_mode):
        kind = "a directory" if stat.S_ISDIR(info.st_mode) else "not a regular file"
        raise AudioError(f"{path} is {kind}; give the path of an audio file")
    if info.st_size == 0:
        raise AudioError(f"{path}: the file is empty; expected speech")
    if not os.access(path, os.R_OK):
        raise AudioError(f"{path}: no permission to read it")


def _blocks(file, path: Path, wanted: int) -> Iterator[np.ndarray]:
    """At most `wanted` mono samples, block by block; what precedes the damage in a damaged file."""
    soundfile = load_soundfile()
    size = max(1, _BLOCK // file.channels)
    got = 0
    while got < wanted:
        try:
            block = file.read(min(size, wanted - got), dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            if got == 0:
                raise AudioError(f"{path}: damaged, nothing can be decoded ({_reason(error)})") from error
            return
        if len(block) == 0:
            return
        mono = block.mean(axis=1)
        if not np.isfinite(mono).all():
            at = (got + int(np.argmin(np.isfinite(mono)))) / file.samplerate
            raise AudioError(f"{path}: NaN or infinite sample at {at:.3f} s; repair or convert the file")
        got += len(mono)
        yield mono


def _reason(error: Exception) -> str:
    """libsndfile's own words, without the prefix that repeats the path."""
    return str(getattr(error, "error_string", error)).removeprefix("Error : ").rstrip(".")


def _too_long(path: Path, length: str) -> str:
    limit = f"at most {MAX_SECONDS:.0f} s are read whole"
    return f"{path}: {length} of audio, {limit}; use its first 30 s (truncate)"
