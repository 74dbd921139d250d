"""The family of Qwen3-TTS: which models there are, how they are asked for, and what there is of one before it is
loaded (contract.Family, contract.Choice)."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocket_fast.errors import ConfigError, NotFoundError, VoiceError, WordsError, named
from pocket_fast.models.contract import Listing, ModelOption
from pocket_fast.models.qwen3 import catalog
from pocket_fast.models.qwen3.choices import language_id, languages, speaker_id, speakers
from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.models.qwen3.settings import SETTINGS, settings_of
from pocket_fast.models.qwen3.voices import (
    DEFAULT_TEXT,
    RELEASED_SPEAKERS,
    check_recordings,
    check_words,
    default_voice,
)
from pocket_fast.models.settings import Setting
from pocket_fast.weights.folders import HubFolder, LocalFolder

if TYPE_CHECKING:
    from pocket_fast.models.qwen3.quantize import StoredQwen3

_CONFIG_FILE = "config.json"  # of a folder that is a model
_WAYS_OUT = (
    "use files on this machine: --model FOLDER, with what the model's page on the hub has",
    "only measure the speed, with random weights: in a copy of the sources, run\n"
    "    `python tools/make_synthetic_model.py DIR --model NAME`, then give --model DIR",
)


@dataclass(frozen=True)
class Qwen3Choice:
    """See contract.Choice. model: as it was asked for; folder: where its files lie; parsed: its config."""

    model: str
    folder: LocalFolder | HubFolder
    parsed: ModelConfig
    progress: bool

    ways_out = _WAYS_OUT
    stand_in = None
    named = True

    @property
    def family(self) -> Qwen3Family:
        """See contract.Choice."""
        return FAMILY

    @property
    def name(self) -> str | None:
        """See contract.Choice."""
        return catalog.released_as(self.folder)

    @property
    def title(self) -> str:
        """See contract.Choice."""
        return self.name or self.model

    @property
    def option(self) -> str:
        """See contract.Choice."""
        return f"--model {self.model}"

    @property
    def settings(self) -> tuple[Setting, ...]:
        """See contract.Choice."""
        return settings_of(self.parsed)

    @property
    def takes_words(self) -> bool:
        """See contract.Choice."""
        return self.parsed.tts_model_type == "base"

    @property
    def sample_rate(self) -> int:
        """See contract.Choice."""
        return self.parsed.sample_rate

    @property
    def voice_names(self) -> tuple[str, ...]:
        """See contract.Choice."""
        return tuple(speakers(self.parsed))

    @property
    def default_voice(self) -> str | None:
        """See contract.Choice."""
        return default_voice(self.parsed)

    @property
    def default_text(self) -> str:
        """See contract.Choice."""
        return DEFAULT_TEXT

    def check(
        self,
        voice: str | Path | None,
        words: str | None,
        settings: Mapping[str, Any],
        *,
        complete: bool = True,
    ) -> None:
        """See contract.Choice."""
        clones = self.parsed.tts_model_type == "base"
        check_words(self.parsed, words)
        is_name = isinstance(voice, str) and (  # before a file that is called the same
            voice.lower() in self.voice_names or not (clones or "://" in voice or os.path.exists(voice))
        )
        if voice is None:
            if words is not None:
                raise WordsError("the words of a recording were given without the recording: give both")
            if clones and complete:
                raise VoiceError(f"{self.title} speaks in the voice of a recording: give one with --voice")
        elif is_name:
            speaker_id(self.parsed, voice)
        else:
            check_recordings(self.parsed)
            where = os.path.expanduser(voice)
            if "://" not in str(voice) and not os.path.exists(where):
                raise NotFoundError(
                    f"{named(voice)}: no such file; a base model has no voices by name, give a recording"
                )
        language_id(self.parsed, settings.get("language"), voice if isinstance(voice, str) else None)

    def facts(self) -> dict[str, Any]:
        """See contract.Choice."""
        from pocket_fast.models.qwen3.names import expected_tensors

        config, t = self.parsed, self.parsed.talker_config
        sizes = {name: math.prod(shape) for name, shape in expected_tensors(config).items()}
        return {
            "kind": config.tts_model_type,
            "parameters": sum(sizes.values()),
            "parameters of the codec": sum(
                n for name, n in sizes.items() if name.startswith("speech_tokenizer.")
            ),
            "layers": t.num_hidden_layers,
            "width": t.hidden_size,
            "heads": f"{t.num_attention_heads} of {t.head_dim} ({t.num_key_value_heads} for keys and values)",
            "feed-forward width": t.intermediate_size,
            "predictor layers": t.code_predictor_config.num_hidden_layers,
            "predictor width": t.code_predictor_config.hidden_size,
            "codes of a frame": t.num_code_groups,
            "vocabulary": t.text_vocab_size,
            "speakers": ", ".join(speakers(config)) or "none",
            "languages": ", ".join(languages(config)),
            "takes instructions": config.takes_instructions,
            "sample rate": config.sample_rate,
            "frame rate": config.sample_rate / config.samples_per_frame,
        }

    def files(self) -> dict[str, str]:
        """See contract.Choice."""
        return {
            "weights": self.folder.location("model.safetensors"),
            "codec weights": self.folder.location("speech_tokenizer/model.safetensors"),
        }

    def inputs(self) -> list[Path]:
        """See contract.Choice."""
        from pocket_fast.weights.hub import find_cached

        if isinstance(self.folder, LocalFolder):
            return [
                path for pattern in ("*", "*/*") for path in self.folder.path.glob(pattern) if path.is_file()
            ]
        found = map(find_cached, self.files().values())
        return [path for path in found if path is not None]

    def stored(self, *, progress: bool) -> StoredQwen3:
        """See contract.Choice."""
        from pocket_fast.models.qwen3.loading import load
        from pocket_fast.models.qwen3.quantize import StoredQwen3

        return StoredQwen3(self.folder, load(self.folder, progress=progress))


class Qwen3Family:
    """See contract.Family."""

    title = "Qwen3-TTS"
    api = "pocket_fast.api.qwen3"
    settings = SETTINGS
    takes_words = True
    names = catalog.MODELS
    forms = (
        f"a folder with {_CONFIG_FILE} in it, an id on the hub (OWNER/NAME), an hf:// URL of such a folder"
    )
    model_options: tuple[ModelOption, ...] = ()

    def knows(self, model: str) -> bool:
        """See contract.Family."""
        return catalog.knows(model)

    def choose(self, given: Mapping[str, str], *, progress: bool = False) -> Qwen3Choice:
        """See contract.Family."""
        from pocket_fast.models.qwen3.loading import read_config

        if "model" not in given:
            raise ConfigError("a Qwen3-TTS model is chosen with --model")
        folder = catalog.locate(given["model"])
        return Qwen3Choice(given["model"], folder, read_config(folder, progress=progress), progress)

    def listing(self) -> Listing:
        """See contract.Family."""
        rows = [
            ("ten", who, [name for name in catalog.MODELS if name.endswith(kind)])
            for kind, who in (("customvoice", "ryan"), ("voicedesign", "(described)"), ("base", "(recorded)"))
        ]
        return Listing("--model", rows, [("Voices of the customvoice models", RELEASED_SPEAKERS)])


FAMILY = Qwen3Family()
