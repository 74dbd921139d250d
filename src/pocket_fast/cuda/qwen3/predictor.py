"""CodePredictor: codes 1 to G - 1 of a frame, from the talker's hidden vector and code 0 (see cpu/qwen3/predictor.pyx).

All passes of a frame, draws included, are one recorded sequence of launches for each size of batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pocket_fast.cuda.codec_streams import launch_repack
from pocket_fast.cuda.device import Device, address
from pocket_fast.cuda.matrices import Matrix, Rows, padded, rows_of, vector
from pocket_fast.cuda.qwen3.sampling import Draw, draw_fields, launch_pick
from pocket_fast.cuda.qwen3.talker import kept, table_rows
from pocket_fast.cuda.rooms import Answer, Told, bucket_for
from pocket_fast.cuda.transformer import Places, Scratch, Stack, launch_norm
from pocket_fast.stages.qwen3.layers import language


class FrameRoom:
    """What a frame of `bucket` streams works in."""

    def __init__(self, model: CodePredictor, bucket: int):
        device, groups = model.device, model.groups
        wide, inner = padded(model.hidden_dim), padded(model.stack.d)
        self.bucket = bucket
        fields = {
            **draw_fields(bucket),
            "uniforms": ((bucket, groups - 1), np.float64),
            "codes": ((bucket,), np.int32),
            "hidden": ((bucket, wide), np.float32),
        }
        self.told = Told(device, fields)
        self.told.temperatures[:] = 1
        self.codes, self.embedding = Codes(device, bucket, groups), Answer(device, bucket, wide)
        self.scratch = Scratch(model.stack, 2 * bucket)
        self.inputs = self.scratch.hidden if model.projection is None else device.zeros((2 * bucket, wide))
        self.normed = device.zeros((bucket, inner))
        self.logits = device.zeros((bucket, padded(model.vocab)))
        self.picking = device.zeros((bucket, model.vocab)), device.zeros((bucket, model.vocab))
        floats = model.stack.page_floats(groups)
        self._keys = device.zeros((bucket, floats))
        tables = np.array([address(self._keys, i * floats) for i in range(bucket)], np.uint64)
        # whose the rows of a pass are, and where: two of each stream in the first one, then one
        streams, positions = [np.repeat(np.arange(bucket), 2)], [np.tile([0, 1], bucket)]
        for g in range(1, groups - 1):
            streams.append(np.arange(bucket))
            positions.append(np.full(bucket, g + 1))
        self._tables = device.upload(tables)
        self._constants = [
            (device.upload(s.astype(np.int32)), device.upload(p.astype(np.int32)))
            for s, p in zip(streams, positions, strict=True)
        ]
        self.places = [
            Places(address(self._tables), 1, address(s), address(p), groups, True) for s, p in self._constants
        ]
        self.play: Callable[[], None] | None = None
        self._device = device

    def fetch(self, rows: int, codes: np.ndarray, embedding: np.ndarray) -> None:
        """What a frame has left."""
        self.embedding.fetch(rows, embedding)
        self._device.fetch(self.codes.held, self.codes.host)
        codes[...] = self.codes.host[:rows]


class Codes:
    """The codes of a frame, (streams, groups) int32."""

    def __init__(self, device: Device, streams: int, groups: int):
        self.held = device.zeros((streams, groups), np.int32)
        self.host = device.host((streams, groups), np.int32)
        self._groups = groups

    def column(self, g: int) -> tuple[np.uint64, int]:
        """Where the first stream's code g is, and from one to the next."""
        return address(self.held, g), self._groups


class CodePredictor:
    """Arguments as cpu/qwen3/predictor.pyx."""

    def __init__(
        self, device: Device, weights: Mapping[str, Any], config: Any, *, product: str | None = None
    ):
        inner, prefix = config.code_predictor_config, "code_predictor."
        self.device, self.threads = device, 1
        self.groups, self.vocab, self.hidden_dim = (
            config.num_code_groups,
            inner.vocab_size,
            config.hidden_size,
        )
        self.stack = Stack(device, weights, prefix + "model.", **language(inner), product=product)
        self._norm = vector(device, weights[prefix + "model.norm.weight"])
        self.projection = None
        if self.hidden_dim != self.stack.d:
            name = prefix + "small_to_mtp_projection."
            self.projection = Matrix(device, weights[name + "weight"], weights[name + "bias"])
        self._arrays = [kept(weights["model.codec_embedding.weight"])]
        self._heads = []
        for g in range(self.groups - 1):
            self._heads.append(Matrix(device, weights[f"{prefix}lm_head.{g}.weight"]))
            self._arrays.append(kept(weights[f"{prefix}model.codec_embedding.{g}.weight"]))
        self._tables = [
            device.upload(a if a.dtype == np.uint16 else a.astype(np.float32)) for a in self._arrays
        ]
        self._rooms: dict[int, FrameRoom] = {}

    @property
    def draws(self) -> int:
        """Uniform numbers that a frame takes."""
        return self.groups - 1

    @property
    def weight_bytes(self) -> int:
        """Bytes of the layers' matrices: what each of the passes of a frame reads."""
        return self.stack.weight_bytes

    def embed(self, codes: Any) -> np.ndarray:
        """The embeddings (n, H) float32 of whole frames, codes (n, G): the sums that predict() gives.

        Raises ValueError for another shape, or a code outside its table.
        """
        codes = np.asarray(codes)
        if codes.ndim != 2 or codes.shape[1] != self.groups:
            raise ValueError(f"frames: codes {codes.shape}, expected (n, {self.groups})")
        out = np.zeros((len(codes), self.hidden_dim), dtype=np.float32)
        for column, table in zip(codes.T, self._arrays, strict=True):
            out += table_rows(table, column)
        return out

    def predict(
        self,
        hidden: np.ndarray,
        codes: np.ndarray,
        uniforms: np.ndarray,
        settings: Sequence[Draw],
        embedding: np.ndarray,
        threads: int = 0,
    ) -> None:
        """The rest of one frame for B streams; see cpu/qwen3/predictor.pyx.

        Raises ValueError for other shapes, or a code 0 outside the talker's vocabulary.
        """
        batch, wide, groups = len(settings), self.hidden_dim, self.groups
        shapes = [(batch, wide), (batch, groups), (batch, groups - 1), (batch, wide)]
        given = [hidden.shape, codes.shape, uniforms.shape, embedding.shape]
        if given != shapes:
            raise ValueError(
                f"predict: hidden, codes, uniforms, embedding {given} for {batch} settings; expected {shapes}"
            )
        if batch == 0:
            return
        known = self._arrays[0].shape[0]
        if codes[:, 0].min() < 0 or codes[:, 0].max() >= known:
            raise ValueError(f"predict: code 0 is {codes[:, 0].tolist()}, expected ids below {known}")
        with self.device:
            room = self.room(batch)
            told = room.told
            told.sampled[:] = 0
            for i, draw in enumerate(settings):
                draw.tell(told, i)
            told.uniforms[:batch], told.codes[:batch] = uniforms, codes[:, 0]
            told.hidden[:batch, :wide] = hidden
            told.send()
            assert room.play is not None
            room.play()
            room.fetch(batch, codes, embedding)

    def room(self, streams: int) -> FrameRoom:
        """One for so many streams, ready to play."""
        bucket = bucket_for(streams)
        if bucket not in self._rooms:
            room = self._rooms[bucket] = FrameRoom(self, bucket)
            room.told.send()
            room.play = self.device.record(lambda: self.launch_frame(room))
        return self._rooms[bucket]

    def launch_frame(self, room: FrameRoom) -> None:
        """All passes of a frame, from what room.told says."""
        given, to = room.told.at("codes"), room.codes.column(0)[0]
        launch_repack(self.device, Rows(to, 1, self.groups), 1, Rows(given, 1, 1), 1, 1, room.bucket)
        wide = padded(self.hidden_dim)
        self.launch_passes(room, Rows(room.told.at("hidden"), wide, wide))

    def launch_passes(self, room: FrameRoom, hidden: Rows) -> None:
        """All passes of a frame, from hidden vectors, and codes 0 that stand in room.codes."""
        told, rows, wide = room.told, room.bucket, padded(self.hidden_dim)
        d, layers, inputs = self.stack.d, rows_of(room.scratch.hidden), rows_of(room.inputs)
        normed, logits = rows_of(room.normed), rows_of(room.logits)
        # the first pass has two rows of each stream: the hidden vector, and the one of code 0
        pairs = Rows(inputs.at, inputs.row, 2 * inputs.row)
        launch_repack(self.device, pairs, wide, hidden, wide, 1, rows)
        for g in range(self.groups - 1):
            each = 1 if g else 2
            self._embed(room, g, inputs.later((each - 1) * inputs.row), each * inputs.row)
            if self.projection is not None:
                self.projection.apply(inputs, each * rows, y=layers)
            self.stack.forward(room.scratch, each * rows, room.places[g])
            last = Rows(layers.at, layers.row, each * layers.row).later((each - 1) * layers.row)
            launch_norm(self.device, normed, last, rows, d, self.stack.eps, self._norm, rms=True)
            self._heads[g].apply(normed, rows, y=logits)
            launch_pick(
                self.device,
                rows,
                room.codes.column(g + 1),
                (logits.at, logits.row),
                self.vocab,
                told,
                (np.uint64(int(told.at("uniforms")) + 8 * g), self.groups - 1),
                room.picking,
            )
        self._embed(room, self.groups - 1, inputs, inputs.row)

    def _embed(self, room: FrameRoom, g: int, y: Rows, y_row: int) -> None:
        """The embedding of code g of every stream; it joins the frame's sum."""
        wide = padded(self.hidden_dim)
        table = self._tables[g]
        self.device.launch(
            "embed_code",
            ((wide + 255) // 256, room.bucket),
            256,
            y.at,
            np.int64(y_row),
            room.embedding.held,
            g == 0,
            table,
            table.dtype == np.uint16,
            table.shape[0],
            self.hidden_dim,
            wide,
            *room.codes.column(g),
        )
