"""Instruction sets that have all but products of integers, or all but one product, of another: its very bits."""

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.packing import pack_linear

from guarded import Guarded, same_bits
from pocket_fast.cpu import _dispatch, parts
from pocket_fast.cpu.pocket.backend import load_stages
from tiny_stages import config, decode, normal, sample, step, weights
from tiny_talkers import NAMES as TALKERS
from tiny_talkers import step as talker_step
from tiny_talkers import talker

F32 = np.float32


def on_both(twins, compute):
    """What compute() gives on one of them and on the other."""
    found = []
    for name in twins:
        _dispatch.set_isa(name)
        found.append(compute())
    return found


def multiply(weight, x, n):
    out = Guarded((len(x), n))
    parts.linear(x, weight, out.array)
    out.check()
    return out.array


@pytest.mark.parametrize("product", ["int8", "int4"])
@pytest.mark.parametrize("m", [*range(1, 14), 18, 19, 33])
def test_products_of_every_height(twins, m, product):
    """Every number of rows that a tile may hold, widths with and without a whole vector or panel, and every rest of
    inputs after whole steps of 4 and 8."""
    rng = np.random.default_rng(m)
    for n in (5, 8, 12, 33, 64, 100):
        for k in (*range(1, 18), 63, 64, 100):
            x, w = rng.standard_normal((m, k)).astype(F32), rng.standard_normal((n, k)).astype(F32)
            weight = pack_linear(WeightStore(), w, rng.standard_normal(n).astype(F32), product=product)
            one, other = on_both(twins, lambda: multiply(weight, x, n))  # noqa: B023 - called at once
            assert same_bits(one, other), (n, k)


@pytest.mark.parametrize("k", [4, 7, 512, 8191])
def test_sums_of_the_largest_integers(twins, k):
    """All inputs and weights at the ends of their range, of every sign: nothing saturates on the way."""
    x, w = np.full((7, k), 3.0, F32), np.full((40, k), 2.0, F32)
    for row in range(1, 7):
        x[row, ::row] *= -1
    for channel in range(1, 40):
        w[channel, :: 1 + channel // 2] *= -1
    integers = np.sign(x).astype(np.int64) @ np.sign(w).T.astype(np.int64) * 127 * 127
    weight = pack_linear(WeightStore(), w, product="int8")
    scale = F32(F32(3) / F32(127)) * F32(F32(2) / F32(127))
    for found in on_both(twins, lambda: multiply(weight, x, 40)):
        assert same_bits(found, integers.astype(F32) * scale)


def test_zeros_and_what_is_no_number_stay_in_their_rows(twins):
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((6, 50)).astype(F32), rng.standard_normal((40, 50)).astype(F32)
    x[1], x[4, 7] = 0, np.nan
    weight = pack_linear(WeightStore(), w, product="int8")
    one, other = on_both(twins, lambda: multiply(weight, x, 40))
    sound = [0, 1, 2, 3, 5]
    assert same_bits(one[sound], other[sound])
    assert np.isfinite(one[sound]).all()


@pytest.mark.parametrize("compute_type", ["float32", "int8_float32", "int4_float32"])
def test_models_of_the_first_family(twins, compute_type):
    d, width = config("tiny").flow_lm.transformer.d_model, config("tiny").mimi.latent_dim

    def speak():
        stages = load_stages(config("tiny"), weights("tiny", "BF16"), compute_type=compute_type)
        stream, codec = stages.backbone.stream(40), stages.decoder.stream()
        stages.backbone.prefill([stream], [normal(1, 17, d)])
        hidden = np.concatenate([step(stages.backbone, [stream], x[None]) for x in normal(2, 9, width)])
        latents, eos = sample(stages.flow_head, hidden, normal(3, 9, width), steps=2)
        samples = np.concatenate([decode(stages.decoder, [codec], x[None]) for x in latents])
        heard = stages.encoder.encode(
            stages.encoder.stream(), normal(4, 6 * stages.encoder.samples_per_frame)
        )
        return hidden, latents, eos, samples, heard

    for one, other in zip(*on_both(twins, speak), strict=True):
        assert same_bits(one, other)


@pytest.mark.parametrize("product", [None, "int8", "int4"])
def test_talkers_of_the_second_family(twins, product):
    def speak():
        model = talker(TALKERS[0], "BF16", product=product)
        streams = [model.stream() for _ in range(3)]
        model.prefill(streams, [model.embed_text(range(5, 8 + 9 * i)) for i in range(3)])
        return talker_step(model, streams, model.embed_codec([70, 3, 41]))

    for one, other in zip(*on_both(twins, speak), strict=True):
        assert same_bits(one, other)


@pytest.mark.parametrize("product", ["int8", "int4"])
def test_weights_packed_by_one_serve_the_other(twins, product):
    rng = np.random.default_rng(8)
    x, w = rng.standard_normal((5, 70)).astype(F32), rng.standard_normal((70, 70)).astype(F32)
    packed = on_both(twins, lambda: pack_linear(WeightStore(), w, product=product))
    found = [on_both(twins, lambda: multiply(p, x, 70)) for p in packed]  # noqa: B023 - called at once
    assert same_bits(found[0][0], found[0][1])
    assert same_bits(found[1][0], found[1][1])
    assert same_bits(found[0][0], found[1][0])
