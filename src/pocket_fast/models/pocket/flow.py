"""The noise that the flow head starts from."""

from __future__ import annotations

import math

import numpy as np


class NoiseSource:
    """Normal noise of standard deviation sqrt(temperature), from its own generator.

    seed: what numpy's SeedSequence takes; the same seed gives the same noise whatever else runs.
    noise_clamp c: the normal distribution truncated to [-c, c] (drawn by inversion, not clipped).
    """

    def __init__(
        self, seed: int | tuple[int, ...] | None, temperature: float, noise_clamp: float | None = None
    ):
        self._random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
        self._deviation = math.sqrt(temperature)
        self._clamp = noise_clamp

    def draw(self, out: np.ndarray) -> None:
        """Fill out (n,) float32."""
        if self._deviation == 0:
            out[:] = 0
        elif self._clamp is None:
            self._random.standard_normal(out=out, dtype=np.float32)
            out *= np.float32(self._deviation)
        else:
            from scipy.special import ndtr, ndtri

            edge = self._clamp / self._deviation
            low = ndtr(-edge)
            values = ndtri(low + (1 - 2 * low) * self._random.random(len(out)))
            out[:] = np.clip(values * self._deviation, -self._clamp, self._clamp)
