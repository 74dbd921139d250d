"""The layers that Qwen3-TTS's codec adds to convolution chains, and pieces of any length."""

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.conv import ConvChain
from pocket_fast.cpu.packing import has_bf16_dot

from guarded import same_bits
from pocket_fast.cpu import parts
from reference.parts import conv1d, conv_transpose1d, elu, gelu, layer_norm, snake_beta
from tiny_stages import F32, normal, worst


def run(chain, x, pieces):
    """x (T, channels), in pieces of these lengths, the last one repeated to the end."""
    state, found, at = np.zeros(chain.state_floats, F32), [], 0
    lengths = list(pieces)
    while at < len(x):
        n = min(lengths.pop(0) if len(lengths) > 1 else lengths[0], len(x) - at)
        found.append(parts.convolve(chain, x[at : at + n], state, at == 0))
        at += n
    return np.concatenate(found)


def exact(x):
    return x.T.astype(float)


@pytest.mark.parametrize("overlap", [1, 2, 3])
def test_transposed_convolutions_of_any_overlap(isa, overlap):
    rng = np.random.default_rng(overlap)
    for _ in range(20):
        channels, out, stride = (int(rng.integers(1, high)) for high in (20, 20, 9))
        x, bias = normal(rng.integers(99), 24, channels), normal(rng.integers(99), out)
        weight = normal(rng.integers(99), channels, out, overlap * stride)
        partial = np.zeros((out, (overlap - 1) * stride))
        y, _ = conv_transpose1d(exact(x), weight.astype(float), bias, partial, stride)
        found = []
        for rows in (1, 5, 24):
            chain = ConvChain(WeightStore(), channels, rows)
            chain.conv_transpose(0, weight, bias, overlap=overlap, raw=True)
            found.append(run(chain.finish(), x, [rows]))
        assert worst(found[0], y.T) < 1e-5
        assert all(same_bits(found[0], other) for other in found[1:])


def test_snake_after_a_convolution_and_after_a_transposed_one(isa):
    """The parameters are a channel's, not an output's of the product."""
    rng = np.random.default_rng(3)
    for channels, out, stride in [(5, 3, 4), (16, 33, 2), (7, 20, 5)]:
        x, weight = normal(1, 12, channels), normal(2, out, channels, 3)
        first = normal(3, out), normal(4, out)
        up, second = normal(5, out, out, 2 * stride), (normal(6, out), normal(7, out))
        chain = ConvChain(WeightStore(), channels, 6)
        _, active = chain.conv(0, weight, raw=True, active=True, activation=first)
        chain.conv_transpose(active, up, activation=second, active=True)
        h, _ = conv1d(exact(x), weight, None, np.zeros((channels, 2)))
        y, _ = conv_transpose1d(
            snake_beta(h, *(v.astype(float) for v in first)), up, None, np.zeros((out, stride)), stride
        )
        found = run(chain.finish(), x, [int(rng.integers(1, 7))])
        assert worst(found, snake_beta(y, *(v.astype(float) for v in second)).T) < 2e-5


@pytest.mark.parametrize(("name", "function"), [("elu", elu), ("erf_gelu", gelu), ("clamp", None)])
def test_activations_by_name(isa, name, function):
    x, weight = normal(1, 9, 4), normal(2, 6, 4, 2)
    chain = ConvChain(WeightStore(), 4, 9)
    chain.conv(0, weight, active=True, activation=name)
    y, _ = conv1d(exact(x), weight, None, np.zeros((4, 1)))
    y = np.clip(y, -1, 1) if function is None else function(y)
    assert worst(run(chain.finish(), x, [4]), y.T) < 1e-6


def test_a_convnext_block(isa):
    """x + gamma * linear(gelu(linear(norm(depthwise(x)))))"""
    for channels, wide, taps in [(24, 96, 7), (5, 13, 3), (64, 20, 1)]:
        x, dw, db = normal(1, 21, channels), normal(2, channels, 1, taps), normal(3, channels)
        nw, nb, gamma = (normal(seed, channels) for seed in (4, 5, 6))
        w1, b1, w2, b2 = (
            normal(7, wide, channels),
            normal(8, wide),
            normal(9, channels, wide),
            normal(10, channels),
        )
        found = []
        for rows in (1, 4, 21):
            chain = ConvChain(WeightStore(), channels, rows)
            h = chain.norm(chain.depthwise(0, dw, db), nw, nb, 1e-6)
            _, h = chain.conv(h, w1[:, :, None], b1, active=True, activation="erf_gelu")
            chain.conv(h, w2[:, :, None], b2, scale=gamma, skip=0, raw=True)
            found.append(run(chain.finish(), x, [rows]))
        h, _ = conv1d(exact(x), dw.astype(float), db, np.zeros((channels, taps - 1)), groups=channels)
        h = gelu(layer_norm(h.T, nw, nb, eps=1e-6) @ w1.T + b1) @ w2.T + b2
        assert worst(found[0], x + gamma * h) < 1e-5
        assert all(same_bits(found[0], other) for other in found[1:])


def test_pieces_of_any_length(isa):
    """A chain with rows for 8 takes fewer: same bits."""
    x = normal(1, 40, 5)
    chain = ConvChain(WeightStore(), 5, 8)
    raw, active = chain.conv(0, normal(2, 7, 5, 3), raw=True, active=True)
    _, inner = chain.conv(active, normal(3, 7, 7, 3), dilation=4, active=True)
    _, inner = chain.conv(inner, normal(4, 7, 7, 1), skip=raw, active=True)
    up, _ = chain.conv_transpose(inner, normal(5, 7, 4, 6), raw=True)
    chain.depthwise(up, normal(6, 4, 1, 5), normal(7, 4))
    chain.finish()
    whole = run(chain, x, [8])
    assert whole.shape == (120, 4)
    for pieces in ([1], [3], [5, 1, 7], [8, 2]):
        assert same_bits(run(chain, x, pieces), whole)


@pytest.mark.parametrize("replicate", [False, True])
def test_an_end_inside_a_stride(isa, replicate):
    """Each layer sees what is missing of its last stride as zeros, or as its last row, and not what came before it."""
    rng = np.random.default_rng(1)
    weights = [normal(2, 6, 3, 4), normal(3, 8, 6, 6), normal(4, 5, 8, 4)]
    biases, strides = [normal(5 + i, len(w)) for i, w in enumerate(weights)], (2, 3, 2)
    for n in (1, 2, 5, 11, 12, 13, 23, 24, 25, 31, 36, 37):
        x = normal(rng.integers(99), n, 3)
        y = exact(x)
        for weight, bias, stride in zip(weights, biases, strides, strict=True):
            y = elu(y) if y.shape[0] != 3 else y
            left, missing = weight.shape[2] - stride, -y.shape[1] % stride
            y = np.pad(y, ((0, 0), (left, missing)), mode="edge" if replicate else "constant")
            y, _ = conv1d(y[:, left:], weight.astype(float), bias, y[:, :left], stride)
        chain = ConvChain(WeightStore(), 3, 12)
        _, h = chain.conv(0, weights[0], biases[0], stride=2, active=True, replicate=replicate)
        _, h = chain.conv(h, weights[1], biases[1], stride=3, active=True, replicate=replicate)
        chain.conv(h, weights[2], biases[2], stride=2, raw=True, replicate=replicate)
        found = run(chain.finish(), x, [12])
        assert found.shape == (-(-n // 12), 5)
        assert worst(found, y.T) < 1e-5


def test_layers_without_number():
    chain, x = ConvChain(WeightStore(), 3, 4), normal(1, 4, 3)
    buffer, unit = 0, np.eye(3, dtype=F32)[:, :, None]
    for _ in range(200):
        buffer, _ = chain.conv(buffer, unit, raw=True)
    assert same_bits(run(chain.finish(), x, [4]), x)


def test_rounded_products(isa):
    if not has_bf16_dot():
        pytest.skip(f"{isa} has no bfloat16 products")
    x, weight, up = normal(1, 30, 20), normal(2, 40, 20, 7), normal(3, 40, 9, 8)
    found = []
    for product in (None, "dot"):
        chain = ConvChain(WeightStore(), 20, 10, product=product)
        _, h = chain.conv(0, weight, active=True, dilation=3)
        chain.conv_transpose(h, up, raw=True)
        found.append(run(chain.finish(), x, [10]))
        assert same_bits(run(chain, x, [4, 10, 1]), found[-1])
    assert 1e-5 < worst(*found) < 2e-2


def test_layers_that_do_not_fit():
    chain, f = ConvChain(WeightStore(), 4, 6), np.zeros
    for call, more in [
        (lambda: chain.conv_transpose(0, f((4, 5, 4), F32), overlap=3), "transposed"),
        (lambda: chain.depthwise(0, f((4, 2, 3), F32), f(4, F32)), "depthwise"),
        (lambda: chain.depthwise(0, f((5, 1, 3), F32), f(5, F32)), "depthwise"),
        (lambda: chain.depthwise(0, f((4, 1, 3), F32), f(3, F32)), "depthwise"),
        (lambda: chain.norm(0, f(4, F32), f(5, F32), 1e-5), "norm"),
        (lambda: chain.norm(0, f(3, F32), f(4, F32), 1e-5), "norm"),
        (lambda: chain.conv(0, f((5, 4, 1), F32), active=True, activation=(f(5, F32), f(4, F32))), "alpha"),
        (lambda: chain.conv(0, f((5, 4, 1), F32), active=True, activation=(f(4, F32), f(5, F32))), "alpha"),
    ]:
        with pytest.raises(ValueError, match=more):
            call()
    with pytest.raises(KeyError):
        chain.conv(0, f((5, 4, 1), F32), active=True, activation="swish")
