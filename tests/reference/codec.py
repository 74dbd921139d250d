"""The codec (Mimi): a convolutional SEANet on each side of a small windowed transformer.

Encoder: SEANet -> transformer -> strided convolution to the frame rate. Decoder: 1x1 projection ->
transposed convolution -> transformer -> SEANet. Both run any number of frames at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .parts import conv1d, conv1d_start, conv_transpose1d, elu, linear
from .transformer import KVCache, Transformer


class Conv:
    """A causal convolution; its `previous` lives in the stream under the layer's name."""

    def __init__(self, weights, name, dtype, stride=1, dilation=1, pad_mode="constant", groups=1):
        self.weight, self.bias = take(weights, name, dtype)
        self.name, self.stride, self.dilation, self.pad_mode = name, stride, dilation, pad_mode
        self.groups = groups

    def __call__(self, x, state):
        previous = state.get(self.name)
        if previous is None:
            previous = conv1d_start(x, self.weight, self.stride, self.dilation, self.pad_mode)
        y, state[self.name] = conv1d(
            x, self.weight, self.bias, previous, self.stride, self.dilation, self.groups
        )
        return y


class ConvTranspose:
    """A transposed convolution; its `partial` lives in the stream under the layer's name."""

    def __init__(self, weights, name, dtype, stride, groups=1):
        self.weight, self.bias = take(weights, name, dtype)
        self.name, self.stride, self.groups = name, stride, groups

    def __call__(self, x, state):
        partial = state.get(self.name)
        if partial is None:
            width = self.weight.shape[1] * self.groups
            partial = np.zeros((width, self.weight.shape[2] - self.stride), x.dtype)
        y, state[self.name] = conv_transpose1d(x, self.weight, self.bias, partial, self.stride, self.groups)
        return y


class ResBlock:
    """x + conv1x1(elu(conv(elu(x))))."""

    def __init__(self, weights, name, dtype, dilation, pad_mode):
        self.wide = Conv(weights, f"{name}.block.1.conv", dtype, dilation=dilation, pad_mode=pad_mode)
        self.narrow = Conv(weights, f"{name}.block.3.conv", dtype, pad_mode=pad_mode)

    def __call__(self, x, state):
        return x + self.narrow(elu(self.wide(elu(x), state)), state)


def seanet_encoder(seanet, weights, prefix, dtype):
    """Layers from samples (1, T) to (dimension, T / hop). List positions are the names in the checkpoint."""
    pad = seanet.pad_mode
    layers = [Conv(weights, f"{prefix}0.conv", dtype, pad_mode=pad)]
    for ratio in reversed(seanet.ratios):
        layers += _res_blocks(seanet, weights, prefix, len(layers), dtype)
        name = f"{prefix}{len(layers) + 1}.conv"
        layers += [elu_layer, Conv(weights, name, dtype, stride=ratio, pad_mode=pad)]
    return [*layers, elu_layer, Conv(weights, f"{prefix}{len(layers) + 1}.conv", dtype, pad_mode=pad)]


def seanet_decoder(seanet, weights, prefix, dtype):
    """Layers from (dimension, T) to samples (1, T * hop)."""
    pad = seanet.pad_mode
    layers = [Conv(weights, f"{prefix}0.conv", dtype, pad_mode=pad)]
    for ratio in seanet.ratios:
        layers += [
            elu_layer,
            ConvTranspose(weights, f"{prefix}{len(layers) + 1}.convtr", dtype, stride=ratio),
        ]
        layers += _res_blocks(seanet, weights, prefix, len(layers), dtype)
    return [*layers, elu_layer, Conv(weights, f"{prefix}{len(layers) + 1}.conv", dtype, pad_mode=pad)]


@dataclass
class CodecStream:
    """One stream through one side of the codec: `previous` and `partial` by layer name, and a cache."""

    kv: KVCache
    conv: dict[str, np.ndarray] = field(default_factory=dict)

    def fork(self) -> CodecStream:
        return CodecStream(self.kv.fork(), dict(self.conv))


class CodecDecoder:
    """Latents at the frame rate -> samples. `mimi` is the config's mimi section."""

    def __init__(self, mimi, weights, dtype=np.float32):
        seanet = mimi.decoding_seanet
        self.dtype = dtype
        self.output_proj = take(weights, "mimi.quantizer.output_proj", dtype)[0][:, :, 0]
        name, stride = "mimi.upsample.convtr.convtr", mimi.steps_per_frame
        self.upsample = ConvTranspose(weights, name, dtype, stride, groups=seanet.dimension)
        self.transformer = ProjectedTransformer(
            mimi.decoding_transformer, weights, "mimi.decoder_transformer.", dtype
        )
        self.seanet = seanet_decoder(seanet, weights, "mimi.decoder.model.", dtype)

    def new_stream(self) -> CodecStream:
        return CodecStream(self.transformer.new_cache())

    def decode(self, stream, latents):
        """The next T frames of one stream: latents (T, 32) *already* times emb_std plus emb_mean -> samples."""
        x = linear(np.asarray(latents, self.dtype), self.output_proj).T
        x = self.upsample(x, stream.conv)
        return run_layers(self.seanet, self.transformer(x, stream.kv), stream.conv)[0]

    def step(self, streams, latents):
        """One frame for each of B streams: latents (B, 32) -> samples (B, frame size)."""
        return np.stack([self.decode(s, row[None]) for s, row in zip(streams, latents, strict=True)])


class CodecEncoder:
    """Samples -> latents at the frame rate. `mimi` is the config's mimi section."""

    def __init__(self, mimi, weights, dtype=np.float32):
        self.dtype, self.frame_size = dtype, mimi.samples_per_frame
        self.seanet = seanet_encoder(mimi.seanet, weights, "mimi.encoder.model.", dtype)
        self.transformer = ProjectedTransformer(mimi.transformer, weights, "mimi.encoder_transformer.", dtype)
        name, stride = "mimi.downsample.conv.conv", mimi.steps_per_frame
        self.downsample = Conv(weights, name, dtype, stride=stride, pad_mode="replicate")

    def new_stream(self) -> CodecStream:
        return CodecStream(self.transformer.new_cache())

    def encode(self, stream, samples):
        """The next whole frames of one stream: samples (T * frame size,) -> latents (T, inner)."""
        x = run_layers(self.seanet, np.asarray(samples, self.dtype)[None], stream.conv)
        x = self.transformer(x, stream.kv)
        return self.downsample(x, stream.conv).T

    def encode_all(self, samples):
        """A whole recording (n,), padded on the right with zeros to whole frames -> latents (T, inner)."""
        return self.encode(self.new_stream(), np.pad(samples, (0, -len(samples) % self.frame_size)))


class ProjectedTransformer:
    """A windowed transformer over (channels, T), with projections where the widths differ."""

    def __init__(self, transformer, weights, prefix, dtype):
        self.into = _optional(weights, prefix + "input_proj.weight", dtype)
        self.out = _optional(weights, prefix + "output_projs.0.weight", dtype)
        prefix += "transformer."
        self.transformer = Transformer(transformer, weights, prefix, transformer.context, dtype)

    def new_cache(self) -> KVCache:
        return self.transformer.new_cache()

    def __call__(self, x, cache):
        x = x.T if self.into is None else linear(x.T, self.into)
        x = self.transformer(x, cache)
        return (x if self.out is None else linear(x, self.out)).T


def _res_blocks(seanet, weights, prefix, first, dtype):
    return [
        ResBlock(weights, f"{prefix}{first + j}", dtype, seanet.dilation_base**j, seanet.pad_mode)
        for j in range(seanet.n_residual_layers)
    ]


def run_layers(layers, x, state):
    for layer in layers:
        x = layer(x, state)
    return x


def elu_layer(x, state):
    return elu(x)


def take(weights, name, dtype):
    """Weight and bias (or None) of a layer."""
    return np.asarray(weights[name + ".weight"], dtype), _optional(weights, name + ".bias", dtype)


def _optional(weights, name, dtype):
    return np.asarray(weights[name], dtype) if name in weights else None
