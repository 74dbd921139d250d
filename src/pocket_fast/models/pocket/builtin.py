"""The model inside the package: small, English, of this project's own making, with voices of its own.

Its folder is complete and in the form of pocket-tts 4.0.1; what no config can say about a model is here.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from pocket_fast.models.pocket.config import ModelConfig
from pocket_fast.models.pocket.config_file import load_config

NAME = "builtin"
FOLDER = Path(__file__).resolve().parents[2] / "builtin"
DEFAULT_VOICE = "ada"
DEFAULT_TEXT = "Hello world. This is the voice inside the package, and it needs no network at all."

# A token is a character here, and what it learnt to say are single sentences of up to 120 characters, spelled out.
TEXT_RULES: dict[str, Any] = {"spell_out": True, "sentences_apart": True, "max_tokens": 130}


def config() -> ModelConfig:
    """Its config, the paths absolute. Raises NotFoundError in a copy of the package that came without its files."""
    settings = load_config(FOLDER / "builtin.yaml")
    table = settings.flow_lm.lookup_table
    table = dataclasses.replace(table, tokenizer_path=str(FOLDER / table.tokenizer_path))
    return dataclasses.replace(
        settings,
        weights_path=str(FOLDER / (settings.weights_path or "")),
        flow_lm=dataclasses.replace(settings.flow_lm, lookup_table=table),
    )


def voices() -> dict[str, Path]:
    """The states of its voices by name."""
    return {path.stem: path for path in sorted((FOLDER / "voices").glob("*.safetensors"))}
