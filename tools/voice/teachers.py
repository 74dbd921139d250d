"""Who speaks for the trainings: espeak-ng, or a natural voice that is brought to a locked pitch."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from voice.speech import Synthesizer, Timbre

TEACHERS = ("espeak", "kokoro")


class Teacher(Protocol):
    """Says every text with the same timing in every timbre, one period being 240 or 120 samples."""

    def render(self, text: str, timbre: Timbre) -> np.ndarray:
        """The speech of the text (n,), float32 at 24 kHz, cut 25 ms after its last sound."""
        ...


def teacher(name: str, work: Path) -> Teacher:
    """One of TEACHERS; work: the folder with what the natural one said already."""
    if name == "espeak":
        return Synthesizer()
    from voice.natural import Natural

    return Natural(work)
