"""The Mimi codec, frame by frame: CodecDecoder (latent -> samples), CodecEncoder (samples -> latent).

See cpu/pocket/codec.pyx for what is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pocket_fast.cuda.chain import Chain
from pocket_fast.cuda.codec_streams import CodecRoom, CodecStream, HearingCodec, Middle, SoundCodec
from pocket_fast.cuda.device import Device
from pocket_fast.cuda.matrices import rows_of, vector
from pocket_fast.cuda.transformer import Stack
from pocket_fast.stages.pocket import sizes
from pocket_fast.stages.seanet import decoder_chain, encoder_chain


class CodecDecoder(SoundCodec):
    """Arguments as cpu/pocket/codec.pyx."""

    def __init__(
        self,
        device: Device,
        weights: Mapping[str, np.ndarray],
        *,
        seanet: Any,
        transformer: Any,
        steps: int,
        latent_mean: np.ndarray,
        latent_std: np.ndarray,
        product: str | None = None,
    ):
        self.latent_dim = len(latent_mean)
        self._mean, self._std = vector(device, latent_mean), vector(device, latent_std)
        front = Chain(device, self.latent_dim, 1)
        x, _ = front.conv(0, weights["quantizer.output_proj.weight"], raw=True)
        if steps > 1:
            front.upsample(x, weights["upsample.convtr.convtr.weight"])
        back = Chain(device, seanet.dimension, steps, product)
        decoder_chain(back, weights, "decoder.model.", **sizes.seanet(seanet))
        self.samples_per_frame = back.buffers[back.output].rows
        middle = _middle(device, weights, "decoder_transformer.", transformer, product)
        super().__init__(device, front, middle, back, front.buffers[0].width, self.samples_per_frame)

    def decode(
        self, streams: Sequence[CodecStream], latents: np.ndarray, out: np.ndarray, threads: int = 0
    ) -> None:
        """One frame for every stream: latents (B, latent_dim) -> out (B, samples_per_frame), float32 in [-1, 1] or so.

        Raises ValueError for other shapes.
        """
        if latents.shape != (len(streams), self.latent_dim) or out.shape != (
            len(streams),
            self.samples_per_frame,
        ):
            raise ValueError(
                f"decode: {len(streams)} streams, latents {latents.shape}, out {out.shape}; expected "
                f"(B, {self.latent_dim}) and (B, {self.samples_per_frame})"
            )
        if len(streams):
            given = np.zeros((len(streams), self.given_floats), np.float32)
            given[:, : self.latent_dim] = latents
            self.frame(streams, given, out)

    def enter(self, room: CodecRoom) -> None:
        x, to = rows_of(room.given), room.front.rows[self.front.input]
        self.device.launch(
            "affine_rows",
            ((room.streams * self.given_floats + 255) // 256,),
            256,
            to.at,
            np.int64(to.stream),
            x.at,
            np.int64(x.stream),
            self._std,
            self._mean,
            self.given_floats,
            room.streams,
        )


class CodecEncoder(HearingCodec):
    """Arguments as cpu/pocket/codec.pyx."""

    def __init__(
        self,
        device: Device,
        weights: Mapping[str, np.ndarray],
        *,
        seanet: Any,
        transformer: Any,
        steps: int,
        samples_per_frame: int,
    ):
        self.samples_per_frame = samples_per_frame
        front = Chain(device, seanet.channels, samples_per_frame)
        encoder_chain(front, weights, "encoder.model.", **sizes.seanet(seanet))
        # upstream's downsampling always repeats its first input, whatever pad_mode says; one step a frame needs none
        down = Chain(device, front.buffers[front.output].channels, steps)
        if steps > 1:
            down.conv(0, weights["downsample.conv.conv.weight"], stride=steps, raw=True, replicate=True)
        last = down.buffers[down.output]
        self.output_dim = last.channels
        middle = _middle(device, weights, "encoder_transformer.", transformer, None)
        super().__init__(device, front, middle, down, samples_per_frame, last.width)

    def encode(self, stream: CodecStream, pcm: np.ndarray, threads: int = 0) -> np.ndarray:
        """Latents (n, output_dim) float32 of pcm (n * samples_per_frame,) float32 at 24 kHz, continuing `stream`.

        Raises ValueError if pcm is not a whole number of frames.
        """
        pcm = np.ascontiguousarray(pcm, dtype=np.float32)
        frames, rest = divmod(len(pcm), self.samples_per_frame)
        if rest:
            raise ValueError(
                f"encode: {len(pcm)} samples are not a whole number of frames of {self.samples_per_frame}"
            )
        out = np.empty((frames, self.left_floats), dtype=np.float32)
        for i, frame in enumerate(pcm.reshape(frames, self.samples_per_frame)):
            self.frame([stream], frame[None], out[i : i + 1])
        return np.ascontiguousarray(out[:, : self.output_dim])


def _middle(
    device: Device, weights: Mapping[str, np.ndarray], prefix: str, config: Any, product: str | None
) -> Middle:
    """The transformer of one side; config: the YAML's transformer section of that side."""
    stack = Stack(
        device, weights, prefix + "transformer.", **sizes.codec_transformer(config), product=product
    )
    proj = {
        side: (weights[name],)
        for side, name in (
            ("input_proj", prefix + "input_proj.weight"),
            ("output_proj", prefix + "output_projs.0.weight"),
        )
        if name in weights
    }
    return Middle(device, stack, product=product, **proj)
