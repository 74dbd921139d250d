"""CodePredictor on every instruction set: the codes of the NumPy stage, and what a frame may depend on."""

import functools

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.packing import has_bf16_dot
from pocket_fast.cpu.qwen3.predictor import CodePredictor
from pocket_fast.cpu.qwen3.sampling import Draw

from guarded import same_bits
from reference import qwen3
from tiny_stages import normal, worst
from tiny_talkers import (
    F32,
    NAMES,
    SAME,
    WIDE,
    config,
    new_predictor,
    predict,
    predictor,
    reference_predictor,
    weights,
)

BATCH = 12
SETTINGS = [
    {"do_sample": False},
    {},
    {"top_k": 0, "top_p": 0.8, "temperature": 1.2},
    {"top_k": 5, "temperature": 1.0},
]


@functools.cache
def frames(name, seed=1):
    """Inputs of BATCH frames, with every setting: hidden, code 0, uniforms, settings."""
    rng = np.random.default_rng(seed)
    hidden = normal(seed, BATCH, config(name).hidden_size)
    first, uniforms = rng.integers(0, 64, BATCH), rng.random((BATCH, 15))
    return hidden, first, uniforms, [SETTINGS[i % len(SETTINGS)] for i in range(BATCH)]


def drawn(model, name, rows=slice(None), **how):
    """(codes, embedding) of some of the frames in one call."""
    hidden, first, uniforms, settings = frames(name)
    return predict(
        model, hidden[rows], first[rows], uniforms[rows], [Draw(**s) for s in settings[rows]], **how
    )


@pytest.mark.parametrize("storage", ["F32", "BF16"])
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_numpy_stage(isa, name, storage):
    model, expected = predictor(name, storage), reference_predictor(name)
    hidden, first, uniforms, settings = frames(name)
    codes, embedding = expected.predict(hidden, first, [qwen3.Draw(**s) for s in settings], uniforms)
    found = drawn(model, name)
    assert found[0].tolist() == codes.tolist()
    assert worst(found[1], embedding) < 1e-6
    assert model.draws == expected.draws == 15
    assert len(np.unique(codes)) > 20


@pytest.mark.parametrize("name", NAMES)
def test_embeddings_are_added_in_order_of_the_codes(isa, name):
    arrays = weights(name)
    tables = [arrays["model.codec_embedding.weight"]]
    tables += [arrays[f"code_predictor.model.codec_embedding.{g}.weight"] for g in range(15)]
    codes, embedding = drawn(predictor(name, "BF16"), name)
    total = tables[0][codes[:, 0]]
    for table, column in zip(tables[1:], codes.T[1:], strict=True):
        total = total + table[column]
    assert same_bits(embedding, total)


def test_code_0_may_be_any_id_of_the_talker():
    """Its table is larger than the others."""
    hidden, _, uniforms, _ = frames(SAME)
    first = np.full(BATCH, config(SAME).vocab_size - 1)
    codes, _ = predict(predictor(SAME), hidden, first, uniforms, [Draw()] * BATCH)
    expected, _ = reference_predictor(SAME).predict(hidden, first, [qwen3.Draw()] * BATCH, uniforms)
    assert codes.tolist() == expected.tolist()


def test_a_frame_remembers_nothing_of_the_one_before(isa):
    model = new_predictor(WIDE)
    before = drawn(model, WIDE)
    predict(model, np.full((3, 56), np.nan, F32), [1, 2, 3], np.zeros((3, 15)), [Draw()] * 3)
    predict(model, 1e4 * normal(5, 20, 56), range(20), np.zeros((20, 15)), [Draw()] * 20)
    assert all(same_bits(a, b) for a, b in zip(before, drawn(model, WIDE), strict=True))


@pytest.mark.parametrize("storage", ["BF16", "INT8"])
@pytest.mark.parametrize("name", NAMES)
def test_a_row_does_not_see_its_batch(isa, name, storage):
    model = predictor(name, storage, product="int8" if storage == "INT8" else None)
    codes, embedding = drawn(model, name)
    for rows in (slice(0, 1), slice(5, 6), slice(1, 4), slice(2, 11), slice(None, None, -1)):
        hidden, first, uniforms, settings = frames(name)
        given = np.ascontiguousarray(hidden[rows]), first[rows], np.ascontiguousarray(uniforms[rows])
        found = predict(model, *given, [Draw(**s) for s in settings[rows]])
        assert same_bits(found[0], codes[rows])
        assert same_bits(found[1], embedding[rows])


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("storage", ["BF16", "INT8"])
@pytest.mark.parametrize("name", NAMES)
def test_number_of_threads(isa, name, storage, threads, two_threads):
    product = "int8" if storage == "INT8" else None
    expected = drawn(new_predictor(name, storage, product=product), name)
    model = new_predictor(name, storage, product=product, threads=threads)
    for rows in (slice(None), slice(0, 1), slice(3, 5)):
        for found, all_rows in zip(drawn(model, name, rows), expected, strict=True):
            assert same_bits(found, all_rows[rows])


def test_bfloat16_products(isa):
    if not has_bf16_dot():
        pytest.skip(f"{isa} has no bfloat16 products")
    model = predictor(SAME, "BF16", product="dot")
    found, exact = drawn(model, SAME), drawn(predictor(SAME, "BF16"), SAME)
    assert np.mean(found[0] == exact[0]) > 0.5
    assert all(same_bits(a, b[:4]) for a, b in zip(drawn(model, SAME, slice(0, 4)), found, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_stored_integers_are_those_made_at_load(isa, name):
    found = [drawn(predictor(name, storage, product="int8"), name) for storage in ("BF16", "INT8")]
    assert all(same_bits(a, b) for a, b in zip(*found, strict=True))
    exact = drawn(predictor(name), name)
    assert np.mean(found[0][0] == exact[0]) > 0.5


def test_storage_does_not_change_a_bit(isa):
    half = {n: w.astype(np.float16) for n, w in weights(WIDE).items()}
    wide = {n: w.astype(F32) for n, w in half.items()}
    models = [predictor(WIDE), predictor(WIDE, "BF16")]
    models += [CodePredictor(WeightStore(), w, config(WIDE)) for w in (half, wide)]
    found = [drawn(m, WIDE) for m in models]
    for a, b in (found[:2], found[2:]):
        assert all(same_bits(x, y) for x, y in zip(a, b, strict=True))


def test_what_a_frame_costs():
    for name in NAMES:
        c, inner = config(name), config(name).code_predictor_config
        heads = 2 * (inner.num_attention_heads + inner.num_key_value_heads) * inner.head_dim
        layer = inner.hidden_size * (heads + 3 * inner.intermediate_size)
        projected = 0 if c.hidden_size == inner.hidden_size else inner.hidden_size * c.hidden_size
        passes = 16 * (inner.num_hidden_layers * layer + projected)
        assert predictor(name).macs_per_frame == passes + 15 * inner.vocab_size * inner.hidden_size
        assert predictor(name).weight_bytes > 4 * inner.num_hidden_layers * layer


# --- what it refuses ------------------------------------------------------------------------------------


def test_shapes_that_do_not_fit():
    good = [((2, 40), F32), ((2, 16), np.int32), ((2, 15), float), ((2, 40), F32)]

    def call(place, shape, kind, settings=2):
        arrays = [np.zeros(*((shape, kind) if i == place else other)) for i, other in enumerate(good)]
        hidden, codes, uniforms, embedding = arrays
        predictor(SAME).predict(hidden, codes, uniforms, [Draw()] * settings, embedding)

    for place, (shape, kind) in enumerate(good):
        for other in ((3, shape[1]), (2, shape[1] + 1), (2, shape[1] - 1), (2 * shape[1],)):
            with pytest.raises(
                ValueError, match=r"predict: hidden, codes, uniforms, embedding .* expected \[\(2, 40\)"
            ):
                call(place, other, kind)
        with pytest.raises(ValueError, match="dtype"):
            call(place, shape, np.int64)
    with pytest.raises(ValueError, match="for 3 settings"):
        call(0, *good[0], settings=3)


def test_code_0_outside_the_vocabulary():
    hidden, _, uniforms, _ = frames(SAME)
    for code in (-1, config(SAME).vocab_size):
        with pytest.raises(ValueError, match=rf"predict: code 0 is \[3, {code}\], expected ids below 1088"):
            predict(predictor(SAME), hidden[:2], [3, code], uniforms[:2], [Draw()] * 2)


def test_settings_that_are_none():
    hidden, first, uniforms, _ = frames(SAME)
    with pytest.raises(TypeError):
        predict(predictor(SAME), hidden[:2], first[:2], uniforms[:2], [Draw(), {}])
    with pytest.raises(TypeError):
        predict(predictor(SAME), hidden[:2], first[:2], uniforms[:2], [Draw(), None])


def test_nothing_to_do():
    codes, embedding = predict(predictor(SAME), np.zeros((0, 40), F32), [], np.zeros((0, 15)), [])
    assert codes.shape == (0, 16)
    assert embedding.shape == (0, 40)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("code_predictor.model.norm.weight", (41,)),
        ("code_predictor.small_to_mtp_projection.weight", (40, 55)),
        ("code_predictor.small_to_mtp_projection.bias", (41,)),
        ("code_predictor.lm_head.14.weight", (64, 41)),
        ("code_predictor.lm_head.0.weight", (63, 40)),
        ("code_predictor.model.codec_embedding.14.weight", (63, 56)),
        ("code_predictor.model.codec_embedding.0.weight", (64, 40)),
        ("model.codec_embedding.weight", (64, 56)),
        ("code_predictor.model.layers.1.mlp.up_proj.weight", (36, 41)),
    ],
)
def test_weights_of_another_shape(name, shape):
    arrays = {**weights(WIDE), name: np.zeros(shape, F32)}
    with pytest.raises(ValueError, match=rf"{name}: shape .* expected"):
        CodePredictor(WeightStore(), arrays, config(WIDE))
