"""Norm, rotary embedding, softmax, activations, affine, upsample and depthwise on every instruction set."""

import numpy as np
import pytest
from scipy.special import erfc

from guarded import Guarded, same_bits
from matrices import F32, normal
from pocket_fast.cpu import parts

LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100)


# --- norm ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eps", [1e-5, 1e-6, 0.3])
def test_norm(isa, eps):
    rng = np.random.default_rng(1)
    for n in LENGTHS:
        for affine in (False, True):
            for modulated in (False, True):
                x = normal(rng, n) * 3 + 1
                weight, bias = (normal(rng, n), normal(rng, n)) if affine else (None, None)
                scale, shift = (normal(rng, n), normal(rng, n)) if modulated else (None, None)
                exact = x.astype(float) - x.mean(dtype=float)
                exact /= np.sqrt(np.mean(exact**2) + eps)
                if affine:
                    exact = exact * weight + bias
                if modulated:
                    exact = exact * (1.0 + scale) + shift
                y = Guarded(n, skew=n % 4)
                parts.norm(y.array, x, eps, weight, bias, scale, shift)
                y.check()
                # at eps 1e-6 two equal values make the variance tiny and their difference all rounding
                np.testing.assert_allclose(y.array, exact, rtol=0, atol=2e-4 if n < 3 else 1e-5)
                parts.norm(x, x, eps, weight, bias, scale, shift)
                assert same_bits(x, y.array)


def test_norm_of_a_constant_is_zero_and_of_nan_is_nan(isa):
    for n in LENGTHS:
        y = np.empty(n, F32)
        parts.norm(y, np.full(n, 2.5, F32), 1e-5)
        np.testing.assert_allclose(y, 0, atol=1e-3)
        x = np.ones(n, F32)
        x[-1] = np.nan
        parts.norm(y, x, 1e-5)
        assert np.isnan(y).all()


def test_norm_refuses_what_does_not_fit():
    x, y, short = np.ones(8, F32), np.ones(8, F32), np.ones(7, F32)
    for y_, x_, more in [
        (short, x, {}),
        (np.ones(0, F32), np.ones(0, F32), {}),
        (y, x, {"weight": x}),
        (y, x, {"weight": x, "bias": short}),
        (y, x, {"shift": x}),
        (y, x, {"scale": short, "shift": x}),
    ]:
        with pytest.raises(ValueError, match="norm"):
            parts.norm(y_, x_, 1e-5, **more)


@pytest.mark.parametrize("eps", [1e-5, 1e-6, 0.3])
def test_rms_norm(isa, eps):
    rng = np.random.default_rng(8)
    for n in (*LENGTHS, 128, 1024):
        x, weight = normal(rng, n) * 3 + 1, normal(rng, n)
        exact = x / np.sqrt(np.mean(x.astype(float) ** 2) + eps) * weight
        y = Guarded(n, skew=n % 4)
        parts.rms_norm(y.array, x, eps, weight)
        y.check()
        np.testing.assert_allclose(y.array, exact, rtol=1e-6, atol=0)
        parts.rms_norm(x, x, eps, weight)
        assert same_bits(x, y.array)


def test_rms_norm_of_zeros_and_of_nan(isa):
    for n in LENGTHS:
        y, x = np.empty(n, F32), np.zeros(n, F32)
        parts.rms_norm(y, x, 1e-6, np.ones(n, F32))
        assert (y == 0).all()
        x[-1] = np.nan
        parts.rms_norm(y, x, 1e-6, np.ones(n, F32))
        assert np.isnan(y).all()


def test_rms_norm_refuses_what_does_not_fit():
    for lengths in [(7, 8, 8), (8, 7, 8), (8, 8, 7), (0, 0, 0)]:
        y, x, weight = (np.ones(n, F32) for n in lengths)
        with pytest.raises(ValueError, match="rms_norm"):
            parts.rms_norm(y, x, 1e-6, weight)


# --- rope ------------------------------------------------------------------------------------------


def test_rope(isa):
    rng = np.random.default_rng(2)
    for half in LENGTHS:
        x, angle = normal(rng, 2 * half), normal(rng, half)
        cos, sin = np.cos(angle), np.sin(angle)
        turned = (x[:half] + 1j * x[half:].astype(float)) * (cos + 1j * sin.astype(float))
        out = Guarded(2 * half, skew=half % 4).fill(x)
        parts.rope(out.array, cos, sin)
        out.check()
        np.testing.assert_allclose(out.array, np.concatenate([turned.real, turned.imag]), rtol=0, atol=2e-6)


def test_rope_refuses_what_does_not_fit():
    for n, c, s in [(8, 3, 4), (8, 4, 3), (7, 4, 4), (0, 0, 0)]:
        with pytest.raises(ValueError, match="rope"):
            parts.rope(np.ones(n, F32), np.ones(c, F32), np.ones(s, F32))


# --- softmax ---------------------------------------------------------------------------------------


def ranges(rng, n):
    """One or two ranges of places, the first possibly empty if there is a second."""
    a0, a1, b0, b1 = sorted(int(v) for v in rng.integers(0, n + 1, 4))
    kind = rng.integers(3)
    if kind == 0 and a0 < a1:
        return (a0, a1), (0, 0)
    if kind == 1 and b0 < b1:
        return (0, 0), (b0, b1)
    if b0 == b1:
        b0, b1 = n - 1, n
        a0, a1 = min(a0, b0), min(a1, b0)
    return (a0, a1), (b0, b1)


def valid_places(n, first, second):
    place = np.arange(n)
    return ((first[0] <= place) & (place < first[1])) | ((second[0] <= place) & (place < second[1]))


def test_softmax(isa):
    rng = np.random.default_rng(3)
    for i in range(300):
        n = 32 * int(rng.integers(1, 6))
        first, second = ranges(rng, n)
        valid = valid_places(n, first, second)
        scale = float(rng.choice([0.05, 0.18, 1.0]))
        scores = normal(rng, n) * float(rng.choice([1, 10]))
        exact = np.exp(scale * (scores[valid].astype(float) - scores[valid].max()))
        exact /= exact.sum()
        scores[~valid] = rng.choice([np.nan, np.inf, -np.inf, 1e30], np.count_nonzero(~valid))
        p = Guarded(n, skew=i % 4).fill(scores)
        parts.softmax(p.array, scale, first, second)
        p.check()
        assert same_bits(p.array[~valid], np.zeros(np.count_nonzero(~valid), F32))
        np.testing.assert_allclose(p.array[valid], exact, rtol=1e-5, atol=1e-30)


def test_softmax_does_not_depend_on_the_room_behind_it(isa):
    rng = np.random.default_rng(4)
    scores = normal(rng, 32)
    for end in (1, 5, 31, 32):
        found = []
        for n in (32, 64, 160):
            p = np.full(n, np.nan, F32)
            p[:32] = scores
            parts.softmax(p, 0.2, (0, end))
            found.append(p[:32])
        assert same_bits(found[0], found[1])
        assert same_bits(found[0], found[2])


def test_softmax_of_far_apart_scores(isa):
    p = np.full(32, -1e4, F32)
    p[7] = 1e4
    parts.softmax(p, 1.0, (0, 32))
    assert p.tolist() == [float(i == 7) for i in range(32)]


def test_softmax_does_not_hide_nan(isa):
    for place in (0, 9, 31):
        p = np.zeros(64, F32)
        p[place] = np.nan
        parts.softmax(p, 1.0, (0, 32))
        assert np.isnan(p[:32]).all()


def test_softmax_refuses_other_ranges():
    for n, first, second in [
        (33, (0, 1), (0, 0)),
        (0, (0, 0), (0, 0)),
        (32, (0, 33), (0, 0)),
        (32, (-1, 3), (0, 0)),
        (32, (5, 5), (7, 7)),
        (32, (5, 4), (0, 0)),
        (32, (5, 9), (8, 12)),
        (32, (5, 9), (0, 3)),
        (32, (5, 9), (30, 33)),
    ]:
        with pytest.raises(ValueError, match="softmax"):
            parts.softmax(np.zeros(n, F32), 1.0, first, second)


# --- activations -----------------------------------------------------------------------------------

FUNCTIONS = {
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + np.exp(np.minimum(-x, 700))),
    "erf_gelu": lambda x: 0.5 * x * erfc(-x / np.sqrt(2)),
    "relu": lambda x: np.maximum(x, 0),
    "clamp": lambda x: np.clip(x, -1, 1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activations(isa, name):
    values = np.concatenate([np.linspace(-110, 110, 4001), np.geomspace(1e-30, 1e4, 400)])
    values = np.concatenate([values, -values, [0.0, -0.0]]).astype(F32)
    exact = FUNCTIONS[name](values.astype(float))
    y = Guarded(len(values))
    parts.activate(y.array, values, name)
    y.check()
    np.testing.assert_allclose(y.array, exact, rtol=1e-6, atol=3e-7)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activations_of_any_length_in_place(isa, name):
    rng = np.random.default_rng(5)
    for n in (0, *LENGTHS):
        x = normal(rng, n)
        y = Guarded(n, skew=n % 4).fill(x)
        parts.activate(y.array, y.array, name)
        y.check()
        np.testing.assert_allclose(y.array, FUNCTIONS[name](x.astype(float)), rtol=0, atol=5e-7)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_activation_of_nan_is_nan(isa, name):
    for n in LENGTHS:
        x = np.ones(n, F32)
        x[n // 2] = np.nan
        parts.activate(x, x, name)
        assert np.isnan(x).tolist() == [i == n // 2 for i in range(n)]


def test_erf_gelu_keeps_its_small_values(isa):
    """The tail below zero is no rounding error of 1 - 1."""
    x = np.linspace(-9, 0, 5000, dtype=F32)
    y = np.empty_like(x)
    parts.activate(y, x, "erf_gelu")
    np.testing.assert_allclose(y, FUNCTIONS["erf_gelu"](x.astype(float)), rtol=5e-6, atol=1e-30)


def snake(x, frequency, gain):
    return x + gain.astype(float) * np.sin((x * frequency).astype(float)) ** 2  # the product as a float32


@pytest.mark.parametrize("reach", [2, 100, 1e4])
def test_snake(isa, reach):
    """The square of a sine of any phase, to 3e-7: a large gain shows it alone."""
    rng = np.random.default_rng(5)
    x = rng.uniform(-reach, reach, 20001).astype(F32)
    factors = np.stack([rng.choice([0.25, 1, 1.0], len(x)), np.full(len(x), 2.0**30)]).astype(F32)
    y = Guarded(len(x))
    parts.activate(y.array, x, None, factors)
    y.check()
    np.testing.assert_allclose(y.array, snake(x, *factors), rtol=2e-7, atol=3e-7 * 2**30)


def test_snake_of_small_values_is_relatively_exact(isa):
    x = np.geomspace(1e-15, 1, 400).astype(F32)
    factors = np.stack([np.ones(400), np.full(400, 2.0**100)]).astype(F32)
    y = np.empty(400, F32)
    parts.activate(y, x, None, factors)
    np.testing.assert_allclose(y, snake(x, *factors), rtol=1e-6)


def test_snake_of_any_length_in_place(isa):
    rng = np.random.default_rng(6)
    for n in (0, *LENGTHS):
        x, factors = normal(rng, n), np.exp(normal(rng, 2, n))
        y = Guarded(n, skew=n % 4).fill(x)
        parts.activate(y.array, y.array, None, factors)
        y.check()
        np.testing.assert_allclose(y.array, snake(x, *factors), rtol=5e-7, atol=1e-6)


def test_snake_of_what_is_too_large_or_no_number(isa):
    x = np.array([1e6, -1e9, 1e20, -3e38, np.nan, np.inf, 0.0, 1e5], F32)
    factors = np.ones((2, 8), F32)
    y = np.empty(8, F32)
    parts.activate(y, x, None, factors)
    assert np.isnan(y).tolist() == [False] * 4 + [True, True] + [False] * 2
    finite = np.isfinite(x)
    assert (np.abs(y[finite] - x[finite]) <= 1 + np.spacing(np.abs(x[finite]))).all()


def test_activate_refuses_other_lengths():
    with pytest.raises(ValueError, match="activate"):
        parts.activate(np.ones(3, F32), np.ones(4, F32), "elu")
    for shape in ((2, 2), (1, 3), (3, 3)):
        with pytest.raises(ValueError, match="activate"):
            parts.activate(np.ones(3, F32), np.ones(3, F32), None, np.ones(shape, F32))


# --- affine, upsample, depthwise ------------------------------------------------------------------------------


def test_affine(isa):
    rng = np.random.default_rng(6)
    for n in (0, *LENGTHS):
        x, scale, shift = normal(rng, n), normal(rng, n), normal(rng, n)
        y = Guarded(n, skew=n % 4)
        parts.affine(y.array, x, scale, shift)
        y.check()
        np.testing.assert_allclose(y.array, x.astype(float) * scale + shift, rtol=0, atol=2e-6)
    for lengths in [(3, 4, 4, 4), (4, 3, 4, 4), (4, 4, 3, 4), (4, 4, 4, 3)]:
        with pytest.raises(ValueError, match="affine"):
            parts.affine(*(np.ones(n, F32) for n in lengths))


def test_upsample(isa):
    rng = np.random.default_rng(7)
    for channels in LENGTHS:
        stride = int(rng.integers(1, 18))
        old, now = normal(rng, channels), normal(rng, channels)
        w_old, w_new = normal(rng, stride, channels), normal(rng, stride, channels)
        y = Guarded((stride, channels), skew=channels % 4)
        parts.upsample(y.array, old, now, w_old, w_new)
        y.check()
        exact = w_old.astype(float) * old + w_new.astype(float) * now
        np.testing.assert_allclose(y.array, exact, rtol=0, atol=3e-6)


def test_upsample_refuses_what_does_not_fit():
    good = [(4, 6), (6,), (6,), (4, 6), (4, 6)]
    for place, shape in [(0, (4, 5)), (1, (5,)), (2, (5,)), (3, (3, 6)), (4, (4, 7)), (0, (0, 6))]:
        shapes = [shape if i == place else other for i, other in enumerate(good)]
        with pytest.raises(ValueError, match="upsample"):
            parts.upsample(*(np.ones(s, F32) for s in shapes))


def test_depthwise(isa):
    rng = np.random.default_rng(8)
    for channels in LENGTHS:
        taps, rows = int(rng.integers(1, 9)), int(rng.integers(1, 5))
        x, w, bias = (
            normal(rng, rows + taps - 1, channels),
            normal(rng, taps, channels),
            normal(rng, channels),
        )
        y = Guarded((rows, channels), skew=channels % 4)
        parts.depthwise(y.array, x, w, bias)
        y.check()
        windows = np.lib.stride_tricks.sliding_window_view(x.astype(float), taps, axis=0)
        np.testing.assert_allclose(y.array, np.einsum("tck,kc->tc", windows, w) + bias, rtol=0, atol=1e-5)


def test_depthwise_refuses_what_does_not_fit():
    good = [(4, 6), (8, 6), (5, 6), (6,)]
    for place, shape in [
        (0, (4, 5)),
        (0, (3, 6)),
        (1, (7, 6)),
        (1, (8, 5)),
        (2, (5, 7)),
        (2, (4, 6)),
        (3, (5,)),
    ]:
        shapes = [shape if i == place else other for i, other in enumerate(good)]
        with pytest.raises(ValueError, match="depthwise"):
            parts.depthwise(*(np.ones(s, F32) for s in shapes))
