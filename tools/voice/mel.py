"""Log-mel spectra, in NumPy for the data and in PyTorch for the losses."""

from __future__ import annotations

import numpy as np

from voice.speech import RATE

BANDS, HOP, WINDOW = 64, 240, 720  # 10 ms and 30 ms
_LOW, _HIGH, _FFT = 40.0, 11500.0, 1024
FLOOR = 1e-4  # of an amplitude, about -80 dB


def filters(bands: int = BANDS, size: int = _FFT) -> np.ndarray:
    """Triangles (bands, size // 2 + 1), float32, equally spaced on O'Shaughnessy's mel scale."""

    def mel(hertz):
        return 2595 * np.log10(1 + np.asarray(hertz) / 700)

    edges = 700 * (10 ** (np.linspace(mel(_LOW), mel(_HIGH), bands + 2) / 2595) - 1)
    bins = np.arange(size // 2 + 1) * RATE / size
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)


def log_mel(sound: np.ndarray, filter_bank: np.ndarray) -> np.ndarray:
    """(n,) to (n / 240, 64), natural logarithms of amplitudes; frame i is centred on sample 240 i + 120."""
    reach = WINDOW // 2 - HOP // 2
    padded = np.pad(sound, reach)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32), _FFT))
    return np.log(np.maximum(spectrum.astype(np.float32) @ filter_bank.T / (WINDOW / 4), FLOOR))
