"""What everything else needs of a model family: the engine a SpeechModel, those who speak a Script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

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


class Script(Protocol):
    """How one text is spoken, passage by passage, in one voice and with one set of settings.

    sequential: each chunk continues what the one before it left, so that they cannot be computed together.
    passages: the text of every passage that was planned and whose sound nobody has heard yet, by the function that
    begins its first utterance.
    """

    sequential: bool
    passages: dict[Callable[[], Utterance], str]

    def parts(self, text: str) -> Sequence[Callable[[], Utterance] | int]:
        """Of a passage: functions that begin utterances, and numbers of silent samples. Raises TextError."""
        ...

    def whole(self, text: str) -> Sequence[Callable[[], Utterance] | int]:
        """parts() of a text that is all there is. Raises TextError too if they are none."""
        ...

    def finished(self, utterance: Any) -> None:
        """Take note of an utterance that was spoken to its end."""
        ...
