"""The speaker encoder of Qwen3-TTS: a recording -> one vector that says who speaks. Runs once for a voice.

An ECAPA-TDNN over a mel spectrogram, over the whole recording at once, rows in time. Convolutions keep the length:
their input is mirrored at both ends; a backend computes them, and all else is a small part of it and is NumPy.
Upstream: qwen_tts/core/models/modeling_qwen3_tts.py (0.1.1); Desplanques et al. 2020, arXiv:2005.07143; mel scale:
Slaney, Auditory Toolbox, 1998.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np

Slices = Generator[None, None, np.ndarray]  # what it returns in the end, in pieces

FFT, HOP = 1024, 256
BLOCK = 1024  # rows in one piece, where they are needed in double precision
SLICE_MACS = 2.5e8  # multiply-adds of a product in one piece: hundredths of a second on one core


class SpeakerNetwork(ABC):
    """weights: {name without 'speaker_encoder.': float32, float16 or bfloat16 as uint16}; config: its config."""

    def __init__(self, weights: Mapping[str, np.ndarray], config: Any, threads: int):
        self.config, self.threads = config, threads
        self.layers = {"mel": self._pack(mel_filters(config.mel_dim, config.sample_rate)[:, :, None], None)}
        for name in [n.removesuffix(".weight") for n in weights if n.endswith(".weight")]:
            weight, bias = weights[name + ".weight"], weights[name + ".bias"]
            if (
                name == "asp.tdnn.conv"
            ):  # what it reads of the whole recording's statistics is the same at all times
                width = weight.shape[1] // 3
                self.layers["asp.tdnn.statistics"] = self._pack(weight[:, width:], None)
                weight = weight[:, :width]
            self.layers[name] = self._pack(weight, bias)
        mirrored = max(
            d * (k - 1) // 2 for d, k in zip(config.enc_dilations, config.enc_kernel_sizes, strict=True)
        )
        self.shortest = FFT + mirrored * HOP - (FFT - HOP)  # samples that can be mirrored as they must be

    @abstractmethod
    def _pack(self, weight: np.ndarray, bias: np.ndarray | None) -> Any:
        """A convolution (out, channels, taps) as the backend keeps it; it has a shape (out, channels) and taps."""

    @abstractmethod
    def _convolve(
        self, layer: Any, x: Any, out: Any, threads: int, activation: str | None, dilation: int, skip: Any
    ) -> None:
        """out (n, outputs) = activation(conv(x) + skip): x (n + dilation * (taps - 1) or more, channels)."""

    def embed(self, pcm: np.ndarray, threads: int = 0) -> np.ndarray:
        """The speaker's vector (enc_dim,) float32 of a recording pcm (n,) float32 at 24 kHz.

        threads: most for this call, 0 for all of the stage's. Raises ValueError for a recording of hundredths of a
        second.
        """
        slices = self.embed_in_slices(pcm, threads)
        while True:
            try:
                next(slices)
            except StopIteration as end:
                return end.value

    def embed_in_slices(self, pcm: np.ndarray, threads: int = 0) -> Slices:
        """embed(), which this returns in the end, in pieces of some hundredths of a second: yields between them."""
        pcm = np.ascontiguousarray(pcm, dtype=np.float32)
        if len(pcm) < self.shortest:
            raise ValueError(
                f"a recording of {len(pcm)} samples at 24 kHz is too short to know a speaker by: expected "
                f"{self.shortest} or more"
            )
        threads = threads or self.threads
        config = self.config
        x = yield from self._mel(pcm, threads)
        x = yield from self._conv("blocks.0.conv", x, threads, "relu", config.enc_dilations[0])
        last, outputs = len(config.enc_channels) - 1, []
        for i in range(1, last):
            block = yield from self._block(f"blocks.{i}.", x, threads, config.enc_dilations[i])
            x = x + block
            outputs.append(x)
        x = np.concatenate(outputs, axis=1)
        yield
        x = yield from self._conv("mfa.conv", x, threads, "relu", config.enc_dilations[last])
        pooled = yield from self._pool(x, threads)
        out = yield from self._conv("fc", pooled, threads)
        return out[0]

    def _mel(self, pcm: np.ndarray, threads: int) -> Slices:
        """Logarithms of bands (T, mel_dim): no frame is centred, the ends are mirrored."""
        side = (FFT - HOP) // 2
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(pcm, side, "reflect"), FFT)[::HOP]
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)  # Hann, periodic
        magnitude = np.empty((len(frames), FFT // 2 + 1), dtype=np.float32)
        for at in range(0, len(frames), BLOCK):
            spectrum = np.fft.rfft(frames[at : at + BLOCK] * window)
            magnitude[at : at + BLOCK] = np.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-9)
            yield
        bands = yield from self._conv("mel", magnitude, threads)
        return np.log(np.maximum(bands, np.float32(1e-5)))

    def _block(self, name: str, x: np.ndarray, threads: int, dilation: int) -> Slices:
        """Res2Net between two layers without context, then each channel times what its mean over time says."""
        x = yield from self._conv(name + "tdnn1.conv", x, threads, "relu")
        pieces = np.split(x, self.config.enc_res2net_scale, axis=1)
        for j in range(1, len(pieces)):
            h = pieces[j] if j == 1 else pieces[j] + pieces[j - 1]
            pieces[j] = yield from self._conv(
                f"{name}res2net_block.blocks.{j - 1}.conv", h, threads, "relu", dilation
            )
        x = np.concatenate(pieces, axis=1)
        yield
        x = yield from self._conv(name + "tdnn2.conv", x, threads, "relu")
        mean = x.mean(axis=0, dtype=float, keepdims=True).astype(np.float32)
        gate = yield from self._conv(name + "se_block.conv1", mean, 1, "relu")
        gate = yield from self._conv(name + "se_block.conv2", gate, 1)
        return x * (0.5 + 0.5 * np.tanh(0.5 * gate))  # the logistic function

    def _pool(self, x: np.ndarray, threads: int) -> Slices:
        """Mean and deviation over time (1, 2 channels) of x (T, channels), weighted by attention for each channel."""
        statistics = yield from _statistics(x, None)
        whole = yield from self._conv("asp.tdnn.statistics", statistics, 1)
        h = yield from self._conv("asp.tdnn.conv", x, threads, "relu", skip=whole)
        scores = yield from self._conv("asp.conv", np.tanh(h), threads)
        highest = scores.max(axis=0)
        for at in range(0, len(scores), BLOCK):
            yield
            scores[at : at + BLOCK] = np.exp(scores[at : at + BLOCK] - highest)
        return (yield from _statistics(x, scores))

    def _conv(
        self,
        name: str,
        x: np.ndarray,
        threads: int,
        activation: str | None = None,
        dilation: int = 1,
        skip: np.ndarray | None = None,
    ) -> Slices:
        """activation(conv(x) + skip) of the same length: x (T, channels), skip (1, outputs) or None."""
        layer = self.layers[name]
        total, wide = dilation * (layer.taps - 1), layer.shape[0]
        x = np.pad(x, ((total // 2, total - total // 2), (0, 0)), "reflect") if total else x
        x = np.ascontiguousarray(x, dtype=np.float32)
        out = np.empty((len(x) - total, wide), dtype=np.float32)
        rows = max(1, int(SLICE_MACS / (wide * layer.shape[1])))
        for at in range(0, len(out), rows):
            self._convolve(layer, x[at:], out[at : at + rows], threads, activation, dilation, skip)
            yield
        return out


def _statistics(x: np.ndarray, weights: np.ndarray | None) -> Slices:
    """Mean and standard deviation over time, side by side (1, 2 channels) float32; weights (T, channels) or None."""

    def total(value: Callable[[np.ndarray], np.ndarray]) -> Slices:
        result: Any = 0
        for at in range(0, len(x), BLOCK):
            block = slice(at, at + BLOCK)
            weight = np.ones((1, 1)) if weights is None else weights[block].astype(float)
            result = result + (weight * value(x[block].astype(float))).sum(axis=0)
            yield
        return result

    size = yield from total(np.ones_like)
    mean = yield from total(lambda v: v)
    mean = mean / size
    variance = yield from total(lambda v: (v - mean) ** 2)
    variance = variance / size
    return np.concatenate([mean, np.sqrt(np.maximum(variance, 1e-12))]).astype(np.float32)[None]


def mel_filters(bands: int, rate: int) -> np.ndarray:
    """(bands, FFT / 2 + 1) float32: triangles on Slaney's mel scale up to half the rate, each of unit area in hertz."""

    def hertz(
        mel: np.ndarray,
    ) -> np.ndarray:  # 3 mels for every 200 Hz up to 1000 Hz, then 27 for every factor of 6.4
        return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))

    top = rate / 2
    highest = 15 + 27 * np.log(top / 1000) / np.log(6.4) if top > 1000 else top * 3 / 200
    points = hertz(np.linspace(0, highest, bands + 2))
    at = np.linspace(0, top, FFT // 2 + 1)
    rising = (at - points[:-2, None]) / (points[1:-1] - points[:-2])[:, None]
    falling = (points[2:, None] - at) / (points[2:] - points[1:-1])[:, None]
    triangles = np.maximum(np.minimum(rising, falling), 0)
    return (triangles * (2 / (points[2:] - points[:-2]))[:, None]).astype(np.float32)
