"""Architectures small enough for unit tests and goldens that together have every feature of the real ones.

Sizes are odd on purpose (17 filters, heads of 24, widths that are no multiple of 16) so that tails are hit.
"""

from __future__ import annotations

import copy

from pocket_fast.models.pocket.config import ModelConfig
from pocket_fast.models.pocket.config_file import parse_config

_BASE = {
    "default_temperature": 0.3,
    "replace_characters": {"’": "'", "‘": "'"},
    "flow_lm": {
        "dtype": "float32",
        "insert_bos_before_voice": True,
        "flow": {"dim": 48, "depth": 2},
        "transformer": {
            "d_model": 64,
            "hidden_scale": 4,
            "max_period": 10000,
            "num_heads": 2,
            "num_layers": 2,
        },
        "lookup_table": {
            "dim": 64,
            "n_bins": 400,  # tests/data/tiny_tokenizer.model
            "tokenizer": "sentencepiece",
            "tokenizer_path": "tokenizer.model",
        },
    },
    "mimi": {
        "dtype": "float32",
        "sample_rate": 24000,
        "channels": 1,
        "frame_rate": 12.5,
        "inner_dim": 32,
        "outer_dim": 64,
        "seanet": {
            "dimension": 64,
            "channels": 1,
            "n_filters": 8,
            "n_residual_layers": 1,
            "ratios": [6, 5, 4],
            "kernel_size": 7,
            "residual_kernel_size": 3,
            "last_kernel_size": 3,
            "dilation_base": 2,
            "pad_mode": "constant",
            "compress": 2,
        },
        "transformer": {
            "d_model": 64,
            "input_dimension": 64,
            "output_dimensions": [64],
            "num_heads": 1,
            "num_layers": 2,
            "layer_scale": 0.01,
            "context": 40,
            "dim_feedforward": 100,
        },
        "quantizer": {"dimension": 32, "output_dimension": 64},
    },
}


def _small_decoder(dimension, filters, d_model, heads, layers):
    """What a model with its own decoder adds to the mimi section."""
    mimi = _BASE["mimi"]
    seanet = {**mimi["seanet"], "dimension": dimension, "n_filters": filters, "kernel_size": 3}
    transformer = {
        **mimi["transformer"],
        "d_model": d_model,
        "input_dimension": dimension,
        "output_dimensions": [dimension],
        "num_heads": heads,
        "num_layers": layers,
        "context": 50,
        "dim_feedforward": 3 * d_model,
    }
    return {
        "outer_dim": dimension,
        "quantizer": {"output_dimension": dimension},
        "decoder_seanet": seanet,
        "decoder_transformer": transformer,
    }


_CHANGES = {
    # As english: bos, two LSD times, one codec for both sides.
    "tiny": {},
    "tiny-24l": {"flow_lm": {"transformer": {"num_layers": 24}}},
    # As english_2026-01: no bos, wide codec latents, padding; flow matching; heads of 24.
    "tiny-no-bos": {
        "pad_with_spaces_for_short_inputs": True,
        "flow_lm": {
            "insert_bos_before_voice": False,
            "flow": {"dim": 40, "depth": 3, "type": "flow_matching"},
            "transformer": {"d_model": 48},
            "lookup_table": {"dim": 48},
        },
        "mimi": {"inner_dim": None},
    },
    # As the 7m model: own attention width, two key heads for four, low rank, z_proj, own decoder, drifting.
    "tiny-7m": {
        "default_eos_threshold": -1.0,
        "flow_lm": {
            "flow": {"dim": 50, "depth": 2, "type": "drifting"},
            "transformer": {
                "d_model": 56,
                "hidden_scale": 1,
                "num_heads": 4,
                "num_layers": 3,
                "attn_dim": 128,
                "num_kv_heads": 2,
            },
            "lookup_table": {"dim": 56, "rank": 18},
            "z_dim": 24,
        },
        "mimi": _small_decoder(dimension=32, filters=6, d_model=32, heads=1, layers=3),
    },
    # As the 2m model: one key head for three, ffn narrower than the model, pointwise.
    "tiny-2m": {
        "default_eos_threshold": -1.0,
        "flow_lm": {
            "flow": {"dim": 33, "depth": 3, "type": "pointwise"},
            "transformer": {
                "d_model": 36,
                "hidden_scale": 1,
                "num_heads": 3,
                "attn_dim": 72,
                "num_kv_heads": 1,
                "dim_feedforward": 28,
            },
            "lookup_table": {"dim": 36, "rank": 10},
            "z_dim": 20,
        },
        "mimi": _small_decoder(dimension=24, filters=5, d_model=24, heads=1, layers=2),
    },
    # What no released model has but the format allows: other rates, two dilated residual layers, padding by
    # repetition, no bottleneck in the blocks, codec transformers wider and narrower than their input.
    "tiny-odd": {
        "flow_lm": {
            "flow": {"dim": 37, "depth": 1},
            "transformer": {
                "d_model": 42,
                "hidden_scale": 3,
                "max_period": 500,
                "num_heads": 1,
                "attn_dim": 64,
                "num_layers": 1,
            },
            "lookup_table": {"dim": 42},
        },
        "mimi": {
            "sample_rate": 8000,
            "frame_rate": 25.0,
            "inner_dim": 19,
            "outer_dim": 27,
            "seanet": {
                "dimension": 31,
                "n_filters": 7,
                "n_residual_layers": 2,
                "ratios": [5, 4],
                "kernel_size": 5,
                "residual_kernel_size": 5,
                "last_kernel_size": 1,
                "dilation_base": 3,
                "pad_mode": "replicate",
                "compress": 1,
            },
            "transformer": {
                "d_model": 44,
                "input_dimension": 31,
                "output_dimensions": [31],
                "num_heads": 2,
                "num_layers": 1,
                "context": 23,
                "max_period": 700.0,
                "dim_feedforward": 61,
            },
            "quantizer": {"dimension": 21, "output_dimension": 27},
            "decoder_seanet": {
                **_BASE["mimi"]["seanet"],
                "dimension": 27,
                "n_filters": 5,
                "n_residual_layers": 2,
                "ratios": [4, 5],
                "kernel_size": 5,
                "pad_mode": "replicate",
            },
            "decoder_transformer": {
                **_BASE["mimi"]["transformer"],
                "d_model": 18,
                "input_dimension": 27,
                "output_dimensions": [27],
                "num_heads": 3,
                "num_layers": 1,
                "context": 17,
                "dim_feedforward": 35,
            },
        },
    },
}

TINY_MODELS = tuple(_CHANGES)


def tiny_config_data(name) -> dict:
    """The YAML tree of a tiny model."""
    return _merged(_BASE, _CHANGES[name])


def tiny_config(name) -> ModelConfig:
    return parse_config(tiny_config_data(name), name)


def _merged(base, changes):
    merged = copy.deepcopy(base)
    for key, value in changes.items():
        is_section = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if is_section else copy.deepcopy(value)
    return merged
