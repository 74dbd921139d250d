"""Qwen3TTSModel: the names and arguments of qwen-tts 0.1.1, with NumPy arrays, and sound as it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pocket_fast.api.arguments import check_flag, check_name, check_place
from pocket_fast.api.qwen3_voices import Qwen3Voices
from pocket_fast.errors import UnsupportedError, shown
from pocket_fast.models.qwen3.voice import VoiceClonePromptItem

if TYPE_CHECKING:
    from pocket_fast.models.contract import Trial
    from pocket_fast.models.qwen3.family import Qwen3Choice
    from pocket_fast.models.qwen3.script import Qwen3Script

__all__ = ["Qwen3TTSModel", "VoiceClonePromptItem", "load"]

_DTYPES = {"float32": "float32", "bfloat16": "bfloat16"}


class Qwen3TTSModel(Qwen3Voices):
    """A Qwen3-TTS model of the 12 Hz family on this machine's CPU, made by from_pretrained.

    generate_custom_voice, generate_voice_design and generate_voice_clone are those of qwen-tts; stream and astream
    give sound frame by frame. Several threads may use one model at once, and one engine speaks for all of them.
    generate_defaults: how codes are drawn where a call does not say. voice_cache bounds the memory of prepared voices.
    """

    def __init__(self, loaded: Any, stages: Any, schedule: str, progress: bool):
        """Use from_pretrained."""
        from dataclasses import asdict

        from pocket_fast.models.qwen3.pipeline import Qwen3Model
        from pocket_fast.models.qwen3.settings import settings_of
        from pocket_fast.models.voice_cache import VoiceCache, fingerprint

        super().__init__(Qwen3Model(loaded.config, stages), schedule)
        self.config = loaded.config
        self.settings = settings_of(loaded.config)
        self.stages = stages
        self.device: str = stages.device
        self.tts_model_type: str = loaded.config.tts_model_type
        self.tts_model_size: str = loaded.config.tts_model_size
        self.generate_defaults = asdict(loaded.config.generation)
        self.voice_cache = VoiceCache(model=fingerprint(loaded.config, loaded.files, stages.compute_type))
        self._texts = loaded.texts
        self._released: str | None = loaded.released
        self._progress = progress

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        device_map: Any = None,
        dtype: Any = None,
        attn_implementation: str | None = None,
        compute_type: str = "auto",
        threads: int | None = None,
        schedule: str | None = None,
        text_split: str = "qwen2",
        progress: bool = False,
    ) -> Qwen3TTSModel:
        """Load a model, downloading what is not cached.

        pretrained_model_name_or_path: a released model by its name (`pocket-fast voices` lists them) or `Qwen/...` id,
        a local folder, another id on the hub, or an hf:// URL.
        device_map: "cpu" ("auto", None), "cuda", or "cuda:1" for the second GPU: docs/gpu.md. dtype: float32, or
        bfloat16 for the compute type "bfloat16", as text or as PyTorch's. attn_implementation: taken, without effect.
        compute_type, threads, schedule, progress: as for TTSModel.load_model. text_split: "qwen2", or "mistral", how
        transformers cuts words for a local folder (see text.tokenizer.load_byte_level).

        Raises NotFoundError, ConfigError, DownloadError, WeightsError, UnsupportedError.
        """
        from pocket_fast.api.machine import machine_for
        from pocket_fast.engine.schedule import resolve_schedule
        from pocket_fast.models.qwen3.catalog import locate
        from pocket_fast.models.qwen3.loading import load
        from pocket_fast.text.tokenizer import check_split

        check_place("pretrained_model_name_or_path", pretrained_model_name_or_path)
        check_name("attn_implementation", attn_implementation)
        check_flag("progress", progress)
        check_split(text_split)
        device = "cpu" if device_map is None or str(device_map) == "auto" else device_map
        if dtype is not None and compute_type == "auto":
            compute_type = _compute_type_of(dtype)
        machine = machine_for(device, compute_type, threads)
        schedule = resolve_schedule(schedule)
        loaded = load(locate(pretrained_model_name_or_path), split=text_split, progress=progress)
        stages = machine.stages("qwen3", loaded.config, loaded.stage_weights)
        model = cls(loaded, stages, schedule, progress)
        model._again = partial(
            _load_on,
            pretrained_model_name_or_path,
            compute_type=compute_type,
            threads=threads,
            schedule=schedule,
            text_split=text_split,
        )
        return model

    def get_supported_speakers(self) -> list[str]:
        """The voices that the model was trained with, in lower case, sorted; none but for custom_voice models."""
        from pocket_fast.models.qwen3.choices import speakers

        return speakers(self.config)

    def get_supported_languages(self) -> list[str]:
        """What may be asked for as a language, in lower case, sorted."""
        from pocket_fast.models.qwen3.choices import languages

        return languages(self.config)

    # --- what all families have ----------------------------------------------------------------

    @property
    def name(self) -> str:
        """See Speaking."""
        return self._released or "custom"

    @property
    def sample_rate(self) -> int:
        """Samples per second of everything generated."""
        return self._model.sample_rate

    @property
    def samples_per_frame(self) -> int:
        """Samples of what a stream gives at a time: 80 ms."""
        return self._model.samples_per_frame

    @property
    def compute_type(self) -> str:
        """The compute type in use."""
        return self.stages.compute_type

    @property
    def clones(self) -> bool:
        """See Speaking."""
        return self.tts_model_type == "base"

    @property
    def takes_words(self) -> bool:
        """See Speaking."""
        return self.clones

    @property
    def voice_names(self) -> tuple[str, ...]:
        """See Speaking."""
        return tuple(self.get_supported_speakers())

    @property
    def voice_aliases(self) -> Mapping[str, str]:
        """See Speaking."""
        from pocket_fast.models.qwen3.voices import voice_aliases

        return voice_aliases(self.config)

    @property
    def default_voice(self) -> str | None:
        """See Speaking."""
        from pocket_fast.models.qwen3.voices import default_voice

        return default_voice(self.config)

    @property
    def default_text(self) -> str:
        """See Speaking."""
        from pocket_fast.models.qwen3.voices import DEFAULT_TEXT

        return DEFAULT_TEXT

    def count_tokens(self, text: str) -> int:
        """See Speaking."""
        from pocket_fast.text.prepare import check_text

        return len(self._texts.speech(check_text(text)).body)

    # --- scripts -------------------------------------------------------------------------------

    def _script(
        self,
        voice: Any,
        settings: Mapping[str, Any],
        *,
        seed: int | None,
        natural_pauses: bool,
        complains: bool = True,
    ) -> Qwen3Script:
        """See Speaking."""
        from pocket_fast.models.qwen3.choices import language_id, speaker_id
        from pocket_fast.models.qwen3.script import Qwen3Script
        from pocket_fast.models.qwen3.settings import sampling_of

        voice = self._as_voice(voice)
        most = settings.get("max_new_tokens")
        return Qwen3Script(
            self._model,
            self._texts,
            voice,
            sampling_of(settings, self.config.generation, self.stages.draw),
            seed=seed,
            natural_pauses=natural_pauses,
            language=language_id(self.config, settings.get("language"), voice.speaker),
            speaker=None if voice.speaker is None else speaker_id(self.config, voice.speaker),
            description=self._texts.description(settings.get("instruct", "")),
            whole=settings.get("non_streaming_mode", not self.clones),
            max_frames=None if most is None else most - 1,  # the last token of qwen-tts never becomes a frame
            max_characters=settings.get("max_characters"),
            complains=complains,
        )

    def trials(self, voice: Any) -> Sequence[Trial]:
        """See Speaking."""
        from pocket_fast.models.qwen3.trials import trials

        self._as_voice(voice)  # every voice is as quick as another
        return trials(self)

    def _warming(self) -> tuple[Qwen3Script, str]:
        """See Speaking."""
        from pocket_fast.models.qwen3.voice import Voice

        voice = Voice(speaker=self.default_voice)
        if self.clones:
            nobody = np.zeros(self.config.talker_config.hidden_size, dtype=np.float32)
            voice = Voice(item=VoiceClonePromptItem(None, nobody, True, False))
        two_seconds = {"max_new_tokens": 26}
        return self._script(voice, two_seconds, seed=0, natural_pauses=False, complains=False), "Hello."


def _load_on(name: str | Path, *, device: str, **options: Any) -> Qwen3TTSModel:
    return Qwen3TTSModel.from_pretrained(name, device_map=device, **options)


def load(
    choice: Qwen3Choice,
    *,
    quantize: bool = False,
    compute_type: str = "auto",
    device: str = "cpu",
    **options: Any,
) -> Qwen3TTSModel:
    """The model that was chosen. quantize: compute_type "int8"; device: device_map; options: from_pretrained's."""
    from pocket_fast.api.machine import asked_for

    check_flag("quantize", quantize)
    return Qwen3TTSModel.from_pretrained(
        choice.model, compute_type=asked_for(compute_type, quantize), device_map=device, **options
    )


def _compute_type_of(dtype: Any) -> str:
    """Of a dtype as transformers takes it: text, or PyTorch's, which is not imported for this."""
    name = str(dtype).rpartition(".")[2]
    if name == "auto":
        return "auto"
    if name not in _DTYPES:
        raise UnsupportedError(
            f"dtype {shown(dtype)}: expected float32 or bfloat16; compute_type has more to choose from"
        )
    return _DTYPES[name]
