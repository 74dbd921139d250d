"""The convolutions of the speaker encoder of Qwen3-TTS; see stages/qwen3/speaker.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pocket_fast.cuda.device import Device, address
from pocket_fast.cuda.matrices import ACTIVATIONS, Matrix, Rows, rows_of
from pocket_fast.stages.qwen3.speaker import SpeakerNetwork


class _Convolution:
    """A matrix, with the shape and the taps of what it was made of."""

    def __init__(self, device: Device, weight: np.ndarray, bias: np.ndarray | None):
        self.matrix = Matrix(device, weight.transpose(0, 2, 1), bias)
        self.taps, self.shape = weight.shape[2], weight.shape[:2]


class SpeakerEncoder(SpeakerNetwork):
    """weights: {name without 'speaker_encoder.': float32, float16 or bfloat16 as uint16}; config: its config."""

    def __init__(self, device: Device, weights: Mapping[str, np.ndarray], config: Any):
        self._device = device
        super().__init__(weights, config, 1)

    def _pack(self, weight: np.ndarray, bias: np.ndarray | None) -> _Convolution:
        return _Convolution(self._device, weight, bias)

    def _convolve(
        self,
        layer: _Convolution,
        x: Any,
        out: Any,
        threads: int,
        activation: str | None,
        dilation: int,
        skip: Any,
    ) -> None:
        matrix, rows = layer.matrix, len(out)
        given = np.zeros((rows + dilation * (layer.taps - 1), matrix.channels), np.float32)
        given[:, : layer.shape[1]] = x[: len(given)]
        with self._device as device:
            held, made = device.upload(given), device.empty((rows, matrix.columns))
            added = None
            if skip is not None:
                beside = np.zeros(matrix.columns, np.float32)
                beside[: layer.shape[0]] = skip[0]
                whole = device.upload(beside)
                added = Rows(address(whole), 0)
            matrix.apply(
                rows_of(held),
                rows,
                tap=dilation * matrix.channels,
                a=rows_of(made),
                activation=ACTIVATIONS[activation],
                skip=added,
            )
            found = np.empty((rows, matrix.columns), np.float32)
            device.fetch(made, found)
        out[...] = found[:, : layer.shape[0]]
