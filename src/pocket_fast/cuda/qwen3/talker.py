"""Talker: rows of text and speech in, a hidden vector and the logits of code 0 out (see cpu/qwen3/talker.pyx)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pocket_fast.cuda.codec_streams import launch_repack
from pocket_fast.cuda.device import Device
from pocket_fast.cuda.language import LanguageModel, Positions, StepRoom
from pocket_fast.cuda.matrices import ACTIVATIONS, Matrix, Rows, padded, rows_of, vector, widen
from pocket_fast.cuda.transformer import Stack
from pocket_fast.stages.qwen3.layers import language


class Talker(LanguageModel):
    """The language model of text and code 0 on a GPU. Arguments as cpu/qwen3/talker.pyx."""

    def __init__(
        self, device: Device, weights: Mapping[str, Any], config: Any, *, product: str | None = None
    ):
        self.hidden_dim, self.vocab = config.hidden_size, config.vocab_size
        stack = Stack(device, weights, "model.", **language(config), product=product)
        self._norm = vector(device, weights["model.norm.weight"])
        self._head = Matrix(device, weights["codec_head.weight"])
        self._text = [
            Matrix(device, weights[f"text_projection.{name}.weight"], weights[f"text_projection.{name}.bias"])
            for name in ("linear_fc1", "linear_fc2")
        ]
        self._text_table = kept(weights["model.text_embedding.weight"])
        self._codec_table = kept(weights["model.codec_embedding.weight"])
        super().__init__(device, stack, self.hidden_dim, (self.hidden_dim, self.vocab))

    def embed_text(self, ids: Any) -> np.ndarray:
        """Rows (n, H) float32 of text ids. Raises ValueError for an id outside the table."""
        first, second = self._text
        return self.project(table_rows(self._text_table, ids), (first, ACTIVATIONS["silu"]), (second, 0))

    def embed_codec(self, ids: Any) -> np.ndarray:
        """Rows (n, H) float32 of ids of the codec's vocabulary. Raises ValueError for an id outside of it."""
        return table_rows(self._codec_table, ids)

    def stream(self) -> Positions:
        """A fresh stream; it grows as it goes."""
        return Positions(self, None)

    def step(
        self,
        streams: Sequence[Any],
        rows: np.ndarray,
        hidden: np.ndarray,
        logits: np.ndarray,
        threads: int = 0,
    ) -> None:
        """One position for every stream: rows (B, H) -> hidden (B, H), logits (B, vocab), float32, C-contiguous.

        Stream i's result depends on its own past only, bit for bit. Raises ValueError for other shapes or the stream of
        another model.
        """
        batch, wide = len(streams), self.hidden_dim
        given = rows.shape, hidden.shape, logits.shape
        if given != ((batch, wide), (batch, wide), (batch, self.vocab)):
            raise ValueError(
                f"step: {batch} streams, rows {given[0]}, hidden {given[1]}, logits {given[2]}; expected "
                f"(B, {wide}), (B, {wide}) and (B, {self.vocab})"
            )
        if batch:
            self._step(streams, rows, [hidden, logits])

    def enter(self, room: StepRoom) -> None:
        wide = padded(self.hidden_dim)
        given = Rows(room.told.at("given"), wide, wide)
        launch_repack(self.device, rows_of(room.scratch.hidden), wide, given, wide, 1, room.bucket)

    def leave(self, room: StepRoom) -> None:
        hidden, logits = [rows_of(answer.held) for answer in room.left]
        self.stack.norm(hidden, rows_of(room.scratch.hidden), room.bucket, self._norm, None)
        self._head.apply(hidden, room.bucket, y=logits)


def kept(table: Any) -> Any:
    """An embedding table as a stage may keep it: an array is copied, for it may be mapped from a file that somebody
    cuts short or writes over; anything else is taken to be one that stands this (weights/rows.py)."""
    return np.array(table, order="C") if isinstance(table, np.ndarray) else table


def table_rows(table: Any, ids: Any) -> np.ndarray:
    """Rows (n, d) float32 of an embedding table in any storage, copied. Raises ValueError for an id outside of it."""
    ids = np.asarray(ids, dtype=np.int64)
    if ids.size and (ids.min() < 0 or ids.max() >= table.shape[0]):
        raise ValueError(f"token ids {ids.min()}..{ids.max()}, the table has {table.shape[0]} rows")
    return np.ascontiguousarray(widen(table[ids]))
