"""Weights in four bits: found as tests/reference/int4.py says, to the bit, and multiplied exactly."""

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.integers import MOST_INPUTS, fitting, quantize_int4
from pocket_fast.cpu.packing import pack_linear, round_to_bf16

from guarded import Guarded, same_bits
from matrices import F32, SHAPES, normal
from pocket_fast.cpu import parts
from reference import int4


def heavy(rng, *shape):
    """Rows with groups of every kind: with outliers, of nothing but zeros, of one value, far from zero, tiny."""
    w = (rng.standard_t(4, shape) * 0.03).astype(F32)
    for row, change in enumerate(
        (lambda g: g * 0, lambda g: g * 0 + F32(0.3), lambda g: g + 5, lambda g: g * F32(1e-6))
    ):
        w[row % len(w), :32] = change(w[row % len(w), :32])
    w[-1] *= 0
    return w


def multiply(x, weight, **how):
    out = Guarded((len(x), weight.shape[0]))
    parts.linear(x, weight, out.array, **how)
    out.check()
    return out.array


@pytest.mark.parametrize(("n", "k"), [(5, 1), (7, 31), (6, 32), (9, 33), (40, 64), (12, 200), (6, 1030)])
@pytest.mark.parametrize("values", [normal, heavy])
def test_integers_lines_and_scales_are_those_of_the_reference(isa, values, n, k):
    w = values(np.random.default_rng(n * k), n, k)
    packed, scales, lines = quantize_int4(w)
    integers, steps, offsets, scale = int4.quantize(w)
    assert same_bits(scales, scale)
    assert (lines.reshape(n, -1, 2) == np.stack([steps, offsets], 2)).all()
    four = packed.reshape(n, -1, 4, 4)  # group, eight inputs, byte
    nibbles = np.stack([four & 15, four >> 4], 3).reshape(integers.shape)
    assert (nibbles == integers + 8).all()


@pytest.mark.parametrize("values", [normal, heavy])
@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_the_product_is_the_exact_sum_scaled_once(isa, values, m, n, k):
    rng = np.random.default_rng(m * n * k)
    x, w, bias, skip = normal(rng, m, k) * 3, values(rng, n, k), normal(rng, n), normal(rng, m, n)
    x[0] = 0  # a row of zeros has scale zero, not NaN
    found = multiply(x, pack_linear(WeightStore(), w, bias, product="int4"), skip=skip)
    assert same_bits(found, int4.product(x, w) + bias + skip)


@pytest.mark.parametrize("k", [32, 100, 4096, MOST_INPUTS])
def test_the_largest_integers_fit(isa, k):
    """Inputs and weights at the ends of their range, of every sign."""
    x = np.full((5, k), 3.0, F32)
    for row in range(1, 5):
        x[row, ::row] *= -1
    w = np.full((40, k), 2.0, F32)
    for channel in range(1, 40):
        w[channel, :: 1 + channel // 2] *= -1
    w[20:, 0] = 100  # one group far from zero makes the scale of all others small
    assert same_bits(multiply(x, pack_linear(WeightStore(), w, product="int4")), int4.product(x, w))
    # what no quantiser of ours makes, but a file may hold
    packed, lines = (
        np.zeros((40, k // 32 * 16 + 16 * (k % 32 > 0)), np.uint8),
        np.zeros((40, 2 * -(-k // 32)), np.int8),
    )
    lines[:, ::2], lines[:, 1::2] = 127, 127
    weight = pack_linear(WeightStore(), packed, scale=np.ones(40, F32), lines=lines, inputs=k, product="int4")
    integers = np.sign(x).astype(np.int64).sum(1) * 127 * (127 * -8 - 8 * 127)
    assert same_bits(
        multiply(x, weight), np.repeat(integers.astype(F32)[:, None] * (F32(3) / F32(127)), 40, 1)
    )


def test_rows_and_panels_do_not_depend_on_company(isa):
    rng = np.random.default_rng(3)
    x, w = normal(rng, 75, 100), normal(rng, 130, 100)
    weight = pack_linear(WeightStore(), w, product="int4")
    whole = multiply(x, weight)
    for r in range(75):
        assert same_bits(multiply(x[r : r + 1], weight)[0], whole[r])
    pieces = np.empty_like(whole)
    for rows in ((0, 33), (33, 75)):
        for panel in range(5):
            parts.linear(x, weight, pieces, rows=rows, panels=(panel, panel + 1))
    assert same_bits(pieces, whole)


def test_nan_stays_in_its_row(isa):
    rng = np.random.default_rng(3)
    x, w = normal(rng, 6, 50), normal(rng, 40, 50)
    weight, sound = pack_linear(WeightStore(), w, product="int4"), [0, 1, 2, 3, 5]
    expected = multiply(x, weight)
    x[4, 7] = np.nan
    assert same_bits(multiply(x, weight)[sound], expected[sound])


def test_storage_is_four_and_a_half_bits_a_weight():
    packed = pack_linear(WeightStore(), np.ones((64, 256), F32), product="int4")
    assert packed.nbytes == 64 * 256 * 9 // 16 + 64 * 4


@pytest.mark.parametrize("k", [24, 70])
def test_what_is_stored_is_what_is_made_at_load(isa, k):
    rng = np.random.default_rng(5)
    bits, order, x = round_to_bf16(normal(rng, 300, k)), rng.permutation(300), normal(rng, 2, k)
    wide = (bits.astype(np.uint32) << 16).view(F32)
    expected = multiply(x, pack_linear(WeightStore(), wide[order], product="int4"))
    assert same_bits(
        multiply(x, pack_linear(WeightStore(), bits, order=order, product="int4", threads=2)), expected
    )
    made = [quantize_int4(piece, threads=2) for piece in np.split(bits, [200])]
    packed, scales, lines = map(list, zip(*made, strict=True))
    weight = pack_linear(
        WeightStore(), packed, scale=scales, lines=lines, inputs=k, order=order, product="int4"
    )
    assert same_bits(multiply(x, weight), expected)


@pytest.mark.parametrize(
    "change",
    [
        {"scale": None},
        {"scale": np.ones(7, F32)},
        {"lines": None},
        {"lines": np.zeros((7, 4), np.int8)},
        {"lines": np.zeros((8, 2), np.int8)},
        {"lines": np.zeros((8, 4), np.uint8)},
        {"inputs": None},
        {"inputs": 32},
        {"inputs": 65},
        {"product": "int8"},
        {"product": None},
    ],
)
def test_integers_are_never_taken_for_numbers(change):
    packed, scale, lines = quantize_int4(np.ones((8, 40), F32))
    given = {"scale": scale, "lines": lines, "inputs": 40, "product": "int4"}
    pack_linear(WeightStore(), packed, **given)
    with pytest.raises(ValueError, match="pack_linear"):
        pack_linear(WeightStore(), packed, **{**given, **change})


def test_more_inputs_than_fit():
    wide = np.zeros((8, MOST_INPUTS + 1), F32)
    for attempt in (quantize_int4, lambda w: pack_linear(WeightStore(), w, product="int4")):
        with pytest.raises(ValueError, match="8193 inputs, at most 8192 fit"):
            attempt(wide)
    assert [fitting("int4", k) for k in (MOST_INPUTS, MOST_INPUTS + 1)] == ["int4", "int8"]
    assert [fitting(product, MOST_INPUTS + 1) for product in ("int8", "dot", None)] == ["int8", "dot", None]


def test_a_few_outputs_stay_float32():
    rng = np.random.default_rng(7)
    x, w = normal(rng, 4, 33), normal(rng, 1, 33)
    assert same_bits(
        multiply(x, pack_linear(WeightStore(), w)), multiply(x, pack_linear(WeightStore(), w, product="int4"))
    )


def decibels(exact, near):
    return 10 * np.log10(np.square(exact).sum() / np.square(exact - near).sum())


@pytest.mark.parametrize(
    ("draw", "floor"),
    [
        (lambda rng: rng.standard_normal((200, 1024)), 22.9),
        (lambda rng: rng.standard_t(5, (200, 1024)), 21.5),
        (lambda rng: rng.laplace(size=(200, 1024)), 21.4),
    ],
)
def test_least_squares_are_nearer_than_the_largest(draw, floor):
    """Also than the largest of each group with a sign and all sixteen values, which is what others do: by 1.5 dB."""
    w = draw(np.random.default_rng(1)).astype(F32)
    groups = w.reshape(-1, 32)
    largest = np.take_along_axis(groups, np.abs(groups).argmax(1)[:, None], 1)
    simple = np.clip(np.rint(groups * (-8 / largest)), -8, 7) * (largest / -8)
    near = int4.approximated(w)
    assert decibels(w, near) > floor
    assert decibels(w, near) > decibels(groups, simple) + 1.5
