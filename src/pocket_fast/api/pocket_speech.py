"""The speaking half of TTSModel: generate_audio and its kind, with the arguments of pocket-tts 4.x."""

from __future__ import annotations

import math
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pocket_fast.api.arguments import check_flag
from pocket_fast.api.speaking import NO_SETTINGS, Marks, Speaking
from pocket_fast.errors import VoiceError
from pocket_fast.models.pocket.settings import SETTINGS
from pocket_fast.models.settings import is_real

if TYPE_CHECKING:
    from pocket_fast.models.contract import Trial
    from pocket_fast.models.pocket.pipeline import PocketModel, Sampling
    from pocket_fast.models.pocket.script import PocketScript
    from pocket_fast.models.pocket.voice import VoiceState
    from pocket_fast.text.prepare import TextRules


_BY_NAME = {setting.name: setting for setting in SETTINGS}


class PocketSpeaking(Speaking):
    """Speech from a PocketModel. The attributes hold for all that a call does not set."""

    settings = SETTINGS
    temp: float
    eos_threshold: float
    sampler_decode_steps: int
    noise_clamp: float | None
    stages: Any
    _model: PocketModel

    def __init__(self, model: PocketModel, tokenizer: Any, rules: TextRules, schedule: str):
        super().__init__(model, schedule)
        self._tokenizer = tokenizer
        self._rules = rules

    def generate_audio(
        self,
        model_state: Mapping[str, Any],
        text_to_generate: str,
        max_tokens: int | None = None,
        frames_after_eos: int | None = None,
        copy_state: bool = True,
        *,
        seed: int | None = None,
        stop: threading.Event | None = None,
        natural_pauses: bool = False,
    ) -> np.ndarray:
        """All of generate_audio_stream at once: (samples,) float32."""
        frames = list(
            self.generate_audio_stream(
                model_state,
                text_to_generate,
                max_tokens,
                frames_after_eos,
                copy_state,
                stop,
                seed=seed,
                natural_pauses=natural_pauses,
                live=False,
            )
        )
        return np.concatenate(frames) if frames else np.zeros(0, dtype=np.float32)

    def generate_audio_stream(
        self,
        model_state: Mapping[str, Any],
        text_to_generate: str | Iterable[str],
        max_tokens: int | None = None,
        frames_after_eos: int | None = None,
        copy_state: bool = True,
        stop: threading.Event | None = None,
        *,
        seed: int | None = None,
        natural_pauses: bool = False,
        live: bool = True,
        deadline: float | None = None,
        marks: Marks | None = None,
    ) -> Iterator[np.ndarray]:
        """Speak a text: (samples,) float32 arrays in [-1, 1] or a little beyond, one per 80 ms frame, as made.

        Long text is spoken in chunks of at most max_tokens tokens where sentences or commas allow it (None: 50, and
        130 with the built-in model).
        frames_after_eos: frames kept after end of speech was heard (None: by the model and the text).
        copy_state=False: the chunk's own past is added to model_state, and the next chunk continues it.
        Everything else, and what it raises, as for speak().
        """
        limits = {"max_tokens": max_tokens, "frames_after_eos": frames_after_eos}
        script = self._checked_script(
            model_state, limits, seed, natural_pauses, copy_state=check_flag("copy_state", copy_state)
        )
        yield from self._spoken(script, text_to_generate, stop, live, deadline, marks)

    async def astream(
        self,
        model_state: Mapping[str, Any],
        text_to_generate: str | Iterable[str] | AsyncIterable[str],
        max_tokens: int | None = None,
        frames_after_eos: int | None = None,
        *,
        seed: int | None = None,
        natural_pauses: bool = False,
        live: bool = True,
        deadline: float | None = None,
        marks: Marks | None = None,
    ) -> AsyncIterator[np.ndarray]:
        """generate_audio_stream for event loops: `async for chunk in model.astream(...)`; never blocks the loop.

        The text may also come as an async iterable of pieces. aclose() or a cancelled task ends it within a frame.
        """
        limits = {"max_tokens": max_tokens, "frames_after_eos": frames_after_eos}
        script = self._checked_script(model_state, limits, seed, natural_pauses)
        sounds = self._aspoken(script, text_to_generate, live, deadline, marks)
        try:
            async for sound in sounds:
                yield sound
        finally:
            await sounds.aclose()

    def count_tokens(self, text: str) -> int:
        """See Speaking."""
        from pocket_fast.text.prepare import check_text

        return len(self._tokenizer.encode(check_text(text)))

    def trials(self, voice: Mapping[str, Any]) -> Sequence[Trial]:
        """See Speaking."""
        from pocket_fast.models.pocket.trials import trials

        return trials(self, self._as_state(voice, True))

    def _script(
        self,
        voice: Mapping[str, Any],
        settings: Mapping[str, Any],
        *,
        seed: int | None,
        natural_pauses: bool,
        copy_state: bool = True,
    ) -> PocketScript:
        """See Speaking. The attributes hold for what the settings leave out."""
        from pocket_fast.models.pocket.script import PocketScript

        return PocketScript(
            self._model,
            self._tokenizer,
            self._as_state(voice, copy_state),
            self._sampling(settings),
            grow=not copy_state,
            seed=seed,
            rules=self._rules,
            max_tokens=settings.get("max_tokens"),
            frames_after_eos=settings.get("frames_after_eos"),
            natural_pauses=natural_pauses,
        )

    def _warming(self) -> tuple[PocketScript, str]:
        """See Speaking."""
        from pocket_fast.models.pocket.script import PocketScript
        from pocket_fast.models.pocket.voice import VoiceState

        brief = replace(self._sampling(), eos_threshold=float("-inf"))
        limits = {"rules": self._rules, "frames_after_eos": 20}
        script = PocketScript(
            self._model, self._tokenizer, VoiceState(None), brief, grow=False, seed=0, **limits
        )
        return script, "Hello."

    def _as_state(self, model_state: Mapping[str, Any], copy_state: bool) -> VoiceState:
        from pocket_fast.models.pocket.voice import VoiceState, state_from_mapping

        backbone = self.stages.backbone
        if isinstance(model_state, VoiceState) and backbone.owns(model_state.prefix):
            return VoiceState(model_state.prefix) if copy_state else model_state
        if not isinstance(model_state, Mapping):
            raise VoiceError(
                f"model_state: expected what get_state_for_audio_prompt returns, got {type(model_state).__name__}"
            )
        if not copy_state:
            raise VoiceError(
                "copy_state=False needs a state from this model's get_state_for_audio_prompt, not a plain mapping "
                "or another model's state"
            )
        return state_from_mapping(model_state, backbone, "model_state")

    def _sampling(self, settings: Mapping[str, Any] = NO_SETTINGS) -> Sampling:
        """From the settings, which were checked, and for what they leave out from the attributes, checked here."""
        return sampling_of(
            settings.get("temperature", self.temp),
            settings.get("eos_threshold", self.eos_threshold),
            settings.get("steps", self.sampler_decode_steps),
            settings.get("noise_clamp", self.noise_clamp),
        )


def sampling_of(temp: Any, eos_threshold: Any, sampler_decode_steps: Any, noise_clamp: Any) -> Sampling:
    """How latents are drawn, by the names that load_model has. Raises ConfigError for values that cannot be."""
    from pocket_fast.models.pocket.pipeline import Sampling

    def check(setting: str, name: str, value: Any) -> Any:
        return replace(_BY_NAME[setting], name=name).check(value)

    never_or_always = is_real(eos_threshold) and abs(eos_threshold) == math.inf
    return Sampling(
        check("temperature", "temp", temp),
        float(eos_threshold) if never_or_always else check("eos_threshold", "eos_threshold", eos_threshold),
        check("steps", "sampler_decode_steps", sampler_decode_steps),
        None if noise_clamp is None else check("noise_clamp", "noise_clamp", noise_clamp),
    )
