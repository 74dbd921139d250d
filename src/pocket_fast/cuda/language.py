"""Language models over a batch of sequences: prompts, and steps of one position each (see cpu/language.pyx).

A step of so many streams is recorded once and then played; prompts come in all lengths and are launched as they come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pocket_fast.cuda.device import Device
from pocket_fast.cuda.matrices import Matrix, padded, rows_of
from pocket_fast.cuda.pages import PAGE, PagePool, Span
from pocket_fast.cuda.rooms import NOBODY, Answer, Told, bucket_for, distinct, places_told
from pocket_fast.cuda.transformer import Scratch, Stack

_PROMPT_ROWS = 256  # of a prompt in one call
_LEAST_PITCH = 16  # pages that a step has room for: 1024 positions


class Positions:
    """What one utterance remembers: the keys and values of its positions. capacity: of its own; None: it grows."""

    def __init__(
        self, model: LanguageModel, capacity: int | None, before: Span | None = None, length: int = 0
    ):
        self.model, self.capacity = model, capacity
        self.before_length = length
        self.length = 0  # positions of its own
        self._before = before
        self.span = Span(model.pool, before, length)

    @property
    def offset(self) -> int:
        """Positions so far."""
        return self.before_length + self.length

    @property
    def nbytes(self) -> int:
        """Bytes of the keys and values it has room for."""
        if self.capacity is None:
            return self.span.nbytes
        return 4 * self.model.stack.page_floats(self.capacity)

    def reset(self) -> None:
        """Forget its own positions, keep the room."""
        self.length = 0


class StepRoom:
    """What a step of `bucket` streams works in. given, left: what goes in and comes out."""

    def __init__(self, model: LanguageModel, bucket: int, pitch: int):
        device = model.device
        self.bucket, self.pitch = bucket, pitch
        fields: dict[str, Any] = {
            "tables": ((bucket, pitch), np.uint64),
            "streams": ((bucket,), np.int32),
            "positions": ((bucket,), np.int32),
            "given": ((bucket, padded(model.given_dim)), np.float32),
        }
        self.told = Told(device, fields)
        self.told.positions[:] = NOBODY
        self.told.streams[:] = np.arange(bucket)
        self.places = places_told(self.told, pitch, PAGE, False)
        self.scratch = Scratch(model.stack, bucket)
        self.left = [Answer(device, bucket, padded(width)) for width in model.left_dims]
        self.play: Callable[[], None] | None = None

    def leave_alone(self) -> None:
        """What is launched now is for nobody."""
        self.told.positions[:] = NOBODY
        self.told.send()

    def tell(self, streams: Sequence[Any], given: np.ndarray) -> None:
        """Fill in who steps, and with what."""
        told, n = self.told, len(streams)
        told.positions[n:] = NOBODY
        told.given[:n, : given.shape[1]] = given
        for row, s in enumerate(streams):
            s.span.make_room(s.offset + 1)
            told.tables[row, : len(s.span.addresses)] = s.span.addresses
        told.positions[:n] = [s.offset for s in streams]
        told.send()


class LanguageModel(ABC):
    """given_dim: width of what a step takes in; left_dims: of what it leaves."""

    stack: Stack
    given_dim: int
    left_dims: tuple[int, ...]

    def __init__(self, device: Device, stack: Stack, given_dim: int, left_dims: tuple[int, ...]):
        self.device, self.stack = device, stack
        self.given_dim, self.left_dims = given_dim, left_dims
        self.pool = PagePool(device, stack.page_floats(PAGE))
        self.threads = 1
        self._rooms: dict[tuple[int, int], StepRoom] = {}
        self._pitch = _LEAST_PITCH

    @property
    def macs_per_row(self) -> int:
        """Multiply-adds of one position in the transformer's matrices."""
        return self.stack.macs_per_row

    @property
    def weight_bytes(self) -> int:
        """Bytes of the transformer's matrices: what a step reads."""
        return self.stack.weight_bytes

    # --- what a model says ---------------------------------------------------------------------

    @abstractmethod
    def enter(self, room: StepRoom) -> None:
        """Launch what makes room.scratch.hidden of room.told's given."""

    @abstractmethod
    def leave(self, room: StepRoom) -> None:
        """Launch what makes room.left of room.scratch.hidden."""

    # --- running -------------------------------------------------------------------------------

    def launch_step(self, room: StepRoom) -> None:
        """All launches of a step."""
        self.enter(room)
        self.stack.forward(room.scratch, room.bucket, room.places)
        self.leave(room)

    def room(self, streams: int, positions: int = 0) -> StepRoom:
        """One for so many streams of so many positions each, ready to play."""
        while self._pitch * PAGE < positions:
            self._pitch *= 2
        key = bucket_for(streams), self._pitch
        if key not in self._rooms:
            room = self._rooms[key] = StepRoom(self, *key)
            room.leave_alone()
            room.play = self.device.record(lambda: self.launch_step(room))
        return self._rooms[key]

    def _step(self, streams: Sequence[Any], given: np.ndarray, left: Sequence[np.ndarray]) -> None:
        """One position for every stream."""
        distinct(streams, "step")
        with self.device:
            for i, s in enumerate(streams):
                self.check(s, i, 1)
            room = self.room(len(streams), max(s.offset + 1 for s in streams))
            room.tell(streams, given)
            assert room.play is not None
            room.play()
            for answer, out in zip(room.left, left, strict=True):
                answer.fetch(len(streams), out)
            for s in streams:
                s.length += 1

    def prefill(self, streams: Sequence[Any], embeddings: Sequence[np.ndarray], threads: int = 0) -> None:
        """Append prompts: embeddings[i] (n_i, d) float32 to streams[i]. Batched; no output.

        Raises ValueError if a prompt does not fit its stream.
        """
        for i, (s, rows) in enumerate(zip(streams, embeddings, strict=True)):
            if rows.ndim != 2 or rows.shape[1] != self.stack.d:
                raise ValueError(f"prefill: embeddings {rows.shape}, expected (n, {self.stack.d})")
            self.check(s, i, rows.shape[0])
        batch: list[tuple[Any, np.ndarray]] = []
        count = 0
        for stream, rows in zip(streams, embeddings, strict=True):
            for first in range(0, rows.shape[0], _PROMPT_ROWS):
                piece = rows[first : first + _PROMPT_ROWS]
                if count + len(piece) > _PROMPT_ROWS or any(s is stream for s, _ in batch):
                    self._prefill(batch)
                    batch, count = [], 0
                batch.append((stream, piece))
                count += len(piece)
        self._prefill(batch)

    def _prefill(self, batch: Sequence[tuple[Any, np.ndarray]]) -> None:
        count = sum(len(piece) for _, piece in batch)
        if not count:
            return
        with self.device:
            for s, piece in batch:
                s.span.make_room(s.offset + len(piece))
            tables = [s.span.addresses for s, _ in batch]
            pitch = max(map(len, tables))
            told = Told(
                self.device,
                {
                    "tables": ((len(batch), pitch), np.uint64),
                    "streams": ((count,), np.int32),
                    "positions": ((count,), np.int32),
                },
            )
            scratch, row = Scratch(self.stack, count), 0
            hidden = np.zeros(scratch.hidden.shape, np.float32)
            for i, ((s, piece), table) in enumerate(zip(batch, tables, strict=True)):
                told.tables[i, : len(table)] = table
                told.streams[row : row + len(piece)] = i
                told.positions[row : row + len(piece)] = np.arange(s.offset, s.offset + len(piece))
                hidden[row : row + len(piece), : self.stack.d] = piece
                row += len(piece)
            told.send()
            self.device.send(scratch.hidden, hidden)
            self.stack.forward(scratch, count, places_told(told, pitch, PAGE, False), keys_only=True)
            self.device.wait()
            for s, piece in batch:
                s.length += len(piece)

    def check(self, s: Any, i: int, n: int) -> None:
        """Raise ValueError unless stream i of a batch is of this model and has room for n positions."""
        if s is None or s.model is not self:
            raise ValueError("this stream belongs to another model")
        if s.capacity is not None and s.length + n > s.capacity:
            raise ValueError(f"stream {i} holds {s.length} of {s.capacity} positions: {n} more do not fit")

    def project(self, rows: np.ndarray, *matrices: tuple[Matrix, int]) -> np.ndarray:
        """Rows (n, k) float32 through one matrix after the other, each with its activation: (n, width) float32."""
        first, last = matrices[0][0], matrices[-1][0]
        if rows.shape[1] != first.k:
            raise ValueError(f"projection: rows are {rows.shape[1]} wide, the weight expects {first.k}")
        out = np.empty((len(rows), last.columns), np.float32)
        if len(rows):
            with self.device:
                x = np.zeros((len(rows), padded(first.k)), np.float32)
                x[:, : first.k] = rows
                held = self.device.upload(x)
                for matrix, activation in matrices:
                    made = self.device.empty((len(rows), matrix.columns))
                    matrix.apply(rows_of(held), len(rows), a=rows_of(made), activation=activation)
                    held = made
                self.device.fetch(held, out)
        return np.ascontiguousarray(out[:, : last.n])
