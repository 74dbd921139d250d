"""Chains of causal convolutions, channels last, streamed piece by piece, of many streams at a time.

What cpu/conv.pyx says of its layers holds here. A buffer holds, for each stream, the rows of a call behind the last
rows before it; those come from the stream's memory when a call begins, and go there when it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pocket_fast.cuda.device import Device, address
from pocket_fast.cuda.matrices import ACTIVATIONS, Matrix, Rows, padded, vector, widen
from pocket_fast.cuda.transformer import launch_norm

_THREADS = 256


@dataclass
class _Buffer:
    channels: int
    rows: int  # of one call, at most
    history: int = 0

    @property
    def width(self) -> int:
        return padded(self.channels)


@dataclass
class _Op:
    kind: str
    source: int
    past: int = 0  # rows before the first one that it reads
    stride: int = 1
    dilation: int = 1
    raw: int = -1
    active: int = -1
    skip: int = -1
    replicate: bool = False
    activation: int = 0
    snake: Any = None
    scale: Any = None
    matrix: Matrix | None = None
    vectors: Any = None
    taps: int = 0
    eps: float = 0.0


class ChainRoom:
    """The buffers of a chain for so many streams. rows[i]: where the rows of a call begin in buffer i."""

    def __init__(self, chain: Chain, streams: int):
        self.streams = streams
        self.held, self.rows, segments = [], [], []
        state = 0
        for b in chain.buffers:
            held = chain.device.zeros((streams, b.history + b.rows, b.width))
            self.held.append(held)
            front = b.history * b.width
            self.rows.append(Rows(address(held, front), b.width, (b.history + b.rows) * b.width))
            if front:
                last = b.rows * b.width  # where the last `history` rows begin
                segments.append((int(address(held)), (b.history + b.rows) * b.width, state, front, last))
                state += front
        self.segments = chain.device.upload(np.array(segments, np.int64)) if segments else None
        self.count = len(segments)


@dataclass
class Chain:
    """Build with conv() and its kind, then finish(). channels, rows: of the chain's input, and of it in one call.

    product: of the matrices (matrices.py). Layers return buffers, as those of cpu/conv.pyx: of their value (raw) and of
    activation(value) (active), -1 for what was not asked.
    """

    device: Device
    channels: int
    rows: int
    product: str | None = None
    buffers: list[_Buffer] = field(default_factory=list)
    ops: list[_Op] = field(default_factory=list)
    macs: float = 0
    input: int = 0
    output: int = 0

    def __post_init__(self) -> None:
        self.input = self.output = self._buffer(self.channels, self.rows)

    # --- building ------------------------------------------------------------------------------

    def conv(
        self,
        source: int,
        weight: np.ndarray,
        bias: np.ndarray | None = None,
        *,
        stride: int = 1,
        dilation: int = 1,
        skip: int = -1,
        scale: np.ndarray | None = None,
        activation: Any = "elu",
        raw: bool = False,
        active: bool = False,
        replicate: bool = False,
    ) -> tuple[int, int]:
        """Add a convolution: weight (out, in, kernel); see cpu/conv.pyx."""
        out, channels, kernel = weight.shape
        reach = (kernel - 1) * dilation + 1 - stride
        rows = self.buffers[source].rows
        if channels != self.buffers[source].channels or rows % stride or reach < 0:
            raise ValueError(
                f"convolution {weight.shape} with stride {stride} on {self.buffers[source].channels} channels, "
                f"{rows} rows"
            )
        op = self._op(
            "product", source, reach, stride=stride, dilation=dilation, skip=skip, replicate=replicate
        )
        op.matrix = Matrix(self.device, weight.transpose(0, 2, 1), bias, self.product)
        op.scale = vector(self.device, scale)
        self.macs += float(rows // stride) * out * channels * kernel
        return self._outputs(op, out, rows // stride, activation, raw, active, 1)

    def conv_transpose(
        self,
        source: int,
        weight: np.ndarray,
        bias: np.ndarray | None = None,
        *,
        overlap: int = 2,
        activation: Any = "elu",
        raw: bool = False,
        active: bool = False,
    ) -> tuple[int, int]:
        """Add a transposed convolution: weight (in, out, overlap * stride). A row makes `stride` rows."""
        channels, out, kernel = weight.shape
        stride, rows = kernel // overlap, self.buffers[source].rows
        if channels != self.buffers[source].channels or kernel != overlap * stride:
            raise ValueError(
                f"transposed convolution {weight.shape} of {overlap} strides on "
                f"{self.buffers[source].channels} channels"
            )
        # row (j, co) of the product: the taps of the rows up to x[t] that land on output row t * stride + j
        taps = np.split(weight.transpose(2, 1, 0), overlap)[::-1]  # each (stride, out, in), that of x[t] last
        wide = padded(out)
        matrix = np.zeros((stride, wide, overlap, channels), weight.dtype)
        matrix[:, :out] = np.stack(taps, axis=2)
        op = self._op("product", source, overlap - 1)
        op.matrix = Matrix(
            self.device,
            matrix.reshape(stride * wide, overlap, channels),
            None if bias is None else np.tile(_filled(bias, wide), stride),
            self.product,
        )
        self.macs += float(rows) * stride * out * channels * overlap
        return self._outputs(op, out, rows * stride, activation, raw, active, stride)

    def depthwise(self, source: int, weight: np.ndarray, bias: np.ndarray) -> int:
        """Add a convolution of each channel alone: weight (channels, 1, kernel), bias (channels,). A buffer."""
        channels, _, kernel = weight.shape
        wide, rows = padded(channels), self.buffers[source].rows
        vectors = np.zeros((kernel + 1, wide), np.float32)
        vectors[:kernel, :channels] = widen(weight)[:, 0].T
        vectors[kernel, :channels] = widen(bias)
        op = self._op("depthwise", source, kernel - 1)
        op.vectors, op.taps = self.device.upload(vectors), kernel
        self.macs += float(rows) * kernel * channels
        return self._outputs(op, channels, rows, None, True, False, 1)[0]

    def upsample(self, source: int, weight: np.ndarray) -> int:
        """Add a transposed convolution of each channel alone: weight (channels, 1, 2 * stride). A buffer."""
        channels, _, kernel = weight.shape
        stride, wide = kernel // 2, padded(channels)
        vectors = np.zeros((kernel, wide), np.float32)
        taps = widen(weight)[:, 0].T  # (2 stride, channels): those of x[t], then of x[t - 1]
        vectors[:stride, :channels], vectors[stride:, :channels] = taps[stride:], taps[:stride]
        op = self._op("upsample", source, 1, stride=stride)
        op.vectors = self.device.upload(vectors)
        return self._outputs(op, channels, self.buffers[source].rows * stride, None, True, False, 1)[0]

    def norm(self, source: int, weight: np.ndarray, bias: np.ndarray, eps: float) -> int:
        """Add a LayerNorm of every row: weight, bias (channels,). A buffer."""
        b = self.buffers[source]
        op = self._op("norm", source)
        op.vectors, op.eps = (vector(self.device, weight), vector(self.device, bias)), eps
        return self._outputs(op, b.channels, b.rows, None, True, False, 1)[0]

    def finish(self) -> Chain:
        """Nothing to do here; other backends place their buffers."""
        return self

    def _buffer(self, channels: int, rows: int) -> int:
        self.buffers.append(_Buffer(channels, rows))
        return len(self.buffers) - 1

    def _op(self, kind: str, source: int, past: int = 0, **options: Any) -> _Op:
        op = _Op(kind, source, past, **options)
        self.buffers[source].history = max(self.buffers[source].history, past)
        self.ops.append(op)
        return op

    def _outputs(
        self, op: _Op, channels: int, rows: int, activation: Any, raw: bool, active: bool, times: int
    ) -> tuple[int, int]:
        if isinstance(activation, tuple):
            alpha, beta = (np.exp(widen(np.asarray(v)).astype(float)) for v in activation)
            wide = padded(channels)
            rows_of_snake = [np.tile(_filled(v, wide), times) for v in (alpha, 1 / (beta + 1e-9))]
            op.activation, op.snake = ACTIVATIONS["snake"], self.device.upload(np.concatenate(rows_of_snake))
        else:
            op.activation = ACTIVATIONS[activation]
        op.raw = self._buffer(channels, rows) if raw else -1
        op.active = self._buffer(channels, rows) if active else -1
        self.output = op.active if active else op.raw
        return op.raw, op.active

    # --- running -------------------------------------------------------------------------------

    @property
    def state_floats(self) -> int:
        """Floats that a stream remembers."""
        return sum(b.history * b.width for b in self.buffers)

    @property
    def memory(self) -> int:
        """Rows of the input that a stream's state depends on: those before are forgotten."""
        reach = [0.0] * len(self.buffers)
        passed = [self.buffers[self.input].rows / b.rows for b in self.buffers]
        for op in self.ops:
            for to in (op.raw, op.active):
                if to >= 0:
                    late = max(0.0, passed[op.source] - passed[to])
                    back = reach[op.source] + op.past * passed[op.source] + late
                    reach[to] = max(back, reach[op.skip]) if op.skip >= 0 else back
        most = max(r + b.history * p for r, b, p in zip(reach, self.buffers, passed, strict=True))
        return int(np.ceil(most - 1e-6))

    def rows_in(self, buffer: int, rows: int) -> int:
        """Rows of a buffer when the input has `rows`: the last one may come of less than a whole stride."""
        most = self.buffers[self.input].rows
        return (rows * self.buffers[buffer].rows + most - 1) // most

    def begin(self, room: ChainRoom, states: np.uint64) -> None:
        """Bring the past of the streams in front of the buffers. states: addresses of their memories."""
        if room.count:
            self.device.launch(
                "move_past", (room.count, room.streams), _THREADS, room.segments, states, False
            )

    def end(self, room: ChainRoom, states: np.uint64) -> None:
        """Keep the last rows as their past, after a whole call."""
        if room.count:
            self.device.launch("move_past", (room.count, room.streams), _THREADS, room.segments, states, True)

    def run(self, room: ChainRoom, frames: np.uint64, rows: int | None = None) -> None:
        """All layers on the input's rows; frames: how many each stream has had, int32. rows: of the input, if fewer."""
        rows = self.rows if rows is None else rows
        for op in self.ops:
            have = self.rows_in(op.source, rows)
            wanted = (have + op.stride - 1) // op.stride * op.stride if op.kind == "product" else have
            self._pad(op, room, frames, have, wanted)
            getattr(self, f"_{op.kind}")(op, room, wanted // op.stride if op.kind == "product" else have)

    def _pad(self, op: _Op, room: ChainRoom, frames: np.uint64, have: int, wanted: int) -> None:
        """The rows that a layer reads before the first one of a stream and behind the last one."""
        x, width = room.rows[op.source], self.buffers[op.source].width
        if op.replicate and op.past:
            self.device.launch(
                "repeat_first", (room.streams,), _THREADS, x.at, np.int64(x.stream), width, op.past, frames
            )
        if have < wanted:
            self.device.launch(
                "repeat_last",
                (room.streams,),
                _THREADS,
                x.at,
                np.int64(x.stream),
                width,
                have,
                wanted,
                op.replicate,
            )

    def _product(self, op: _Op, room: ChainRoom, rows: int) -> None:
        assert op.matrix is not None
        width = self.buffers[op.source].width
        x = room.rows[op.source].later(-op.past * width)
        # a row of the product may be several rows of its buffer
        to = [
            None if i < 0 else Rows(room.rows[i].at, op.matrix.columns, room.rows[i].stream)
            for i in (op.raw, op.active)
        ]
        op.matrix.apply(
            Rows(x.at, op.stride * width, x.stream),
            rows * room.streams,
            per_stream=rows,
            tap=op.dilation * width if op.dilation > 1 else None,
            y=to[0],
            a=to[1],
            activation=op.activation,
            snake=op.snake,
            scale=op.scale,
            skip=None if op.skip < 0 else room.rows[op.skip],
        )

    def _depthwise(self, op: _Op, room: ChainRoom, rows: int) -> None:
        x, y, width = room.rows[op.source], room.rows[op.raw], self.buffers[op.source].width
        x = x.later(-op.past * width)
        total = rows * width * room.streams
        self.device.launch(
            "depthwise",
            ((total + _THREADS - 1) // _THREADS,),
            _THREADS,
            y.at,
            np.int64(y.stream),
            x.at,
            np.int64(x.stream),
            op.vectors,
            op.taps,
            width,
            rows,
            room.streams,
        )

    def _upsample(self, op: _Op, room: ChainRoom, rows: int) -> None:
        x, y, width = room.rows[op.source], room.rows[op.raw], self.buffers[op.source].width
        total = rows * op.stride * width * room.streams
        self.device.launch(
            "upsample",
            ((total + _THREADS - 1) // _THREADS,),
            _THREADS,
            y.at,
            np.int64(y.stream),
            x.at,
            np.int64(x.stream),
            op.vectors,
            op.stride,
            width,
            rows,
            room.streams,
        )

    def _norm(self, op: _Op, room: ChainRoom, rows: int) -> None:
        b = self.buffers[op.source]
        x, y, count = room.rows[op.source], room.rows[op.raw], rows * room.streams
        launch_norm(self.device, y, x, count, b.channels, op.eps, *op.vectors, per_stream=rows)


def _filled(values: np.ndarray | Sequence[float], width: int) -> np.ndarray:
    held = np.zeros(width, np.float32)
    held[: len(values)] = widen(np.asarray(values)) if isinstance(values, np.ndarray) else values
    return held
