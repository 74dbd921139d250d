"""The arithmetic of both families in NumPy: one short function per operation.

Slow on purpose: this is the specification that the compiled stages are tested against. Every function
computes in the dtype of its inputs, so the same code in float64 measures the rounding of float32.
Convolutions are channels first, (channels, time); everything else is time first, (time, width).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erf


def linear(x, weight, bias=None):
    """y = x @ weight.T + bias. x (..., in), weight (out, in), bias (out,)."""
    y = x @ weight.T
    return y if bias is None else y + bias


def layer_norm(x, weight=None, bias=None, eps=1e-5):
    """Zero mean and unit (biased) variance over the last axis, then an optional scale and shift."""
    centred = x - x.mean(axis=-1, keepdims=True)
    y = centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + eps)
    return y if weight is None else y * weight + bias


def rms_norm(x, alpha, eps=1e-5):
    """x * alpha / sqrt(eps + var(x)), of Pocket TTS.

    Not the usual root mean square: the models divide by the *unbiased variance about the mean* (n - 1)
    but do not subtract the mean from x.
    """
    return x * (alpha / np.sqrt(eps + x.var(axis=-1, ddof=1, keepdims=True)))


def root_mean_square_norm(x, weight, eps):
    """x * weight / sqrt(eps + mean(x * x)) over the last axis: the usual RMSNorm, of Qwen3-TTS."""
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) * weight


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def gelu_tanh(x):
    """The tanh approximation of GELU."""
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def gelu(x):
    """The exact GELU: x times the normal distribution function."""
    return 0.5 * x * (1 + erf(x * (1 / math.sqrt(2))))


def silu(x):
    return x / (1 + np.exp(-x))


def snake_beta(x, alpha, beta):
    """x + sin(x * exp(alpha)) ** 2 / (exp(beta) + 1e-9) by channel. x (C, T); alpha, beta (C,) are logarithms."""
    wave = np.sin(x * np.exp(alpha)[:, None])
    return x + wave * wave / (np.exp(beta)[:, None] + x.dtype.type(1e-9))


def softmax(x):
    """Over the last axis."""
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def rope_frequencies(head_dim, max_period, dtype):
    """max_period ** (-2 i / head_dim) for i < head_dim / 2."""
    return np.exp(np.arange(head_dim // 2, dtype=dtype) * dtype(-math.log(max_period) * 2 / head_dim))


def rope(x, offset, max_period):
    """Turn each pair (2 i, 2 i + 1) of a head by position * frequency i. x (T, H, D), first row at `offset`."""
    dtype = x.dtype.type
    positions = np.arange(offset, offset + len(x)).astype(dtype)
    angle = positions[:, None, None] * rope_frequencies(x.shape[-1], max_period, dtype)
    cos, sin = np.cos(angle), np.sin(angle)
    even, odd = x[..., 0::2], x[..., 1::2]
    return np.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)


def rope_half(x, offset, theta):
    """Turn the pairs (i, i + D / 2) of a head by position * theta ** (-2 i / D). x (T, H, D), first row at `offset`.

    The frequencies are float32 in every dtype: they are constants of the model, and what their rounding does
    grows with the position.
    """
    dtype, half = x.dtype.type, x.shape[-1] // 2
    frequencies = (float(theta) ** (-np.arange(half) / half)).astype(np.float32).astype(dtype)
    angle = np.arange(offset, offset + len(x)).astype(dtype)[:, None, None] * frequencies
    cos, sin = np.cos(angle), np.sin(angle)
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def attention(q, k, v, q_offset, k_offset=0, window=None):
    """Causal attention over cached keys.

    q (T, H, D), first row at position q_offset; k, v (S, Hkv, D), first row at position k_offset;
    query head h reads key head h // (H // Hkv). A query at position p sees keys at p - window < j <= p
    (window None: all j <= p). Returns (T, H, D). Scores are scaled by 1 / sqrt(D).
    """
    share = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, share, axis=1), np.repeat(v, share, axis=1)
    scores = np.einsum("thd,shd->hts", q, k) * (1 / math.sqrt(q.shape[-1]))
    behind = (np.arange(len(q)) + q_offset)[:, None] - (np.arange(len(k)) + k_offset)
    seen = behind >= 0 if window is None else (behind >= 0) & (behind < window)
    scores = np.where(seen, scores, -np.inf)
    return np.einsum("hts,shd->thd", softmax(scores), v)


def conv1d(x, weight, bias, previous, stride=1, dilation=1, groups=1):
    """Causal convolution of one piece of a stream: (y, next previous).

    x (C_in, T) with T a multiple of stride, weight (C_out, C_in / groups, K), bias (C_out,) or None,
    previous (C_in, (K - 1) * dilation + 1 - stride): the inputs just before x. y (C_out, T / stride).
    """
    left = previous.shape[1]
    x = np.concatenate([previous, x], axis=1)
    span = (weight.shape[2] - 1) * dilation + 1
    windows = np.lib.stride_tricks.sliding_window_view(x, span, axis=1)[:, ::stride, ::dilation]
    if groups == 1:
        y = np.tensordot(weight, windows, axes=([1, 2], [0, 2]))
    else:
        taps = weight.reshape(groups, -1, *weight.shape[1:])
        y = np.einsum("goik,gitk->got", taps, windows.reshape(groups, -1, *windows.shape[1:]))
        y = y.reshape(len(weight), -1)
    if bias is not None:
        y = y + bias[:, None]
    return y, x[:, x.shape[1] - left :]


def conv1d_start(x, weight, stride, dilation, pad_mode):
    """`previous` of a stream whose first piece is x: zeros, or x's first column ("replicate")."""
    shape = (x.shape[0], (weight.shape[2] - 1) * dilation + 1 - stride)
    if pad_mode == "replicate":
        return np.broadcast_to(x[:, :1], shape).copy()
    return np.zeros(shape, x.dtype)


def conv_transpose1d(x, weight, bias, partial, stride, groups=1):
    """Transposed convolution of one piece of a stream, cut to whole strides: (y, next partial).

    x (C_in, T), weight (C_in, C_out / groups, K), bias (C_out,) or None, partial (C_out, K - stride): what
    earlier inputs add to the next outputs, *without* bias. y (C_out, T * stride).
    """
    taps = weight.shape[2]
    columns = []
    for x_group, w_group in zip(np.split(x, groups), np.split(weight, groups), strict=True):
        columns.append(np.tensordot(w_group, x_group, axes=([0], [0])))  # (C_out / groups, K, T)
    columns = np.concatenate(columns)
    n = x.shape[1] * stride
    y = np.zeros((columns.shape[0], n + taps - stride), x.dtype)
    y[:, : taps - stride] = partial
    for t in range(x.shape[1]):
        y[:, t * stride : t * stride + taps] += columns[:, :, t]
    out = y[:, :n] if bias is None else y[:, :n] + bias[:, None]
    return out, y[:, n:]


def timestep_embedding(t, freqs):
    """cos and sin of t * freqs, side by side. t a number, freqs (n,); returns (2 n,)."""
    angle = freqs.dtype.type(t) * freqs
    return np.concatenate([np.cos(angle), np.sin(angle)])
