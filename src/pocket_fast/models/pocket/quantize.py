"""A Pocket TTS model as its files hold it, and what else is made of that (contract.StoredModel)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pocket_fast.errors import ConfigError
from pocket_fast.models.pocket.config import ModelConfig
from pocket_fast.models.pocket.config_file import resolve_location
from pocket_fast.models.pocket.loading import Loaded
from pocket_fast.models.pocket.names import integer_matrices
from pocket_fast.models.pocket.voices import default_text
from pocket_fast.weights.hub import fetch
from pocket_fast.weights.integers import as_tensors, bits_in
from pocket_fast.weights.tensors import Tensor

if TYPE_CHECKING:
    from pocket_fast.models.contract import Quantize
    from pocket_fast.weights.bundle import WebModel

_CONFIG = "config.yaml"
_BITS = {"auto": None, "int8": 8, "int4": 4}
_FRAMES = 50  # spoken for the report: 4 s
_TYPES = {"float32": "F32", "float16": "F16", "uint16": "BF16", "int8": "I8", "uint8": "U8"}


class StoredPocket:
    """See contract.StoredModel.

    folder: where relative paths of the config start. released, speaks: the model of ours whose weights these are, and
    the one whose text it says.
    """

    main_file = "model.safetensors"

    def __init__(
        self,
        config: ModelConfig,
        folder: Path | None,
        loaded: Loaded,
        released: str | None,
        speaks: str | None,
    ):
        self.files = loaded.files
        self._config = config
        self._folder = folder
        self._loaded = loaded
        self._released = released
        self._speaks = speaks

    @property
    def bits(self) -> int | None:
        """See contract.StoredModel."""
        return bits_in(self._loaded.weights.values())

    def quantized(self, quantize: Quantize, bits: int) -> dict[str, Tensor]:
        """See contract.StoredModel."""
        tensors = self._as_stored()
        for name, own in integer_matrices(self._config, bits).items():
            tensors.update(as_tensors(name, quantize(tensors[name].array, own)))
        return tensors

    def write(self, folder: Path, tensors: Mapping[str, Tensor]) -> None:
        """See contract.StoredModel."""
        import yaml

        from pocket_fast.weights.integers import write_integers

        cloning = self._loaded.has_voice_cloning
        write_integers(folder / self.main_file, tensors, voice_cloning=cloning, model=self._released)
        table = self._config.flow_lm.lookup_table
        tokenizer = "tokenizer.json" if table.tokenizer_kind == "tokenizers" else "tokenizer.model"
        original = fetch(resolve_location(table.tokenizer_path, self._folder))
        (folder / tokenizer).write_bytes(original.read_bytes())
        # YAML has no tuples
        config: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self._config)))
        config["weights_path"] = self.main_file
        config["weights_path_without_voice_cloning"] = None
        config["flow_lm"]["weights_path"] = config["mimi"]["weights_path"] = None
        config["flow_lm"]["lookup_table"]["tokenizer_path"] = tokenizer
        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        (folder / _CONFIG).write_text(text, encoding="utf-8")

    def report(
        self, tensors: Mapping[str, Tensor], models: tuple[Any, Any], voices: tuple[Any, Any]
    ) -> list[str]:
        """See contract.StoredModel. Both models hear the past that the first one spoke."""
        from pocket_fast.models.pocket.fidelity import speech_report
        from pocket_fast.models.pocket.flow import NoiseSource
        from pocket_fast.models.pocket.prompt import plan, text_rules
        from pocket_fast.weights.fidelity import weights_report

        exact, near = models
        prefixes = [None if voice is None else voice.prefix for voice in voices]
        rules = text_rules(self._config, self._speaks)
        chunk = next(plan(default_text(self._speaks), self._loaded.tokenizer, self._config, rules=rules))
        noise = np.empty((_FRAMES, exact.stages.flow_head.latent_dim), dtype=np.float32)
        NoiseSource(0, self._config.default_temperature).draw(noise.reshape(-1))
        return [
            *weights_report(self._as_stored(), tensors),
            "",
            *speech_report(exact.stages, near.stages, prefixes, chunk.tokens, noise),
        ]

    def for_web(self, compute_type: str, quantize: Quantize, *, cloning: bool = True) -> WebModel:
        """See contract.StoredModel."""
        from pocket_fast.models.pocket.bundle import web_model

        bits = _BITS[compute_type]
        if bits and self.bits not in (None, bits):
            raise ConfigError(
                f"compute type {compute_type!r}: these weights are stored in {self.bits} bits; use 'auto' or "
                f"'int{self.bits}', or the weights they were made from"
            )
        weights = self.quantized(quantize, bits) if bits and self.bits is None else self._as_stored()
        table = self._config.flow_lm.lookup_table
        tokenizer = fetch(resolve_location(table.tokenizer_path, self._folder)).read_bytes()
        cloning = cloning and self._loaded.has_voice_cloning
        return web_model(self._config, weights, tokenizer, cloning=cloning, speaks=self._speaks)

    def _as_stored(self) -> dict[str, Tensor]:
        return {name: Tensor(array, _TYPES[array.dtype.name]) for name, array in self._loaded.weights.items()}
