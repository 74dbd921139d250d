"""The codec of Qwen3-TTS: CodecDecoder (codes -> samples), CodecEncoder (recording -> codes).

See cpu/qwen3/codec.pyx for what is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pocket_fast.cuda.chain import Chain
from pocket_fast.cuda.codec_streams import CodecRoom, CodecStream, HearingCodec, Middle, SoundCodec
from pocket_fast.cuda.device import Device
from pocket_fast.cuda.matrices import widen
from pocket_fast.cuda.qwen3.quantizer import ResidualQuantizer
from pocket_fast.cuda.transformer import Stack
from pocket_fast.stages.qwen3 import layers
from pocket_fast.stages.qwen3.sound import sound_chain
from pocket_fast.stages.seanet import encoder_chain

_DOWN = 2  # steps of the encoder's transformer in a frame
# Positions of an encoder's stream; they come in doubles of it, so that few calls are recorded.
_LEAST_PLACES = 64


class CodecDecoder(SoundCodec):
    """Arguments as cpu/qwen3/codec.pyx."""

    def __init__(
        self, device: Device, weights: Mapping[str, np.ndarray], config: Any, *, product: str | None = None
    ):
        tables = []
        for i in range(config.num_quantizers):
            name = f"quantizer.rvq_{'rest' if i else 'first'}.vq.layers.{max(i - 1, 0)}._codebook."
            used = np.maximum(widen(weights[name + "cluster_usage"]), np.float32(1e-5))
            tables.append(widen(weights[name + "embedding_sum"]) / used[:, None])
        self.groups, self.codes, self._width = len(tables), len(tables[0]), tables[0].shape[1]
        self._tables = device.upload(np.stack(tables))
        front = Chain(device, 2 * self._width, 1, product)
        project = [widen(weights[f"quantizer.rvq_{part}.output_proj.weight"]) for part in ("first", "rest")]
        x, _ = front.conv(0, np.concatenate(project, axis=1), raw=True)  # the sum of both
        front.conv(x, weights["pre_conv.conv.weight"], weights["pre_conv.conv.bias"], raw=True)
        stack = Stack(device, weights, "pre_transformer.", **layers.codec_decoder(config), product=product)
        proj = [
            (weights[f"pre_transformer.{side}_proj.weight"], weights[f"pre_transformer.{side}_proj.bias"])
            for side in ("input", "output")
        ]
        norm = weights["pre_transformer.norm.weight"]
        middle = Middle(device, stack, input_proj=proj[0], output_proj=proj[1], norm=norm, product=product)
        back = sound_chain(Chain(device, config.latent_dim, 1, product), weights, config)
        self.samples_per_frame = back.buffers[back.output].rows
        self.memory = back.memory
        super().__init__(device, front, middle, back, self.groups, self.samples_per_frame)

    def decode(
        self, streams: Sequence[CodecStream], codes: np.ndarray, out: np.ndarray, threads: int = 0
    ) -> None:
        """One frame for every stream: codes (B, groups) int32 -> out (B, samples_per_frame) float32 in [-1, 1].

        Raises ValueError for other shapes and for a code that there is none of.
        """
        wanted = (len(streams), self.groups), (len(streams), self.samples_per_frame)
        if (codes.shape, out.shape) != wanted:
            raise ValueError(
                f"decode: {len(streams)} streams, codes {codes.shape}, out {out.shape}; expected "
                f"(B, {self.groups}) and (B, {self.samples_per_frame})"
            )
        if codes.size and not 0 <= codes.min() <= codes.max() < self.codes:
            raise ValueError(f"codes from {codes.min()} to {codes.max()}: expected 0 to {self.codes - 1}")
        if len(streams):
            self.frame(streams, np.ascontiguousarray(codes, np.int32), out)

    def enter(self, room: CodecRoom) -> None:
        to = room.front.rows[self.front.input]
        self.device.launch(
            "embed_frame",
            (room.streams,),
            256,
            to.at,
            np.int64(to.stream),
            self._tables,
            self.groups,
            self.codes,
            self._width,
            room.given,
        )


class CodecEncoder(HearingCodec):
    """Arguments as cpu/qwen3/codec.pyx."""

    def __init__(self, device: Device, weights: Mapping[str, np.ndarray], config: Any, quantizers: int):
        self.groups = quantizers
        self.samples_per_frame = _DOWN * int(np.prod(config.upsampling_ratios))
        front = encoder_chain(
            Chain(device, 1, self.samples_per_frame),
            weights,
            "encoder.layers.",
            ratios=config.upsampling_ratios,
            residual_layers=config.num_residual_layers,
            dilation_base=config.dilation_growth_rate,
            replicate=False,
        )
        stack = Stack(device, weights, "encoder_transformer.", **layers.codec_encoder(config))
        down = Chain(device, config.hidden_size, _DOWN)
        down.conv(0, weights["downsample.conv.weight"], stride=_DOWN, raw=True, replicate=True)
        last = down.buffers[down.output]
        self.latent_dim = last.channels
        super().__init__(
            device, front, Middle(device, stack), down.finish(), self.samples_per_frame, last.width
        )
        semantic = config.num_semantic_quantizers
        self._quantizers = [
            ResidualQuantizer(device, weights, f"quantizer.{name}_residual_vector_quantizer.", layers)
            for name, layers in (("semantic", semantic), ("acoustic", quantizers - semantic))
        ]

    def encode(self, pcm: np.ndarray, threads: int = 0) -> np.ndarray:
        """Codes (ceil(n / samples_per_frame), groups) int32 of a whole recording pcm (n,) float32 at 24 kHz."""
        return self.quantise(self.latents(pcm, threads), threads)

    def latents(self, pcm: np.ndarray, threads: int = 0) -> np.ndarray:
        """What is quantised: (ceil(n / samples_per_frame), width) float32."""
        return self.hear(self.stream(len(pcm)), pcm, threads)

    def stream(self, samples: int = 0) -> CodecStream:
        """A fresh stream for a recording of so many samples."""
        needed, places = _DOWN * -(-samples // self.samples_per_frame), _LEAST_PLACES
        while places < needed:
            places *= 2
        return CodecStream(self, places)

    def hear(self, stream: CodecStream, pcm: np.ndarray, threads: int = 0) -> np.ndarray:
        """latents() of more of a recording, continuing `stream`: whole frames, except at the recording's end."""
        pcm = np.ascontiguousarray(pcm, dtype=np.float32)
        frames = -(-len(pcm) // self.samples_per_frame)
        if (stream.frames + frames) * _DOWN > stream.places:
            raise ValueError(
                f"a stream of {stream.frames} frames, and {frames} more: it was made for a shorter recording"
            )
        out = np.empty((frames, self.left_floats), dtype=np.float32)
        for i in range(frames):
            piece = pcm[i * self.samples_per_frame : (i + 1) * self.samples_per_frame]
            self.frame([stream], piece[None], out[i : i + 1])
        return np.ascontiguousarray(out[:, : self.latent_dim])

    def quantise(self, latents: np.ndarray, threads: int = 0) -> np.ndarray:
        """Codes (n, groups) int32 of latents (n, width)."""
        return np.concatenate([q.encode(latents) for q in self._quantizers], axis=1)
