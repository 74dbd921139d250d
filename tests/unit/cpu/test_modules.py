"""Convolution chains and transformer layers alone: any shape, any frame size, and what they refuse."""

import itertools

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.conv import ConvChain
from pocket_fast.cpu.transformer import Stack

from guarded import same_bits
from pocket_fast.cpu import parts
from reference.parts import conv1d, conv1d_start, conv_transpose1d, elu
from tiny_stages import F32, config, normal, reference, weights, worst


def run(chain, x, rows):
    """x (T, channels), `rows` rows a frame."""
    state = np.zeros(chain.state_floats, F32)
    frames = [parts.convolve(chain, x[t : t + rows], state, t == 0) for t in range(0, len(x), rows)]
    return np.concatenate(frames)


# --- convolutions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["constant", "replicate"])
def test_convolution(isa, mode):
    rng = np.random.default_rng(1)
    for _ in range(40):
        channels, out, kernel, dilation = (int(rng.integers(1, high)) for high in (20, 40, 6, 5))
        stride = int(rng.integers(1, (kernel - 1) * dilation + 2))
        x, weight = normal(rng, 60 * stride, channels), normal(rng, out, channels, kernel)
        bias = normal(rng, out) if rng.random() < 0.5 else None
        previous = conv1d_start(x.T.astype(float), weight, stride, dilation, mode)
        y, _ = conv1d(x.T.astype(float), weight.astype(float), bias, previous, stride, dilation)
        for want in ("raw", "active"):
            found = []
            for rows in (1, 3, 20, 60):  # outputs a frame: bits do not depend on it
                chain = ConvChain(WeightStore(), channels, rows * stride)
                chain.conv(
                    0,
                    weight,
                    bias,
                    stride=stride,
                    dilation=dilation,
                    replicate=mode == "replicate",
                    **{want: True},
                )
                found.append(run(chain.finish(), x, rows * stride))
            assert worst(found[0], (y if want == "raw" else elu(y)).T) < 1e-5
            assert all(same_bits(found[0], other) for other in found[1:])


def test_transposed_convolution(isa):
    rng = np.random.default_rng(2)
    for _ in range(40):
        channels, out, stride = (int(rng.integers(1, high)) for high in (20, 20, 9))
        x, weight, bias = normal(rng, 24, channels), normal(rng, channels, out, 2 * stride), normal(rng, out)
        y, _ = conv_transpose1d(
            x.T.astype(float), weight.astype(float), bias, np.zeros((out, stride)), stride
        )
        found = []
        for rows in (1, 2, 8, 24):
            chain = ConvChain(WeightStore(), channels, rows)
            chain.conv_transpose(0, weight, bias, raw=True)
            found.append(run(chain.finish(), x, rows))
        assert worst(found[0], y.T) < 1e-5
        assert all(same_bits(found[0], other) for other in found[1:])


def test_a_value_and_its_activation_and_a_skip_from_far_back(isa):
    x, first, second = normal(1, 12, 5), normal(2, 7, 5, 3), normal(3, 5, 7, 1)
    chain = ConvChain(WeightStore(), 5, 4)
    raw, active = chain.conv(0, first, raw=True, active=True)
    chain.conv(active, second, skip=0, raw=True)
    y, _ = conv1d(x.T, first, None, np.zeros((5, 2), F32))
    z = np.einsum("oi,it->ot", second[:, :, 0], elu(y)) + x.T
    assert worst(run(chain.finish(), x, 4), z.T) < 1e-6
    assert raw != active


def test_chains_that_do_not_chain():
    chain = ConvChain(WeightStore(), 4, 6)
    raw, _ = chain.conv(0, np.zeros((5, 4, 3), F32), raw=True)
    for call, more in [
        (lambda: chain.conv(0, np.zeros((5, 3, 3), F32)), "convolution"),
        (lambda: chain.conv(0, np.zeros((5, 4, 8), F32), stride=4), "convolution"),
        (lambda: chain.conv(0, np.zeros((5, 4, 1), F32), stride=2), "convolution"),
        (lambda: chain.conv_transpose(0, np.zeros((3, 5, 4), F32)), "transposed"),
        (lambda: chain.conv_transpose(0, np.zeros((4, 5, 3), F32)), "transposed"),
        (lambda: chain.conv(0, np.zeros((6, 4, 1), F32), skip=raw, raw=True), "skip"),
        (lambda: chain.conv(0, np.zeros((5, 4, 2), F32), stride=2, skip=raw, raw=True), "skip"),
    ]:
        with pytest.raises(ValueError, match=more):
            call()


def test_frames_of_another_shape():
    chain = ConvChain(WeightStore(), 4, 6)
    chain.conv(0, np.zeros((5, 4, 3), F32), raw=True)
    state = np.zeros(chain.finish().state_floats, F32)
    assert parts.convolve(chain, np.zeros((6, 4), F32), state, True).shape == (6, 5)
    for x, s in [((7, 4), len(state)), ((0, 4), len(state)), ((6, 5), len(state)), ((6, 4), len(state) - 1)]:
        with pytest.raises(ValueError, match="convolve"):
            parts.convolve(chain, np.zeros(x, F32), np.zeros(s, F32), True)


# --- layers ----------------------------------------------------------------------------------------


def stack(name, side=None, layers=None):
    """The layers of the backbone, or of one side of the codec."""
    t = config(name).flow_lm.transformer
    prefix, context = "flow_lm.transformer.", 0
    if side:
        t = config(name).mimi.decoding_transformer if side == "decoder" else config(name).mimi.transformer
        prefix, context = f"mimi.{side}_transformer.transformer.", t.context
    return Stack(
        WeightStore(),
        weights(name),
        prefix,
        n_layers=t.num_layers if layers is None else layers,
        d_model=t.d_model,
        heads=t.num_heads,
        kv_heads=t.kv_heads,
        dim=t.head_dim,
        feed=t.ffn_dim,
        max_period=t.max_period,
        context=context,
    )


@pytest.mark.parametrize("name", ["tiny", "tiny-7m", "tiny-odd"])
@pytest.mark.parametrize("side", [None, "encoder", "decoder"])
def test_layers_do_not_see_the_pieces(isa, name, side):
    """A windowed ring goes round twice."""
    layers, rows = stack(name, side), 200
    x = normal(1, rows, layers.d)
    model = reference(name)
    transformer = model.backbone.transformer
    if side:
        transformer = getattr(model, side).transformer.transformer
    expected = transformer(x, transformer.new_cache())
    found, room = [], 96 if side else 224
    for pieces in ([1] * rows, [7, 9, 16] * 7, [13] * 16):
        span, y = parts.span(layers, room), x.copy()
        cuts = [0, *np.minimum(np.cumsum(pieces), rows)]
        for start, end in itertools.pairwise(cuts):
            if end > start:
                parts.transform(layers, y[start:end], span, room, start)
        found.append(y)
    assert worst(found[0], expected) < 1e-5
    assert all(same_bits(found[0], other) for other in found[1:])


def test_no_layers_change_nothing():
    layers, x = stack("tiny", layers=0), normal(1, 3, 64)
    y = x.copy()
    parts.transform(layers, y, parts.span(layers, 32), 32, 0)
    assert same_bits(x, y)


def test_layers_of_another_shape():
    with pytest.raises(ValueError, match=r"in_proj.weight: shape .* expected"):
        Stack(
            WeightStore(),
            weights("tiny"),
            "flow_lm.transformer.",
            n_layers=1,
            d_model=64,
            heads=2,
            kv_heads=1,
            dim=32,
            feed=256,
            max_period=1e4,
        )


def test_rows_and_spans_of_another_shape():
    whole, window = stack("tiny"), stack("tiny", "decoder")  # a window of 40
    for layers, x, capacity, length in [
        (whole, (3, 63), 32, 0),
        (whole, (0, 64), 32, 0),
        (whole, (3, 64), 32, 30),
        (window, (25, 64), 64, 0),
    ]:
        with pytest.raises(ValueError, match="transform"):
            parts.transform(layers, np.zeros(x, F32), parts.span(layers, capacity), capacity, length)
    with pytest.raises(ValueError, match="transform"):
        parts.transform(whole, np.zeros((3, 64), F32), parts.span(whole, 32), 64, 0)
    for capacity in (0, 31, -32):
        with pytest.raises(ValueError, match="span"):
            parts.span(whole, capacity)
