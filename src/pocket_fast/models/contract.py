"""What the engine needs of a model family. It knows nothing else about any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Utterance(Protocol):
    """One chunk of text being spoken: its streams, its noise, how far it is."""

    @property
    def done(self) -> bool:
        """No more frames will come."""
        ...


class SpeechModel(Protocol):
    """A family's model, loaded. Steps take any number of utterances, each at its own point."""

    sample_rate: int

    def step(self, utterances: Sequence[Utterance]) -> list[np.ndarray]:
        """One frame for each, (samples,) float32; an empty array where speech ended instead.

        An utterance's samples do not depend on the others. None of them may be done.
        """
        ...
