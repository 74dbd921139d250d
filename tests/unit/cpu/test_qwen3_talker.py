"""Talker on every instruction set: the numbers of the NumPy stage, what a stream may depend on, what it refuses."""

import functools

import numpy as np
import pytest
from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu.packing import has_bf16_dot
from pocket_fast.cpu.qwen3.talker import Talker

from guarded import same_bits
from tiny_stages import normal, worst
from tiny_talkers import F32, NAMES, SAME, WIDE, config, new_talker, reference_talker, step, talker, weights

FRAMES = 6
PRODUCTS = {"INT8": "int8", "INT4": "int4"}


@functools.cache
def spoken(name):
    """What the NumPy stage makes of a text, some codes and FRAMES rows: (inputs, outputs)."""
    model, rng = reference_talker(name), np.random.default_rng(1)
    ids = rng.integers(0, config(name).text_vocab_size, 40)
    codes = rng.integers(0, config(name).vocab_size, 30)
    rows = normal(2, FRAMES, config(name).hidden_size)
    text, speech, stream = model.embed_text(ids), model.embed_codec(codes), model.new_stream()
    model.prefill(stream, np.concatenate([text, speech]))
    return (ids, codes, rows), (text, speech, [model.step([stream], row[None]) for row in rows])


@pytest.mark.parametrize("storage", ["F32", "BF16"])
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_numpy_stage(isa, name, storage):
    model = talker(name, storage)
    (ids, codes, rows), (text, speech, expected) = spoken(name)
    assert worst(model.embed_text(ids), text) < 1e-6
    assert same_bits(model.embed_codec(codes), speech.astype(F32))
    stream = model.stream()
    model.prefill([stream], [np.concatenate([model.embed_text(ids), model.embed_codec(codes)])])
    for row, (hidden, logits) in zip(rows, expected, strict=True):
        found = step(model, [stream], row[None])
        assert worst(found[0], hidden) < 1e-5
        assert worst(found[1], logits) < 1e-5
    assert stream.length == stream.offset == 70 + FRAMES


def test_storage_does_not_change_a_bit(isa):
    """bfloat16 and float16 weights are widened, never rounded: all arithmetic is float32."""
    half = {n: w.astype(np.float16) for n, w in weights(SAME).items()}
    models = [talker(SAME), talker(SAME, "BF16")]
    models += [
        Talker(WeightStore(), w, config(SAME)) for w in (half, {n: w.astype(F32) for n, w in half.items()})
    ]
    found = []
    for model in models:
        stream = model.stream()
        model.prefill([stream], [model.embed_text([5, 7, 300])])
        found.append((model.embed_text([9]), *step(model, [stream], model.embed_codec([70]))))
    for a, b in (found[:2], found[2:]):
        assert all(same_bits(x, y) for x, y in zip(a, b, strict=True))


# --- positions ---------------------------------------------------------------------------------------


def speak(model, stream, rows, heard, cuts=()):
    """Prefill in pieces cut at `cuts`, then one step per row; the logits (frames, vocab)."""
    for piece in np.split(rows, cuts):
        model.prefill([stream], [piece])
    return np.concatenate([step(model, [stream], x[None])[1] for x in heard])


@pytest.mark.parametrize("storage", ["BF16", "INT8", "INT4"])
@pytest.mark.parametrize("name", NAMES)
def test_grouping_of_a_prompt(isa, name, storage):
    """Around the 8 score rows, the panels of 32, and the ends of the blocks of 256 positions."""
    model = talker(name, storage, product=PRODUCTS.get(storage))
    rows, heard = normal(1, 530, model.hidden_dim), normal(2, 4, model.hidden_dim)
    expected = speak(model, model.stream(), rows, heard)
    for cuts in (range(1, 530), [1, 250, 255, 258], [256, 512], [257, 300, 511, 513, 529]):
        assert same_bits(speak(model, model.stream(), rows, heard, cuts), expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_grows_past_its_blocks(isa, name):
    model, expected = talker(name), reference_talker(name)
    rows, heard = normal(1, 700, model.hidden_dim), normal(2, 3, model.hidden_dim)
    stream, other = model.stream(), expected.new_stream()
    assert stream.nbytes == 0
    found = speak(model, stream, rows, heard)
    expected.prefill(other, rows)
    assert worst(found, np.concatenate([expected.step([other], x[None])[1] for x in heard])) < 1e-5
    assert stream.length == 703
    assert stream.nbytes == 3 * 256 * config(name).num_hidden_layers * 2 * (16 + 32) * 4


def test_reset_is_fresh_and_keeps_the_room(isa):
    model = talker(SAME)
    rows, heard = normal(1, 300, model.hidden_dim), normal(2, 3, model.hidden_dim)
    stream = model.stream()
    expected = speak(model, stream, rows, heard)
    held = stream.nbytes
    speak(model, stream, np.full((200, model.hidden_dim), np.nan, F32), heard)
    stream.reset()
    assert (stream.length, stream.nbytes) == (0, held)
    assert same_bits(speak(model, stream, rows, heard), expected)


# --- batches, threads -----------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["BF16", "INT8", "INT4"])
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_strangers(isa, name, storage):
    model = talker(name, storage, product=PRODUCTS.get(storage))
    lengths = (0, 1, 40, 254, 33, 2, 64, 255, 12)
    prompts = [normal(i, n, model.hidden_dim) for i, n in enumerate(lengths)]
    heard = [normal(50 + i, 5, model.hidden_dim) for i in range(len(lengths))]
    expected = [speak(model, model.stream(), p, h) for p, h in zip(prompts, heard, strict=True)]
    together = [model.stream() for _ in prompts]
    model.prefill(together, prompts)
    for t in range(5):
        order = np.random.default_rng(t).permutation(len(together))
        for some in np.split(order, [4] if t % 2 else []):
            _, logits = step(model, [together[i] for i in some], np.stack([heard[i][t] for i in some]))
            for i, row in zip(some, logits, strict=True):
                assert same_bits(row, expected[i][t])


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("storage", ["BF16", "INT8", "INT4"])
@pytest.mark.parametrize("name", NAMES)
def test_number_of_threads(isa, name, storage, threads, two_threads):
    found = []
    for n in (1, threads):
        model = new_talker(name, storage, product=PRODUCTS.get(storage), threads=n)
        streams = [model.stream() for _ in range(3)]
        model.prefill(streams, [normal(i, 1 + 125 * i, model.hidden_dim) for i in range(3)])
        outs = [step(model, streams, normal(t, 3, model.hidden_dim)) for t in range(4)]
        found.append((model.embed_text(range(40)), *(a for pair in outs for a in pair)))
    assert all(same_bits(a, b) for a, b in zip(*found, strict=True))


def test_a_stream_of_nan_harms_no_neighbour(isa):
    model, rows, heard = talker(SAME), normal(1, 10, 40), normal(2, 1, 40)
    expected = speak(model, model.stream(), rows, heard)
    well, ill = model.stream(), model.stream()
    model.prefill([ill, well], [np.full_like(rows, np.nan), rows])
    hidden, logits = step(model, [ill, well], np.repeat(heard, 2, axis=0))
    assert np.isnan(hidden[0]).all()
    assert same_bits(logits[1:], expected)


# --- compute types ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "far"), [("INT8", 0.3), ("INT4", 1.0)])
@pytest.mark.parametrize("name", NAMES)
def test_stored_integers_are_those_made_at_load(isa, name, kind, far):
    found = []
    for storage in ("BF16", kind):
        model = talker(name, storage, product=PRODUCTS[kind])
        rows, heard = normal(1, 20, model.hidden_dim), normal(2, 3, model.hidden_dim)
        found.append(speak(model, model.stream(), rows, heard))
        assert 0 < worst(found[-1], speak(talker(name), talker(name).stream(), rows, heard)) < far
    assert same_bits(*found)


def test_bfloat16_products(isa):
    if not has_bf16_dot():
        pytest.skip(f"{isa} has no bfloat16 products")
    model = talker(SAME, "BF16", product="dot")
    rows, heard = normal(1, 20, 40), normal(2, 3, 40)
    found = speak(model, model.stream(), rows, heard)
    assert 0 < worst(found, speak(talker(SAME), talker(SAME).stream(), rows, heard)) < 0.05
    assert same_bits(found, speak(model, model.stream(), rows, heard, [3, 11, 12]))


@pytest.mark.parametrize("product", ["int8", "int4"])
def test_only_the_layers_are_approximated(isa, product):
    """Embeddings and the head are kept as they are stored."""
    exact, model = talker(WIDE, "BF16"), talker(WIDE, "BF16", product=product)
    assert same_bits(model.embed_text([1, 2, 3]), exact.embed_text([1, 2, 3]))
    hidden, logits = step(model, [model.stream()], normal(1, 1, 56))
    assert worst(logits, reference_talker(WIDE).logits(hidden)) < 1e-6
    c = config(WIDE)
    rows = c.num_attention_heads * c.head_dim * 2 + c.num_key_value_heads * c.head_dim * 2
    assert model.macs_per_row == c.num_hidden_layers * c.hidden_size * (rows + 3 * c.intermediate_size)
    assert model.weight_bytes < exact.weight_bytes


# --- what it refuses ------------------------------------------------------------------------------------


def test_shapes_that_do_not_fit():
    model = talker(SAME)
    stream, good = model.stream(), [(1, 40), (1, 40), (1, 1088)]
    for place, shape in [
        (0, (1, 41)),
        (0, (2, 40)),
        (0, (40,)),
        (1, (1, 39)),
        (1, (2, 40)),
        (2, (1, 40)),
        (2, (1088,)),
    ]:
        arrays = [np.zeros(shape if i == place else other, F32) for i, other in enumerate(good)]
        with pytest.raises(
            ValueError, match=r"step: 1 streams, rows .* expected \(B, 40\), \(B, 40\) and \(B, 1088\)"
        ):
            model.step([stream], *arrays)
    for place in range(3):
        arrays = [np.zeros(shape, float if i == place else F32) for i, shape in enumerate(good)]
        with pytest.raises(ValueError, match="dtype"):
            model.step([stream], *arrays)
    for rows in (np.zeros((3, 41), F32), np.zeros(40, F32)):
        with pytest.raises(ValueError, match=r"prefill: embeddings .* expected \(n, 40\)"):
            model.prefill([stream], [rows])
    assert stream.length == 0


def test_ids_outside_the_tables():
    model, c = talker(SAME), config(SAME)
    for embed, n in ((model.embed_text, c.text_vocab_size), (model.embed_codec, c.vocab_size)):
        assert embed([]).shape == (0, 40)
        assert embed([0, n - 1]).shape == (2, 40)
        for ids in ([-1], [3, n]):
            with pytest.raises(ValueError, match=f"ids .* the table has {n} rows"):
                embed(ids)


def test_streams_of_another_model_and_one_stream_twice():
    model, other = talker(SAME), new_talker(SAME)
    with pytest.raises(ValueError, match="another model"):
        step(model, [other.stream()], normal(1, 1, 40))
    stream = model.stream()
    with pytest.raises(RuntimeError, match="twice in one batch"):
        step(model, [stream, stream], normal(1, 2, 40))
    step(model, [stream], normal(1, 1, 40))
    assert stream.length == 1


def test_nothing_to_do():
    model = talker(SAME)
    model.prefill([], [])
    step(model, [], np.zeros((0, 40), F32))
    stream = model.stream()
    model.prefill([stream], [np.zeros((0, 40), F32)])
    assert stream.length == 0


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model.norm.weight", (41,)),
        ("codec_head.weight", (1088, 41)),
        ("codec_head.weight", (1087, 40)),
        ("model.codec_embedding.weight", (1087, 40)),
        ("model.text_embedding.weight", (320, 45)),
        ("text_projection.linear_fc1.weight", (43, 44)),
        ("text_projection.linear_fc2.weight", (44, 40)),
        ("text_projection.linear_fc1.bias", (43,)),
        ("model.layers.2.self_attn.k_norm.weight", (8,)),
    ],
)
def test_weights_of_another_shape(name, shape):
    arrays = {**weights(SAME), name: np.zeros(shape, F32)}
    with pytest.raises(ValueError, match=r"shape .* expected|pack_linear: bias"):
        Talker(WeightStore(), arrays, config(SAME))
