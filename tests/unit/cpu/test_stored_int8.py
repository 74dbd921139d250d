"""Weights that come as integers and scales: the same model, bit for bit, as quantising them when it is loaded."""

import logging
import math

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.integers import MOST_INPUTS, fitting, quantize, quantize_int4, stored_shape
from pocket_fast.cpu.packing import pack_linear, round_to_bf16

from guarded import same_bits
from pocket_fast.cpu import _dispatch, parts
from pocket_fast.cpu.compute_types import resolve_compute_type
from pocket_fast.cpu.pocket.backend import load_stages
from pocket_fast.errors import ConfigError
from pocket_fast.models.pocket.names import expected_tensors, integer_matrices
from pocket_fast.weights.integers import bits_of, with_scales
from tiny_stages import MODELS, config, decode, normal, sample, step, weights

F32 = np.float32


def stored(name, bits=8):
    """The weights of a tiny model with the large matrices of its language model in 8 bits, or in 4 and 8."""
    arrays = dict(weights(name, "BF16"))
    for matrix, own in integer_matrices(config(name), bits).items():
        made = quantize(arrays[matrix]) if own == 8 else quantize_int4(arrays[matrix])
        arrays.update(zip((matrix, f"{matrix}_scale", f"{matrix}_lines"), made, strict=False))
        arrays[matrix].setflags(write=False)
    return arrays


@pytest.mark.parametrize(("n", "k"), [(5, 1), (33, 3), (64, 64), (97, 65), (70, 130)])
def test_integers_and_scales(isa, n, k):
    weight = normal(n * k, n, k)
    weight[1] = 0
    integers, scales = quantize(weight)
    top = np.abs(weight).max(axis=1)
    inverse = np.divide(F32(127), top, out=np.zeros_like(top), where=top > 0)
    assert (integers.dtype, scales.dtype) == (np.int8, F32)
    assert same_bits(scales, top / F32(127))
    assert (integers == np.rint(weight * inverse[:, None])).all()
    assert np.abs(integers.astype(int)).max(axis=1).tolist() == [127, 0, *[127] * (n - 2)]


def test_bfloat16_and_threads_do_not_matter():
    bits = round_to_bf16(normal(1, 300, 40))
    wide = (bits.astype(np.uint32) << 16).view(F32)
    for found, expected in zip(quantize(bits, threads=2), quantize(wide), strict=True):
        assert same_bits(found, expected)


def product(packed, x):
    y = np.full((len(x), packed.shape[0]), np.nan, F32)
    parts.linear(x, packed, y)
    return y


@pytest.mark.parametrize("k", [1, 32, 33, MOST_INPUTS, MOST_INPUTS + 1])
def test_files_hold_what_a_stage_expects(k):
    """Which matrices have 4 bits, and in what shape, is said for files and for packing apart."""
    bits = bits_of((7, k), 4)
    assert fitting("int4", k) == f"int{bits}"
    assert with_scales({"w": (7, k)}, {"w": bits})["w"] == (stored_shape(7, k) if bits == 4 else (7, k))


@pytest.mark.parametrize(("n", "k"), [(5, 1), (33, 3), (64, 64), (97, 65), (600, 130)])
def test_packing_integers_is_packing_what_they_stand_for(isa, n, k):
    weight, bias, x = normal(n, n, k), normal(n + 1, n), normal(k, 3, k)
    order = np.random.default_rng(n).permutation(n)
    integers, scales = quantize(weight)
    for how in ({}, {"order": order, "threads": 2}):
        at_load = pack_linear(WeightStore(), weight, bias, product="int8", **how)
        from_file = pack_linear(WeightStore(), integers, bias, scale=scales, product="int8", **how)
        assert from_file.nbytes == at_load.nbytes
        assert same_bits(product(from_file, x), product(at_load, x))


def test_integers_one_below_the_other(isa):
    weight, x, order = normal(1, 300, 70), normal(2, 3, 70), np.random.default_rng(3).permutation(300)
    cuts = [200, 250]
    pieces, scales = zip(*map(quantize, np.split(weight, cuts)), strict=True)
    expected = product(pack_linear(WeightStore(), weight, product="int8", order=order), x)
    for given, scale in [(np.split(weight, cuts), None), (pieces, list(scales))]:
        packed = pack_linear(WeightStore(), list(given), scale=scale, product="int8", order=order)
        assert same_bits(product(packed, x), expected)


@pytest.mark.parametrize(
    ("n", "given"),
    [
        (8, {}),
        (8, {"product": "int8"}),
        (8, {"scale": np.ones(8, F32)}),
        (8, {"scale": np.ones(8, F32), "product": "dot"}),
        (8, {"scale": np.ones(7, F32), "product": "int8"}),
        (8, {"scale": np.ones((8, 1), F32), "product": "int8"}),
        (4, {"scale": np.ones(4, F32), "product": "int8"}),
    ],
)
def test_integers_are_never_taken_for_numbers(n, given):
    with pytest.raises(ValueError, match=r"pack_linear: (weight|scale)"):
        pack_linear(WeightStore(), np.ones((n, 6), np.int8), **given)
    if "scale" in given:
        with pytest.raises(ValueError, match="pack_linear: scale"):
            pack_linear(WeightStore(), np.ones((n, 6), F32), **given)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("name", MODELS)
def test_the_model_is_the_one_quantised_at_load(isa, name, bits):
    d, width = config(name).flow_lm.transformer.d_model, config(name).mimi.latent_dim
    said = []
    for arrays in (weights(name, "BF16"), stored(name, bits)):
        stages = load_stages(config(name), arrays, compute_type=f"int{bits}")
        stream, codec = stages.backbone.stream(30), stages.decoder.stream()
        stages.backbone.prefill([stream], [normal(1, 10, d)])
        hidden = np.concatenate([step(stages.backbone, [stream], x[None]) for x in normal(2, 9, width)])
        latents, eos = sample(stages.flow_head, hidden, normal(3, 9, width), steps=2)
        samples = np.concatenate([decode(stages.decoder, [codec], x[None]) for x in latents])
        said.append((hidden, latents, eos, samples))
        assert stages.weight_bytes > 0
    for at_load, from_file in zip(*said, strict=True):
        assert same_bits(from_file, at_load)


@pytest.mark.parametrize("bits", [8, 4])
def test_exactly_what_is_approximated_is_stored(monkeypatch, bits):
    """Were a matrix left out, quantising its like at load would hide it."""
    from pocket_fast.cpu import transformer
    from pocket_fast.cpu.pocket import flow_head

    asked = []

    def spy(store, weight, *args, product=None, **more):
        if product in ("int8", "int4") and len(weight) > 4:
            asked.append((int(product[3:]), weight.size))
        return pack_linear(store, weight, *args, product=product, **more)

    for module in (transformer, flow_head):
        monkeypatch.setattr(module, "pack_linear", spy)
    for name in MODELS:
        asked.clear()
        load_stages(config(name), weights(name, "BF16"), compute_type=f"int{bits}")
        matrices, shapes = integer_matrices(config(name), bits), expected_tensors(config(name))
        for own in (4, 8):
            counted = sum(math.prod(shapes[matrix]) for matrix, b in matrices.items() if b == own)
            assert sum(size for b, size in asked if b == own) == counted
            assert (counted > 0) == (own >= bits)


@pytest.mark.parametrize("bits", [8, 4])
def test_compute_types_of_stored_integers(caplog, bits):
    caplog.set_level(logging.INFO)
    name, arrays = f"int{bits}", stored("tiny", bits)
    best = resolve_compute_type(name)
    for asked, found in {name: best, f"{name}_float32": f"{name}_float32"}.items():
        assert load_stages(config("tiny"), arrays, compute_type=asked).compute_type == found
    assert caplog.messages == []
    assert load_stages(config("tiny"), arrays).compute_type == best
    assert caplog.messages == [f"The weights are stored in {bits} bits: compute type {best}"]


def test_integers_do_not_serve_as_float32(monkeypatch):
    from pocket_fast.cpu import compute_types

    monkeypatch.setattr(compute_types, "has_bf16_dot", lambda: True)
    for bits, other in ((8, "int4"), (4, "int8")):
        for name in ("float32", "bfloat16", other):
            with pytest.raises(
                ConfigError, match=f"'{name}': these weights are stored in {bits} bits; use 'auto'"
            ):
                load_stages(config("tiny"), stored("tiny", bits), compute_type=name)


def test_the_instruction_set_does_not_matter():
    weight = normal(9, 70, 77)
    before, found = _dispatch.isa(), []
    for name, usable in _dispatch.isas():
        if usable:
            _dispatch.set_isa(name)
            found.append(quantize(weight))
    _dispatch.set_isa(before)
    for integers, scales in found:
        assert same_bits(integers, found[0][0])
        assert same_bits(scales, found[0][1])
