"""Several channels -> the voice in them."""

from __future__ import annotations

import numpy as np

_SILENT = 1e-4  # of the loudest channel's power: -40 dB
_CANCELLED = 0.2  # of it, divided by the number of channels: what is left of those that say the same, in opposite phase


class Channels:
    """How loud each of several channels is, and their mean: measured block by block."""

    def __init__(self, channels: int):
        self._count = 0
        self._sums = np.zeros((2, channels + 1))  # of samples and of their squares

    def hear(self, block: np.ndarray, mean: np.ndarray) -> None:
        """block (n, channels), mean (n,) of it, floating point."""
        x = np.column_stack([block, mean]).astype(np.float64)
        self._count += len(x)
        self._sums += x.sum(axis=0), np.square(x).sum(axis=0)

    def voice(self) -> list[int]:
        """The channels whose mean is the voice: all of them, as a rule.

        Not those that are silent beside the others; and only the loudest one, where in the mean of the others little
        is left of it because they cancel each other.
        """
        total = max(self._count, 1)
        # about their own mean: no direct current
        power = np.maximum(self._sums[1] / total - np.square(self._sums[0] / total), 0.0)
        power, mean = power[:-1], power[-1]
        loudest = int(np.argmax(power))
        sounding = [int(i) for i in np.flatnonzero(power >= _SILENT * power[loudest])]
        mean *= (len(power) / len(sounding)) ** 2  # silent ones only make it quieter
        if mean < _CANCELLED / len(sounding) * power[loudest]:
            return [loudest]
        return sounding


def one_voice(samples: np.ndarray) -> np.ndarray:
    """(n,) of samples (n, channels) in floating point: see Channels."""
    if samples.shape[1] == 1:
        return samples[:, 0]
    heard = Channels(samples.shape[1])
    mean = samples.mean(axis=1)
    heard.hear(samples, mean)
    voice = heard.voice()
    return mean if len(voice) == samples.shape[1] else samples[:, voice].mean(axis=1)


def is_floating(samples: np.ndarray) -> bool:
    """Whether they are floating-point numbers, NumPy's or of a type that a library added (bfloat16)."""
    return samples.dtype.kind == "f" or samples.dtype.name.startswith(("bfloat", "float"))


def as_float32(samples: np.ndarray) -> np.ndarray:
    """The same as float32, itself if it is that. What is too large becomes infinity without a word."""
    with np.errstate(over="ignore"):
        return samples.astype(np.float32, copy=False)
