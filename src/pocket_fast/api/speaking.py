"""What loaded models of all families can do: speak, stream, and share one engine among all callers."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pocket_fast.api.arguments import (
    check_event,
    check_flag,
    check_function,
    check_mapping,
    check_seconds,
    check_whole,
)
from pocket_fast.engine.engine import Engine, Engines, Load
from pocket_fast.engine.speech import Speech
from pocket_fast.models.contract import Script, SpeechModel, Trial
from pocket_fast.models.settings import Setting, check_settings

if TYPE_CHECKING:
    from pocket_fast.models.voice_cache import VoiceCache

Marks = Callable[[int, str], None]
Text = str | Iterable[str]
Own = TypeVar("Own", bound="Speaking")
Samples = tuple[np.ndarray, int]  # (n,) float32, and their rate in Hz
NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})


class Speaking(ABC):
    """A loaded model. A family's class says what it is, finds its voices and writes its scripts.

    settings: what may be asked of a text's speech. takes_words: whether a voice may come with what its recording says.
    voice_cache: voices already made; bounds their memory, may keep them in a folder.
    """

    settings: tuple[Setting, ...] = ()
    takes_words = False
    voice_cache: VoiceCache
    device: str
    _model: SpeechModel
    _again: Callable[..., Any]  # loads the same model; device: where

    def __init__(self, model: SpeechModel, schedule: str):
        self._model = model
        self._engines = Engines(model, schedule)

    def to(self: Own, device: Any) -> Own:
        """Move it to "cpu", "cuda" or "cuda:1", and return it: it is loaded there, and leaves where it was.

        What it was saying is ended; voices can be used on. Raises UnsupportedError for a device that is not there, and
        what loading raises; then nothing has changed.
        """
        from pocket_fast.api.machine import machine_for

        name = machine_for(device, "auto", None).device
        if name != self.device:
            moved = self._again(device=name)
            self.close()
            moved.voice_cache.max_bytes = self.voice_cache.max_bytes
            moved.voice_cache.max_voices, moved.voice_cache.folder = (
                self.voice_cache.max_voices,
                self.voice_cache.folder,
            )
            for part in ("_engines", "_model", "stages", "device", "voice_cache"):
                setattr(self, part, getattr(moved, part))
        return self

    # --- what it is ----------------------------------------------------------------------------

    @property
    @abstractmethod
    def name(self) -> str:
        """The released model that this is, or "custom"."""

    @property
    @abstractmethod
    def sample_rate(self) -> int:
        """Samples per second of everything generated."""

    @property
    @abstractmethod
    def compute_type(self) -> str:
        """The compute type in use."""

    @property
    @abstractmethod
    def clones(self) -> bool:
        """Whether recordings can be voices."""

    @property
    @abstractmethod
    def voice_names(self) -> tuple[str, ...]:
        """The voices that it has by name."""

    @property
    @abstractmethod
    def voice_aliases(self) -> Mapping[str, str]:
        """Which of them stand for the names of OpenAI's voices."""

    @property
    @abstractmethod
    def default_voice(self) -> str | None:
        """Who speaks when no voice is given, as find_voice takes it; None: the model needs no voice."""

    @property
    @abstractmethod
    def default_text(self) -> str:
        """What is said when no text is given."""

    @abstractmethod
    def find_voice(
        self,
        source: str | Path | np.ndarray | Samples,
        *,
        words: str | None = None,
        truncate: bool = False,
        most_seconds: float | None = None,
        stop: threading.Event | None = None,
    ) -> Any:
        """A voice, ready to speak with any number of times. It is made beside speech, which goes on.

        source: a name; a path or URL of a recording or of an exported voice; or samples (n,), floating point at
        sample_rate, or (samples, their rate). words: what the recording says. truncate: use the first 30 seconds of a
        recording in a file. most_seconds: longer recordings are refused, and exported voices that were made of them;
        None: by what the family takes at most. stop: set it to give up.
        Raises VoiceError, AudioError, NotFoundError, DownloadError, StoppedError.
        """

    @abstractmethod
    def export_voice(self, voice: Any, path: Path) -> str:
        """Write a voice as .safetensors, which find_voice reads; returns what is in it, in words. Raises VoiceError."""

    @abstractmethod
    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""

    @abstractmethod
    def _script(
        self, voice: Any, settings: Mapping[str, Any], *, seed: int | None, natural_pauses: bool
    ) -> Script:
        """How texts are spoken in a voice that find_voice gave (None: in none). settings: checked."""

    @abstractmethod
    def _warming(self) -> tuple[Script, str]:
        """For warm_up: a script without a voice, and a text that takes two seconds."""

    @abstractmethod
    def trials(self, voice: Any) -> Sequence[Trial]:
        """The stages of one stream that speaks with `voice`, to be timed in turn: those of a frame in their order,
        then what comes before the first."""

    # --- speaking ------------------------------------------------------------------------------

    def speak(
        self,
        voice: Any,
        text: Text,
        settings: Mapping[str, Any] = NO_SETTINGS,
        *,
        seed: int | None = None,
        stop: threading.Event | None = None,
        natural_pauses: bool = False,
        live: bool = True,
        deadline: float | None = None,
        marks: Marks | None = None,
    ) -> Iterator[np.ndarray]:
        """Speak a text: (samples,) float32 arrays in [-1, 1] or a little beyond, one per 80 ms frame, as made.

        voice: what find_voice gave. A text that is still being written may come as an iterable of pieces: it is
        spoken sentence by sentence; a piece that is None is none, and what its writer raises is raised here after the
        sentences that were whole before. `[pause:500ms]` and `[pause:1.5s]` are silences; natural_pauses adds some at
        `...` and commas. settings: values for some of `self.settings`, by name, for this text alone.
        seed: the same seed gives the same samples, whatever else is running; None is different every time.
        stop: set it to end within one frame; so does leaving the loop.
        live: someone listens, so this is computed a little ahead of the clock and others get their turn; False:
        as fast as can be, several chunks at a time, with the same samples. deadline: most seconds to wait, once there
        is something to say, until it is among those that are computed for (see limit). marks: told where each passage
        of a text in pieces begins (or the text): its first sample and its words, just before its first array is
        handed out.

        Raises TextError, ConfigError, VoiceError when the first array is asked for, BusyError if there is no place,
        IdleError where limit() says so.
        """
        script = self._checked_script(voice, settings, seed, natural_pauses)
        yield from self._spoken(script, text, stop, live, deadline, marks)

    async def aspeak(
        self,
        voice: Any,
        text: Text | AsyncIterable[str],
        settings: Mapping[str, Any] = NO_SETTINGS,
        *,
        seed: int | None = None,
        natural_pauses: bool = False,
        live: bool = True,
        deadline: float | None = None,
        marks: Marks | None = None,
    ) -> AsyncIterator[np.ndarray]:
        """speak() for event loops: `async for chunk in model.aspeak(...)`; never blocks the loop.

        The text may also come as an async iterable of pieces. aclose() or a cancelled task ends it within a frame.
        """
        script = self._checked_script(voice, settings, seed, natural_pauses)
        sounds = self._aspoken(script, text, live, deadline, marks)
        try:
            async for sound in sounds:
                yield sound
        finally:
            await sounds.aclose()

    def _checked_script(
        self, voice: Any, settings: Mapping[str, Any], seed: int | None, natural_pauses: bool, **how: Any
    ) -> Script:
        """_script, with what callers give checked. how: what a family's own _script takes besides."""
        check_mapping("settings", settings)
        return self._script(
            voice,
            check_settings(settings, self.settings),
            seed=check_seed(seed),
            natural_pauses=check_flag("natural_pauses", natural_pauses),
            **how,
        )

    def _spoken(
        self,
        script: Script,
        text: Text,
        stop: threading.Event | None,
        live: bool,
        deadline: float | None,
        marks: Marks | None,
    ) -> Iterator[np.ndarray]:
        from pocket_fast.engine.listen import listen

        yield from listen(self._begun(script, text, stop, live, deadline, marks))

    def _begun(
        self,
        script: Script,
        text: Text,
        stop: threading.Event | None,
        live: bool,
        deadline: float | None,
        marks: Marks | None,
    ) -> Speech:
        """The engine has it from now on; whoever listens to it, or cancels it, decides when it ends."""
        from pocket_fast.engine.listen import feed

        check_event("stop", stop)
        options = _options(script, live, deadline, marks)
        if not _in_pieces(text):
            parts = script.whole(text)
            speech = self._engine().submit(stop=stop, **options)
            speech.add(parts)
            speech.close()
        else:
            from pocket_fast.text.arriving import passages

            speech = self._engine().submit(stop=stop, **options)
            feed(speech, text, passages, script.parts)
        return speech

    async def _aspoken(
        self,
        script: Script,
        text: Text | AsyncIterable[str],
        live: bool,
        deadline: float | None,
        marks: Marks | None,
    ) -> AsyncIterator[np.ndarray]:
        from pocket_fast.engine.alisten import SHORT, Bell, afeed, alisten
        from pocket_fast.engine.listen import feed
        from pocket_fast.text.arriving import apassages, passages

        bell = Bell()
        options = _options(script, live, deadline, marks) | {"notify": bell.ring}
        feeding = None
        if isinstance(text, str) and len(text) > SHORT:
            speech = self._engine().submit(**options)
            feed(speech, [text], iter, script.parts)  # as a whole, but not in the loop
        elif not _in_pieces(text):
            parts = script.whole(text)
            speech = self._engine().submit(**options)
            speech.add(parts)
            speech.close()
        else:
            speech = self._engine().submit(**options)
            if isinstance(text, AsyncIterable):
                feeding = afeed(speech, text, apassages, script.parts)
            else:
                feed(speech, text, passages, script.parts)
        sounds = alisten(speech, bell, feeding)
        try:
            async for sound in sounds:
                yield sound
        finally:
            await sounds.aclose()

    # --- many at once --------------------------------------------------------------------------

    def limit(
        self,
        max_streams: int | None = None,
        max_queue: int | None = None,
        idle_seconds: float | None = None,
        idle_bytes: int | None = None,
    ) -> None:
        """Limits of all texts together. None: unchanged.

        max_streams: most that are computed for at once (64), and max_queue: most that may wait for that (256; BusyError
        beyond). Who waits for more text, or has seconds of sound that nobody takes, is not computed for and goes on in
        turn. idle_seconds: after so long without either, such a text is ended with IdleError (math.inf, the default:
        never). idle_bytes: memory that they may keep in all (1 GiB): beyond it the one that was idle for longest is
        ended, or, with idle_seconds math.inf, others have to wait.
        Raises ConfigError for anything but whole numbers (at least 1 stream, 0 waiting, 0 bytes) and seconds.
        """
        max_streams = check_whole("max_streams", max_streams, 1)
        max_queue = check_whole("max_queue", max_queue, 0)
        if not (isinstance(idle_seconds, float) and idle_seconds == math.inf):
            idle_seconds = check_seconds("idle_seconds", idle_seconds)
        idle_bytes = check_whole("idle_bytes", idle_bytes, 0)
        self._engine().limit(max_streams, max_queue, idle_seconds, idle_bytes)

    def engine_load(self) -> Load:
        """How many texts are computed for, wait and rest, and the limits."""
        return self._engine().load()

    def watch(self, observer: Callable[[str, float], None]) -> None:
        """Have `observer` told of everything the engine does (see engine.Engine for the events), from its thread."""
        check_function("observer", observer)
        self._engine().observers.append(observer)

    def warm_up(self) -> None:
        """Pay now, unheard and without a voice, for what the first text would: imports, threads, scratch, the schedule.

        Computes two seconds of speech and changes no result; nothing needs it. Raises BusyError if there is no place.
        """
        from pocket_fast.engine.listen import listen

        self._model.prepare(self.engine_load().max_streams)
        script, text = self._warming()
        speech = self._engine().submit(live=False)
        speech.add(script.whole(text))
        speech.close()
        for _ in listen(speech):
            pass

    def close(self) -> None:
        """End all speech and the engine's threads. The model cannot speak after that."""
        self._engine().close()

    def _engine(self) -> Engine:
        return self._engines.here()


def check_seed(seed: int | None) -> int | None:
    """The seed. Raises ConfigError for what is none."""
    return check_whole("seed", seed, 0)


def _options(script: Script, live: bool, deadline: float | None, marks: Marks | None) -> dict[str, Any]:
    deadline = check_seconds("deadline", deadline)
    check_function("marks", marks, may_miss=True)

    def began(begin: Any, samples: int) -> None:
        text = script.passages.pop(begin, None)
        if marks is not None and text is not None:
            marks(samples, text)

    return {
        "began": began,
        "live": check_flag("live", live),
        "sequential": script.sequential,
        "finished": script.finished,
        "patience": deadline,
    }


def _in_pieces(text: object) -> bool:
    return isinstance(text, (Iterable, AsyncIterable)) and not isinstance(text, (str, bytes))
