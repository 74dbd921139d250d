"""How a text is spoken by a Pocket TTS model, and what of it is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pocket_fast.models.pocket.pipeline import PocketModel, PocketUtterance, Sampling
from pocket_fast.models.pocket.prompt import Chunk, plan
from pocket_fast.models.pocket.voice import VoiceState
from pocket_fast.models.script import PlannedScript
from pocket_fast.text.pauses import Silence


class PocketScript(PlannedScript):
    """A contract.Script in the voice `state`.

    grow: the chunk's own past is added to `state`, and the next chunk continues it. limits: plan()'s rules,
    max_tokens, frames_after_eos, natural_pauses.
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
        super().__init__(seed)
        self.sequential = grow
        self._model = model
        self._tokenizer = tokenizer
        self._state = state
        self._sampling = sampling
        self._limits = limits

    def plan(self, text: str) -> Iterator[Chunk | Silence]:
        """See models.pocket.prompt.plan."""
        return plan(text, self._tokenizer, self._model.config, **self._limits)

    def begin(self, chunk: Chunk, seed: tuple[int, int] | None) -> PocketUtterance:
        """See PlannedScript."""
        return self._model.begin(chunk, self._state.prefix, self._sampling, seed)

    def finished(self, utterance: PocketUtterance) -> None:
        """Take note of an utterance that was spoken to its end."""
        if self.sequential:
            self._state.prefix = self._model.past(utterance)
        utterance.check_end()
