"""Every compute type: how near it stays to float32, and the same bitwise contract as float32."""

import functools

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.packing import has_bf16_dot
from pocket_fast.cpu.pocket.flow_head import FlowHead

from guarded import same_bits
from pocket_fast.cpu import _dispatch
from pocket_fast.cpu.compute_types import resolve_compute_type
from pocket_fast.cpu.pocket.backend import load_stages
from pocket_fast.errors import UnsupportedError
from tiny_stages import config, decode, normal, sample, step, weights

F32 = np.float32
APPROXIMATE = ("bfloat16", "int8_float32", "int8_bfloat16", "int4_float32", "int4_bfloat16")
NAMES = ("tiny", "tiny-7m", "tiny-odd")
# decibels over float32 that must remain, of hidden vectors, latents and samples; measured with these models: bfloat16
# 45 to 52, int8 33 to 40
FLOORS = {
    "bfloat16": (40, 40, 40),
    "int8_float32": (30, 30, 90),
    "int8_bfloat16": (30, 30, 40),
    "int4_float32": (12, 30, 90),
    "int4_bfloat16": (12, 30, 40),
}


@functools.cache
def built(name, compute_type, threads=1):
    return load_stages(config(name), weights(name, "BF16"), threads=threads, compute_type=compute_type)


@pytest.fixture(params=APPROXIMATE)
def compute_type(request, isa):
    if request.param.endswith("bfloat16") and not has_bf16_dot():
        pytest.skip(f"{isa} has no bfloat16 products")
    return request.param


def decibels(exact, approximate):
    error = np.square(exact.astype(np.float64) - approximate).mean()
    return 10 * np.log10(np.square(exact.astype(np.float64)).mean() / max(error, 1e-30))


def speak(stages, name, frames=24):
    """(hidden, latents for these hidden vectors, samples of given latents), teacher forced."""
    d, width = config(name).flow_lm.transformer.d_model, config(name).mimi.latent_dim
    heard, backbone, decoder = normal(2, frames, width), stages.backbone, stages.decoder
    stream = backbone.stream(40 + frames)
    backbone.prefill([stream], [normal(1, 40, d)])
    hidden = np.concatenate([step(backbone, [stream], x[None]) for x in heard])
    codec = decoder.stream()
    samples = np.concatenate([decode(decoder, [codec], x[None])[0] for x in heard])
    return hidden, samples


@pytest.mark.parametrize("name", NAMES)
def test_signal_to_noise_over_float32(compute_type, name):
    backbone_floor, head_floor, codec_floor = FLOORS[compute_type]
    exact, near = (speak(built(name, t), name) for t in ("float32", compute_type))
    assert decibels(exact[0], near[0]) > backbone_floor
    assert decibels(exact[1], near[1]) > codec_floor
    noise = normal(3, *exact[0].shape[:1], config(name).mimi.latent_dim)
    drawn, eos = sample(built(name, "float32").flow_head, exact[0], noise)
    near_drawn, near_eos = sample(built(name, compute_type).flow_head, exact[0], noise)
    assert decibels(drawn, near_drawn) > head_floor
    np.testing.assert_allclose(near_eos, eos, rtol=1e-5, atol=1e-5)  # that logit is never approximated


def test_it_is_not_float32_in_disguise(compute_type):
    exact, near = (speak(built("tiny", t), "tiny")[0] for t in ("float32", compute_type))
    assert not same_bits(exact, near)


@pytest.mark.parametrize("name", NAMES)
def test_batches_and_groups_do_not_matter(compute_type, name):
    stages = built(name, compute_type)
    backbone, decoder = stages.backbone, stages.decoder
    d, width = config(name).flow_lm.transformer.d_model, config(name).mimi.latent_dim
    prompts = [normal(10 + i, n, d) for i, n in enumerate((1, 7, 12, 30, 3, 9, 8, 20, 2, 5, 11))]
    heard = normal(4, len(prompts), width)
    alone, codecs_alone = [], []
    for rows, x in zip(prompts, heard, strict=True):
        stream = backbone.stream(len(rows) + 1)
        for piece in np.split(rows, [len(rows) // 3]):
            backbone.prefill([stream], [piece])
        alone.append(step(backbone, [stream], x[None])[0])
        codecs_alone.append(decode(decoder, [decoder.stream()], x[None])[0])
    together = [backbone.stream(len(rows) + 1) for rows in prompts]
    backbone.prefill(together, prompts)
    hidden = step(backbone, together, heard)
    assert same_bits(hidden, np.stack(alone))
    assert same_bits(decode(decoder, [decoder.stream() for _ in prompts], heard), np.stack(codecs_alone))
    drawn, _ = sample(stages.flow_head, hidden, heard)
    one_by_one = [
        sample(stages.flow_head, h[None], x[None])[0][0] for h, x in zip(hidden, heard, strict=True)
    ]
    assert same_bits(drawn, np.stack(one_by_one))


@pytest.mark.parametrize("name", NAMES)
def test_two_threads_compute_what_one_does(compute_type, name, two_threads):
    one, two = (speak(built(name, compute_type, threads), name) for threads in (1, 2))
    assert same_bits(one[0], two[0])
    assert same_bits(one[1], two[1])


@pytest.mark.parametrize("name", NAMES)
def test_keys_and_values_take_half_the_room_and_come_back_exactly(compute_type, name):
    """A voice is rounded to bfloat16 once: what is exported is that, and imported again gives the same speech."""
    exact, near = (built(name, t).backbone for t in ("float32", compute_type))
    d, width = config(name).flow_lm.transformer.d_model, config(name).mimi.latent_dim
    heard, rows = normal(4, 3, width), normal(5, 45, d)
    assert 2 * near.stream(100).nbytes == exact.stream(100).nbytes
    past = near.stream(45)
    near.prefill([past], [rows])
    voice = past.freeze()
    layers = voice.export()
    assert all(layer.dtype == np.float32 and not (layer.view(np.uint32) & 0xFFFF).any() for layer in layers)
    again = near.import_prefix(layers)
    assert voice.nbytes == again.nbytes == exact.import_prefix(layers).nbytes / 2
    assert all(same_bits(a, b) for a, b in zip(layers, again.export(), strict=True))
    said = [[step(near, [s], x[None]) for x in heard] for s in (near.stream(9, voice), near.stream(9, again))]
    assert same_bits(np.stack(said[0]), np.stack(said[1]))
    other = near.import_prefix([layer * F32(1 + 2**-12) for layer in layers])  # what bfloat16 does not hold
    assert all(same_bits(a, b) for a, b in zip(layers, other.export(), strict=True))


def wide_flow_head(product, threads, hidden=1024, width=512, latent=32):
    """A flow head of a large model's sizes."""
    shapes = {
        "cond_embed": (width, hidden),
        "input_proj": (width, latent),
        "final_layer.linear": (latent, width),
    }
    shapes |= {"final_layer.adaLN_modulation.1": (2 * width, width)}
    given = {f"flow_net.{name}.weight": normal(1, *shape) / 16 for name, shape in shapes.items()}
    given |= {f"flow_net.{name}.bias": normal(2, shape[0]) for name, shape in shapes.items()}
    given |= {"out_eos.weight": normal(3, 1, hidden) / 16, "out_eos.bias": normal(4, 1)}
    return FlowHead(WeightStore(), given, flow_type="pointwise", depth=0, product=product, threads=threads)


needs_bf16 = pytest.mark.skipif(not has_bf16_dot(), reason="this CPU has no bfloat16 products")


@pytest.mark.parametrize("product", [pytest.param("dot", marks=needs_bf16), "int8"])
def test_a_member_never_writes_where_another_still_reads(product, two_threads):
    """Products in a row without a barrier, of different widths: each member's rows must stay its own."""
    one, two = (wide_flow_head(product, threads) for threads in (1, 2))
    for seed in range(300):
        hidden, noise = normal(seed, 1, 1024), normal(seed + 1, 1, 32)
        assert same_bits(sample(one, hidden, noise)[0], sample(two, hidden, noise)[0])


def test_names_resolve_as_documented(isa):
    assert resolve_compute_type("auto") == "float32"
    assert resolve_compute_type("int8") == ("int8_bfloat16" if has_bf16_dot() else "int8_float32")
    assert resolve_compute_type("int8_float32") == "int8_float32"
    assert resolve_compute_type("int4") == ("int4_bfloat16" if has_bf16_dot() else "int4_float32")
    assert resolve_compute_type("int4_float32") == "int4_float32"
    with pytest.raises(UnsupportedError, match="expected one of auto, float32"):
        resolve_compute_type("int3")


def test_bfloat16_is_refused_without_its_instructions():
    before = _dispatch.isa()
    _dispatch.set_isa("baseline" if any(n == "baseline" for n, _ in _dispatch.isas()) else before)
    try:
        if has_bf16_dot():
            pytest.skip("every instruction set of this build multiplies bfloat16")
        for name in ("bfloat16", "int8_bfloat16", "int4_bfloat16"):
            with pytest.raises(UnsupportedError, match="needs bfloat16 instructions"):
                resolve_compute_type(name)
    finally:
        _dispatch.set_isa(before)
