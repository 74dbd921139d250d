"""The layers of the four transformers of Qwen3-TTS (see stages/layers.py), and what a backend is told of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pocket_fast.stages.layers import LayerForm

# of the codec's decoder
GATED = LayerForm(
    qkv=("self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"),
    out="self_attn.o_proj.weight",
    gate="mlp.gate_proj.weight",
    up="mlp.up_proj.weight",
    down="mlp.down_proj.weight",
    norms=("input_layernorm", "post_attention_layernorm"),
    rms=True,
    scales=("self_attn_layer_scale.scale", "mlp_layer_scale.scale"),
    activation="silu",
    interleaved=False,
)

# of the codec's encoder: Mimi's, with transformers' names
MIMI = replace(GATED, gate=None, up="mlp.fc1.weight", down="mlp.fc2.weight", rms=False, activation="erf_gelu")

# of the talker and the code predictor
LANGUAGE = replace(GATED, head_norms=("self_attn.q_norm.weight", "self_attn.k_norm.weight"))


def language(config: Any) -> dict[str, Any]:
    """Of the talker's transformer or the code predictor's; config: its own."""
    own = {"dim": config.head_dim, "eps": config.rms_norm_eps, "form": LANGUAGE}
    return _sizes(config) | own


def codec_decoder(config: Any) -> dict[str, Any]:
    """Of the transformer of the codec's decoder; config: its decoder_config."""
    own = {"dim": config.head_dim, "eps": config.rms_norm_eps, "form": GATED}
    return _sizes(config) | own | {"context": config.sliding_window}


def codec_encoder(config: Any) -> dict[str, Any]:
    """Of the transformer of the codec's encoder; config: its encoder_config."""
    return _sizes(config) | {"dim": config.head_width, "eps": config.norm_eps, "form": MIMI}


def _sizes(config: Any) -> dict[str, Any]:
    return {
        "n_layers": config.num_hidden_layers,
        "d_model": config.hidden_size,
        "heads": config.num_attention_heads,
        "kv_heads": config.num_key_value_heads,
        "feed": config.intermediate_size,
        "max_period": config.rope_theta,
    }
