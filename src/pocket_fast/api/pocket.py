"""TTSModel: the names and arguments of pocket-tts 4.x, with float32 NumPy arrays in place of tensors."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pocket_fast.api.arguments import check_event, check_flag, check_name, check_place, check_seconds
from pocket_fast.api.pocket_speech import PocketSpeaking, sampling_of
from pocket_fast.errors import ConfigError, VoiceError, WordsError

if TYPE_CHECKING:
    from pocket_fast.api.speaking import Samples
    from pocket_fast.models.pocket.family import PocketChoice
    from pocket_fast.models.pocket.voice import Longest, VoiceState
    from pocket_fast.text.prepare import TextRules
    from pocket_fast.weights.examine import Check

DEFAULT_LANGUAGE = "english"


class TTSModel(PocketSpeaking):
    """A Pocket TTS model on this machine's CPU or on a GPU, made by load_model.

    temp, sampler_decode_steps, noise_clamp, eos_threshold may be changed at any time and hold from the
    next call on. Several threads may use one model at once; each call is independent of the others.
    max_decoder_frames_per_call is kept for 4.x programs: decoding is frame by frame and any grouping
    gives the same samples. voice_cache bounds the memory of prepared voices.
    """

    def __init__(
        self,
        config: Any,
        origin: Path,
        language: str | None,
        rules: TextRules,
        loaded: Any,
        stages: Any,
        schedule: str,
        progress: bool,
    ):
        """Use load_model."""
        from pocket_fast.models.pocket.pipeline import PocketModel
        from pocket_fast.models.voice_cache import VoiceCache, fingerprint

        super().__init__(PocketModel(config, stages), loaded.tokenizer, rules, schedule)
        self.config = config
        self.origin = origin
        self.language = language
        self.device: str = stages.device
        self.temp = config.default_temperature
        self.eos_threshold = config.default_eos_threshold
        self.sampler_decode_steps = 1
        self.noise_clamp: float | None = None
        self.max_decoder_frames_per_call = 0
        self.has_voice_cloning: bool = loaded.has_voice_cloning
        self.voice_cache = VoiceCache(model=fingerprint(config, loaded.files, stages.compute_type))
        self.stages = stages
        self._cloning_reason: str | None = loaded.cloning_reason
        self._progress = progress

    @classmethod
    def load_model(
        cls,
        language: str | None = None,
        config: str | Path | None = None,
        temp: float | None = None,
        sampler_decode_steps: int = 1,
        noise_clamp: float | None = None,
        eos_threshold: float | None = None,
        quantize: bool = False,
        checkpoint: str | Path | None = None,
        lsd_decode_steps: int | None = None,
        *,
        device: str = "cpu",
        compute_type: str = "auto",
        threads: int | None = None,
        schedule: str | None = None,
        progress: bool = False,
    ) -> TTSModel:
        """Load a model, downloading what is not cached.

        language: one of the shipped models (`pocket-fast voices` and models.pocket.catalog.MODELS list
        them), default "english"; "builtin" is in the package. config: instead of it, a YAML file as path, https://
        or hf:// URL.
        temp, eos_threshold: None takes the config's. checkpoint: a training .pt whose weights replace the
        config's. lsd_decode_steps: deprecated name of sampler_decode_steps. quantize: compute_type "int8".
        device: "cpu", "cuda", or "cuda:1" for the second GPU: docs/gpu.md.
        compute_type: "auto" and "float32" compute in float32 (bfloat16 weights stay as they are); "bfloat16"
        where the CPU multiplies those; "int8_float32", "int8_bfloat16": the language model in 8 bits; "int8"
        the better of these two here; "int4_float32", "int4_bfloat16", "int4": its layers in 4 bits, less exact
        (docs/int4.md); "auto" is "int8" or "int4" for weights that `pocket-fast quantize` stored so.
        threads: most threads a stage uses (default: POCKET_FAST_THREADS, OMP_NUM_THREADS, or the CPUs this
        process may use). schedule: how one stream's stages share them: "sequence", "side_by_side", or "auto", the
        faster one by trying (default: POCKET_FAST_SCHEDULE, or "auto"). progress: show download bars on stderr.

        Raises ConfigError, NotFoundError (unknown language, missing file), DownloadError, WeightsError,
        UnsupportedError.
        """
        from pocket_fast.api.machine import asked_for, machine_for
        from pocket_fast.engine.schedule import resolve_schedule
        from pocket_fast.models.pocket import builtin, catalog, loading
        from pocket_fast.models.pocket.config_file import load_config
        from pocket_fast.models.pocket.prompt import text_rules
        from pocket_fast.weights.reach import FetchError

        for flag, value in (("quantize", quantize), ("progress", progress)):
            check_flag(flag, value)
        check_name("language", language)
        check_place("config", config, may_miss=True)
        check_place("checkpoint", checkpoint, may_miss=True)
        if lsd_decode_steps is not None:
            warnings.warn(
                "lsd_decode_steps is deprecated, use sampler_decode_steps", DeprecationWarning, stacklevel=2
            )
            sampler_decode_steps = lsd_decode_steps
        sampling_of(  # refuse bad values now, not at the first sentence
            0.0 if temp is None else temp,
            0.0 if eos_threshold is None else eos_threshold,
            sampler_decode_steps,
            noise_clamp,
        )
        machine = machine_for(device, asked_for(compute_type, quantize), threads)
        schedule = resolve_schedule(schedule)
        again = partial(
            cls.load_model, language, config, checkpoint=checkpoint, threads=threads, schedule=schedule
        )
        if config is not None:
            if language is not None:
                raise ConfigError("give a language or a config, not both")
            path = loading.fetch_config(str(config), progress=progress)
            settings, origin, name = load_config(path), Path(config), None
            folder = None if "://" in str(config) else path.parent
        else:
            name = catalog.canonical_name(DEFAULT_LANGUAGE if language is None else language)
            settings, origin, folder = catalog.shipped_config(name), Path(f"{name}.yaml"), None
        try:
            loaded = loading.load(settings, folder, checkpoint, progress=progress)
        except FetchError as error:
            if language is not None or config is not None:
                raise
            hint = f"the small model inside the package needs none of this: language={builtin.NAME!r}"
            raise FetchError(f"{error}; {hint}", error.reason) from None
        if config is not None and checkpoint is None:
            name = loading.released_model(settings, folder, progress=progress)
        stages = machine.stages("pocket", settings, loaded.weights, encoder=loaded.has_voice_cloning)
        rules = text_rules(settings, name)
        language = name if checkpoint is None else None
        model = cls(settings, origin, language, rules, loaded, stages, schedule, progress)
        model._again = partial(again, compute_type=machine.compute_type)
        model.sampler_decode_steps = sampler_decode_steps
        model.noise_clamp = noise_clamp
        if temp is not None:
            model.temp = temp
        if eos_threshold is not None:
            model.eos_threshold = eos_threshold
        return model

    @property
    def sample_rate(self) -> int:
        """Samples per second of everything generated."""
        return self.config.mimi.sample_rate

    @property
    def compute_type(self) -> str:
        """The compute type in use."""
        return self.stages.compute_type

    # --- what all families have ----------------------------------------------------------------

    @property
    def name(self) -> str:
        """See Speaking."""
        return self.language or "custom"

    @property
    def clones(self) -> bool:
        """The same as has_voice_cloning."""
        return self.has_voice_cloning

    @property
    def voice_names(self) -> tuple[str, ...]:
        """See Speaking."""
        from pocket_fast.models.pocket.voices import voice_names

        return voice_names(self.language)

    @property
    def voice_aliases(self) -> Mapping[str, str]:
        """See Speaking."""
        from pocket_fast.models.pocket.voices import voice_aliases

        return voice_aliases(self.language)

    @property
    def default_voice(self) -> str:
        """See Speaking."""
        from pocket_fast.models.pocket.voices import default_voice

        return default_voice(self.language, custom=self.language is None)

    @property
    def default_text(self) -> str:
        """See Speaking."""
        from pocket_fast.models.pocket.voices import default_text

        return default_text(self.language)

    def find_voice(
        self,
        source: str | Path | np.ndarray | Samples,
        *,
        words: str | None = None,
        truncate: bool = False,
        most_seconds: float | None = None,
        stop: threading.Event | None = None,
    ) -> VoiceState:
        """get_state_for_audio_prompt, or of (samples, their rate), with what Speaking.find_voice has besides.

        Raises WordsError: these models take no words. most_seconds None: 600, for states one position for every 80 ms.
        """
        from pocket_fast.audio.read import samples_and_rate
        from pocket_fast.audio.resample import resample
        from pocket_fast.models.pocket.voice import MOST_SECONDS, Longest

        check_seconds("most_seconds", most_seconds)
        check_event("stop", stop)
        if words is not None:
            raise WordsError("these models take no words of a recording; give the recording alone")
        if isinstance(source, tuple):
            source = resample(*samples_and_rate(source), self.sample_rate)
        most = MOST_SECONDS if most_seconds is None else min(most_seconds, MOST_SECONDS)
        return self._find(source, truncate, Longest(most, self.config.mimi.frame_rate), stop)

    def export_voice(self, voice: VoiceState, path: Path) -> str:
        """See Speaking."""
        export_model_state(voice, path)
        return f"{voice.length} positions"

    # --- voices --------------------------------------------------------------------------------

    def get_state_for_audio_prompt(
        self, audio_conditioning: str | Path | np.ndarray, truncate: bool = False
    ) -> VoiceState:
        """A voice, ready to speak with any number of times.

        audio_conditioning: the name of a predefined voice; a path or a URL (str only) of an audio file or of a
        .safetensors state; or samples (1, n) or (n,), floating point at sample_rate, as an array or what
        NumPy can make one of. truncate: use the first 30 seconds of a recording (not of samples). Prepared
        voices are kept in voice_cache.

        Raises VoiceError (unknown name, state of another model, weights without cloning), AudioError,
        NotFoundError, DownloadError.
        """
        return self.find_voice(audio_conditioning, truncate=truncate)

    def _find(
        self, voice: str | Path | np.ndarray, truncate: bool, longest: Longest, stop: threading.Event | None
    ) -> VoiceState:
        from pocket_fast.audio.read import check_audio, one_channel
        from pocket_fast.audio.source import is_pipe, whole_file
        from pocket_fast.models.pocket.voice import write_state
        from pocket_fast.models.pocket.voices import locate_voice
        from pocket_fast.weights.hub import fetch, is_safetensors

        check_flag("truncate", truncate)
        if not isinstance(voice, (str, Path)):
            self._check_cloning()
            return self._voice_of(one_channel(voice, self.sample_rate), longest, stop)
        if is_pipe(Path(voice)):
            with whole_file(Path(voice)) as copy:
                return self._find(copy, truncate, longest, stop)

        def get(location: str, check: Check | None = None) -> Path:
            return fetch(location, progress=self._progress, check=check)

        source = locate_voice(voice, self.language) if isinstance(voice, str) else str(voice)
        if is_safetensors(source):
            if "://" in source:
                return self.voice_cache.get(source, lambda: self._read(get(source), longest, stop))
            return self._read(get(source), longest, stop)

        self._check_cloning()
        path = get(source, check_audio)
        return self.voice_cache.get_recording(
            path,
            truncate,
            lambda: self._clone(path, truncate, longest, stop),
            read=lambda file: self._read(file, longest, stop),
            write=write_state,
        )

    def _read(self, path: Path, longest: Longest, stop: threading.Event | None) -> VoiceState:
        from pocket_fast.models.pocket.voice import VoiceState, read_state, taking_in

        backbone = self.stages.backbone
        found = read_state(path, backbone, longest)
        if isinstance(found, VoiceState):
            return found
        stream = self._engine().compute(lambda threads: taking_in(found, backbone, threads), stop)
        return VoiceState(stream.freeze())

    def _clone(
        self, path: Path, truncate: bool, longest: Longest, stop: threading.Event | None
    ) -> VoiceState:
        from pocket_fast.audio.read import PROMPT_SECONDS, read_audio
        from pocket_fast.audio.resample import resample

        pcm, rate = read_audio(path, max_seconds=PROMPT_SECONDS if truncate else None)
        return self._voice_of(resample(pcm, rate, self.sample_rate), longest, stop)

    def _voice_of(self, pcm: np.ndarray, longest: Longest, stop: threading.Event | None) -> VoiceState:
        from pocket_fast.audio.read import warn_of_length
        from pocket_fast.models.pocket.voice import VoiceState, hearing, prepare_recording

        samples = prepare_recording(pcm, self.stages, longest)
        warn_of_length(len(pcm) / self.sample_rate, "5 to 30 s")
        stream = self._engine().compute(lambda threads: hearing(samples, self.stages, threads), stop)
        return VoiceState(stream.freeze())

    def _check_cloning(self) -> None:
        if not self.has_voice_cloning:
            raise VoiceError(
                "these weights cannot clone a voice: the ones with cloning could not be had "
                f"({self._cloning_reason}). Use a predefined voice (`pocket-fast voices`), or accept the terms at "
                "https://huggingface.co/kyutai/pocket-tts, log in with `hf auth login` or set HF_TOKEN, and load again"
            )


def load(choice: PocketChoice, **options: Any) -> TTSModel:
    """The model that was chosen. options: those of TTSModel.load_model."""
    return TTSModel.load_model(choice.language, choice.config, checkpoint=choice.checkpoint, **options)


def export_model_state(model_state: Mapping[str, Mapping[str, np.ndarray]], dest: str | Path) -> None:
    """Write a voice as .safetensors, readable by get_state_for_audio_prompt and by pocket-tts 4.x.

    Raises VoiceError if it cannot be written; no partial file is left behind.
    """
    from pocket_fast.models.pocket.voice import write_state

    check_place("dest", dest)
    write_state(model_state, Path(dest))
