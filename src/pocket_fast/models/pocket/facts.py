"""What `info` tells of a Pocket TTS model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from pocket_fast.models.pocket.config import ModelConfig
from pocket_fast.models.pocket.config_file import resolve_location
from pocket_fast.models.pocket.names import expected_tensors


def facts(config: ModelConfig) -> dict[str, Any]:
    """What the config says, by what it is called."""
    lm, codec = config.flow_lm, config.mimi
    t, table = lm.transformer, lm.lookup_table
    sizes = {name: math.prod(shape) for name, shape in expected_tensors(config).items()}
    return {
        "parameters": sum(sizes.values()),
        "parameters of the language model": sum(
            n for name, n in sizes.items() if name.startswith("flow_lm.")
        ),
        "layers": t.num_layers,
        "width": t.d_model,
        "heads": f"{t.num_heads} of {t.head_dim} ({t.kv_heads} for keys and values)",
        "feed-forward width": t.ffn_dim,
        "sampler": f"{lm.flow.type}, {lm.flow.depth} blocks of {lm.flow.dim}",
        "vocabulary": table.n_bins,
        "temperature": config.default_temperature,
        "end of speech threshold": config.default_eos_threshold,
        "codec layers": codec.decoding_transformer.num_layers,
        "codec width": codec.decoding_transformer.d_model,
        "sample rate": codec.sample_rate,
        "frame rate": codec.frame_rate,
    }


def files(config: ModelConfig, folder: Path | None, checkpoint: Path | None) -> dict[str, str]:
    """Where everything lies that loading would read; relative paths start at `folder`."""
    named = {
        "weights": config.weights_path,
        "weights without voice cloning": config.weights_path_without_voice_cloning,
        "language model weights": config.flow_lm.weights_path,
        "codec weights": config.mimi.weights_path,
        "tokenizer": config.flow_lm.lookup_table.tokenizer_path,
        "checkpoint": None if checkpoint is None else str(checkpoint),
    }
    return {what: resolve_location(where, folder) for what, where in named.items() if where is not None}
