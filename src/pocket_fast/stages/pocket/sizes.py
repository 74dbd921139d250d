"""What the stages of Pocket TTS are told of a config: what its fields are to a backend."""

from __future__ import annotations

from typing import Any


def backbone(config: Any) -> dict[str, Any]:
    """Of the language model's transformer; config: the YAML's flow_lm.transformer."""
    return {
        "n_layers": config.num_layers,
        "d_model": config.d_model,
        "heads": config.num_heads,
        "kv_heads": config.kv_heads,
        "dim": config.head_dim,
        "feed": config.ffn_dim,
        "max_period": config.max_period,
    }


def codec_decoder(config: Any) -> dict[str, Any]:
    """Of the codec's decoder; config: the YAML's mimi."""
    return {
        "seanet": config.decoding_seanet,
        "transformer": config.decoding_transformer,
        "steps": config.steps_per_frame,
    }


def codec_encoder(config: Any) -> dict[str, Any]:
    """Of the codec's encoder; config: the YAML's mimi."""
    return {
        "seanet": config.seanet,
        "transformer": config.transformer,
        "steps": config.steps_per_frame,
        "samples_per_frame": config.samples_per_frame,
    }


def codec_transformer(config: Any) -> dict[str, Any]:
    """Of the transformer of one side of the codec; config: the YAML's section of it."""
    return {
        "n_layers": config.num_layers,
        "d_model": config.d_model,
        "heads": config.num_heads,
        "kv_heads": config.num_heads,
        "dim": config.d_model // config.num_heads,
        "feed": config.dim_feedforward,
        "max_period": config.max_period,
        "context": config.context,
    }


def seanet(config: Any) -> dict[str, Any]:
    """Of either direction of stages/seanet.py; config: the YAML's section of it."""
    return {
        "ratios": config.ratios,
        "residual_layers": config.n_residual_layers,
        "dilation_base": config.dilation_base,
        "replicate": config.pad_mode == "replicate",
    }
