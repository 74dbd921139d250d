"""Sounds for tests that need a voice prompt but no speech, and files of them."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from pocket_fast.audio.read import read_audio


def hum(seconds, pitch=180.0, rate=24000):
    """(n,) float32: a tone that gets louder and softer, as speech does."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * pitch * t) * (1.2 + np.sin(7 * t)) / 2.2).astype(np.float32)


def encoded(samples, rate=24000, container="WAV", subtype="PCM_16", **how):
    """The bytes of a sound file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=subtype, **how)
    return file.getvalue()


def seconds_of(data, folder, name="recording"):
    """What read_audio gives of these bytes, in seconds."""
    path = folder / name
    path.write_bytes(data)
    samples, rate = read_audio(path)
    return len(samples) / rate
