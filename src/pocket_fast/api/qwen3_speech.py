"""The speaking half of Qwen3TTSModel: generate_custom_voice and its kind, with the arguments of qwen-tts 0.1.1."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pocket_fast.api.arguments import check_name
from pocket_fast.api.speaking import Speaking
from pocket_fast.errors import ConfigError, VoiceError
from pocket_fast.models.qwen3.choices import check_kind, instruction
from pocket_fast.models.qwen3.settings import SETTINGS
from pocket_fast.models.settings import check_settings

if TYPE_CHECKING:
    from pocket_fast.engine.speech import Speech
    from pocket_fast.models.qwen3.config import ModelConfig
    from pocket_fast.models.qwen3.pipeline import Qwen3Model
    from pocket_fast.models.qwen3.script import Qwen3Script
    from pocket_fast.models.qwen3.voice import Voice, VoiceClonePromptItem

_AT_ONCE = 64  # texts of one list that are given to the engine before the first of them is done
_OURS = ("seed", "stop", "natural_pauses")  # keyword arguments of generate_* that are no settings


class _Job(NamedTuple):
    text: str
    voice: Voice
    settings: dict[str, Any]


class Qwen3Speaking(Speaking):
    """Speech from a Qwen3Model."""

    settings = SETTINGS
    config: ModelConfig
    samples_per_frame: int
    _model: Qwen3Model

    def generate_custom_voice(
        self,
        text: str | list[str],
        speaker: str | list[str],
        language: str | list[str] | None = None,
        instruct: str | list[str] | None = None,
        non_streaming_mode: bool = True,
        **kwargs: Any,
    ) -> tuple[list[np.ndarray], int]:
        """Texts in the voice of a speaker that the model was trained with: ([(n,) float32, ...], sample rate).

        text and all that may be lists: one each, or one for all. speaker: see get_supported_speakers; language:
        None or "auto", or see get_supported_languages; instruct: how to speak (models of 0.6B do not hear it).
        kwargs: do_sample, top_k, top_p, temperature, repetition_penalty, subtalker_dosample, subtalker_top_k,
        subtalker_top_p, subtalker_temperature, max_new_tokens, with the model's own defaults; max_characters and
        decode_in_blocks (see settings); seed, stop, natural_pauses as for speak().

        Raises ConfigError (another kind of model, lists of different lengths, settings), VoiceError (unknown speaker),
        TextError.
        """
        check_kind(self.config, "custom_voice")
        texts = _listed(text)
        speakers, languages, instructs = for_each(
            len(texts), {"speaker": speaker, "language": language, "instruct": instruct}
        )
        for given in instructs:
            check_name("instruct", given)
        voices = [self.find_voice(name) for name in speakers]
        heard = [instruction(self.config, instruct) for instruct in instructs]
        rows = zip(texts, voices, languages, heard, strict=True)
        settings = {"non_streaming_mode": non_streaming_mode}
        return self._generate(
            [
                _Job(t, v, {**settings, "language": n, **({"instruct": i} if i else {})})
                for t, v, n, i in rows
            ],
            kwargs,
        )

    def generate_voice_design(
        self,
        text: str | list[str],
        instruct: str | list[str],
        language: str | list[str] | None = None,
        non_streaming_mode: bool = True,
        **kwargs: Any,
    ) -> tuple[list[np.ndarray], int]:
        """Texts in a voice that is described in words; an empty description leaves it to the model.

        Everything else as for generate_custom_voice.
        """
        check_kind(self.config, "voice_design")
        texts = _listed(text)
        instructs, languages = for_each(len(texts), {"instruct": instruct, "language": language})
        for given in instructs:
            check_name("instruct", given)
        voice = self._as_voice(None)
        rows = zip(texts, languages, instructs, strict=True)
        settings = {"non_streaming_mode": non_streaming_mode}
        return self._generate(
            [_Job(t, voice, {**settings, "language": n, "instruct": i}) for t, n, i in rows], kwargs
        )

    def generate_voice_clone(
        self,
        text: str | list[str],
        language: str | list[str] | None = None,
        ref_audio: Any = None,
        ref_text: str | list[str | None] | None = None,
        x_vector_only_mode: bool | list[bool] = False,
        voice_clone_prompt: Mapping[str, Any] | list[VoiceClonePromptItem] | None = None,
        non_streaming_mode: bool = False,
        **kwargs: Any,
    ) -> tuple[list[np.ndarray], int]:
        """Texts in the voice of a recording: of ref_audio with the words ref_text, or of voice_clone_prompt.

        ref_audio, ref_text, x_vector_only_mode: see create_voice_clone_prompt, which gives voice_clone_prompt; that
        may also be a dict of lists of the items' fields. Everything else as for generate_custom_voice.
        """
        check_kind(self.config, "base")
        texts = _listed(text)
        (languages,) = for_each(len(texts), {"language": language})
        if voice_clone_prompt is None:
            if ref_audio is None:
                raise ConfigError("give ref_audio, a recording, or voice_clone_prompt, what was made of one")
            voice_clone_prompt = self.create_voice_clone_prompt(ref_audio, ref_text, x_vector_only_mode)
        voices = [self._as_voice(item) for item in _items(voice_clone_prompt)]
        (voices,) = for_each(len(texts), {"voice_clone_prompt": voices})
        rows = zip(texts, voices, languages, strict=True)
        settings = {"non_streaming_mode": non_streaming_mode}
        return self._generate([_Job(t, v, {**settings, "language": n}) for t, v, n in rows], kwargs, cut=True)

    def stream(self, text: str | Iterable[str], *, voice: Any = None, **how: Any) -> Iterator[np.ndarray]:
        """speak() with its settings as keyword arguments: (1920,) float32 arrays, one per 80 ms frame, as made.

        voice: what find_voice or create_voice_clone_prompt gave, a speaker's name, or None for a described voice.
        how: settings (language, instruct, temperature, ...) and seed, stop, natural_pauses, live, deadline, marks.
        """
        settings, options = _apart(how, (*_OURS, "live", "deadline", "marks"))
        return self.speak(self._as_voice(voice), text, settings, **options)

    def astream(
        self, text: str | Iterable[str] | AsyncIterable[str], *, voice: Any = None, **how: Any
    ) -> AsyncIterator[np.ndarray]:
        """stream() for event loops: `async for chunk in model.astream(...)`; leaving it ends the computing."""
        settings, options = _apart(how, ("seed", "natural_pauses", "live", "deadline", "marks"))
        return self.aspeak(self._as_voice(voice), text, settings, **options)

    @abstractmethod
    def create_voice_clone_prompt(self, ref_audio, ref_text=None, x_vector_only_mode=False):
        """See Qwen3TTSModel."""

    @abstractmethod
    def _as_voice(self, voice: Any) -> Voice:
        """A Voice that fits this model, from anything that stands for one. Raises VoiceError."""

    def _generate(
        self, jobs: Sequence[_Job], kwargs: dict[str, Any], cut: bool = False
    ) -> tuple[list[np.ndarray], int]:
        """Speak them together. cut: with the sample that qwen-tts leaves of a recording, where it does."""
        settings, options = _apart(kwargs, _OURS)
        stop = options.pop("stop", None)
        common = check_settings(settings, self.settings)
        scripts = [
            self._checked_script(
                job.voice,
                {**common, **job.settings},
                options.get("seed"),
                options.get("natural_pauses", False),
            )
            for job in jobs
        ]
        waves: list[np.ndarray] = []
        speaking: deque[Speech] = deque()
        try:
            for job, script in zip(jobs, scripts, strict=True):
                if len(speaking) == _AT_ONCE:
                    waves.append(_all_of(speaking.popleft()))
                speaking.append(self._begun(script, job.text, stop, False, None, None))
            while speaking:
                waves.append(_all_of(speaking.popleft()))
        finally:
            for speech in speaking:
                speech.cancel()
        if cut:
            rows = zip(waves, scripts, jobs, strict=True)
            waves = [_as_cut(wave, script, job.voice, self._model) for wave, script, job in rows]
        return waves, self.sample_rate


def _listed(text: str | list[str]) -> list[str]:
    texts = text if isinstance(text, list) else [text]
    if not texts:
        raise ConfigError("no texts: expected one, or a list of at least one")
    return texts


def for_each(count: int, given: Mapping[str, Any]) -> list[list[Any]]:
    """Of each of the given, a list of `count`: a single one, or a list of one, is for all of them."""
    lists = []
    for name, value in given.items():
        values = list(value) if isinstance(value, list) else [value]
        if len(values) == 1:
            values *= count
        if len(values) != count:
            raise ConfigError(f"{name}: {len(values)} for {count} texts; give one for each, or one for all")
        lists.append(values)
    return lists


def _items(prompt: Mapping[str, Any] | list[VoiceClonePromptItem]) -> list[Any]:
    """The items of a prompt, which may also be a dict of lists of their fields."""
    from pocket_fast.models.qwen3.voice import VoiceClonePromptItem

    if not isinstance(prompt, Mapping):
        return list(prompt) if isinstance(prompt, (list, tuple)) else [prompt]
    try:
        count = len(prompt["ref_spk_embedding"])
        columns = [
            prompt.get(name) or [None] * count
            for name in ("ref_code", "ref_spk_embedding", "x_vector_only_mode", "icl_mode", "ref_text")
        ]
        return [VoiceClonePromptItem(*row) for row in zip(*columns, strict=True)]
    except (KeyError, TypeError, ValueError) as error:
        raise VoiceError(
            "voice_clone_prompt: expected what create_voice_clone_prompt returns, or a dict of lists of equal lengths "
            f"of its fields ({error})"
        ) from None


def _apart(given: Mapping[str, Any], options: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(settings, options) of keyword arguments."""
    return (
        {name: value for name, value in given.items() if name not in options},
        {name: value for name, value in given.items() if name in options},
    )


def _all_of(speech: Speech) -> np.ndarray:
    from pocket_fast.engine.listen import listen

    sounds = list(listen(speech))
    return np.concatenate(sounds) if sounds else np.zeros(0, dtype=np.float32)


def _as_cut(wave: np.ndarray, script: Qwen3Script, voice: Voice, model: Qwen3Model) -> np.ndarray:
    """The wave as qwen-tts cuts it out of recording and speech: by a quotient, whose rounding may leave one sample."""
    if voice.reference is None or script.begun != 1:
        return wave
    before, frame = len(voice.reference.codes), model.samples_per_frame
    frames = before + len(wave) // frame
    if int(before / frames * (frames * frame)) == before * frame:
        return wave
    return np.concatenate([voice.reference.last_sample(model, script.sampling.in_blocks), wave])
