"""Sounds for tests that need a voice prompt but no speech."""

from __future__ import annotations

import numpy as np


def hum(seconds, pitch=180.0, rate=24000):
    """(n,) float32: a tone that gets louder and softer, as speech does."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * pitch * t) * (1.2 + np.sin(7 * t)) / 2.2).astype(np.float32)
