"""The codec's encoder: a recording at 24 kHz -> 16 codes for each 1920 samples (Mimi's encoder half).

SEANet -> transformer -> strided convolution to the frame rate -> two residual quantisers of the same latents.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from ..codec import Conv, seanet_encoder
from ..parts import linear
from .transformer import Transformer


class CodecEncoder:
    """`config` is the speech tokenizer's encoder_config; `weights` its tensors without the first `encoder.`.

    quantizers: how many codes a frame has (the checkpoint holds more tables than are used).
    """

    def __init__(self, config, weights, quantizers, dtype=np.float64):
        self.dtype = dtype
        seanet = SimpleNamespace(
            ratios=config.upsampling_ratios,
            n_residual_layers=config.num_residual_layers,
            dilation_base=config.dilation_growth_rate,
            pad_mode="constant",
        )
        self.seanet = seanet_encoder(seanet, weights, "encoder.layers.", dtype)
        # Every position hears all before it: the window in the config is not applied by the official package.
        self.transformer = Transformer(
            config,
            weights,
            "encoder_transformer.",
            layers=config.num_hidden_layers,
            head_dim=config.head_width,
            eps=config.norm_eps,
            dtype=dtype,
        )
        self.downsample = Conv(weights, "downsample.conv", dtype, stride=2, pad_mode="replicate")
        semantic = config.num_semantic_quantizers
        sizes = {"semantic": semantic, "acoustic": quantizers - semantic}
        self.quantizers = [
            ResidualQuantizer(weights, f"quantizer.{name}_residual_vector_quantizer.", n, dtype)
            for name, n in sizes.items()
        ]

    def latents(self, samples):
        """Samples (n,) -> latents (ceil(n / 1920), width)."""
        x = np.asarray(samples, self.dtype)[None]
        for layer in self.seanet:
            x = whole_strides(x, getattr(layer, "stride", 1), "constant")
            x = layer(x, {})
        x = self.transformer(x.T, self.transformer.new_cache()).T
        return self.downsample(whole_strides(x, 2, "edge"), {}).T

    def encode(self, samples):
        """A whole recording (n,) -> codes (ceil(n / 1920), quantizers)."""
        latents = self.latents(samples)
        return np.concatenate([quantizer(latents) for quantizer in self.quantizers], axis=1)


class ResidualQuantizer:
    """Nearest vectors of one table after the other, each of what the ones before have left."""

    def __init__(self, weights, prefix, layers, dtype):
        name = prefix + "input_proj.weight"
        self.project = np.asarray(weights[name], dtype)[:, :, 0] if name in weights else None
        self.tables = []
        for i in range(layers):
            book = f"{prefix}layers.{i}.codebook."
            used = np.asarray(weights[book + "cluster_usage"], dtype)
            total = np.asarray(weights[book + "embed_sum"], dtype)
            self.tables.append(total / np.maximum(used, dtype(1e-5))[:, None])

    def __call__(self, latents):
        """Latents (T, width) -> codes (T, layers); of vectors equally near the first."""
        rest = latents if self.project is None else linear(latents, self.project)
        codes = []
        for table in self.tables:
            distances = ((rest[:, None] - table) ** 2).sum(axis=-1)
            codes.append(distances.argmin(axis=1))
            rest = rest - table[codes[-1]]
        return np.stack(codes, axis=1)


def whole_strides(x, stride, mode):
    """x (channels, T), filled up on the right to a multiple of the stride: every layer does so with its own input."""
    return np.pad(x, ((0, 0), (0, -x.shape[1] % stride)), mode)
