"""Pre-norm transformer with rotary positions and a cache, shared by the backbone and the codec."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np

from .parts import attention, gelu_tanh, layer_norm, linear, rope


@dataclass
class KVCache:
    """What a transformer remembers of one stream.

    k[i], v[i] (rows, Hkv, D) of layer i, keys after rope; the rows are the positions just before `offset`:
    all of them, or the last window - 1 of a windowed transformer.
    """

    k: list[np.ndarray] = field(default_factory=list)
    v: list[np.ndarray] = field(default_factory=list)
    offset: int = 0

    def fork(self) -> KVCache:
        """An independent copy (arrays are never written in place, so they may be shared)."""
        return KVCache(list(self.k), list(self.v), self.offset)


class Transformer:
    """Pre-norm blocks: x += scale_1 * attention(norm1(x)); x += scale_2 * ffn(norm2(x)).

    `config` is the transformer section of the backbone or of one side of the codec; window None = unbounded.
    """

    def __init__(self, config, weights, prefix, window, dtype):
        self.layers = []
        for i in range(config.num_layers):
            start = f"{prefix}layers.{i}."
            names = [n for n in weights if n.startswith(start)]
            self.layers.append({n[len(start) :]: np.asarray(weights[n], dtype) for n in names})
        self.heads, self.kv_heads, self.head_dim = config.num_heads, config.kv_heads, config.head_dim
        self.max_period, self.window, self.dtype = config.max_period, window, dtype

    def new_cache(self) -> KVCache:
        empty = np.zeros((0, self.kv_heads, self.head_dim), self.dtype)
        return KVCache([empty] * len(self.layers), [empty] * len(self.layers), 0)

    def first(self, n) -> Transformer:
        """The same transformer cut after n layers."""
        cut = copy.copy(self)
        cut.layers = self.layers[:n]
        return cut

    def __call__(self, x, cache: KVCache):
        """Run the rows x (T, d), which follow what `cache` has seen; updates `cache`, returns (T, d)."""
        for i, layer in enumerate(self.layers):
            x = x + layer.get("layer_scale_1.scale", 1) * self._attend(layer, i, x, cache)
            h = layer_norm(x, layer["norm2.weight"], layer["norm2.bias"])
            h = linear(gelu_tanh(linear(h, layer["linear1.weight"])), layer["linear2.weight"])
            x = x + layer.get("layer_scale_2.scale", 1) * h
        cache.offset += len(x)
        return x

    def _attend(self, layer, i, x, cache):
        h = layer_norm(x, layer["norm1.weight"], layer["norm1.bias"])
        h = linear(h, layer["self_attn.in_proj.weight"])  # rows: queries, keys, values
        h = h.reshape(len(x), self.heads + 2 * self.kv_heads, self.head_dim)
        q, k, v = np.split(h, [self.heads, self.heads + self.kv_heads], axis=1)
        q = rope(q, cache.offset, self.max_period)
        k = np.concatenate([cache.k[i], rope(k, cache.offset, self.max_period)])
        v = np.concatenate([cache.v[i], v])
        k_offset = cache.offset + len(x) - len(k)
        out = attention(q, k, v, cache.offset, k_offset, self.window)
        keep = len(k) if self.window is None else min(len(k), self.window - 1)
        cache.k[i], cache.v[i] = k[len(k) - keep :], v[len(v) - keep :]
        return linear(out.reshape(len(x), -1), layer["self_attn.out_proj.weight"])
