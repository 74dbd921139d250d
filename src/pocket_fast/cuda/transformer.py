"""Pre-norm transformer layers over rows of many streams, each at its own position (see cpu/transformer.pyx).

x += scale1 * out(attention(rope(qkv(norm1(x)))));  x += scale2 * down(activation(up(norm2(x))))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.cuda.device import Device
from pocket_fast.cuda.matrices import ACTIVATIONS, Matrix, Rows, padded, rows_of, vector, widen
from pocket_fast.stages.layers import LayerForm

_NORM_ROWS = 4  # warps of a block, a row each
_WIDEST_HEAD = 256  # that the attention kernel has room for


@dataclass(frozen=True)
class Places:
    """Whose the rows are, where, and where the keys and values lie (kernels/attention.cu).

    tables: addresses of pages, `pitch` for each stream; streams, positions: int32 of every row; page: positions of a
    page; ring: the one page of a stream is used again and again.
    """

    tables: np.uint64
    pitch: int
    streams: np.uint64
    positions: np.uint64
    page: int
    ring: bool


class Scratch:
    """What a call needs between the layers, for so many rows. hidden (rows, padded d): what comes in and goes out."""

    def __init__(self, stack: Stack, rows: int):
        empty = stack.device.zeros
        self.hidden = empty((rows, padded(stack.d)))
        self.normed = empty((rows, padded(stack.d)))
        self.qkv = empty((rows, padded((stack.heads + 2 * stack.kv_heads) * stack.dim)))
        self.attended = empty((rows, padded(stack.heads * stack.dim)))
        self.feed = empty((rows, padded(stack.feed)))


class Stack:
    """Layers of one transformer. weights: {prefix + 'layers.{i}.' + name: array}; the rest as cpu/transformer.pyx."""

    def __init__(
        self,
        device: Device,
        weights: Mapping[str, np.ndarray],
        prefix: str,
        *,
        n_layers: int,
        d_model: int,
        heads: int,
        kv_heads: int,
        dim: int,
        feed: int,
        max_period: float,
        context: int = 0,
        form: LayerForm | None = None,
        eps: float = 1e-5,
        product: str | None = None,
    ):
        form = form or LayerForm()
        if dim > _WIDEST_HEAD or heads % kv_heads:
            raise ValueError(
                f"attention: {heads} heads of {dim}, {kv_heads} for keys; expected heads of at most {_WIDEST_HEAD}, "
                "each for a whole number of the others"
            )
        self.device, self.n_layers, self.d, self.feed = device, n_layers, d_model, feed
        self.heads, self.kv_heads, self.dim, self.context = heads, kv_heads, dim, context
        self.eps, self.form, self._activation = eps, form, ACTIVATIONS[form.activation]
        half = np.arange(dim // 2, dtype=np.float32)
        if form.interleaved:
            freqs = np.exp(half * np.float32(-np.log(max_period) * 2 / dim))
        else:
            power = (2 * half / np.float32(dim)).astype(float)
            freqs = np.float32(1) / (max_period**power).astype(np.float32)
        self._freqs = vector(device, freqs)
        self._layers = [_Layer(self, weights, f"{prefix}layers.{i}.", product) for i in range(n_layers)]

    @property
    def macs_per_row(self) -> int:
        """Multiply-adds of the matrix products for one position."""
        return sum(m.n * m.k for layer in self._layers for m in layer.matrices)

    @property
    def weight_bytes(self) -> int:
        return sum(m.nbytes for layer in self._layers for m in layer.matrices)

    def page_floats(self, positions: int) -> int:
        """Floats of the keys and values of so many positions."""
        return 2 * self.n_layers * self.kv_heads * positions * self.dim

    def forward(self, s: Scratch, rows: int, places: Places, keys_only: bool = False) -> None:
        """Every layer on s.hidden, in place, remembering keys and values.

        keys_only: these are all that is wanted (a prompt), so the last layer stops there.
        """
        hidden, normed = rows_of(s.hidden), rows_of(s.normed)
        for i, layer in enumerate(self._layers):
            self.norm(normed, hidden, rows, *layer.norm1)
            layer.qkv.apply(normed, rows, y=rows_of(s.qkv))
            self._attend(s, i, layer, rows, places, keys_only and i == self.n_layers - 1)
            if keys_only and i == self.n_layers - 1:
                return
            layer.out.apply(rows_of(s.attended), rows, y=hidden, scale=layer.scale1, skip=hidden)
            self.norm(normed, hidden, rows, *layer.norm2)
            feed = rows_of(s.feed)
            if layer.gate is not None:
                layer.gate.apply(normed, rows, a=feed, activation=self._activation)
                layer.up.apply(normed, rows, y=feed, scale=feed.at, scale_row=feed.row)
            else:
                layer.up.apply(normed, rows, a=feed, activation=self._activation)
            layer.down.apply(feed, rows, y=hidden, scale=layer.scale2, skip=hidden)

    def norm(self, y: Rows, x: Rows, rows: int, weight: Any, bias: Any) -> None:
        """Of the stack's kind, over its width."""
        launch_norm(self.device, y, x, rows, self.d, self.eps, weight, bias, rms=self.form.rms)

    def _attend(self, s: Scratch, i: int, layer: _Layer, rows: int, p: Places, keys_only: bool) -> None:
        ends = (
            p.tables,
            p.pitch,
            p.streams,
            p.positions,
            p.page,
            p.ring,
            i,
            self.heads,
            self.kv_heads,
            self.dim,
        )
        row = np.int64(s.qkv.shape[1])
        self.device.launch(
            "remember",
            (rows, self.heads + 2 * self.kv_heads),
            32,
            s.qkv,
            row,
            *ends,
            self._freqs,
            self.form.interleaved,
            layer.q_norm,
            layer.k_norm,
            self.eps,
        )
        if not keys_only:
            wide = s.attended.shape[1]
            self.device.launch(
                "attend",
                (rows, self.heads),
                128,
                s.attended,
                np.int64(wide),
                wide,
                s.qkv,
                row,
                *ends,
                self.context,
            )


class _Layer:
    def __init__(self, stack: Stack, weights: Mapping[str, np.ndarray], prefix: str, product: str | None):
        form, device, d = stack.form, stack.device, stack.d
        q, kv = stack.heads * stack.dim, stack.kv_heads * stack.dim

        def matrix(names: tuple[str, ...], n: int, k: int) -> Matrix:
            found = [weights[prefix + name] for name in names]
            if len({m.dtype for m in found}) > 1:
                found = [widen(m) for m in found]
            whole = found[0] if len(found) == 1 else np.concatenate(found)
            if whole.shape != (n, k):
                raise ValueError(f"{prefix}{names[0]}: shape {whole.shape}, expected {(n, k)}")
            return Matrix(device, whole, product=product)

        def own(name: str, n: int = d) -> Any:
            values = weights[prefix + name]
            if values.shape != (n,):
                raise ValueError(f"{prefix}{name}: shape {values.shape}, expected {(n,)}")
            return vector(device, values)

        self.qkv = matrix(form.qkv, q + 2 * kv, d)
        self.out = matrix((form.out,), d, q)
        self.gate = None if form.gate is None else matrix((form.gate,), stack.feed, d)
        self.up = matrix((form.up,), stack.feed, d)
        self.down = matrix((form.down,), d, stack.feed)
        self.matrices = [m for m in (self.qkv, self.out, self.gate, self.up, self.down) if m is not None]
        self.norm1, self.norm2 = [
            (own(f"{name}.weight"), None if form.rms else own(f"{name}.bias")) for name in form.norms
        ]
        norms = form.head_norms
        self.q_norm = self.k_norm = None
        if norms is not None:
            self.q_norm, self.k_norm = [own(name, stack.dim) for name in norms]
        self.scale1, self.scale2 = [vector(device, weights.get(prefix + name)) for name in form.scales]


def launch_norm(
    device: Device,
    y: Rows,
    x: Rows,
    rows: int,
    width: int,
    eps: float,
    weight: Any = None,
    bias: Any = None,
    *,
    scale: Rows | None = None,
    shift: Rows | None = None,
    rms: bool = False,
    per_stream: int = 1,
) -> None:
    """norm(x) [* weight + bias] [* (1 + scale) + shift], rows of `width`."""
    device.launch(
        "norm_rows",
        ((rows + _NORM_ROWS - 1) // _NORM_ROWS,),
        32 * _NORM_ROWS,
        y.at,
        np.int64(y.stream),
        np.int64(y.row),
        x.at,
        np.int64(x.stream),
        np.int64(x.row),
        width,
        padded(width),
        float(eps),
        weight,
        bias,
        None if scale is None else scale.at,
        None if shift is None else shift.at,
        np.int64(0 if scale is None else scale.row),
        rms,
        rows,
        per_stream,
    )
