"""What a flow head knows of time: constants of the model, so they are computed on the host, once, in float64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

TIME_CONDITIONS = {"lsd": 2, "flow_matching": 1, "drifting": 0, "pointwise": 0}

_TENSORS = ("freqs", "mlp.0.weight", "mlp.0.bias", "mlp.2.weight", "mlp.2.bias", "mlp.3.alpha")


class TimeEmbedding:
    """weights: {bundle name without 'flow_lm.': float32, float16, bfloat16 as uint16}; flow_type: one of the above."""

    def __init__(self, weights: Mapping[str, np.ndarray], flow_type: str):
        self._nets = [
            {name: _float64(weights[f"flow_net.time_embed.{j}.{name}"]) for name in _TENSORS}
            for j in range(TIME_CONDITIONS[flow_type])
        ]
        self._constants: dict[int, np.ndarray] = {}

    @property
    def conditions(self) -> int:
        """How many moments a decode step is told of; 0: none, and there is one step."""
        return len(self._nets)

    def constants(self, steps: int) -> np.ndarray:
        """(steps, w) float32: the mean of the time embeddings at each decode step; computed once per count."""
        if steps not in self._constants:
            rows = []
            for i in range(steps):
                moments = (i / steps, (i + 1) / steps)[: len(self._nets)]
                embedded = [_embed(net, moment) for net, moment in zip(self._nets, moments, strict=True)]
                rows.append(sum(embedded) / len(moments))
            self._constants[steps] = np.stack(rows).astype(np.float32)
        return self._constants[steps]


def _embed(net: Mapping[str, np.ndarray], moment: float) -> Any:
    """(w,) float64: MLP of [cos, sin](moment * freqs), then x * alpha / sqrt(unbiased var(x) + 1e-5)."""
    angles = moment * net["freqs"]
    x = np.concatenate([np.cos(angles), np.sin(angles)])
    x = net["mlp.0.weight"] @ x + net["mlp.0.bias"]
    x = x / (1 + np.exp(-x))
    x = net["mlp.2.weight"] @ x + net["mlp.2.bias"]
    return x * net["mlp.3.alpha"] / np.sqrt(x.var(ddof=1) + 1e-5)


def _float64(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint16:
        values = (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float64)
