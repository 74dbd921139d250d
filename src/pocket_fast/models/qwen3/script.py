"""How a text is spoken by a Qwen3-TTS model, chunk by chunk in one voice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from pocket_fast.models.qwen3.chunks import MOST_CHARACTERS, most_frames, split_text
from pocket_fast.models.qwen3.pipeline import Chunk, Qwen3Model, Qwen3Utterance, Sampling
from pocket_fast.models.qwen3.prompt import plan_prompt
from pocket_fast.models.qwen3.texts import Texts
from pocket_fast.models.qwen3.voice import Voice
from pocket_fast.models.script import PlannedScript
from pocket_fast.text.pauses import Silence, cut_at_pauses


class Qwen3Script(PlannedScript):
    """A contract.Script. language, speaker, description: as ids; whole: all of a chunk's text comes before its sound.

    max_frames, max_characters: of a chunk, None: by its text, and the usual number. begun: utterances so far.
    complains: whether the log hears of speech that did not end.
    """

    def __init__(
        self,
        model: Qwen3Model,
        texts: Texts,
        voice: Voice,
        sampling: Sampling,
        *,
        seed: int | None,
        natural_pauses: bool,
        language: int | None,
        speaker: int | None,
        description: tuple[int, ...],
        whole: bool,
        max_frames: int | None,
        max_characters: int | None,
        complains: bool = True,
    ):
        super().__init__(seed)
        self._complains = complains
        self.sampling = sampling
        self.begun = 0
        self._model = model
        self._texts = texts
        self._voice = voice
        self._natural_pauses = natural_pauses
        self._asked: Mapping[str, Any] = {
            "language": language,
            "speaker": speaker,
            "description": description,
            "whole": whole,
        }
        self._words: tuple[int, ...] = ()
        if voice.item is not None and voice.reference is not None:
            self._words = texts.words(voice.item.ref_text or "")
        self._max_frames = max_frames
        self._max_characters = MOST_CHARACTERS if max_characters is None else max_characters

    def plan(self, text: str) -> Iterator[Chunk | Silence]:
        """See PlannedScript."""
        pieces = cut_at_pauses(text, self._natural_pauses, self._model.sample_rate)
        parts = [
            [piece] if isinstance(piece, Silence) else split_text(piece.text, self._max_characters)
            for piece in pieces
        ]  # of the whole text, before the first is spoken: any of them may be one that cannot be
        for part in chain.from_iterable(parts):
            yield part if isinstance(part, Silence) else self._chunk(part)

    def begin(self, chunk: Chunk, seed: tuple[int, int] | None) -> Qwen3Utterance:
        """See PlannedScript."""
        self.begun += 1
        return self._model.begin(chunk, self._voice, self.sampling, seed)

    def finished(self, utterance: Qwen3Utterance) -> None:
        """See contract.Script."""
        if self._complains:
            utterance.check_end()

    def _chunk(self, text: str) -> Chunk:
        plan = plan_prompt(
            self._model.config,
            self._texts.speech(text),
            x_vector=self._voice.item is not None,
            words=self._words,
            frames=self._voice.length,
            **self._asked,
        )
        return Chunk(text, plan, most_frames(text) if self._max_frames is None else self._max_frames)
