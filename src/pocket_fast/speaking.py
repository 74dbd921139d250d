"""What a loaded model says and to how many at once: the speaking half of TTSModel."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from pocket_fast.engine.engine import Engine, Engines, Load
from pocket_fast.errors import ConfigError, VoiceError

if TYPE_CHECKING:
    from pocket_fast.models.pocket.pipeline import PocketModel, Sampling
    from pocket_fast.models.pocket.script import Script
    from pocket_fast.models.pocket.voice import VoiceState
    from pocket_fast.text.prepare import TextRules

Marks = Callable[[int, str], None]


class Speaking:
    """Speech from a PocketModel, through the one engine that all callers share."""

    temp: float
    eos_threshold: float
    sampler_decode_steps: int
    noise_clamp: float | None

    def __init__(self, model: PocketModel, tokenizer: Any, rules: TextRules, schedule: str):
        self._model = model
        self._tokenizer = tokenizer
        self._rules = rules
        self._engines = Engines(model, schedule)

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
        A text that is still being written may come as an iterable of pieces: it is spoken sentence by sentence.
        `[pause:500ms]` and `[pause:1.5s]` are silences; natural_pauses adds some at `...` and commas.
        frames_after_eos: frames kept after end of speech was heard (None: by the model and the text).
        copy_state=False: the chunk's own past is added to model_state, and the next chunk continues it.
        seed: the same seed gives the same samples, whatever else is running; None is different every time.
        stop: set it to end within one frame; so does leaving the loop.
        live: someone listens, so this is computed a little ahead of the clock and others get their turn; False:
        as fast as can be, several chunks at a time, with the same samples. deadline: most seconds to wait for
        a place among the others (see limit). marks: told where each passage of a text in pieces begins (or the text):
        its first sample and its words, just before its first array is handed out.

        Raises TextError, ConfigError, VoiceError when the first array is asked for, BusyError if there is no place.
        """
        from pocket_fast.engine.listen import feed, listen

        script = self._script(model_state, max_tokens, frames_after_eos, copy_state, seed, natural_pauses)
        options = self._options(script, copy_state, live, deadline, marks)
        if not _in_pieces(text_to_generate):
            parts = script.whole(text_to_generate)
            speech = self._engine().submit(stop=stop, **options)
            speech.add(parts)
            speech.close()
        else:
            from pocket_fast.text.arriving import passages

            speech = self._engine().submit(stop=stop, **options)
            feed(speech, text_to_generate, passages, script.parts)
        yield from listen(speech)

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
        from pocket_fast.engine.alisten import Bell, afeed, alisten
        from pocket_fast.engine.listen import feed
        from pocket_fast.text.arriving import apassages, passages

        script = self._script(model_state, max_tokens, frames_after_eos, True, seed, natural_pauses)
        bell = Bell()
        options = self._options(script, True, live, deadline, marks) | {"notify": bell.ring}
        feeding = None
        if not _in_pieces(text_to_generate):
            parts = script.whole(text_to_generate)
            speech = self._engine().submit(**options)
            speech.add(parts)
            speech.close()
        else:
            speech = self._engine().submit(**options)
            if isinstance(text_to_generate, AsyncIterable):
                feeding = afeed(speech, text_to_generate, apassages, script.parts)
            else:
                feed(speech, text_to_generate, passages, script.parts)
        sounds = alisten(speech, bell, feeding)
        try:
            async for sound in sounds:
                yield sound
        finally:
            await sounds.aclose()

    # --- many at once --------------------------------------------------------------------------

    def limit(self, max_streams: int | None = None, max_queue: int | None = None) -> None:
        """Most texts spoken at once, and most that may wait for their turn (BusyError beyond). None: unchanged.

        Raises ConfigError for anything but whole numbers, at least 1 stream and 0 waiting.
        """
        for name, value, least in (("max_streams", max_streams, 1), ("max_queue", max_queue, 0)):
            if value is not None and (not _is_whole(value) or value < least):
                raise ConfigError(f"{name}: expected a whole number of at least {least}, got {value!r}")
        self._engine().limit(max_streams, max_queue)

    def engine_load(self) -> Load:
        """How many texts are being spoken and waiting, and the limits."""
        return self._engine().load()

    def watch(self, observer: Callable[[str, float], None]) -> None:
        """Have `observer` told of everything the engine does (see engine.Engine for the events), from its thread."""
        self._engine().observers.append(observer)

    def warm_up(self) -> None:
        """Pay now, unheard and without a voice, for what the first text would: imports, threads, scratch, the schedule.

        Computes two seconds of speech and changes no result; nothing needs it. Raises BusyError if there is no place.
        """
        from pocket_fast.engine.listen import listen
        from pocket_fast.models.pocket.script import Script
        from pocket_fast.models.pocket.voice import VoiceState

        brief = replace(self._sampling(), eos_threshold=float("-inf"))
        limits = {"rules": self._rules, "frames_after_eos": 20}
        script = Script(self._model, self._tokenizer, VoiceState(None), brief, grow=False, seed=0, **limits)
        speech = self._engine().submit(live=False)
        speech.add(script.parts("Hello."))
        speech.close()
        for _ in listen(speech):
            pass

    def close(self) -> None:
        """End all speech and the engine's threads. The model cannot speak after that."""
        self._engine().close()

    def _engine(self) -> Engine:
        return self._engines.here()

    def _script(self, model_state, max_tokens, frames_after_eos, copy_state, seed, natural_pauses) -> Script:
        from pocket_fast.models.pocket.script import Script

        if not (seed is None or (_is_whole(seed) and seed >= 0)):
            raise ConfigError(f"seed: expected a whole number of at least 0 or None, got {seed!r}")
        return Script(
            self._model,
            self._tokenizer,
            self._as_state(model_state, copy_state),
            self._sampling(),
            grow=not copy_state,
            seed=seed,
            rules=self._rules,
            max_tokens=max_tokens,
            frames_after_eos=frames_after_eos,
            natural_pauses=natural_pauses,
        )

    @staticmethod
    def _options(
        script: Script, copy_state: bool, live: bool, deadline: float | None, marks: Marks | None
    ) -> dict[str, Any]:
        if not (deadline is None or (_is_number(deadline) and deadline >= 0)):
            raise ConfigError(
                f"deadline: expected a number of seconds of at least 0 or None, got {deadline!r}"
            )

        def began(begin: Any, samples: int) -> None:
            text = script.passages.pop(begin, None)
            if marks is not None and text is not None:
                marks(samples, text)

        return {
            "began": began,
            "live": live,
            "sequential": not copy_state,
            "finished": script.finished,
            "deadline": None if deadline is None else time.monotonic() + deadline,
        }

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

    def _sampling(self) -> Sampling:
        from pocket_fast.models.pocket.pipeline import Sampling

        def check(ok: bool, name: str, expected: str) -> None:
            if not ok:
                raise ConfigError(f"{name}: expected {expected}, got {getattr(self, name)!r}")

        check(_is_number(self.temp) and self.temp >= 0, "temp", "a number of at least 0")
        never_or_always = self.eos_threshold in (float("inf"), float("-inf"))
        check(never_or_always or _is_number(self.eos_threshold), "eos_threshold", "a number")
        steps = self.sampler_decode_steps
        check(_is_whole(steps) and steps >= 1, "sampler_decode_steps", "a whole number of at least 1")
        clamp = self.noise_clamp
        check(clamp is None or (_is_number(clamp) and clamp > 0), "noise_clamp", "a number above 0 or None")
        return Sampling(float(self.temp), float(self.eos_threshold), steps, clamp)


def _in_pieces(text: object) -> bool:
    return isinstance(text, (Iterable, AsyncIterable)) and not isinstance(text, (str, bytes))


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and bool(np.isfinite(value))


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
