"""What the layers of a transformer are made of: the variants of a backend's transformer, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerForm:
    """Tensor names of one layer, and what is computed with them; the defaults are those of Kyutai's models.

    qkv: queries, keys and values: one matrix or three, whose rows stand one below the other.
    gate: with one, the feed-forward is down(activation(gate x) * (up x)), else down(activation(up x)).
    norms: before attention and before the feed-forward; RMSNorm (.weight), else LayerNorm (.weight, .bias).
    head_norms: weights (head width,) of an RMSNorm of every query and key head before the rotation, or None.
    scales: layer scales after attention and after the feed-forward, where the file has them.
    activation: a name in the backend's ACTIVATIONS.
    interleaved: the rotation turns pairs (2i, 2i + 1) of a head, else (i, i + half a head).
    """

    qkv: tuple[str, ...] = ("self_attn.in_proj.weight",)
    out: str = "self_attn.out_proj.weight"
    gate: str | None = None
    up: str = "linear1.weight"
    down: str = "linear2.weight"
    norms: tuple[str, str] = ("norm1", "norm2")
    rms: bool = False
    head_norms: tuple[str, str] | None = None
    scales: tuple[str, str] = ("layer_scale_1.scale", "layer_scale_2.scale")
    activation: str = "gelu"
    interleaved: bool = True
