"""The public classes, one for each family of models, and what makes the right one."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocket_fast.api.pocket import TTSModel, export_model_state
from pocket_fast.api.qwen3 import Qwen3TTSModel, VoiceClonePromptItem
from pocket_fast.api.speaking import Speaking

if TYPE_CHECKING:
    from pocket_fast.models.contract import Choice

__all__ = [
    "Qwen3TTSModel",
    "Speaking",
    "TTSModel",
    "VoiceClonePromptItem",
    "export_model_state",
    "load",
    "load_choice",
]


def load(model: str | Path, **options: Any) -> Speaking:
    """The model of that name, of whatever family; or of a file, folder or URL that is a model.

    options: those of the family's class; all have device, compute_type, threads, quantize, progress.
    Raises NotFoundError (no such model, with the nearest names), and what the family's class raises.
    """
    from pocket_fast.models import catalog

    return load_choice(catalog.choose({"model": str(model)}), **options)


def load_choice(choice: Choice, **options: Any) -> Speaking:
    """The model that was chosen (models.catalog.choose)."""
    return importlib.import_module(choice.family.api).load(choice, **options)
