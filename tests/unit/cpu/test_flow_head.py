"""FlowHead on every instruction set: the numbers of the NumPy stage, the contracts, and what it refuses."""

import dataclasses

import numpy as np
import pytest

from guarded import Guarded, same_bits
from pocket_fast.cpu.pocket.backend import load_stages
from reference import FlowHead as NumPyHead
from reference import lively_weights
from tiny_stages import F32, MODELS, config, new_stages, normal, reference, sample, stages, weights, worst

TYPES = {"lsd": "tiny", "flow_matching": "tiny-no-bos", "drifting": "tiny-7m", "pointwise": "tiny-2m"}


def inputs(head, rows, seed=1):
    return normal(seed, rows, head.hidden_dim), normal(seed + 1000, rows, head.latent_dim)


@pytest.mark.parametrize("storage", ["F32", "BF16"])
@pytest.mark.parametrize("name", MODELS)
def test_equals_the_numpy_stage(isa, name, storage):
    head, expected = stages(name, storage).flow_head, reference(name)
    for rows in (1, 2, 7, 17):
        hidden, noise = inputs(head, rows, rows)
        for steps in (1, 2, 5):
            latents, eos = sample(head, hidden, noise, steps)
            assert worst(latents, expected.flow_head.sample(hidden, noise, steps)) < 1e-5
        w = expected.backbone.weights
        logits = hidden @ w["out_eos.weight"].T + w["out_eos.bias"]
        assert worst(eos, logits[:, 0]) < 1e-6


def test_float64_agrees(isa):
    """The distance to exact arithmetic, not only to another float32 program."""
    for name in MODELS:
        head = stages(name).flow_head
        exact = NumPyHead(config(name).flow_lm.flow, weights(name), np.float64)
        hidden, noise = inputs(head, 5)
        assert worst(sample(head, hidden, noise, 4)[0], exact.sample(hidden, noise, 4)) < 5e-6


@pytest.mark.parametrize(("flow_type", "name"), TYPES.items())
def test_every_type_is_its_own(flow_type, name):
    head = stages(name).flow_head
    assert head.flow_type == config(name).flow_lm.flow.type == flow_type
    hidden, noise = inputs(head, 3)
    one, two = (sample(head, hidden, noise, steps)[0] for steps in (1, 2))
    if flow_type in ("drifting", "pointwise"):
        assert same_bits(one, two)  # a single step whatever is asked
    else:
        assert worst(one, two) > 1e-3


def test_no_blocks_at_all(isa):
    tiny = config("tiny")
    flow = dataclasses.replace(tiny.flow_lm.flow, depth=0)
    bare = dataclasses.replace(tiny, flow_lm=dataclasses.replace(tiny.flow_lm, flow=flow))
    given = lively_weights(bare)
    head = load_stages(bare, given, threads=1).flow_head
    hidden, noise = inputs(head, 3)
    exact = NumPyHead(flow, given, np.float64)
    assert worst(sample(head, hidden, noise, 2)[0], exact.sample(hidden, noise, 2)) < 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_a_row_does_not_depend_on_its_batch(isa, name):
    head = stages(name).flow_head
    hidden, noise = inputs(head, 19)
    latents, eos = sample(head, hidden, noise, 2)
    for rows in (slice(0, 1), slice(3, 5), slice(2, 10), slice(18, 19)):
        some, some_eos = sample(head, hidden[rows], noise[rows], 2)
        assert same_bits(some, latents[rows])
        assert same_bits(some_eos, eos[rows])


@pytest.mark.parametrize("name", TYPES.values())
def test_number_of_threads(isa, name, two_threads):
    for rows in (1, 3, 40):
        heads = [stages(name, threads=n).flow_head for n in (1, 2, 3)]
        assert [h.threads for h in heads] == [1, 2, 3]
        found = [sample(h, *inputs(h, rows), 3) for h in heads]
        for latents, eos in found[1:]:
            assert same_bits(latents, found[0][0])
            assert same_bits(eos, found[0][1])


def test_the_same_draw_twice(isa):
    """No state: neither an earlier call nor its size nor its number of steps is remembered."""
    head = new_stages("tiny").flow_head
    hidden, noise = inputs(head, 4)
    first = sample(head, hidden, noise, 2)
    sample(head, *inputs(head, 40, 7), 9)
    sample(head, np.full_like(hidden, np.nan), noise, 1)
    again = sample(head, hidden, noise, 2)
    assert all(same_bits(a, b) for a, b in zip(first, again, strict=True))


def test_nan_stays_in_its_row(isa):
    head = stages("tiny-7m").flow_head
    hidden, noise = inputs(head, 5)
    expected, _ = sample(head, hidden, noise)
    hidden[2] = np.nan
    latents, eos = sample(head, hidden, noise)
    assert np.isnan(latents[2]).all()
    assert np.isnan(eos).tolist() == [False, False, True, False, False]
    assert same_bits(np.delete(latents, 2, 0), np.delete(expected, 2, 0))


def test_writes_its_outputs_only(isa):
    head = stages("tiny-odd").flow_head
    for rows in (0, 1, 5):
        hidden, noise = inputs(head, rows)
        for array in (hidden, noise):
            array.setflags(write=False)
        latents, eos = Guarded((rows, head.latent_dim), skew=3), Guarded(rows, skew=1)
        head.sample(hidden, noise, latents.array, eos.array)
        latents.check()
        eos.check()


def test_noise_may_be_overwritten_by_the_latents(isa):
    head = stages("tiny").flow_head
    hidden, noise = inputs(head, 4)
    expected, _ = sample(head, hidden, noise, 3)
    head.sample(hidden, noise, noise, np.empty(4, F32), 3)
    assert same_bits(noise, expected)


def test_time_constants_are_computed_once():
    head, expected = new_stages("tiny").flow_head, reference("tiny").flow_head
    rows = head.time.constants(5)
    assert rows is head.time.constants(5)
    assert rows is not head.time.constants(4)
    for i, row in enumerate(rows):
        mean = (expected.embed_time(0, i / 5) + expected.embed_time(1, (i + 1) / 5)) / 2
        np.testing.assert_allclose(row, mean, rtol=0, atol=1e-5)


def test_shapes_that_do_not_fit():
    head = stages("tiny").flow_head
    good = {"hidden": (3, 64), "noise": (3, 32), "latents": (3, 32), "eos": (3,)}
    for name, shape in [
        ("hidden", (3, 63)),
        ("hidden", (2, 64)),
        ("noise", (3, 31)),
        ("noise", (4, 32)),
        ("latents", (3, 33)),
        ("latents", (2, 32)),
        ("eos", (2,)),
    ]:
        arrays = {n: np.zeros(s, F32) for n, s in {**good, name: shape}.items()}
        with pytest.raises(ValueError, match="sample: hidden"):
            head.sample(**arrays)
    arrays = {n: np.zeros(s, F32) for n, s in good.items()}
    for steps in (0, -1):
        with pytest.raises(ValueError, match=f"at least 1, got {steps}"):
            head.sample(**arrays, steps=steps)
    with pytest.raises(ValueError, match="dtype"):
        head.sample(**{**arrays, "noise": np.zeros((3, 32))})
