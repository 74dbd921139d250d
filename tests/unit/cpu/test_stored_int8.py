"""Weights that come as integers and scales: the same model, bit for bit, as quantising them when it is loaded."""

import logging

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.packing import pack_linear, quantize, round_to_bf16

from guarded import same_bits
from pocket_fast.cpu import _dispatch, parts
from pocket_fast.cpu.compute_types import resolve_compute_type
from pocket_fast.cpu.pocket.backend import load_stages
from pocket_fast.errors import ConfigError
from pocket_fast.models.pocket.names import int8_matrices
from tiny_stages import MODELS, config, decode, normal, sample, step, weights

F32 = np.float32


def stored(name):
    """The weights of a tiny model with the large matrices of its language model in 8 bits."""
    arrays = dict(weights(name, "BF16"))
    for matrix in int8_matrices(config(name)):
        arrays[matrix], arrays[f"{matrix}_scale"] = quantize(arrays[matrix])
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


@pytest.mark.parametrize("name", MODELS)
def test_the_model_is_the_one_quantised_at_load(isa, name):
    d, width = config(name).flow_lm.transformer.d_model, config(name).mimi.latent_dim
    said = []
    for arrays in (weights(name, "BF16"), stored(name)):
        stages = load_stages(config(name), arrays, compute_type="int8")
        stream, codec = stages.backbone.stream(30), stages.decoder.stream()
        stages.backbone.prefill([stream], [normal(1, 10, d)])
        hidden = np.concatenate([step(stages.backbone, [stream], x[None]) for x in normal(2, 9, width)])
        latents, eos = sample(stages.flow_head, hidden, normal(3, 9, width), steps=2)
        samples = np.concatenate([decode(stages.decoder, [codec], x[None]) for x in latents])
        said.append((hidden, latents, eos, samples))
        assert stages.weight_bytes > 0
    for at_load, from_file in zip(*said, strict=True):
        assert same_bits(from_file, at_load)


def test_exactly_what_int8_approximates_is_stored(monkeypatch):
    """Were a matrix left out, quantising its like at load would hide it."""
    from pocket_fast.cpu import transformer
    from pocket_fast.cpu.pocket import flow_head

    asked = []

    def spy(store, weight, *args, product=None, **more):
        if product == "int8" and len(weight) > 4:
            asked.append(weight.size)
        return pack_linear(store, weight, *args, product=product, **more)

    for module in (transformer, flow_head):
        monkeypatch.setattr(module, "pack_linear", spy)
    for name in MODELS:
        asked.clear()
        load_stages(config(name), weights(name, "BF16"), compute_type="int8")
        assert sum(asked) == sum(n * k for n, k in int8_matrices(config(name)).values()) > 0


def test_compute_types_of_stored_integers(caplog):
    caplog.set_level(logging.INFO)
    best = resolve_compute_type("int8")
    for asked, found in {"int8": best, "int8_float32": "int8_float32"}.items():
        assert load_stages(config("tiny"), stored("tiny"), compute_type=asked).compute_type == found
    assert caplog.messages == []
    assert load_stages(config("tiny"), stored("tiny")).compute_type == best
    assert caplog.messages == [f"The weights are stored in 8 bits: compute type {best}"]


def test_integers_do_not_serve_as_float32(monkeypatch):
    from pocket_fast.cpu import compute_types

    monkeypatch.setattr(compute_types, "has_bf16_dot", lambda: True)
    for name in ("float32", "bfloat16"):
        with pytest.raises(ConfigError, match=f"'{name}': these weights are stored in 8 bits; use 'auto'"):
            load_stages(config("tiny"), stored("tiny"), compute_type=name)


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
