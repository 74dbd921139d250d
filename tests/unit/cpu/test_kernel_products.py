"""The two approximate products, "int8" and "dot": exactly what they claim to compute, on every instruction set."""

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.packing import has_bf16_dot, pack_linear, round_to_bf16

from guarded import Guarded, same_bits
from matrices import F32, SHAPES, normal
from pocket_fast.cpu import parts


def quantized(x):
    """(integers, scale per row): scale = max |row| / 127, rounded to nearest even."""
    top = np.abs(x).max(axis=1, keepdims=True)
    inverse = np.divide(F32(127), top, out=np.zeros_like(top), where=top > 0)
    return np.rint(x * inverse), top / F32(127)


def widened(bits):
    return (bits.astype(np.uint32) << 16).view(F32)


@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_int8_is_the_exact_integer_sum_scaled_once(isa, m, n, k):
    rng = np.random.default_rng(m * n * k)
    x, w, bias, skip = normal(rng, m, k) * 3, normal(rng, n, k), normal(rng, n), normal(rng, m, n)
    x[0] = 0  # a row of zeros has scale zero, not NaN
    qx, sx = quantized(x)
    qw, sw = quantized(w)
    expected = (qx @ qw.T).astype(F32) * (sx * sw.T) + bias + skip
    out = Guarded((m, n))
    parts.linear(x, pack_linear(WeightStore(), w, bias, product="int8"), out.array, skip=skip)
    out.check()
    assert same_bits(out.array, expected)


def test_int8_extremes_do_not_saturate(isa):
    """All inputs and weights at the ends of their range: where 16-bit partial sums would overflow."""
    k = 512
    x = np.full((3, k), 5.0, F32)
    x[1] *= -1
    x[2, ::2] *= -1
    w = np.full((40, k), 2.0, F32)
    w[::2] *= -1
    y = np.empty((3, 40), F32)
    parts.linear(x, pack_linear(WeightStore(), w, product="int8"), y)
    np.testing.assert_allclose(y, x @ w.T, rtol=1e-6)


def test_int8_rows_and_panels_do_not_depend_on_company(isa):
    rng = np.random.default_rng(3)
    x, w = normal(rng, 21, 100), normal(rng, 130, 100)
    weight = pack_linear(WeightStore(), w, product="int8")
    whole = np.empty((21, 130), F32)
    parts.linear(x, weight, whole)
    for r in range(21):
        one = np.empty((1, 130), F32)
        parts.linear(x[r : r + 1], weight, one)
        assert same_bits(one[0], whole[r])


def test_int8_storage_is_a_byte_a_weight():
    packed = pack_linear(WeightStore(), np.ones((64, 256), F32), product="int8")
    assert packed.nbytes == 64 * 256 + 64 * 8


def test_int8_takes_bfloat16_and_an_order():
    rng = np.random.default_rng(5)
    bits = round_to_bf16(normal(rng, 70, 24))
    order = rng.permutation(70)
    x = normal(rng, 2, 24)
    a, b = np.empty((2, 70), F32), np.empty((2, 70), F32)
    parts.linear(x, pack_linear(WeightStore(), bits, order=order, product="int8", threads=2), a)
    parts.linear(x, pack_linear(WeightStore(), widened(bits)[order], product="int8"), b)
    assert same_bits(a, b)


@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
@pytest.mark.parametrize("stored", ["float32", "bfloat16"])
def test_dot_multiplies_rounded_inputs_and_weights(isa, m, n, k, stored):
    if not has_bf16_dot():
        pytest.skip(f"{isa} has no bfloat16 products")
    rng = np.random.default_rng(m + n + k)
    x, w = normal(rng, m, k), normal(rng, n, k)
    w = w if stored == "float32" else round_to_bf16(w)
    exact = widened(round_to_bf16(w)) if stored == "float32" else widened(w)
    rounded = widened(round_to_bf16(x)).astype(np.float64)
    out = Guarded((m, n))
    parts.linear(x, pack_linear(WeightStore(), w, product="dot"), out.array)
    out.check()
    size = np.abs(rounded) @ np.abs(exact).T.astype(np.float64)
    assert (np.abs(out.array - rounded @ exact.T) <= 1e-6 * size + 1e-30).all()


def test_dot_convolves_overlapping_rows(isa):
    """Rows that share inputs, with and without a dilation, an odd number of inputs per tap included."""
    if not has_bf16_dot():
        pytest.skip(f"{isa} has no bfloat16 products")
    rng = np.random.default_rng(9)
    for rows, channels, taps, step in [(1, 3, 3, 1), (5, 7, 3, 2), (40, 8, 5, 1), (100, 1, 7, 1)]:
        w = normal(rng, 12, taps * channels)
        x = normal(rng, (rows - 1 + (taps - 1) * step + 1) * channels)
        y = np.empty((rows, 12), F32)
        weight = pack_linear(WeightStore(), w, taps=taps, product="dot")
        parts.linear(x, weight, y, x_row=channels, x_tap=step * channels)
        places = (np.arange(rows)[:, None, None] + np.arange(taps)[:, None] * step) * channels + np.arange(
            channels
        )
        inputs = widened(round_to_bf16(x))[places].reshape(rows, -1).astype(np.float64)
        expected = inputs @ widened(round_to_bf16(w)).T
        np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("rows", [2, 7, 12])
def test_dot_reads_nothing_beside_an_odd_row(isa, rows):
    """Not the next row, and not what stands between two: it may be NaN, and NaN times nothing is NaN."""
    if not has_bf16_dot():
        pytest.skip(f"{isa} has no bfloat16 products")
    rng = np.random.default_rng(11)
    weight = pack_linear(WeightStore(), normal(rng, 40, 33), product="dot")
    x = normal(rng, rows, 33)
    expected, found = np.empty((rows, 40), F32), np.empty((rows, 40), F32)
    parts.linear(x, weight, expected)
    ill = x.copy()
    ill[1::2] = np.nan
    parts.linear(ill, weight, found)
    assert same_bits(found[::2], expected[::2])
    apart = np.full((rows, 35), np.nan, F32)
    apart[:, :33] = x
    parts.linear(apart.reshape(-1), weight, found, x_row=35)
    assert same_bits(found, expected)


def test_a_few_outputs_stay_float32():
    """The end-of-speech logit and the last convolution are never approximated."""
    rng = np.random.default_rng(7)
    x, w = normal(rng, 4, 33), normal(rng, 1, 33)
    exact, asked = np.empty((4, 1), F32), np.empty((4, 1), F32)
    parts.linear(x, pack_linear(WeightStore(), w), exact)
    parts.linear(x, pack_linear(WeightStore(), w, product="int8"), asked)
    assert same_bits(exact, asked)


@pytest.mark.parametrize("product", ["int8", "dot"])
@pytest.mark.parametrize("rows", [5, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65, 80, 97])
def test_blocks_of_any_height_have_the_bits_of_their_rows(isa, rows, product):
    """Whole tiles and what is left of rows, channels and inputs; the result added where it stands, once."""
    if product == "dot" and not has_bf16_dot():
        pytest.skip(f"{isa} has no bfloat16 products")
    rng = np.random.default_rng(rows)
    for k in (32, 64, 75, 128, 200):
        weight = pack_linear(WeightStore(), normal(rng, 70, k), normal(rng, 70), product=product)
        x, before = normal(rng, rows, k), normal(rng, rows, 70)
        whole = before.copy()
        parts.linear(x, weight, whole, skip=whole)
        for r in range(rows):
            one = before[r : r + 1].copy()
            parts.linear(x[r : r + 1], weight, one, skip=one)
            assert same_bits(one[0], whole[r]), (k, r)
