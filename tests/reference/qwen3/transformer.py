"""The pre-norm transformer of Qwen3-TTS: one class for the talker, the predictor and both sides of the codec.

What a layer does is read off its tensors: norms with a bias are LayerNorms, else root-mean-square norms; queries
and keys are normalised by head where `q_norm` exists; a feed-forward with a gate is SwiGLU, else GELU; what the
layer adds is scaled where a layer scale exists.
"""

from __future__ import annotations

import numpy as np

from ..parts import attention, gelu, layer_norm, linear, root_mean_square_norm, rope_half, silu
from ..transformer import KVCache


class Transformer:
    """x += scale * attention(norm(x)); x += scale * mlp(norm(x)), layer after layer; rotary positions by halves.

    `config` has num_attention_heads, num_key_value_heads and rope_theta; layers are `{prefix}layers.N.*` of
    `weights`, in the checkpoint's names and shapes. window None = unbounded, else a query sees that many keys
    with its own.
    """

    def __init__(self, config, weights, prefix, *, layers, head_dim, eps, window=None, dtype=np.float64):
        self.layers = []
        for i in range(layers):
            start = f"{prefix}layers.{i}."
            names = [n for n in weights if n.startswith(start)]
            self.layers.append({n[len(start) :]: np.asarray(weights[n], dtype) for n in names})
        self.heads, self.kv_heads, self.head_dim = (
            config.num_attention_heads,
            config.num_key_value_heads,
            head_dim,
        )
        self.theta, self.eps, self.window, self.dtype = config.rope_theta, eps, window, dtype

    def new_cache(self) -> KVCache:
        empty = np.zeros((0, self.kv_heads, self.head_dim), self.dtype)
        return KVCache([empty] * len(self.layers), [empty] * len(self.layers), 0)

    def __call__(self, x, cache: KVCache):
        """Run the rows x (T, d), which follow what `cache` has seen; updates `cache`, returns (T, d)."""
        for i, layer in enumerate(self.layers):
            h = self._attend(layer, i, norm(x, layer, "input_layernorm", self.eps), cache)
            x = x + layer.get("self_attn_layer_scale.scale", 1) * h
            h = mlp(norm(x, layer, "post_attention_layernorm", self.eps), layer)
            x = x + layer.get("mlp_layer_scale.scale", 1) * h
        cache.offset += len(x)
        return x

    def _attend(self, layer, i, x, cache):
        q, k, v = (
            linear(x, layer[f"self_attn.{name}_proj.weight"]).reshape(len(x), -1, self.head_dim)
            for name in "qkv"
        )
        if "self_attn.q_norm.weight" in layer:
            q = norm(q, layer, "self_attn.q_norm", self.eps)
            k = norm(k, layer, "self_attn.k_norm", self.eps)
        q = rope_half(q, cache.offset, self.theta)
        k = np.concatenate([cache.k[i], rope_half(k, cache.offset, self.theta)])
        v = np.concatenate([cache.v[i], v])
        k_offset = cache.offset + len(x) - len(k)
        out = attention(q, k, v, cache.offset, k_offset, self.window)
        keep = len(k) if self.window is None else min(len(k), self.window - 1)
        cache.k[i], cache.v[i] = k[len(k) - keep :], v[len(v) - keep :]
        return linear(out.reshape(len(x), -1), layer["self_attn.o_proj.weight"])


def norm(x, weights, name, eps):
    """LayerNorm if the checkpoint has a bias for it, else the root-mean-square norm."""
    weight, bias = weights[name + ".weight"], weights.get(name + ".bias")
    if bias is None:
        return root_mean_square_norm(x, weight, eps)
    return layer_norm(x, weight, bias, eps)


def mlp(x, layer):
    """down(silu(gate(x)) * up(x)), or fc2(gelu(fc1(x)))."""
    if "mlp.fc1.weight" in layer:
        return linear(gelu(linear(x, layer["mlp.fc1.weight"])), layer["mlp.fc2.weight"])
    gated = silu(linear(x, layer["mlp.gate_proj.weight"])) * linear(x, layer["mlp.up_proj.weight"])
    return linear(gated, layer["mlp.down_proj.weight"])
