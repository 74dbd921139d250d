"""Backbone on every instruction set: the numbers of the NumPy stage, and what it refuses."""

import functools

import numpy as np
import pytest

from guarded import same_bits
from pocket_fast.cpu.pocket.backend import load_stages
from reference import KVCache, lively_weights
from tiny_stages import F32, MODELS, config, new_stages, normal, reference, stages, step, weights, worst

FRAMES = 12


@functools.cache
def spoken(name):
    """What the NumPy stage makes of a voice, a text and FRAMES latents: (inputs, outputs)."""
    backbone, rng = reference(name).backbone, np.random.default_rng(1)
    ids = rng.integers(0, config(name).flow_lm.lookup_table.n_bins + 1, 40)
    prompt, latents = (
        normal(2, 9, config(name).mimi.speaker_dim),
        normal(3, FRAMES, config(name).mimi.latent_dim),
    )
    voice, text, stream = backbone.embed_voice(prompt), backbone.embed_text(ids), backbone.new_stream()
    backbone.prefill(stream, voice)
    backbone.prefill(stream, text)
    heard = latents.copy()
    heard[0] = np.nan  # "no frame yet"
    hidden = [backbone.step([stream], x[None])[0] for x in heard]
    return (prompt, ids, latents), (voice, text, hidden, stream)


@pytest.mark.parametrize("storage", ["F32", "BF16"])
@pytest.mark.parametrize("name", MODELS)
def test_equals_the_numpy_stage(isa, name, storage):
    backbone = stages(name, storage).backbone
    (prompt, ids, latents), (voice, text, hidden, expected) = spoken(name)
    assert worst(backbone.embed_voice(prompt), voice) < 1e-6
    assert worst(backbone.embed_text(ids), text) < 1e-6

    stream = backbone.stream(expected.offset)
    backbone.prefill([stream], [backbone.embed_voice(prompt)])
    backbone.prefill([stream], [backbone.embed_text(ids)])
    latents[0] = backbone.bos_latent
    for latent, z in zip(latents, hidden, strict=True):
        # 24 layers of 1-ulp differences reach 2e-6
        assert worst(step(backbone, [stream], latent[None]), z) < 1e-5
    assert stream.offset == expected.offset
    for layer, k, v in zip(stream.freeze().export(), expected.k, expected.v, strict=True):
        assert worst(layer[0], k) < 1e-5
        assert worst(layer[1], v) < 1e-5


def test_storage_does_not_change_a_bit(isa):
    """bfloat16 and float16 weights are widened, never rounded: all arithmetic is float32."""
    for name in ("tiny", "tiny-2m"):
        found = []
        for storage in ("F32", "BF16"):
            backbone = stages(name, storage).backbone
            stream = backbone.stream(8)
            backbone.prefill([stream], [backbone.embed_text([5, 7, 300])])
            found.append(step(backbone, [stream], normal(1, 1, 32)))
        assert same_bits(*found)


def test_float16_checkpoints(isa):
    half = {n: w.astype(np.float16) for n, w in lively_weights(config("tiny-7m"), storage="F16").items()}
    found = []
    for given in (half, {n: w.astype(F32) for n, w in half.items()}):
        backbone = load_stages(config("tiny-7m"), given, threads=1).backbone
        stream = backbone.stream(8)
        backbone.prefill([stream], [backbone.embed_voice(normal(1, 3, 32))])
        backbone.prefill([stream], [backbone.embed_text([5, 7, 300])])
        found.append(step(backbone, [stream], normal(2, 1, 32)))
    assert same_bits(*found)


def test_grouped_keys_are_shared_by_their_queries():
    """Swapping two query heads of one group, with their output columns, changes nothing but rounding."""
    changed = dict(weights("tiny-2m"))
    head = 24  # three query heads of 24 read one key head
    swap = np.concatenate([np.arange(head, 2 * head), np.arange(head), np.arange(2 * head, 3 * head)])
    for i in range(2):
        layer = f"flow_lm.transformer.layers.{i}.self_attn."
        matrix = changed[layer + "in_proj.weight"]
        changed[layer + "in_proj.weight"] = np.concatenate([matrix[swap], matrix[3 * head :]])
        changed[layer + "out_proj.weight"] = changed[layer + "out_proj.weight"][:, swap]
    found = []
    for given in (changed, weights("tiny-2m")):
        backbone = load_stages(config("tiny-2m"), given, threads=1).backbone
        stream = backbone.stream(8)
        backbone.prefill([stream], [backbone.embed_text([5, 7, 300])])
        found.append(step(backbone, [stream], normal(1, 1, 32)))
    assert worst(*found) < 1e-6


def test_far_positions(isa):
    """Rotation angles of thousands of radians are rounded as upstream rounds them."""
    backbone, expected = stages("tiny").backbone, reference("tiny").backbone
    past = [normal(i, 2, 5000, 2, 32) for i in range(2)]
    stream = backbone.stream(20, backbone.import_prefix(past))
    other = KVCache([k for k, _ in past], [v for _, v in past], 5000)
    rows, latent = normal(3, 10, 64), normal(4, 1, 32)
    backbone.prefill([stream], [rows])
    expected.prefill(other, rows)
    assert stream.offset == other.offset == 5010
    assert worst(step(backbone, [stream], latent), expected.step([other], latent)[0]) < 1e-5


# --- what it refuses -------------------------------------------------------------------------------


@pytest.fixture
def backbone():
    return stages("tiny").backbone


def test_shapes_that_do_not_fit(backbone):
    stream = backbone.stream(40)
    good = np.zeros((1, 32), F32), np.zeros((1, 64), F32)
    for latents, out in [
        (np.zeros((1, 31), F32), good[1]),
        (np.zeros((2, 32), F32), good[1]),
        (np.zeros(32, F32), good[1]),
        (good[0], np.zeros((1, 63), F32)),
        (good[0], np.zeros((2, 64), F32)),
        (good[0].astype(float), good[1]),
        (good[0], good[1].astype(float)),
        (np.zeros((1, 64), F32)[:, ::2], good[1]),
    ]:
        with pytest.raises(ValueError, match=r"step|dtype|contiguous"):
            backbone.step([stream], latents, out)
    for rows in (np.zeros((3, 63), F32), np.zeros(64, F32), np.zeros((1, 3, 64), F32)):
        with pytest.raises(ValueError, match=r"prefill: embeddings .* expected \(n, 64\)"):
            backbone.prefill([stream], [rows])
    with pytest.raises(ValueError, match="zip"):
        backbone.prefill([stream], [])
    with pytest.raises(ValueError, match="rows are 31 wide, the weight expects 32"):
        backbone.embed_voice(np.zeros((3, 31), F32))
    assert stream.length == 0


def test_token_ids_outside_the_table(backbone):
    rows = config("tiny").flow_lm.lookup_table.n_bins + 1
    assert backbone.embed_text([]).shape == (0, 64)
    assert backbone.embed_text([0, rows - 1]).shape == (2, 64)
    for ids in ([-1], [3, rows]):
        with pytest.raises(ValueError, match=f"token ids .* the table has {rows} rows"):
            backbone.embed_text(ids)


def test_a_full_stream_says_so_and_keeps_its_state(backbone):
    stream = backbone.stream(33)
    room = stream.capacity
    assert room >= 33
    backbone.prefill([stream], [normal(1, room - 1, 64)])
    before = stream.freeze().export()
    with pytest.raises(ValueError, match=f"holds {room - 1} of {room} positions: 2 more do not fit"):
        backbone.prefill([stream], [np.zeros((2, 64), F32)])
    other = backbone.stream(64)
    step(backbone, [other, stream], normal(2, 2, 32))
    with pytest.raises(ValueError, match="positions: 1 more do not fit"):
        step(backbone, [other, stream], normal(3, 2, 32))
    assert (other.length, stream.length) == (1, room)
    assert all(same_bits(a, b[:, :-1]) for a, b in zip(before, stream.freeze().export(), strict=True))


def test_streams_and_prefixes_of_another_model(backbone):
    other = new_stages("tiny").backbone
    with pytest.raises(ValueError, match="another model"):
        step(backbone, [other.stream(4)], normal(1, 1, 32))
    with pytest.raises(ValueError, match="another model"):
        backbone.prefill([backbone.stream(4), None], [normal(1, 2, 64)] * 2)
    with pytest.raises(ValueError, match="another model"):
        backbone.stream(4, other.import_prefix([np.zeros((2, 3, 2, 32), F32)] * 2))
    with pytest.raises(TypeError):
        step(backbone, [stages("tiny").decoder.stream()], normal(1, 1, 32))


def test_voice_states_of_another_shape(backbone):
    layer = np.zeros((2, 5, 2, 32), F32)
    for layers in [
        [],
        [layer],
        [layer] * 3,
        [layer, layer[:, :4]],
        [layer[:, :, :1]] * 2,
        [layer[..., :16]] * 2,
        [layer[0]] * 2,
    ]:
        with pytest.raises(ValueError, match=r"voice state: .* needs 2 of \(2, length, 2, 32\)"):
            backbone.import_prefix(layers)


def test_nothing_to_do(backbone):
    stream = backbone.stream(4)
    backbone.prefill([], [])
    backbone.prefill([stream], [np.zeros((0, 64), F32)])
    backbone.step([], np.zeros((0, 32), F32), np.zeros((0, 64), F32))
    assert stream.offset == 0
