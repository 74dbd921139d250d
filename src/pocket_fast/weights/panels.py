"""Matrices in the form in which the kernels of a page read them (csrc/pf_kernels.h): panels of 16 outputs."""

from __future__ import annotations

import numpy as np

PANEL = 16  # outputs
FEW = 4  # outputs: a matrix of so few stays as rows of float32
_INT8_HEAD = 8 * PANEL  # bytes: scale and offset of every output


def _panels(matrix: np.ndarray, inputs: int) -> np.ndarray:
    """(n, k) -> (panels, PANEL, inputs), zeros where there is nothing."""
    n, k = matrix.shape
    padded = np.zeros((-(-n // PANEL) * PANEL, inputs), matrix.dtype)
    padded[:n, :k] = matrix
    return padded.reshape(-1, PANEL, inputs)


def float32_panels(matrix: np.ndarray) -> np.ndarray:
    """(n, k) float32 -> (panels, k, 16)."""
    return np.ascontiguousarray(_panels(matrix, matrix.shape[1]).swapaxes(1, 2))


def bfloat16_panels(matrix: np.ndarray, taps: int = 1) -> np.ndarray:
    """(n, taps * k) bfloat16 bits -> (panels, taps, k / 2, 16, 2), k rounded up to even in each tap."""
    n, k = len(matrix), matrix.shape[1] // taps
    padded = np.zeros((n, taps, k + k % 2), matrix.dtype)
    padded[:, :, :k] = matrix.reshape(n, taps, k)
    panels = _panels(padded.reshape(n, -1), taps * (k + k % 2))
    return np.ascontiguousarray(panels.reshape(len(panels), PANEL, taps, -1, 2).transpose(0, 2, 3, 1, 4))


def int8_panels(integers: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """(n, k) int8 and (n,) float32 -> (panels, bytes): scales, -128 * the sum of each row, (k / 4, 16, 4)."""
    panels = _panels(integers, -(-integers.shape[1] // 4) * 4)
    packed = np.empty((len(panels), _INT8_HEAD + panels[0].size), np.uint8)
    head = packed[:, :_INT8_HEAD].view(np.float32)
    head[:, :PANEL] = _panels(scales[:, None].astype(np.float32), 1)[..., 0]
    head[:, PANEL:].view(np.int32)[:] = -128 * panels.sum(axis=2, dtype=np.int32)
    packed[:, _INT8_HEAD:].view(np.int8)[:] = (
        panels.reshape(len(panels), PANEL, -1, 4).swapaxes(1, 2).reshape(len(panels), -1)
    )
    return packed


def int4_panels(integers: np.ndarray, scales: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """(n, 16 groups) uint8, (n,) float32 and (n, 2 groups) int8 as weights/integers.py has them -> (panels, bytes):
    scales, and for each group of inputs (16, 2) steps and offsets and (4, 16, 4) bytes of two inputs each."""
    nibbles = _panels(integers, integers.shape[1])
    count = len(nibbles)
    groups = nibbles.shape[2] // 16
    steps = _panels(lines, 2 * groups).view(np.uint8).reshape(count, PANEL, groups, 2).swapaxes(1, 2)
    nibbles = nibbles.reshape(count, PANEL, groups, 4, 4).transpose(0, 2, 3, 1, 4)
    records = [steps.reshape(count, groups, -1), nibbles.reshape(count, groups, -1)]
    head = _panels(scales[:, None].astype(np.float32), 1).reshape(count, PANEL).view(np.uint8)
    return np.concatenate([head, np.concatenate(records, axis=2).reshape(count, -1)], axis=1)
