"""Residual vector quantisation: see cpu/qwen3/quantizer.pyx."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pocket_fast.cuda.device import Device, address
from pocket_fast.cuda.matrices import Matrix, padded, rows_of, widen


class ResidualQuantizer:
    """weights: {name: array}, of which `prefix` + input_proj.weight and layers.{i}.codebook.* are read."""

    def __init__(self, device: Device, weights: Mapping[str, np.ndarray], prefix: str, layers: int):
        self.device, self.layers = device, layers
        self._tables, self._vectors = [], []
        for i in range(layers):
            name = f"{prefix}layers.{i}.codebook."
            used = np.maximum(widen(weights[name + "cluster_usage"]), np.float32(1e-5))
            table = widen(weights[name + "embed_sum"]) / used[:, None]
            # the nearest vector v of x is that of the largest x v - |v|^2 / 2
            self._tables.append(Matrix(device, table, -0.5 * (table.astype(float) ** 2).sum(axis=1)))
            vectors = np.zeros((len(table), padded(table.shape[1])), np.float32)
            vectors[:, : table.shape[1]] = table
            self._vectors.append(device.upload(vectors))
        self._codes, inner = table.shape
        proj = weights.get(prefix + "input_proj.weight")
        self._project = None if proj is None else Matrix(device, proj[:, :, 0])
        self.width = inner if self._project is None else self._project.k

    def encode(self, latents: np.ndarray) -> np.ndarray:
        """latents (T, width) float32 -> codes (T, layers) int32."""
        if latents.shape[1] != self.width:
            raise ValueError(f"quantise: latents {latents.shape}, expected (T, {self.width})")
        count = len(latents)
        codes = np.empty((count, self.layers), np.int32)
        if not count:
            return codes
        with self.device as device:
            x = np.zeros((count, padded(self.width)), np.float32)
            x[:, : self.width] = latents
            rest = device.upload(x)
            if self._project is not None:
                made = device.empty((count, self._project.columns))
                self._project.apply(rows_of(rest), count, y=rows_of(made))
                rest = made
            scores = device.empty((count, self._tables[0].columns))
            held = device.zeros((count, self.layers), np.int32)
            for i, (table, vectors) in enumerate(zip(self._tables, self._vectors, strict=True)):
                table.apply(rows_of(rest), count, y=rows_of(scores))
                device.launch(
                    "nearest",
                    (count,),
                    32,
                    address(held, i),
                    self.layers,
                    rest,
                    rest.shape[1],
                    scores,
                    scores.shape[1],
                    self._codes,
                    vectors,
                )
            device.fetch(held, codes)
        return codes
