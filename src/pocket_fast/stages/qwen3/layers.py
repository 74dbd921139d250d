"""The layers of the four transformers of Qwen3-TTS (see stages/layers.py)."""

from __future__ import annotations

from dataclasses import replace

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
