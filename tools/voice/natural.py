"""The natural teacher's speech in the timbres that the built-in model learns.

The vocoder WORLD (Morise and others, doi 10.1587/transinf.2015EDP7457) takes speech apart into pitch, spectral envelope
and noise, and puts it together again at the timbre's pitch: one period is 240 or 120 samples from the first sample on,
in unvoiced sounds too, where everything is noise. So the decoder has one excitation to learn, always at the same
place. A man and a woman speak; a timbre is an envelope of one of them, stretched in frequency and tilted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from voice.kokoro import CANONICAL_SEX, PITCH_STEP, Said
from voice.speech import RATE, Timbre

_STEP = 5.0  # ms
VOICED = 40.0  # Hz: what the teacher has below it is noise, or a voice's last rattle
_STRETCH = {("male", False): 0.93, ("male", True): 1.04, ("female", False): 0.97, ("female", True): 1.08}
_TILT = {False: -4.0, True: 2.0}  # dB per octave above _TILT_FROM: dark, bright
_TILT_FROM, _TILT_TO = 800.0, 6400.0  # Hz
_ALL_NOISE = 1 - 1e-12  # what WORLD takes for a frame without a voice
_WINDOW = 240  # samples, 10 ms
_QUIET = 0.005  # of the loudest 10 ms: less is not heard as speech
_BEFORE, _FADE = 600, 600  # samples kept before the first sound and after the last, 25 ms
_PEAK = 0.8  # of the loudest sample, at most: louder ones are brought down


class Natural:
    """A teacher (teachers.py): Kokoro through WORLD."""

    def __init__(self, work: Path):
        """work: see kokoro.Said."""
        self._said = Said(work)
        self._parts: dict[str, tuple[str, tuple[np.ndarray, np.ndarray]]] = {}  # the last text of each sex

    def render(self, text: str, timbre: Timbre) -> np.ndarray:
        """The speech of the text (n,), float32 at 24 kHz, cut 25 ms around it; n is the same for all timbres."""
        if self._parts.get(timbre.sex, ("",))[0] != text:
            timing, pitch = self._said.say(text, CANONICAL_SEX)
            own = timing if timbre.sex == CANONICAL_SEX else self._said.say(text, timbre.sex)[0]
            self._parts[timbre.sex] = text, taken_apart(own, pitch, spoken_part(timing))
        return put_together(*self._parts[timbre.sex][1], timbre)


def spoken_part(sound: np.ndarray) -> slice:
    """From 25 ms before the first sound to 25 ms after the last."""
    steps = len(sound) // _WINDOW
    level = np.sqrt(np.square(sound[: steps * _WINDOW].reshape(steps, _WINDOW)).mean(axis=1))
    heard = np.flatnonzero(level > _QUIET * level.max())
    return slice(max(0, heard[0] * _WINDOW - _BEFORE), min(len(sound), (heard[-1] + 1) * _WINDOW + _FADE))


def taken_apart(sound: np.ndarray, pitch: np.ndarray, part: slice) -> tuple[np.ndarray, np.ndarray]:
    """Envelope (t, 513) of power and share of noise (t, 513), every 5 ms of a part of the sound (n,).

    pitch (n / 300,) in Hz as the teacher meant it: WORLD needs seven times as long to find it in the sound.
    """
    import pyworld

    sound = sound[part].astype(np.float64)
    times = np.arange(len(sound) // int(RATE * _STEP / 1000) + 1) * _STEP / 1000
    at = (times * RATE + part.start).astype(int) // PITCH_STEP
    pitch = pitch[np.minimum(at, len(pitch) - 1)].astype(np.float64)
    pitch[pitch < VOICED] = 0
    envelope = pyworld.cheaptrick(sound, pitch, times, RATE)
    noise = pyworld.d4c(sound, pitch, times, RATE)
    noise[pitch == 0] = _ALL_NOISE
    return envelope, noise


def put_together(envelope: np.ndarray, noise: np.ndarray, timbre: Timbre) -> np.ndarray:
    """Speech (n,) of these in a timbre; its end fades."""
    import pyworld

    pitch = np.full(len(envelope), timbre.pitch)
    sound = pyworld.synthesize(pitch, _coloured(envelope, timbre), noise, RATE, _STEP).astype(np.float32)
    sound *= _PEAK / max(_PEAK, np.abs(sound).max())
    sound[-_FADE:] *= np.linspace(1, 0, min(_FADE, len(sound)), dtype=np.float32)
    return sound


def _coloured(envelope: np.ndarray, timbre: Timbre) -> np.ndarray:
    """The envelope stretched in frequency and tilted, each frame as loud as before."""
    female, small, bright = (side > 0 for side in timbre.code)
    bins = np.arange(envelope.shape[1])
    at = np.minimum(bins / _STRETCH["female" if female else "male", small], bins[-1])
    below = np.minimum(at.astype(int), bins[-1] - 1)
    part = at - below
    logs = np.log(envelope)
    logs = logs[:, below] * (1 - part) + logs[:, below + 1] * part
    hertz = bins * RATE / 2 / bins[-1]
    octaves = np.log2(np.clip(hertz, _TILT_FROM, _TILT_TO) / _TILT_FROM)
    found = np.exp(logs + octaves * _TILT[bright] * np.log(10) / 10)
    return np.ascontiguousarray(found * (envelope.sum(1, keepdims=True) / found.sum(1, keepdims=True)))
