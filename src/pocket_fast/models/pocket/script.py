"""From passages of text to the parts of a speech: what to begin when, and what to remember after."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from pocket_fast.errors import TextError
from pocket_fast.models.pocket.pipeline import PocketModel, PocketUtterance, Sampling
from pocket_fast.models.pocket.prompt import Chunk, plan
from pocket_fast.models.pocket.voice import VoiceState


class Script:
    """How one text is spoken, passage by passage.

    grow: the chunk's own past is added to `state`, and the next chunk continues it. seed: None, or what makes
    chunk i draw the same noise every time. limits: plan()'s rules, max_tokens, frames_after_eos, natural_pauses.
    """

    def __init__(
        self,
        model: PocketModel,
        tokenizer: Any,
        state: VoiceState,
        sampling: Sampling,
        *,
        grow: bool,
        seed: int | None,
        **limits: Any,
    ):
        self._model = model
        self._tokenizer = tokenizer
        self._state = state
        self._sampling = sampling
        self._grow = grow
        self._seed = seed
        self._limits = limits
        self._numbers = count()
        self.passages: dict[
            Callable[[], PocketUtterance], str
        ] = {}  # by what begins the first utterance of each

    def parts(self, text: str) -> list[Callable[[], PocketUtterance] | int]:
        """Functions that begin utterances, and numbers of silent samples. Raises as plan()."""
        planned = plan(text, self._tokenizer, self._model.config, **self._limits)
        parts = [self._begin(p) if isinstance(p, Chunk) else p.samples for p in planned]
        first = next((part for part in parts if not isinstance(part, int)), None)
        if first is not None:
            self.passages[first] = text
        return parts

    def whole(self, text: str) -> list[Callable[[], PocketUtterance] | int]:
        """parts() of a text that is all there is. Raises TextError too if they are none."""
        if not (parts := self.parts(text)):
            raise TextError("the text is blank to this model: it has no words for any of its characters")
        return parts

    def _begin(self, chunk: Chunk) -> Callable[[], PocketUtterance]:
        number = next(self._numbers)
        seed = None if self._seed is None else (self._seed, number)
        return lambda: self._model.begin(chunk, self._state.prefix, self._sampling, seed)

    def finished(self, utterance: PocketUtterance) -> None:
        """Take note of an utterance that was spoken to its end."""
        if self._grow:
            self._state.prefix = self._model.past(utterance)
        utterance.check_end()
