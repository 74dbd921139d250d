"""From a config to the weights in memory: which files, from where, and what they cannot do."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pocket_fast.errors import ConfigError, shown
from pocket_fast.models.pocket.catalog import MODELS, released_as
from pocket_fast.models.pocket.config import ModelConfig
from pocket_fast.models.pocket.config_file import resolve_location
from pocket_fast.models.pocket.layouts import load_pocket_weights
from pocket_fast.models.pocket.names import expected_tensors, integer_matrices
from pocket_fast.text.tokenizer import Tokenizer, load_tokenizer
from pocket_fast.weights.hub import FetchedWeights, fetch, fetch_with_fallback
from pocket_fast.weights.integers import cannot_clone, made_from


@dataclass(frozen=True)
class Loaded:
    """weights: {bundle name: float32, float16, or bfloat16 as uint16}, views on mapped files where possible.

    From a file that `quantize` made the integer_matrices are as weights/integers.py has them.
    """

    weights: dict[str, np.ndarray]
    tokenizer: Tokenizer
    has_voice_cloning: bool
    cloning_reason: str | None
    files: tuple[Path, ...]


def load(
    config: ModelConfig, folder: Path | None, checkpoint: str | Path | None, *, progress: bool = True
) -> Loaded:
    """Fetch and check everything the config names; relative paths start at `folder`.

    Raises DownloadError, NotFoundError, ConfigError or WeightsError.
    """

    def local(location: str | None) -> Path | None:
        return None if location is None else fetch(resolve_location(location, folder), progress=progress)

    lookup = config.flow_lm.lookup_table
    bundle = FetchedWeights(Path())
    flow_lm = mimi = None
    if checkpoint is not None:
        checkpoint = fetch(checkpoint, progress=progress)
        from pocket_fast.models.pocket.checkpoint import (
            checkpoint_has_codec,  # brings zipfile
        )

        # training leaves the codec alone: it comes from the config unless the checkpoint brings one
        if not checkpoint_has_codec(checkpoint):
            mimi = local(config.mimi.weights_path)
            if mimi is None:
                bundle = _bundle(config, folder, progress)
    else:
        flow_lm, mimi = local(config.flow_lm.weights_path), local(config.mimi.weights_path)
        if config.weights_path is not None:
            bundle = _bundle(config, folder, progress)
    path = None if bundle.path == Path() else bundle.path
    tensors = load_pocket_weights(
        expected_tensors(config),
        bundle=path,
        flow_lm=flow_lm,
        mimi=mimi,
        checkpoint=checkpoint,
        has_voice_cloning=bundle.has_voice_cloning,
        matrices=functools.partial(integer_matrices, config),
    )
    tokenizer = load_tokenizer(local(lookup.tokenizer_path), lookup.tokenizer_kind, lookup.n_bins)
    return Loaded(
        weights={name: tensor.array for name, tensor in tensors.items()},
        tokenizer=tokenizer,
        has_voice_cloning=bundle.has_voice_cloning,
        cloning_reason=bundle.reason,
        files=tuple(f for f in (path, flow_lm, mimi, checkpoint) if f is not None),
    )


def _bundle(config: ModelConfig, folder: Path | None, progress: bool) -> FetchedWeights:
    if config.weights_path is None:
        raise ConfigError("no codec weights: set weights_path or mimi.weights_path in the config")
    fallback = config.weights_path_without_voice_cloning
    fetched = fetch_with_fallback(
        resolve_location(config.weights_path, folder),
        None if fallback is None else resolve_location(fallback, folder),
        progress=progress,
    )
    if fetched.has_voice_cloning and cannot_clone(fetched.path):
        return FetchedWeights(fetched.path, False, "when this file was quantised")
    return fetched


def released_model(config: ModelConfig, folder: Path | None, *, progress: bool = True) -> str | None:
    """The model whose weights a config names: where they lie on the hub, or in a file that `quantize` made of it.

    Fetches that file, which loading needs as well. None for every other config. Raises as load.
    """
    location = config.weights_path
    if location is None or config.flow_lm.weights_path is not None or config.mimi.weights_path is not None:
        return None
    name = released_as(location)
    if name is None and config.weights_path_without_voice_cloning is None:
        name = made_from(fetch(resolve_location(location, folder), progress=progress))
    return name if name in MODELS else None


def fetch_config(location: str, *, progress: bool = True) -> Path:
    """A local copy of a config given as path, https:// or hf:// URL.

    Raises ConfigError unless it ends in .yaml or .yml (an hf revision aside); see fetch for the rest.
    """
    name = location.rsplit("@", 1)[0] if location.startswith("hf://") else location
    if not name.endswith((".yaml", ".yml")):
        raise ConfigError(f"config {shown(location)}: expected a .yaml or .yml file")
    return fetch(location, progress=progress)
