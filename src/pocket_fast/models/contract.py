"""What the engine needs of a model family. It knows nothing else about any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Utterance(Protocol):
    """One chunk of text being spoken: its streams, its noise, how far it is."""

    @property
    def prompt_left(self) -> int:
        """Rows of its prompt that the model has not taken in yet. While there are any, it cannot be predicted."""
        ...

    @property
    def done(self) -> bool:
        """No more frames will come."""
        ...


class Frame(Protocol):
    """One frame of an utterance, drawn but not yet sound."""

    utterance: Utterance


class SpeechModel(Protocol):
    """A family's model, loaded. Calls take any number of utterances, each at its own point.

    What an utterance says does not depend on the others, on how its prompt was cut, or on `threads` (the most
    a call may use; 0: all of the model's). predict() and decode() may run at the same time, also for the same
    utterance, as long as the frames of an utterance are decoded in order.
    """

    sample_rate: int
    samples_per_frame: int
    threads: int

    def thread_limit(self) -> int:
        """Most threads for what the calling thread is about to ask for; 0: all of the model's."""
        ...

    def prompt(self, utterances: Sequence[Utterance], rows: int, threads: int = 0) -> None:
        """Take in at most `rows` rows of these prompts, the first utterance's first."""
        ...

    def predict(self, utterances: Sequence[Utterance], threads: int = 0) -> Sequence[Frame]:
        """Draw the next frame of each; none for those whose speech ended instead. None of them may be done."""
        ...

    def decode(self, frames: Sequence[Frame], threads: int = 0) -> list[np.ndarray]:
        """The sound of frames of different utterances, (samples_per_frame,) float32 each; do what you want with it."""
        ...
