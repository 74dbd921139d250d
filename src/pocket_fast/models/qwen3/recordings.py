"""Recordings in every form that qwen-tts takes them, as samples for the encoders."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from pocket_fast.audio.channels import as_float32
from pocket_fast.audio.embedded import embedded_audio
from pocket_fast.audio.read import check_audio, read_audio, samples_and_rate
from pocket_fast.audio.resample import resample_soxr
from pocket_fast.audio.source import is_pipe, kept
from pocket_fast.errors import AudioError
from pocket_fast.weights.hub import fetch


def samples_of(source: Any, rate: int, *, progress: bool = False) -> np.ndarray:
    """Samples (n,) float32 at `rate` of a path, URL, base64 audio (bare or as a data: URL) or (samples, their rate).

    Raises AudioError, NotFoundError, DownloadError.
    """
    if isinstance(source, tuple):
        samples, of_samples = samples_and_rate(source)
        return resample_soxr(as_float32(samples), of_samples, rate)
    if not isinstance(source, (str, Path)):
        raise AudioError(
            f"ref_audio: expected a path, URL, base64 audio or (samples, rate), got {type(source).__name__}; an array "
            "alone does not tell its rate"
        )
    data = embedded_audio(source) if isinstance(source, str) else None
    if data is not None:
        with kept(BytesIO(data), "recording-from-base64") as path:
            return read_recording(path, rate)
    path = Path(source)
    if not is_pipe(path):
        path = fetch(str(source), progress=progress, check=check_audio)
    return read_recording(path, rate)


def read_recording(path: Path, rate: int, max_seconds: float | None = None) -> np.ndarray:
    """Samples (n,) float32 at `rate` of an audio file. Raises as read_audio and resample_soxr."""
    pcm, of_file = read_audio(path, max_seconds=max_seconds)
    return resample_soxr(pcm, of_file, rate)
