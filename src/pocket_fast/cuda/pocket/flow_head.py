"""FlowHead: hidden vector and noise in, next latent and end-of-speech logit out, for a batch of streams.

See cpu/pocket/flow_head.pyx for what is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.cuda.device import Device, address
from pocket_fast.cuda.matrices import ACTIVATIONS, Matrix, Rows, padded, rows_of, vector, widen
from pocket_fast.cuda.rooms import bucket_for
from pocket_fast.cuda.transformer import launch_norm
from pocket_fast.stages.pocket.flow import TimeEmbedding

_EPS = 1e-6


@dataclass(frozen=True)
class _Block:
    up: Matrix
    down: Matrix
    norm: tuple[Any, Any]


class HeadRoom:
    """What a call for `bucket` streams and so many decode steps works in.

    given (bucket, hidden + latent): hidden vectors, and noise; left (bucket, latent + 8): latents, and the logits.
    """

    def __init__(self, head: FlowHead, bucket: int, steps: int):
        device, wide = head.device, padded(head.width)
        hidden, latent = padded(head.hidden_dim), padded(head.latent_dim)
        self.bucket, self.steps = bucket, steps
        self.given_host = device.host((bucket, hidden + latent), np.float32)
        self.left_host = device.host((bucket, latent + 8), np.float32)
        self.given, self.left = device.zeros(self.given_host.shape), device.zeros(self.left_host.shape)
        self.hidden = Rows(address(self.given), hidden + latent, hidden + latent)
        self.noise = self.hidden.later(hidden)
        self.latent = Rows(address(self.left), latent + 8, latent + 8)
        self.eos = self.latent.later(latent)
        self.times = None
        if head.time.conditions:
            times = np.zeros((steps, wide), np.float32)
            times[:, : head.width] = head.time.constants(steps)
            self.times = device.upload(times)
        self.condition, self.x, self.up, self.normed = (device.zeros((bucket, wide)) for _ in range(4))
        self.modulation = device.zeros((bucket, head.modulation.columns))
        self.share = vector(device, np.full(head.latent_dim, 1.0 / steps, np.float32))
        self.play: Callable[[], None] | None = None


class FlowHead:
    """weights: {bundle name without 'flow_lm.': array}; flow_type: one of TIME_CONDITIONS (stages/pocket/flow.py)."""

    def __init__(
        self,
        device: Device,
        weights: Mapping[str, np.ndarray],
        *,
        flow_type: str,
        depth: int,
        product: str | None = None,
    ):
        self.device, self.flow_type, self.depth = device, flow_type, depth
        self.threads = 1
        net = "flow_net."

        def layer(name: str) -> Matrix:
            return Matrix(device, weights[name + ".weight"], weights[name + ".bias"], product)

        self.cond_embed, self.input_proj = layer(net + "cond_embed"), layer(net + "input_proj")
        self.last, self.eos = layer(net + "final_layer.linear"), layer("out_eos")
        self.width, self.hidden_dim, self.latent_dim = self.cond_embed.n, self.cond_embed.k, self.last.n
        self._blocks, modulations = [], []
        for i in range(depth):
            block = f"{net}res_blocks.{i}."
            norm = (
                vector(device, weights[block + "in_ln.weight"]),
                vector(device, weights[block + "in_ln.bias"]),
            )
            self._blocks.append(_Block(layer(block + "mlp.0"), layer(block + "mlp.2"), norm))
            modulations.append(block + "adaLN_modulation.1")
        # Every modulation depends on the condition alone: one product instead of depth + 1.
        self.modulation = self._together(
            weights, [*modulations, net + "final_layer.adaLN_modulation.1"], product
        )
        self.time = TimeEmbedding(weights, flow_type)
        self._rooms: dict[tuple[int, int], HeadRoom] = {}

    def _together(self, weights: Mapping[str, np.ndarray], names: list[str], product: str | None) -> Matrix:
        """These layers one below the other, each of their parts as wide as rows are in memory."""
        matrices = [weights[name + ".weight"] for name in names]
        if len({m.dtype for m in matrices}) > 1:
            matrices = [widen(m) for m in matrices]
        whole = np.concatenate(matrices)
        bias = np.concatenate([widen(weights[name + ".bias"]) for name in names])
        parts, wide = len(whole) // self.width, padded(self.width)
        held = np.zeros((parts, wide, whole.shape[1]), whole.dtype)
        held[:, : self.width] = whole.reshape(parts, self.width, -1)
        biases = np.zeros((parts, wide), np.float32)
        biases[:, : self.width] = bias.reshape(parts, self.width)
        return Matrix(self.device, held.reshape(parts * wide, -1), biases.reshape(-1), product)

    @property
    def macs_per_row(self) -> int:
        """Multiply-adds of one decode step for one stream."""
        return self.width * (self.hidden_dim + 2 * self.latent_dim + (5 * self.depth + 2) * self.width)

    def sample(
        self,
        hidden: np.ndarray,
        noise: np.ndarray,
        latents: np.ndarray,
        eos: np.ndarray,
        steps: int = 1,
        threads: int = 0,
    ) -> None:
        """Draw the next latent of every stream; see cpu/pocket/flow_head.pyx.

        Raises ValueError for shapes that do not chain or steps < 1.
        """
        rows = len(hidden)
        drawn = (rows, self.latent_dim)
        if hidden.shape[1] != self.hidden_dim or (noise.shape, latents.shape, eos.shape) != (
            drawn,
            drawn,
            (rows,),
        ):
            raise ValueError(
                f"sample: hidden {hidden.shape}, noise {noise.shape}, latents {latents.shape}, eos {eos.shape}; "
                f"expected (B, {self.hidden_dim}), twice (B, {self.latent_dim}), (B,)"
            )
        if steps < 1:
            raise ValueError(f"sampler decode steps: expected at least 1, got {steps}")
        if rows == 0:
            return
        with self.device:
            room = self.room(rows, steps)
            wide = padded(self.hidden_dim)
            room.given_host[:rows, : self.hidden_dim] = hidden
            room.given_host[:rows, wide : wide + self.latent_dim] = noise
            self.device.send(room.given, room.given_host)
            assert room.play is not None
            room.play()
            self.device.fetch(room.left, room.left_host)
        latents[...] = room.left_host[:rows, : self.latent_dim]
        eos[...] = room.left_host[:rows, padded(self.latent_dim)]

    def room(self, streams: int, steps: int) -> HeadRoom:
        """One for so many streams, ready to play."""
        key = bucket_for(streams), steps if self.time.conditions else 1
        if key not in self._rooms:
            room = self._rooms[key] = HeadRoom(self, *key)
            room.play = self.device.record(lambda: self.launch(room))
        return self._rooms[key]

    def launch(self, room: HeadRoom) -> None:
        """All launches of a call."""
        rows, wide, silu = room.bucket, padded(self.width), ACTIVATIONS["silu"]
        condition, x, up, normed = (rows_of(h) for h in (room.condition, room.x, room.up, room.normed))
        modulation = rows_of(room.modulation)
        latent = room.noise
        self.eos.apply(room.hidden, rows, y=room.eos)
        for step in range(room.steps):
            time = None if room.times is None else Rows(address(room.times, step * wide), 0)
            self.cond_embed.apply(room.hidden, rows, a=condition, activation=silu, skip=time)
            self.input_proj.apply(latent, rows, y=x)
            self.modulation.apply(condition, rows, y=modulation)
            for i, block in enumerate(self._blocks):
                shift = modulation.later(3 * i * wide)
                self._norm(normed, x, rows, shift, *block.norm)
                block.up.apply(normed, rows, a=up, activation=silu)
                block.down.apply(up, rows, y=x, scale=shift.later(2 * wide).at, scale_row=shift.row, skip=x)
            self._norm(normed, x, rows, modulation.later(3 * self.depth * wide))
            if self.flow_type == "drifting":
                self.last.apply(normed, rows, y=room.latent)
            else:
                self.last.apply(normed, rows, y=room.latent, scale=room.share, skip=latent)
            latent = room.latent

    def _norm(self, y: Rows, x: Rows, rows: int, shift: Rows, weight: Any = None, bias: Any = None) -> None:
        scale = shift.later(padded(self.width))
        launch_norm(self.device, y, x, rows, self.width, _EPS, weight, bias, scale=scale, shift=shift)
