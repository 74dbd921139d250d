"""Seeded random weights that keep signals alive, for any architecture.

With the usual initial weights every layer shrinks its signal, the audio of a random model hardly depends on
the text, and a parity test passes with a wrong language model. Here matrices and kernels are uniform with the
variance that keeps a unit-variance signal at unit variance (1.73 times the usual limit).

Measured at temperature 0 on 88 frames of one sentence with bf16 weights and seed 0 (pocket-tts 4.0.1 in
float32; tools/measure_synthetic.py repeats it and finds float32 within 3e-6 of float64 to the last frame):

                      rms of the audio   one other word   another voice (largest change of a sample)
    english                 0.24             0.045            0.21
    english_2026-01         0.25             0.028            0.19
    english_2026-04_24l     0.23             0.027            0.25
    english_18m_2026-10     0.20             0.11             0.48
    english_7m_2026-10      0.21             0.11             0.32
    english_2m_2026-10      0.21             0.13             0.24

End-of-speech logits lie 2 to 5 below the config's threshold and wander by about 0.5, so speech runs to the
frame limit unless a test sets a threshold among them.

The numbers come from the raw stream of PCG64, which NumPy promises never to change, through exact operations
only: the same seed gives the same bits on every machine, so tests need no committed weights.
"""

from __future__ import annotations

import math
import zlib

import numpy as np

from pocket_fast.models.pocket.names import expected_tensors

from .checkpoint import narrow, widen

# Factors over unit variance, by a part of the name. Sharper attention lets a word matter more; a calmer flow
# head keeps the loop latent -> backbone -> latent from being chaotic (at 1, 1, 1 some tiny models are: then
# float32 and float64 disagree completely after 50 frames).
GAINS = {"in_proj": 1.25, "cond_embed": 0.6, "adaLN": 0.5, "mimi.encoder.model.0.": 8.0}
LOUDNESS = 0.25  # of the decoder's last layer; without it the audio has an rms of 0.6 to 1


def lively_tensor(name, shape, eos_bias, seed=0):
    """The float32 array for one bundle name.

    Each tensor draws from its own stream, seeded with (seed, name): a tensor does not depend on the others.
    """
    if name.endswith(".freqs"):
        return np.exp(-math.log(10000) * np.arange(shape[0]) / shape[0]).astype(np.float32)
    if name.endswith("out_eos.bias"):
        return np.full(shape, eos_bias, np.float32)
    centre, limit = _spread(name, shape)
    return np.float32(centre) + np.float32(limit) * uniform(name, shape, seed)


def lively_weights(config, seed=0, storage="F32"):
    """{bundle name: float32 array} rounded as a checkpoint of that storage type would hold them."""
    bias = eos_bias(config)
    return {
        name: widen(narrow(lively_tensor(name, shape, bias, seed), storage), storage)
        for name, shape in expected_tensors(config).items()
    }


def eos_bias(config):
    return config.default_eos_threshold - 4.0


def _spread(name, shape):
    """(centre, limit) of the uniform distribution of a tensor."""
    unit = math.sqrt(3)  # a uniform variable within +-sqrt(3) has unit variance
    if name.endswith(("layer_scale_1.scale", "layer_scale_2.scale")):
        return 0.3, 0.1
    if name.endswith(("norm1.weight", "norm2.weight", "norm.weight", "in_ln.weight", ".alpha", "emb_std")):
        return 1.0, 0.3
    if name.endswith("emb_mean"):
        return 0.0, 0.5
    if name.endswith(".bias"):
        return 0.0, 0.2
    if name.endswith(("bos_emb", "bos_before_voice", "conditioner.embed.weight")):
        return 0.0, unit
    fan_in = math.prod(shape[1:])
    if name.endswith("convtr.weight"):  # two taps reach each output sample, whatever the stride
        fan_in = 2 if "upsample" in name else 2 * shape[0]
    gain = next((g for part, g in GAINS.items() if part in name), 1.0)
    if name.startswith("mimi.decoder.") and shape[0] == 1:
        gain = LOUDNESS
    return 0.0, gain * unit / math.sqrt(fan_in)


def uniform(name, shape, seed):
    """float32 in [-1, 1), multiples of 2**-23."""
    return np.concatenate([*uniform_pieces(name, math.prod(shape), seed)]).reshape(shape)


def uniform_pieces(name, n, seed, size=1 << 16):
    """The n numbers of `uniform` in consecutive pieces of at most `size` (an even number)."""
    source = np.random.PCG64([seed, zlib.crc32(name.encode())])
    for start in range(0, n, size):
        count = min(size, n - start)
        bits = np.asarray(source.random_raw((count + 1) // 2), "<u8").view("<u4")[:count]
        yield (bits >> 8).astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)
