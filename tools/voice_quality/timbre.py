"""Whose voice it is, by simple statistics: the spectrum of voiced sound, how much it moves, and the pitch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from voice_quality.features import log_mel, pitch

_LEAST_SPREAD = 0.05  # nepers or octaves: locked voices vary less than what is worth telling apart


def statistics(sound: np.ndarray) -> np.ndarray:
    """(81,): over voiced frames mean and standard deviation of the log mel spectrum without its level, and log2 Hz."""
    spectrum, hertz = log_mel(sound), pitch(sound)
    voiced = hertz[: len(spectrum)] > 0
    if not voiced.any():
        voiced, hertz = np.ones(len(spectrum), dtype=bool), np.ones(len(spectrum))
    shape = spectrum[voiced]
    shape = shape - shape.mean(axis=1, keepdims=True)
    return np.concatenate(
        [shape.mean(axis=0), shape.std(axis=0), [np.log2(np.median(hertz[: len(voiced)][voiced]))]]
    )


class Timbres:
    """What the timbres sound like; sounds are told by the nearest of them."""

    def __init__(self, examples: Mapping[str, Sequence[np.ndarray]]):
        """examples: name -> sounds of it."""
        self.names = list(examples)
        found = {name: np.array([statistics(sound) for sound in sounds]) for name, sounds in examples.items()}
        self._centres = np.array([rows.mean(axis=0) for rows in found.values()])
        variance = np.mean([rows.var(axis=0) for rows in found.values()], axis=0)
        self._spread = np.sqrt(variance).clip(_LEAST_SPREAD)

    def nearest(self, sound: np.ndarray) -> str:
        """The name whose examples are like this sound."""
        apart = (self._centres - statistics(sound)) / self._spread
        return self.names[int((apart**2).sum(axis=1).argmin())]
