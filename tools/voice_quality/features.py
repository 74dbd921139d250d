"""What is measured on sound: mel spectra, cepstra, pitch, and where speech begins and ends.

Sound is (n,) float32 at 24 kHz, frames come every 10 ms. These are no training losses: nothing learns from them.
"""

from __future__ import annotations

import numpy as np

RATE = 24000
HOP = 240
CEPSTRA = 13  # c0 to c12
_WINDOW, _SIZE, _BANDS = 600, 1024, 40
_LOW, _HIGH = 60.0, 8000.0  # Hz
_DEPTH = 1e-5  # of the loudest band's power: 50 dB below it everything is silence
_SPEECH_DB = -40.0  # below the loudest frame
_PITCH_LOW, _PITCH_HIGH = 60.0, 400.0  # Hz
_VOICED = 0.5  # of the autocorrelation at no shift


def frames(sound: np.ndarray, width: int = _WINDOW) -> np.ndarray:
    """(t, width): one every 10 ms, the first centred on 5 ms; at least one."""
    reach = width // 2
    padded = np.pad(sound.astype(np.float32), (reach - HOP // 2, reach + HOP))
    return np.lib.stride_tricks.sliding_window_view(padded, width)[: max(1, len(sound) // HOP) * HOP : HOP]


def _filters() -> np.ndarray:
    """(bands, bins): triangles of equal width on the mel scale 2595 log10(1 + f / 700)."""
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (_LOW, _HIGH))
    edges = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
    bins = np.arange(_SIZE // 2 + 1) * RATE / _SIZE
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.clip(np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle)), 0, None)


_FILTERS = _filters().astype(np.float32)
_COSINES = np.cos(np.pi / _BANDS * np.outer(np.arange(_BANDS) + 0.5, np.arange(CEPSTRA))) / _BANDS


def log_mel(sound: np.ndarray) -> np.ndarray:
    """(t, 40), natural logarithm of power; at most 50 dB below the loudest."""
    spectrum = np.fft.rfft(frames(sound) * np.hanning(_WINDOW).astype(np.float32), _SIZE)
    power = (np.abs(spectrum) ** 2).astype(np.float32) @ _FILTERS.T
    return np.log(np.maximum(power, max(_DEPTH * power.max(), 1e-12)))


def cepstra(sound: np.ndarray) -> np.ndarray:
    """(t, 13): log mel power = c0 + 2 sum c_k cos(pi k (band + 1/2) / 40), cut after c12."""
    return log_mel(sound) @ _COSINES


def speech_part(sound: np.ndarray) -> np.ndarray:
    """The sound without what is 40 dB below its loudest 25 ms, before and after; one frame at least."""
    power = np.mean(frames(sound) ** 2, axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (_SPEECH_DB / 10))
    if not len(loud):
        return sound[:HOP]
    return sound[loud[0] * HOP : (loud[-1] + 1) * HOP]


def duration_ratio(sound: np.ndarray, truth: np.ndarray) -> float:
    """How long the speech in `sound` lasts, over that in `truth`."""
    return len(speech_part(sound)) / len(speech_part(truth))


def pitch(sound: np.ndarray) -> np.ndarray:
    """(t,) Hz, 0 where a frame is not voiced: the first high peak of the autocorrelation of 40 ms."""
    width = 960
    pieces = frames(sound, width) * np.hanning(width).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(pieces, 2 * width)) ** 2
    correlation = np.fft.irfft(spectrum)[:, :width]
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(width), 2 * width)) ** 2)[:width]
    shortest, longest = int(RATE / _PITCH_HIGH), int(RATE / _PITCH_LOW)
    # relative to the frame's power, and to how little of a frame overlaps itself that far away
    relative = correlation / np.maximum(correlation[:, :1], 1e-12) / (window / window[0])[None].clip(1e-3)
    part = relative[:, shortest : longest + 2]
    peaks = (part[:, 1:-1] >= part[:, :-2]) & (part[:, 1:-1] > part[:, 2:])
    best = np.where(peaks, part[:, 1:-1], 0).max(axis=1)
    high = peaks & (
        part[:, 1:-1] >= 0.9 * best[:, None]
    )  # a multiple of the period is as high: take the shortest
    shift = high.argmax(axis=1) + shortest + 1
    loud = correlation[:, 0] > correlation[:, 0].max() * 10 ** (_SPEECH_DB / 10)
    return np.where(loud & (best > _VOICED), RATE / shift, 0.0)
