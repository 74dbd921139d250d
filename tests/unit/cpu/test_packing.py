"""Packed weights: a product with the unit matrix reads every element back, exactly."""

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.packing import pack_linear

from guarded import same_bits
from pocket_fast.cpu import _dispatch, parts
from reference.checkpoint import narrow, widen

F32 = np.float32
SHAPES = [(1, 1), (1, 7), (31, 2), (32, 3), (33, 16), (64, 17), (70, 33), (129, 5)]


def unpacked(packed, taps=1):
    """The matrix behind a packed weight; its bias, if any, is subtracted by the caller."""
    n, inputs = packed.shape
    y = np.empty((inputs, n), F32)
    parts.linear(np.eye(inputs, dtype=F32), packed, y)
    return y.T


def random(shape, dtype=F32, seed=0):
    values = np.random.default_rng(seed).standard_normal(shape).astype(F32)
    return narrow(values, "BF16") if dtype == np.uint16 else values.astype(dtype)


def exact(weight):
    return widen(weight, "BF16") if weight.dtype == np.uint16 else weight.astype(F32)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint16])
def test_every_element_comes_back(isa, dtype):
    for n, k in SHAPES:
        for taps in (1, 2, 3):
            weight = random((n, taps * k), dtype)
            packed = pack_linear(WeightStore(), weight, taps=taps)
            assert packed.shape == (n, taps * k)
            assert same_bits(unpacked(packed), exact(weight))


def test_packing_with_any_instruction_set_and_threads_gives_the_same_panels(isa):
    weight = random((300, 33), np.uint16)
    packed = pack_linear(WeightStore(), weight, threads=3)
    for name, usable in _dispatch.isas():
        if usable:
            _dispatch.set_isa(name)
            assert same_bits(unpacked(packed), exact(weight))


def test_storage_takes_the_bytes_of_the_checkpoint():
    assert pack_linear(WeightStore(), random((64, 10))).nbytes == 64 * 10 * 4
    assert pack_linear(WeightStore(), random((64, 10), np.uint16)).nbytes == 64 * 10 * 2
    # channels are rounded up to a panel, bfloat16 inputs to a pair in each tap
    assert pack_linear(WeightStore(), random((33, 10))).nbytes == 64 * 10 * 4
    assert pack_linear(WeightStore(), random((32, 9), np.uint16), taps=3).nbytes == 32 * 3 * 4 * 2


def test_rows_may_be_reordered():
    weight, bias = random((40, 6)), random(40, seed=1)
    order = np.random.default_rng(2).permutation(40)
    packed = pack_linear(WeightStore(), weight, order=order)
    assert same_bits(unpacked(packed), weight[order])
    # the bias comes in output order already
    y = np.empty((1, 40), F32)
    parts.linear(np.zeros((1, 6), F32), pack_linear(WeightStore(), weight, bias, order=order), y)
    assert same_bits(y[0], bias)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint16])
def test_matrices_one_below_the_other(isa, dtype):
    """Packed as the one matrix they make; every source is released."""
    pieces = [random((n, 34), dtype, seed=n) for n in (3, 70, 31)]
    whole, order, released = np.concatenate(pieces), np.random.default_rng(3).permutation(104), []
    for given in (None, order):
        packed = pack_linear(WeightStore(released.append), pieces, order=given, taps=2, threads=2)
        assert packed.shape == (104, 68 // 2)
        assert same_bits(unpacked(packed), exact(whole if given is None else whole[order]))
    assert len(released) == 6
    assert all(a is b for a, b in zip(released, pieces * 2, strict=True))


@pytest.mark.parametrize(
    ("pieces", "more"),
    [
        ([np.zeros((8, 6), F32), np.zeros((8, 5), F32)], {}),
        ([np.zeros((8, 6), F32), np.zeros((8, 6), np.uint16)], {}),
        (
            [np.zeros((8, 6), F32), np.zeros((8, 6), np.int8)],
            {"scale": [None, np.ones(8, F32)], "product": "int8"},
        ),
        ([np.zeros((8, 6), np.int8)] * 2, {"scale": [None, np.ones(8, F32)], "product": "int8"}),
        ([np.zeros((8, 6), np.int8)] * 2, {"scale": [np.ones(8, F32)], "product": "int8"}),
    ],
)
def test_matrices_that_do_not_stand_one_below_the_other(pieces, more):
    with pytest.raises(ValueError, match="pack_linear"):
        pack_linear(WeightStore(), pieces, **more)


def test_empty_matrices():
    assert pack_linear(WeightStore(), np.zeros((0, 5), F32)).shape == (0, 5)
    packed = pack_linear(WeightStore(), np.zeros((5, 0), F32), np.arange(5, dtype=F32))
    y = np.full((3, 5), np.nan, F32)
    parts.linear(np.zeros((3, 0), F32), packed, y)
    assert (y == np.arange(5)).all()


def test_read_only_and_strided_weights_are_accepted():
    weight = random((20, 40))
    weight.setflags(write=False)
    assert same_bits(unpacked(pack_linear(WeightStore(), weight[::2, ::3])), weight[::2, ::3])


def test_weights_outlive_their_source_and_the_store_variable():
    weight = random((100, 50))
    packed = pack_linear(WeightStore(), weight.copy())
    np.full((100, 50), 7.0, F32)  # would reuse the memory of the copy
    assert same_bits(unpacked(packed), weight)


def test_many_weights_share_a_store_without_touching_each_other():
    store = WeightStore()
    weights = [random((n, k), seed=i) for i, (n, k) in enumerate(SHAPES * 3)]
    packed = [pack_linear(store, w, w[:, 0]) for w in weights]
    assert store.used >= sum(p.nbytes for p in packed)
    for p, w in zip(packed, weights, strict=True):
        y = np.empty((1, len(w)), F32)
        parts.linear(np.zeros((1, w.shape[1]), F32), p, y)
        assert same_bits(y[0], w[:, 0])


def test_a_matrix_larger_than_a_store_block():
    weight = np.zeros((4500, 4000), F32)  # 72 MB
    weight[:, 0] = np.arange(4500)
    y = np.empty((1, 4500), F32)
    x = np.zeros((1, 4000), F32)
    x[0, 0] = 1
    parts.linear(x, pack_linear(WeightStore(), weight), y)
    assert (y[0] == np.arange(4500)).all()


@pytest.mark.parametrize(
    ("weight", "more"),
    [
        (np.zeros((4, 6)), {}),
        (np.zeros((4, 6), np.int8), {}),
        (np.zeros(6, F32), {}),
        (np.zeros((4, 6, 1), F32), {}),
        (np.zeros((4, 6), F32), {"taps": 4}),
        (np.zeros((4, 6), F32), {"bias": np.zeros(5, F32)}),
        (np.zeros((4, 6), F32), {"order": [0, 1, 2]}),
        (np.zeros((4, 6), F32), {"order": [0, 1, 2, 4]}),
        (np.zeros((4, 6), F32), {"order": [0, 1, 2, -1]}),
    ],
)
def test_what_cannot_be_packed_is_refused(weight, more):
    with pytest.raises(ValueError, match="pack_linear"):
        pack_linear(WeightStore(), weight, more.pop("bias", None), **more)
