"""Matrices on a GPU, and their products with rows (kernels/product.cu)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.cuda.device import Device, address

ACTIVATIONS = {None: 0, "elu": 1, "gelu": 2, "erf_gelu": 3, "silu": 4, "snake": 5, "clamp": 6, "relu": 7}

_MOST_SLICES = 8  # warps of a block, which share the sum over k; what the kernels have room for
_FEW_ROWS = 16  # tiles of the tensor cores are as tall, or twice as tall where there are more rows


def padded(width: int) -> int:
    """Rows are so wide in memory."""
    return (width + 7) // 8 * 8


def widen(values: np.ndarray) -> np.ndarray:
    """float32 of float32, float16, or bfloat16 as uint16."""
    if values.dtype == np.uint16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32, copy=False)


def narrow(values: np.ndarray) -> np.ndarray:
    """bfloat16 as uint16, rounded to nearest even."""
    if values.dtype == np.uint16:
        return values
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype(np.uint16)


def vector(device: Device, values: np.ndarray | None, width: int | None = None) -> Any:
    """float32 on the device, zeros behind them up to `width` (None: a whole row); None of None."""
    if values is None:
        return None
    flat = widen(np.asarray(values)).reshape(-1)
    held = np.zeros(padded(len(flat)) if width is None else width, np.float32)
    held[: len(flat)] = flat
    return device.upload(held)


@dataclass(frozen=True)
class Rows:
    """Rows of float32 in a device's memory: where, and from one to the next, in floats; stream: the same of streams."""

    at: np.uint64
    row: int
    stream: int = 0

    def later(self, floats: int) -> Rows:
        """Those that begin so much behind."""
        return Rows(np.uint64(int(self.at) + 4 * floats), self.row, self.stream)


def rows_of(held: Any) -> Rows:
    """Of an array (rows, width)."""
    return Rows(address(held), held.shape[-1], held.shape[-1])


class Matrix:
    """weight (n, k), or (n, taps, channels) of a convolution, in any float form; bias (n,) or None.

    product: None, as the weights are stored (16 bits, or float32), sums in float32; "dot": in bfloat16, what they are
    multiplied with too. Rows and columns are filled up with zeros, to whole eights.
    """

    def __init__(
        self, device: Device, weight: np.ndarray, bias: np.ndarray | None = None, product: str | None = None
    ):
        if weight.ndim == 2:
            weight = weight[:, None]
        n, taps, channels = weight.shape
        self.device, self.n, self.k = device, n, taps * channels
        self.columns, self.channels = padded(n), padded(channels)
        self.length = taps * self.channels
        self._dot = product == "dot"
        values = narrow(weight) if self._dot or weight.dtype == np.uint16 else widen(weight)
        self._kernel = "dot" if self._dot else "bf16" if values.dtype == np.uint16 else "f32"
        held = np.zeros((self.columns, taps, self.channels), values.dtype)
        held[:n, :, :channels] = values
        self._weight = device.upload(held)
        self.bias = vector(device, bias, self.columns)
        self._threads = 32 * min(_MOST_SLICES, max(1, (self.length + 31) // 32 // 2))

    @property
    def nbytes(self) -> int:
        return self._weight.nbytes

    def apply(
        self,
        x: Rows,
        rows: int,
        *,
        per_stream: int = 1,
        tap: int | None = None,
        y: Rows | None = None,
        a: Rows | None = None,
        activation: int = 0,
        snake: Any = None,
        scale: Any = None,
        scale_row: int = 0,
        skip: Rows | None = None,
        stored: int | None = None,
    ) -> None:
        """v = (w x + bias) * scale + skip; y = v; a = activation(v), for `rows` rows, `per_stream` of each stream.

        tap: floats from what one tap reads to what the next one does (None: they are neighbours). scale: (columns,),
        or a row for each row, scale_row floats apart. stored: columns that are written (None: all, with the zeros).
        """
        if self._dot:
            tall, wide = (16, 16) if rows <= _FEW_ROWS else (32, 32)
        else:
            tall, wide = (1 if rows == 1 else 8), 16
        nothing = Rows(np.uint64(0), 0)
        y, a, skip = y or nothing, a or nothing, skip or nothing
        self.device.launch(
            f"product_{self._kernel}_{tall}",
            ((rows + tall - 1) // tall, (self.columns + wide - 1) // wide),
            self._threads,
            x.at,
            np.int64(x.stream),
            np.int64(x.row),
            np.int64(self.channels if tap is None else tap),
            self.length if tap is None else self.channels,
            self.length,
            self._weight,
            self.columns,
            self.bias,
            scale,
            np.int64(scale_row),
            skip.at,
            np.int64(skip.stream),
            np.int64(skip.row),
            y.at,
            np.int64(y.stream),
            np.int64(y.row),
            a.at,
            np.int64(a.stream),
            np.int64(a.row),
            self.columns if stored is None else stored,
            activation,
            snake,
            rows,
            per_stream,
        )
