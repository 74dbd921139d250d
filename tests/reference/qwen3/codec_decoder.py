"""The codec's decoder: 16 codes a frame -> 1920 samples at 24 kHz.

Codebooks -> convolution -> windowed transformer -> transposed convolutions with ConvNeXt blocks -> transposed
convolutions with SnakeBeta units. Everything is causal, so it runs any number of frames at a time.
"""

from __future__ import annotations

import numpy as np

from ..codec import CodecStream, Conv, ConvTranspose, run_layers, take
from ..parts import gelu, layer_norm, linear, root_mean_square_norm, snake_beta
from .transformer import Transformer

CHUNK, CONTEXT = 300, 25  # frames of the official decode


class CodecDecoder:
    """`config` is the speech tokenizer's decoder_config; `weights` its tensors without the first `decoder.`."""

    def __init__(self, config, weights, dtype=np.float64):
        self.config, self.dtype = config, dtype
        self.samples_per_frame = config.samples_per_frame
        self.quantizers = [Codebooks(weights, f"quantizer.rvq_{part}", dtype) for part in ("first", "rest")]
        self.pre_conv = Conv(weights, "pre_conv.conv", dtype)
        prefix = "pre_transformer."
        self.into, self.out = (take(weights, f"{prefix}{side}_proj", dtype) for side in ("input", "output"))
        self.norm = np.asarray(weights[prefix + "norm.weight"], dtype)
        self.transformer = Transformer(
            config,
            weights,
            prefix,
            layers=config.num_hidden_layers,
            head_dim=config.head_dim,
            eps=config.rms_norm_eps,
            window=config.sliding_window,
            dtype=dtype,
        )
        self.layers = []
        for i, ratio in enumerate(config.upsampling_ratios):
            self.layers.append(ConvTranspose(weights, f"upsample.{i}.0.conv", dtype, ratio))
            self.layers.append(ConvNeXt(weights, f"upsample.{i}.1.", config.latent_dim, dtype))
        self.layers.append(Conv(weights, "decoder.0.conv", dtype))
        for i, rate in enumerate(config.upsample_rates, 1):
            self.layers.append(Snake(weights, f"decoder.{i}.block.0", dtype))
            self.layers.append(ConvTranspose(weights, f"decoder.{i}.block.1.conv", dtype, rate))
            for j, dilation in enumerate((1, 3, 9), 2):
                self.layers.append(ResidualUnit(weights, f"decoder.{i}.block.{j}.", dilation, dtype))
        last = len(config.upsample_rates) + 1
        self.layers.append(Snake(weights, f"decoder.{last}", dtype))
        self.layers.append(Conv(weights, f"decoder.{last + 1}.conv", dtype))

    def new_stream(self) -> CodecStream:
        return CodecStream(self.transformer.new_cache())

    def decode(self, stream, codes):
        """The next T frames of one stream: codes (T, G) -> samples (T * samples_per_frame,) within [-1, 1]."""
        first, rest = self.quantizers
        codes = np.asarray(codes, int)
        x = first(codes[:, :1]) + rest(codes[:, 1:])
        x = self.pre_conv(x.T, stream.conv)
        x = self.transformer(linear(x.T, *self.into), stream.kv)
        x = root_mean_square_norm(x, self.norm, self.config.rms_norm_eps)
        x = linear(x, *self.out).T
        return np.clip(run_layers(self.layers, x, stream.conv)[0], -1, 1)

    def step(self, streams, codes):
        """One frame for each of B streams: codes (B, G) -> samples (B, samples_per_frame)."""
        return np.stack([self.decode(s, row[None]) for s, row in zip(streams, codes, strict=True)])

    def decode_all(self, codes):
        """A whole speech (T, G) in one piece: what streaming frame by frame gives as well."""
        return self.decode(self.new_stream(), codes)

    def decode_chunked(self, codes, chunk=None, context=None):
        """As the official package: each block of `chunk` frames from nothing, after `context` frames that are cut off
        (None: its numbers, CHUNK and CONTEXT).

        The transformer's layers together hear further back than `context`, so beyond the first block the
        samples are others than those of decode_all.
        """
        chunk, context = chunk or CHUNK, context or CONTEXT
        pieces = []
        for start in range(0, len(codes), chunk):
            warm_up = min(context, start)
            samples = self.decode_all(codes[start - warm_up : start + chunk])
            pieces.append(samples[warm_up * self.samples_per_frame :])
        return np.concatenate(pieces)


class Codebooks:
    """The tables of one residual quantiser and what its sum is projected by."""

    LEAST_USAGE = 1e-5

    def __init__(self, weights, name, dtype):
        self.tables, layer = [], f"{name}.vq.layers.{{}}._codebook."
        while layer.format(len(self.tables)) + "cluster_usage" in weights:
            prefix = layer.format(len(self.tables))
            used = np.asarray(weights[prefix + "cluster_usage"], dtype)
            total = np.asarray(weights[prefix + "embedding_sum"], dtype)
            self.tables.append(total / np.maximum(used, dtype(self.LEAST_USAGE))[:, None])
        self.project = np.asarray(weights[name + ".output_proj.weight"], dtype)[:, :, 0]

    def __call__(self, codes):
        """Codes (T, layers) -> (T, width)."""
        vectors = sum(table[column] for table, column in zip(self.tables, codes.T, strict=True))
        return linear(vectors, self.project)


class Snake:
    """SnakeBeta; alpha and beta are stored as logarithms."""

    def __init__(self, weights, name, dtype):
        self.alpha, self.beta = (np.asarray(weights[f"{name}.{n}"], dtype) for n in ("alpha", "beta"))

    def __call__(self, x, state):
        return snake_beta(x, self.alpha, self.beta)


class ResidualUnit:
    """x + conv1x1(snake(dilated conv(snake(x))))."""

    def __init__(self, weights, name, dilation, dtype):
        self.layers = [
            Snake(weights, name + "act1", dtype),
            Conv(weights, name + "conv1.conv", dtype, dilation=dilation),
            Snake(weights, name + "act2", dtype),
            Conv(weights, name + "conv2.conv", dtype),
        ]

    def __call__(self, x, state):
        return x + run_layers(self.layers, x, state)


class ConvNeXt:
    """x + gamma * linear(gelu(linear(norm(depthwise conv(x)))))."""

    EPS = 1e-6

    def __init__(self, weights, name, channels, dtype):
        self.depthwise = Conv(weights, name + "dwconv.conv", dtype, groups=channels)
        self.norm = take(weights, name + "norm", dtype)
        self.wide, self.narrow = (take(weights, name + f"pwconv{i}", dtype) for i in (1, 2))
        self.gamma = np.asarray(weights[name + "gamma"], dtype)

    def __call__(self, x, state):
        h = layer_norm(self.depthwise(x, state).T, *self.norm, eps=self.EPS)
        h = linear(gelu(linear(h, *self.wide)), *self.narrow)
        return x + (self.gamma * h).T
