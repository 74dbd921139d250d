"""Backbone: prompt and latents in, one hidden vector per frame out (see cpu/pocket/backbone.pyx)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pocket_fast.cuda.device import Device
from pocket_fast.cuda.language import LanguageModel, Positions, StepRoom
from pocket_fast.cuda.matrices import Matrix, Rows, padded, rows_of, vector, widen
from pocket_fast.cuda.pages import PAGE, Span
from pocket_fast.cuda.transformer import Stack


class Prefix:
    """Keys and values of a voice: read-only, shared by every stream that speaks with it."""

    def __init__(self, model: Backbone, span: Span, length: int):
        self.model, self.span, self.length = model, span, length

    @property
    def nbytes(self) -> int:
        return 4 * self.model.stack.page_floats(self.length)

    def export(self) -> list[np.ndarray]:
        """[(2, length, kv_heads, dim) float32] per layer, keys in upstream's interleaved order."""
        return self.model.read(self.span, self.length)


class BackboneStream(Positions):
    """What one utterance remembers: its prefix and the keys and values of its own positions."""

    def __init__(self, model: Backbone, capacity: int, prefix: Prefix | None):
        super().__init__(
            model,
            capacity,
            None if prefix is None else prefix.span,
            0 if prefix is None else prefix.length,
        )
        self.prefix = prefix

    def freeze(self) -> Prefix:
        """A Prefix holding everything so far (copied): the stream's past, as a voice."""
        model = self.model
        assert isinstance(model, Backbone)
        with model.device:
            copy = Span(model.pool)
            copy.make_room(self.offset)
            self.span.make_room(self.offset)  # what it only shares in part, it has then
            for (to, i), (held, j) in zip(copy.pages, self.span.pages, strict=False):
                model.device.copy(to[i], held[j])
        return Prefix(model, copy, self.offset)


class Backbone(LanguageModel):
    """The language model's transformer on a GPU. Arguments as cpu/pocket/backbone.pyx."""

    def __init__(
        self,
        device: Device,
        weights: Mapping[str, np.ndarray],
        *,
        n_layers: int,
        d_model: int,
        heads: int,
        kv_heads: int,
        dim: int,
        feed: int,
        max_period: float,
        product: str | None = None,
    ):
        stack = Stack(
            device,
            weights,
            "transformer.",
            n_layers=n_layers,
            d_model=d_model,
            heads=heads,
            kv_heads=kv_heads,
            dim=dim,
            feed=feed,
            max_period=max_period,
            product=product,
        )
        self.input_linear = Matrix(device, weights["input_linear.weight"])
        self.speaker_proj = Matrix(device, weights["speaker_proj_weight"])
        z_proj, proj = weights.get("z_proj.weight"), weights.get("conditioner.proj.weight")
        self.z_proj = None if z_proj is None else Matrix(device, z_proj)
        self.embed_proj = None if proj is None else Matrix(device, proj)
        self.latent_dim = self.input_linear.k
        self.hidden_dim = d_model if self.z_proj is None else self.z_proj.n
        self._norm = vector(device, weights["out_norm.weight"]), vector(device, weights["out_norm.bias"])
        self._table = np.array(weights["conditioner.embed.weight"], order="C")
        self.bos_latent = widen(weights["bos_emb"]).copy()
        bos = weights.get("bos_before_voice")
        self.bos_voice = None if bos is None else widen(bos).reshape(-1).copy()
        super().__init__(device, stack, self.latent_dim, (self.hidden_dim,))

    # --- what goes in --------------------------------------------------------------------------

    def embed_text(self, tokens: Any) -> np.ndarray:
        """Embeddings (n, d) float32 of token ids. Raises ValueError for an id outside the table."""
        ids = np.asarray(tokens, dtype=np.int64)
        if ids.size and (ids.min() < 0 or ids.max() >= len(self._table)):
            raise ValueError(f"token ids {ids.min()}..{ids.max()}, the table has {len(self._table)} rows")
        rows = np.ascontiguousarray(widen(self._table[ids]))
        return rows if self.embed_proj is None else self.project(rows, (self.embed_proj, 0))

    def embed_voice(self, latents: Any) -> np.ndarray:
        """Prompt embeddings (n [+ 1], d) float32 of encoder latents (n, s), the voice BOS first if there is one."""
        rows = self.project(np.ascontiguousarray(latents, dtype=np.float32), (self.speaker_proj, 0))
        return rows if self.bos_voice is None else np.concatenate([self.bos_voice[None], rows])

    # --- streams -------------------------------------------------------------------------------

    def stream(self, capacity: int, prefix: Prefix | None = None) -> BackboneStream:
        """A fresh stream that can hold `capacity` positions after `prefix`.

        Raises ValueError for the prefix of another model.
        """
        if prefix is not None and not self.owns(prefix):
            raise ValueError(
                "this prefix belongs to another model: export() it there and import_prefix() it here"
            )
        return BackboneStream(self, (max(capacity, 1) + PAGE - 1) // PAGE * PAGE, prefix)

    def owns(self, prefix: Any) -> bool:
        """Whether streams of this model can start from `prefix`."""
        return getattr(prefix, "model", None) is self

    def import_prefix(self, layers: Sequence[np.ndarray]) -> Prefix:
        """A Prefix from [(2, length, kv_heads, dim) float32] per layer, keys in upstream's order.

        Raises ValueError with both shapes if they do not fit this model.
        """
        stack = self.stack
        arrays = [np.asarray(layer, dtype=np.float32) for layer in layers]
        length = arrays[0].shape[1] if arrays and arrays[0].ndim == 4 else 0
        expected = (2, length, stack.kv_heads, stack.dim)
        if len(arrays) != stack.n_layers or any(a.shape != expected for a in arrays):
            raise ValueError(
                f"voice state: {len(arrays)} layers of {arrays[0].shape if arrays else ()}, this model needs "
                f"{stack.n_layers} of (2, length, {stack.kv_heads}, {stack.dim})"
            )
        with self.device:
            span = Span(self.pool)
            span.make_room(length)
            for i, (slab, at) in enumerate(span.pages):
                page = np.zeros((stack.n_layers, 2, stack.kv_heads, PAGE, stack.dim), np.float32)
                for layer, array in zip(page, arrays, strict=True):
                    part = array[:, i * PAGE : (i + 1) * PAGE].transpose(0, 2, 1, 3)
                    layer[:, :, : part.shape[2]] = part
                slab[at].set(page.reshape(-1))
            self.device.wait()
        return Prefix(self, span, length)

    def read(self, span: Span, length: int) -> list[np.ndarray]:
        """[(2, length, kv_heads, dim) float32] per layer."""
        stack = self.stack
        shape = (stack.n_layers, 2, stack.kv_heads, PAGE, stack.dim)
        pages = [np.zeros((*shape[:3], 0, shape[4]), np.float32)]
        with self.device:
            for slab, at in span.pages[: (length + PAGE - 1) // PAGE]:
                page = np.empty(self.pool.floats, np.float32)
                self.device.fetch(slab[at], page)
                pages.append(page.reshape(shape))
        whole = np.concatenate(pages, axis=3)[:, :, :, :length].transpose(0, 1, 3, 2, 4)
        return [np.ascontiguousarray(layer) for layer in whole]

    # --- running -------------------------------------------------------------------------------

    def step(self, streams: Sequence[Any], latents: np.ndarray, out: np.ndarray, threads: int = 0) -> None:
        """One frame for every stream: latents (B, latent_dim) -> out (B, hidden_dim), float32, C-contiguous.

        Stream i's result depends on its own past only, bit for bit. Raises as prefill.
        """
        if latents.shape != (len(streams), self.latent_dim) or out.shape != (len(streams), self.hidden_dim):
            raise ValueError(
                f"step: {len(streams)} streams, latents {latents.shape}, out {out.shape}; expected "
                f"(B, {self.latent_dim}) and (B, {self.hidden_dim})"
            )
        if len(streams):
            self._step(streams, latents, [out])

    def enter(self, room: StepRoom) -> None:
        wide = padded(self.latent_dim)
        self.input_linear.apply(
            Rows(room.told.at("given"), wide, wide), room.bucket, y=rows_of(room.scratch.hidden)
        )

    def leave(self, room: StepRoom) -> None:
        s = room.scratch
        to = room.left[0].held if self.z_proj is None else s.normed
        self.stack.norm(rows_of(to), rows_of(s.hidden), room.bucket, *self._norm)
        if self.z_proj is not None:
            self.z_proj.apply(rows_of(s.normed), room.bucket, y=rows_of(room.left[0].held))
