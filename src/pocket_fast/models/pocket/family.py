"""The family of Pocket TTS: which models there are, how they are asked for, and what there is of one before it is
loaded (contract.Family, contract.Choice)."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocket_fast.errors import ConfigError, named
from pocket_fast.models.contract import Listing, ModelOption
from pocket_fast.models.pocket import builtin, catalog
from pocket_fast.models.pocket.config import ModelConfig
from pocket_fast.models.pocket.settings import SETTINGS
from pocket_fast.models.pocket.voices import VOICES, default_text, default_voice, locate_voice, voice_names

if TYPE_CHECKING:
    from pocket_fast.models.pocket.quantize import StoredPocket

DEFAULT_MODEL = "english"
CONFIG_FILE = "config.yaml"  # of a folder that is a model

_WAYS_OUT = (
    f"let the small model inside the package speak: --language {builtin.NAME}",
    "use files on this machine: --config FILE.yaml --voice RECORDING.wav",
    "only measure the speed, with random weights: in a copy of the sources, run\n"
    "    `python tools/make_synthetic_model.py DIR`, then give --config DIR/config.yaml --voice ref.wav",
)


@dataclass(frozen=True)
class PocketChoice:
    """See contract.Choice.

    language: one of ours, by name, else config: a YAML file, as path or URL; parsed: what either says. checkpoint:
    weights in place of the config's. progress: show download bars.
    """

    language: str | None
    config: str | None
    checkpoint: Path | None
    parsed: ModelConfig
    progress: bool
    named: bool = True

    settings = SETTINGS
    takes_words = False
    ways_out = _WAYS_OUT

    @property
    def family(self) -> PocketFamily:
        """See contract.Choice."""
        return FAMILY

    @property
    def name(self) -> str | None:
        """See contract.Choice."""
        return self.language

    @property
    def title(self) -> str:
        """See contract.Choice."""
        return self.language or str(self.config)

    @property
    def option(self) -> str:
        """See contract.Choice."""
        return f"--config {self.config}" if self.language is None else f"--language {self.language}"

    @property
    def sample_rate(self) -> int:
        """See contract.Choice."""
        return self.parsed.mimi.sample_rate

    @property
    def stand_in(self) -> PocketChoice:
        """The built-in model."""
        return PocketChoice(builtin.NAME, None, None, builtin.config(), self.progress)

    @functools.cached_property
    def released(self) -> str | None:
        """The model of ours that this is, weights included; None for a config or checkpoint of the user's."""
        from pocket_fast.models.pocket.loading import released_model

        if self.checkpoint is not None or self.config is None:
            return self.language if self.checkpoint is None else None
        return released_model(self.parsed, self.folder, progress=self.progress)

    @property
    def speaks(self) -> str | None:
        """The model of ours by which a text and a voice are chosen where none were given."""
        return self.language or self.released

    @property
    def folder(self) -> Path | None:
        """Where the config's relative paths start; None unless it is a file of the user's."""
        if self.config is None or "://" in self.config:
            return None
        return Path(os.path.expanduser(self.config)).parent

    @property
    def voice_names(self) -> tuple[str, ...]:
        """See contract.Choice."""
        return voice_names(self.released)

    @property
    def default_voice(self) -> str:
        """See contract.Choice."""
        return default_voice(self.speaks, custom=self.released is None)

    @property
    def default_text(self) -> str:
        """See contract.Choice."""
        return default_text(self.speaks)

    def check(
        self,
        voice: str | Path | None,
        words: str | None,
        settings: Mapping[str, Any],
        *,
        complete: bool = True,
    ) -> None:
        """See contract.Choice."""
        if isinstance(voice, str):
            locate_voice(voice, self.released)

    def facts(self) -> dict[str, Any]:
        """See contract.Choice."""
        from pocket_fast.models.pocket.facts import facts

        return facts(self.parsed)

    def files(self) -> dict[str, str]:
        """See contract.Choice."""
        from pocket_fast.models.pocket.facts import files

        return files(self.parsed, self.folder, self.checkpoint)

    def inputs(self) -> list[Path]:
        """See contract.Choice."""
        from pocket_fast.weights.hub import find_cached

        config = [] if self.config is None else [self.config]
        found = (find_cached(location) for location in (*config, *self.files().values()))
        return [path for path in found if path is not None]

    def stored(self, *, progress: bool) -> StoredPocket:
        """See contract.Choice."""
        from pocket_fast.models.pocket.loading import load
        from pocket_fast.models.pocket.quantize import StoredPocket

        loaded = load(self.parsed, self.folder, self.checkpoint, progress=progress)
        return StoredPocket(self.parsed, self.folder, loaded, self.released, self.speaks)


class PocketFamily:
    """See contract.Family."""

    title = "Pocket TTS"
    api = "pocket_fast.api.pocket"
    settings = SETTINGS
    takes_words = False
    names = catalog.MODELS
    forms = f"a .yaml or .yml file, a folder with {CONFIG_FILE} in it"
    model_options = (
        ModelOption("language", "NAME", f"a model by name (default {DEFAULT_MODEL}; see `voices`)"),
        ModelOption("config", "YAML", "instead: a config of your own, as path, https:// or hf:// URL"),
        ModelOption("variant", "NAME", "another spelling of --language"),
        ModelOption("checkpoint", "FILE", "a training checkpoint (.pt) in place of the config's weights"),
    )

    def knows(self, model: str) -> bool:
        """See contract.Family."""
        return _is_name(model) or _is_config(model) or _config_in(model) is not None

    def choose(self, given: Mapping[str, str], *, progress: bool = False) -> PocketChoice:
        """See contract.Family."""
        from pocket_fast.models.pocket.config_file import load_config
        from pocket_fast.models.pocket.loading import fetch_config
        from pocket_fast.weights.hub import fetch

        ways = ("model", "language", "variant", "config")
        said = [f"--{way} {named(given[way])}" for way in ways if way in given]
        if len(said) > 1:
            raise ConfigError(f"{' and '.join(said)} were given; choose the model with one of them")
        checkpoint = fetch(given["checkpoint"]) if "checkpoint" in given else None
        config, model = given.get("config"), given.get("model")
        if model is not None and not _is_name(model):
            config = model if (file := _config_in(model)) is None else str(file)
        if config is not None:
            parsed = load_config(fetch_config(config))
            return PocketChoice(None, config, checkpoint, parsed, progress)
        name = catalog.canonical_name(model or given.get("language") or given.get("variant") or DEFAULT_MODEL)
        is_named = bool(said) or checkpoint is not None
        return PocketChoice(name, None, checkpoint, catalog.shipped_config(name), progress, is_named)

    def listing(self) -> Listing:
        """See contract.Family."""
        models: dict[str, list[str]] = {}
        for model in catalog.MODELS:
            models.setdefault(model.split("_")[0], []).append(model)
        rows = [
            (language, default_voice(language, custom=False), names) for language, names in models.items()
        ]
        voices = [
            ("Voices (--voice), all of them for every released model", tuple(VOICES)),
            (f"Voices of {builtin.NAME}, which is in the package", voice_names(builtin.NAME)),
        ]
        return Listing("--language", rows, voices)


def _is_name(model: str) -> bool:
    return catalog.canonical_name(model) in catalog.MODELS


def _is_config(model: str) -> bool:
    path = model.rsplit("@", 1)[0] if model.startswith("hf://") else model
    return path.endswith((".yaml", ".yml"))


def _config_in(folder: str) -> Path | None:
    path = Path(os.path.expanduser(folder), CONFIG_FILE)
    return path if "://" not in folder and os.path.isfile(path) else None


FAMILY = PocketFamily()
