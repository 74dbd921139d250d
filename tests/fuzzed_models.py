"""Models of random architecture: odd widths, depths, heads, ratios and windows, within what a config may say."""

from __future__ import annotations

import numpy as np

from pocket_fast.models.pocket.config import FLOW_TYPES, ModelConfig
from pocket_fast.models.pocket.config_file import parse_config
from pocket_fast.models.qwen3.config import ModelConfig as Qwen3Config
from pocket_fast.models.qwen3.config_files import MODEL_CONFIG, TOKENIZER_CONFIG
from reference.qwen3.tiny import CODES, config_of, tiny_files
from reference.tiny import tiny_config_data

FRAME_RATE = 10
_KINDS = ("qwen3-tiny-base", "qwen3-tiny-base-wide")


def pocket_config(rng: np.random.Generator) -> ModelConfig:
    """A Pocket TTS model of every stage."""
    data = tiny_config_data("tiny")
    lm, mimi = data["flow_lm"], data["mimi"]
    kv, dim = _draw(rng, 1, 3), 2 * _draw(rng, 1, 20)
    heads = kv * _draw(rng, 1, 4)
    width = _draw(rng, 2, 80)
    lm["insert_bos_before_voice"] = bool(rng.integers(2))
    lm["flow"] = {
        "dim": _draw(rng, 2, 70),
        "depth": _draw(rng, 1, 6),
        "type": str(rng.choice(sorted(FLOW_TYPES))),
    }
    lm["transformer"] |= {
        "d_model": width,
        "dim_feedforward": _draw(rng, 1, 99),
        "attn_dim": heads * dim,
        "num_heads": heads,
        "num_kv_heads": kv,
        "num_layers": _draw(rng, 1, 3),
    }
    lm["lookup_table"] |= {"dim": width, "rank": _draw(rng, 1, 30) if rng.integers(2) else None}
    lm["z_dim"] = _draw(rng, 1, 50) if rng.integers(2) else None

    ratios = [_draw(rng, 2, 5) for _ in range(_draw(rng, 1, 3))]
    mimi["sample_rate"] = int(np.prod(ratios)) * _draw(rng, 2, 6) * FRAME_RATE
    mimi["frame_rate"] = float(FRAME_RATE)
    width = _draw(rng, 2, 40)
    for side in ("", "decoder_"):
        mimi[f"{side}seanet"] = mimi["seanet"] | {
            "dimension": width,
            "n_filters": _draw(rng, 2, 9),
            "n_residual_layers": _draw(rng, 0, 2),
            "ratios": [int(r) for r in rng.permutation(ratios)],
            "kernel_size": _draw(rng, 1, 7),
            "residual_kernel_size": _draw(rng, 1, 4),
            "last_kernel_size": _draw(rng, 1, 4),
            "dilation_base": _draw(rng, 1, 3),
            "pad_mode": str(rng.choice(["constant", "replicate"])),
            "compress": _draw(rng, 1, 2),
        }
        heads = _draw(rng, 1, 3)
        mimi[f"{side}transformer"] = mimi["transformer"] | {
            "d_model": heads * 2 * _draw(rng, 1, 20),
            "input_dimension": width,
            "output_dimensions": [width],
            "num_heads": heads,
            "num_layers": _draw(rng, 1, 2),
            "context": _draw(rng, 1, 70),
            "dim_feedforward": _draw(rng, 1, 99),
        }
    mimi |= {
        "outer_dim": width,
        "inner_dim": _draw(rng, 1, 40) if rng.integers(2) else None,
        "quantizer": {"dimension": _draw(rng, 1, 40), "output_dimension": width},
    }
    return parse_config(data, "fuzzed")


def qwen3_config(rng: np.random.Generator) -> Qwen3Config:
    """A Qwen3-TTS model of every stage."""
    files = tiny_files(str(rng.choice(_KINDS)))
    talker, codec = files[MODEL_CONFIG]["talker_config"], files[TOKENIZER_CONFIG]
    predictor = talker["code_predictor_config"]
    groups = _draw(rng, 2, 9)
    talker |= _attention(rng) | {
        "hidden_size": _draw(rng, 2, 80),
        "text_hidden_size": _draw(rng, 1, 60),
        "num_code_groups": groups,
    }
    talker["rope_scaling"] = None
    predictor |= _attention(rng) | {"hidden_size": _draw(rng, 2, 80), "num_code_groups": groups}
    if rng.integers(2):
        predictor["hidden_size"] = talker["hidden_size"]
    files[MODEL_CONFIG]["speaker_encoder_config"] |= {
        "enc_dim": talker["hidden_size"],
        "enc_se_channels": _draw(rng, 1, 20),
        "enc_attention_channels": _draw(rng, 1, 20),
    }

    outer, inner = [_draw(rng, 2, 4) for _ in range(_draw(rng, 1, 3))], [2, _draw(rng, 2, 3)]
    frame = int(np.prod(outer) * np.prod(inner))
    codec |= {
        "encoder_valid_num_quantizers": groups,
        "decode_upsample_rate": frame,
        "encode_downsample_rate": frame,
    }
    codec["decoder_config"] |= _attention(rng) | {
        "codebook_dim": 2 * _draw(rng, 1, 20),
        "latent_dim": _draw(rng, 1, 90),  # may be wider than the transformer behind it
        "hidden_size": _draw(rng, 2, 40),
        "sliding_window": _draw(rng, 1, 70),
        "decoder_dim": 2 ** len(outer) * _draw(rng, 1, 6),
        "upsample_rates": outer,
        "upsampling_ratios": inner,
        "num_quantizers": groups,
    }
    width = _draw(rng, 2, 40)
    codec["encoder_config"] |= _attention(rng) | {
        "num_filters": _draw(rng, 2, 6),
        "num_residual_layers": _draw(rng, 1, 2),
        "hidden_size": width,
        "upsampling_ratios": [*outer, *inner[1:]],
        "codebook_dim": (inside := _draw(rng, 1, 20)),
        "vector_quantization_hidden_dimension": inside,
        "upsample_groups": width,
    }
    assert codec["decoder_config"]["codebook_size"] == CODES
    return config_of(files, "fuzzed")


def _attention(rng: np.random.Generator) -> dict[str, int]:
    kv = _draw(rng, 1, 3)
    return {
        "num_attention_heads": kv * _draw(rng, 1, 4),
        "num_key_value_heads": kv,
        "head_dim": 2 * _draw(rng, 1, 20),
        "intermediate_size": _draw(rng, 1, 99),
        "num_hidden_layers": _draw(rng, 1, 3),
    }


def _draw(rng: np.random.Generator, least: int, most: int) -> int:
    return int(rng.integers(least, most + 1))
