"""The one matrix kernel on every instruction set, against NumPy in float64."""

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.packing import pack_linear
from scipy.special import erfc

from guarded import Guarded, same_bits
from matrices import F32, normal
from pocket_fast.cpu import parts
from reference.checkpoint import narrow, widen

# around the vector widths (4, 8, 16), the tiles (32, 64) and the panel (32); rows around 1, 2, 6, 8
WIDTHS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 95, 96, 97, 130)
DEPTHS = (0, 1, 2, 3, 7, 8, 9, 16, 31, 65)
ROWS = (0, 1, 2, 3, 5, 6, 7, 8, 9, 11, 12, 13, 16, 17, 25)
ACTIVATIONS = {
    None: lambda v: v,
    "elu": lambda v: np.where(v > 0, v, np.expm1(np.minimum(v, 0))),
    "gelu": lambda v: 0.5 * v * (1 + np.tanh(np.sqrt(2 / np.pi) * (v + 0.044715 * v**3))),
    "silu": lambda v: v / (1 + np.exp(-v)),
    "erf_gelu": lambda v: 0.5 * v * erfc(-v / np.sqrt(2)),
    "relu": lambda v: np.maximum(v, 0),
    "clamp": lambda v: np.clip(v, -1, 1),
}
KINDS = ("float32", "float16", "bfloat16")


def stored(values, kind):
    """(the array to pack, its exact values)"""
    if kind == "bfloat16":
        bits = narrow(values, "BF16")
        return bits, widen(bits, "BF16")
    values = values.astype(kind)
    return values, values.astype(F32)


class Case:
    """A random legal product with a random epilogue, and its float64 value with an error bound."""

    def __init__(self, rng, kind, m, n, k, taps=1, x_row=None, x_tap=None):
        self.m, self.n, self.strides = m, n, {}
        to_pack, w = stored(normal(rng, n, taps * k), kind)
        self.bias = normal(rng, n) if rng.random() < 0.7 else None
        self.weight = pack_linear(WeightStore(), to_pack, self.bias, taps=taps)
        if x_row is None:
            self.x = normal(rng, m, taps * k)
            rows = self.x
        else:
            self.x = normal(rng, max(m - 1, 0) * x_row + (taps - 1) * x_tap + k)
            self.strides = {"x_row": x_row, "x_tap": x_tap}
            places = np.arange(m)[:, None, None] * x_row + np.arange(taps)[:, None] * x_tap + np.arange(k)
            rows = self.x[places].reshape(m, taps * k)
        self.scale = [None, normal(rng, n), normal(rng, m, n)][rng.integers(3)]
        self.skip = normal(rng, m, n) if rng.random() < 0.5 else None
        self.activation = list(ACTIVATIONS)[rng.integers(len(ACTIVATIONS))]
        # the frequency and the gain of every channel; at most as steep as the bound of check() allows
        self.snake = rng.uniform(0.1, 0.4, (2, n)).astype(F32) if rng.random() < 0.2 else None
        self.wants = [(True, True), (True, False), (False, True)][rng.integers(3)]
        rows, w = rows.astype(np.float64), w.astype(np.float64)
        value, size = rows @ w.T, np.abs(rows) @ np.abs(w).T
        if self.bias is not None:
            value, size = value + self.bias, size + np.abs(self.bias)
        if self.scale is not None:
            value, size = value * self.scale, size * np.abs(self.scale)
        if self.skip is not None:
            value, size = value + self.skip, size + np.abs(self.skip)
        self.value, self.active = value, ACTIVATIONS[self.activation](value)
        if self.snake is not None:
            self.active = value + self.snake[1] * np.sin(self.snake[0] * value) ** 2
        self.bound = (taps * k + 4) * 2.0**-24 * size + 1e-35  # one rounding a term, and the epilogue

    def run(self, rows=None, panels=None, skew=0):
        """(y, active): Guarded outputs, None for one that is not wanted."""
        y, active = (Guarded((self.m, self.n), skew) if wanted else None for wanted in self.wants)
        parts.linear(
            self.x,
            self.weight,
            y and y.array,
            scale=self.scale,
            skip=self.skip,
            active=active and active.array,
            activation=self.activation,
            snake=self.snake,
            rows=rows,
            panels=panels,
            **self.strides,
        )
        return y, active

    def check(self, skew=0):
        y, active = self.run(skew=skew)
        if y:
            y.check()
            assert (np.abs(y.array - self.value) <= self.bound).all()
        if active:
            active.check()
            # no activation is steeper than 1.13; they add about 3e-7 of their own
            bound = 1.2 * self.bound + 5e-7 * (1 + np.abs(self.active))
            assert (np.abs(active.array - self.active) <= bound).all()


@pytest.mark.parametrize("kind", KINDS)
def test_random_shapes(isa, kind):
    rng = np.random.default_rng(1)
    for i in range(150):
        m, n, k = (int(rng.choice(sizes)) for sizes in (ROWS, WIDTHS, DEPTHS))
        Case(rng, kind, m, n, k).check(skew=i % 5)


@pytest.mark.parametrize("kind", KINDS)
def test_every_width_for_one_row_and_for_a_tile(isa, kind):
    rng = np.random.default_rng(2)
    for n in WIDTHS:
        for m in (1, 7):
            Case(rng, kind, m, n, 5).check()


@pytest.mark.parametrize("kind", KINDS)
def test_overlapping_rows_and_dilated_taps(isa, kind):
    rng = np.random.default_rng(3)
    for _ in range(60):
        channels, taps, stride, dilation = (int(rng.integers(1, high)) for high in (20, 6, 4, 5))
        m, n = int(rng.choice(ROWS)), int(rng.choice(WIDTHS))
        Case(rng, kind, m, n, channels, taps, stride * channels, dilation * channels).check()


def test_the_result_may_replace_the_skip(isa):
    rng = np.random.default_rng(4)
    for m, n in ((1, 33), (9, 65)):
        weight, x, y = normal(rng, n, 12), normal(rng, m, 12), normal(rng, m, n)
        out = Guarded((m, n)).fill(y)
        parts.linear(x, pack_linear(WeightStore(), weight), out.array, skip=out.array)
        out.check()
        np.testing.assert_allclose(out.array, y + x.astype(float) @ weight.T, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_leaves_the_rest_alone_and_has_the_bits_of_the_whole(isa, kind):
    rng = np.random.default_rng(5)
    for _ in range(60):
        m, n, k = int(rng.integers(1, 26)), int(rng.integers(1, 200)), int(rng.choice(DEPTHS))
        case = Case(rng, kind, m, n, k)
        whole = case.run()
        panels = (n + 31) // 32
        r0, r1 = sorted(int(v) for v in rng.integers(0, m + 1, 2))
        p0, p1 = sorted(int(v) for v in rng.integers(0, panels + 1, 2))
        written = np.zeros((m, n), bool)
        written[r0:r1, 32 * p0 : 32 * p1] = True
        for part, all_of_it in zip(case.run((r0, r1), (p0, p1)), whole, strict=True):
            if part:
                part.check(written)
                assert same_bits(part.array[written], all_of_it.array[written])


def test_a_row_does_not_depend_on_the_number_of_rows(isa):
    rng = np.random.default_rng(6)
    for kind in KINDS:
        for n in (1, 32, 33, 64, 100):
            weight = pack_linear(WeightStore(), stored(normal(rng, n, 37), kind)[0], normal(rng, n))
            x = normal(rng, 25, 37)
            whole = np.empty((25, n), F32)
            parts.linear(x, weight, whole)
            for m in ROWS[1:]:
                some = np.empty((m, n), F32)
                parts.linear(x[:m], weight, some)
                assert same_bits(some, whole[:m])


def test_weights_that_come_from_memory(isa):
    """More than 16 MB in a call are read in another order where that is faster: to the same bits."""
    rng = np.random.default_rng(8)
    w, x = rng.standard_normal((2090, 2100), dtype=F32), normal(rng, 12, 2100)
    weight = pack_linear(WeightStore(), w)
    assert weight.nbytes > 16 << 20
    alone = np.empty((12, 2090), F32)
    for r in range(12):
        parts.linear(x[r : r + 1], weight, alone[r : r + 1])
    np.testing.assert_allclose(alone, x.astype(float) @ w.T, rtol=0, atol=2e-3)
    for m in range(2, 13):
        some = Guarded((m, 2090))
        parts.linear(x[:m], weight, some.array)
        some.check()
        assert same_bits(some.array, alone[:m])


def test_bfloat16_weights_have_the_bits_of_the_same_float32_weights(isa):
    rng = np.random.default_rng(7)
    for m, n, k in ((1, 70, 33), (8, 64, 16), (13, 31, 7)):
        bits, values = stored(normal(rng, n, k), "bfloat16")
        x, y, z = normal(rng, m, k), np.empty((m, n), F32), np.empty((m, n), F32)
        parts.linear(x, pack_linear(WeightStore(), bits), y)
        parts.linear(x, pack_linear(WeightStore(), values), z)
        assert same_bits(y, z)


def test_nan_in_a_row_stays_in_that_row(isa):
    x = np.ones((9, 8), F32)
    x[4, 3] = np.nan
    y = np.empty((9, 40), F32)
    for activation in ACTIVATIONS:
        parts.linear(
            x, pack_linear(WeightStore(), np.ones((40, 8), F32)), None, active=y, activation=activation
        )
        assert np.isnan(y).all(axis=1).tolist() == [i == 4 for i in range(9)]


BAD = {
    "x too narrow": {"x": (3, 7)},
    "x too wide": {"x": (3, 9)},
    "too few rows": {"x": (2, 8)},
    "y of another width": {"y": (3, 39)},
    "active of another shape": {"active": (2, 40)},
    "skip of another shape": {"skip": (3, 41)},
    "scale of another width": {"scale": (39,)},
    "scale of too few rows": {"scale": (2, 40)},
    "snake of another width": {"snake": (2, 39)},
    "rows past the end": {"rows": (0, 4)},
    "rows before the start": {"rows": (-1, 2)},
    "panels past the end": {"panels": (0, 3)},
    "panels backwards": {"panels": (2, 1)},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_shapes_that_do_not_chain_are_refused(change):
    given = {"x": (3, 8), "y": (3, 40), **change}
    ranges = {name: given.pop(name) for name in ("rows", "panels") if name in given}
    arrays = {name: np.zeros(shape, F32) for name, shape in given.items()}
    weight = pack_linear(WeightStore(), np.zeros((40, 8), F32))
    with pytest.raises(ValueError, match="linear"):
        parts.linear(arrays.pop("x"), weight, arrays.pop("y"), **arrays, **ranges)


def test_strides_that_read_past_the_input_are_refused():
    weight = pack_linear(WeightStore(), np.zeros((4, 6), F32), taps=2)
    y = np.empty((5, 4), F32)
    parts.linear(np.zeros(4 * 2 + 7 + 3, F32), weight, y, x_row=2, x_tap=7)
    with pytest.raises(ValueError, match="linear"):
        parts.linear(np.zeros(4 * 2 + 7 + 2, F32), weight, y, x_row=2, x_tap=7)


def test_other_types_and_read_only_outputs_are_refused():
    weight = pack_linear(WeightStore(), np.zeros((4, 6), F32))
    y = np.empty((5, 4), F32)
    with pytest.raises(ValueError, match="dtype"):
        parts.linear(np.zeros((5, 6)), weight, y)
    y.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        parts.linear(np.zeros((5, 6), F32), weight, y)
