"""Recordings in every form that qwen-tts takes them, as samples for the encoders."""

from __future__ import annotations

import base64
import binascii
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pocket_fast.audio.read import read_audio
from pocket_fast.audio.resample import resample_soxr
from pocket_fast.errors import AudioError
from pocket_fast.weights.hub import fetch

_LONG_BASE64 = 256  # characters without a slash: as in qwen-tts, no path is that long


def samples_of(source: Any, rate: int, *, progress: bool = False) -> np.ndarray:
    """Samples (n,) float32 at `rate` of a path, URL, base64 audio (bare or as a data: URL) or (samples, their rate).

    Raises AudioError, NotFoundError, DownloadError.
    """
    if isinstance(source, tuple) and len(source) == 2:
        samples = np.asarray(source[0])
        if samples.dtype.kind != "f" or samples.ndim not in (1, 2):
            raise AudioError(
                f"ref_audio: an array {samples.shape} of {samples.dtype}; expected floating point, (samples,) or "
                "(samples, channels)"
            )
        pcm = (samples if samples.ndim == 1 else samples.mean(axis=1)).astype(np.float32)
        return resample_soxr(pcm, int(source[1]), rate)
    if not isinstance(source, (str, Path)):
        raise AudioError(
            f"ref_audio: expected a path, URL, base64 audio or (samples, rate), got {type(source).__name__}; an array "
            "alone does not tell its rate"
        )
    data = _embedded(source) if isinstance(source, str) else None
    if data is None:
        return read_recording(fetch(str(source), progress=progress), rate)
    with tempfile.TemporaryDirectory(prefix="pocket_fast-") as folder:
        path = Path(folder, "recording-from-base64")
        path.write_bytes(data)
        return read_recording(path, rate)


def read_recording(path: Path, rate: int, max_seconds: float | None = None) -> np.ndarray:
    """Samples (n,) float32 at `rate` of an audio file. Raises as read_audio and resample_soxr."""
    pcm, of_file = read_audio(path, max_seconds=max_seconds)
    return resample_soxr(pcm, of_file, rate)


def _embedded(source: str) -> bytes | None:
    """The audio in a base64 text; None for a path or URL."""
    if not source.startswith("data:audio") and (
        "/" in source or "\\" in source or len(source) <= _LONG_BASE64
    ):
        return None
    try:
        return base64.b64decode(source.partition(",")[2] or source)
    except (binascii.Error, ValueError) as error:
        raise AudioError(f"ref_audio {source[:40]!r}: not valid base64 ({error})") from None
