"""A whole frame of a batch as one recorded sequence: backbone, flow head with noise, codec decoder.

What goes from one stage to the next stays on the GPU; the host hears of the latent, the logit and the sound at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pocket_fast.cuda.codec_streams import launch_repack
from pocket_fast.cuda.device import Device
from pocket_fast.cuda.matrices import padded, rows_of
from pocket_fast.cuda.pocket.backbone import Backbone
from pocket_fast.cuda.pocket.codec import CodecDecoder
from pocket_fast.cuda.pocket.flow_head import FlowHead
from pocket_fast.cuda.rooms import distinct


class Frame:
    """The three stages of a model, which may be used one by one as well."""

    def __init__(self, device: Device, backbone: Backbone, head: FlowHead, decoder: CodecDecoder):
        self.device, self.backbone, self.head, self.decoder = device, backbone, head, decoder
        self._plays: dict[tuple[int, int, int], Callable[[], None]] = {}

    def __call__(
        self,
        streams: Sequence[Any],
        codecs: Sequence[Any],
        latents: np.ndarray,
        noise: np.ndarray,
        eos: np.ndarray,
        sound: np.ndarray,
        steps: int,
    ) -> None:
        """The next frame of B streams of the backbone and of the decoder.

        latents (B, latent_dim): the last ones, and then the next ones; noise (B, latent_dim); eos (B,), the logits;
        sound (B, samples_per_frame); all float32, C-contiguous. Raises as the stages' own calls.
        """
        distinct(streams, "frame")
        n, wide = len(streams), padded(self.head.hidden_dim)
        with self.device as device:
            for i, s in enumerate(streams):
                self.backbone.check(s, i, 1)
            play = self.ready(n, steps, max(s.offset + 1 for s in streams))
            first, second, last = self._rooms(n, steps)
            first.tell(streams, latents)
            second.given_host[:n, wide : wide + self.head.latent_dim] = noise
            device.send(second.given, second.given_host)
            last.tell(self.decoder, codecs)
            play()
            device.fetch(second.left, second.left_host)
            device.fetch(last.left, last.left_host)
            latents[...] = second.left_host[:n, : self.head.latent_dim]
            eos[...] = second.left_host[:n, padded(self.head.latent_dim)]
            sound[...] = last.left_host[:n]
            for s in streams:
                s.length += 1
            for codec in codecs:
                codec.frames += 1

    def ready(self, streams: int, steps: int = 1, positions: int = 0) -> Callable[[], None]:
        """The recorded sequence for so many streams, of so many positions each."""
        first = self.backbone.room(streams, positions)
        second, last = self.head.room(streams, steps), self.decoder.room(streams)
        key = first.bucket, first.pitch, second.steps
        if key not in self._plays:

            def launches() -> None:
                self.backbone.launch_step(first)
                hidden, latent = padded(self.head.hidden_dim), padded(self.head.latent_dim)
                launch_repack(
                    self.device, second.hidden, hidden, rows_of(first.left[0].held), hidden, 1, first.bucket
                )
                self.head.launch(second)
                launch_repack(
                    self.device, rows_of(last.given), latent, second.latent, latent, 1, first.bucket
                )
                self.decoder.launch_frame(last)

            first.leave_alone()
            last.leave_alone()
            self._plays[key] = self.device.record(launches)
        return self._plays[key]

    def _rooms(self, streams: int, steps: int) -> tuple[Any, Any, Any]:
        return self.backbone.room(streams), self.head.room(streams, steps), self.decoder.room(streams)
