"""csrc/web beside the CPU backend: the same stages, the same states, whatever the compute type."""

import numpy as np
import pytest
from pocket_fast.cpu.integers import quantize, quantize_int4

from pocket_fast.cpu.pocket.backend import load_stages
from pocket_fast.models.pocket.names import int8_matrices, integer_matrices
from pocket_fast.weights.integers import as_tensors, lines_name
from reference import lively_weights, tiny_config
from reference.checkpoint import narrow
from tiny_stages import MODELS, decode, new_stages, normal, sample, step, weights, worst
from web_machine import WebError, machine, make_bundle, open_bundle, write_tiny

F32 = np.float32

BOUND = 2e-5  # of float32 sums in another order, relative to the largest value
ROUNDED = (
    2e-2  # one step from equal states: of what an input, key or value rounded to the other side changes; rare
)


def close(found, expected, bound):
    assert np.abs(found - expected).max() <= bound * np.abs(expected).max()


def spoken(stages, frames=6):
    """(voice's layers, latents, hidden of each) of a backbone that took some steps."""
    backbone = stages.backbone
    stream = backbone.stream(40)
    backbone.prefill([stream], [normal(1, 9, backbone.embed_text([0]).shape[1])])
    return backbone, stream, normal(2, frames, backbone.latent_dim)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("storage", ["F32", "BF16"])
def test_steps_from_equal_states(web_model, name, storage):
    stages = new_stages(name, storage)
    model = web_model(name, storage)
    backbone, stream, latents = spoken(stages)
    for i, latent in enumerate(latents):
        voice = model.voice_from_state(stream.freeze().export())
        model.begin([], voice)
        found = model.step(latent, backbone.hidden_dim)
        expected = step(backbone, [stream], latent[None])[0]
        close(found, expected, BOUND)
        noise = normal(i, backbone.latent_dim)
        drawn, logit = model.sample(expected, noise)
        latents_drawn, logits = sample(stages.flow_head, expected[None], noise[None])
        close(drawn, latents_drawn[0], BOUND)
        assert logit == pytest.approx(logits[0], abs=1e-5)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("bits", [8, 4])
def test_integers_step_from_equal_states(web_model, name, bits):
    approximate = f"int{bits}_float32"
    stages = load_stages(tiny_config(name), weights(name, "BF16"), threads=1, compute_type=approximate)
    model = web_model(name, bits=bits)
    assert model.about["compute_type"] == f"int{bits}"
    backbone, stream, latents = spoken(stages)
    stepped, sampled = [], []
    for latent in latents:
        model.begin([], model.voice_from_state(stream.freeze().export()))
        expected = step(backbone, [stream], latent[None])[0]
        stepped.append(worst(model.step(latent, backbone.hidden_dim), expected))
        noise = normal(3, backbone.latent_dim)
        drawn = sample(stages.flow_head, expected[None], noise[None])[0][0]
        sampled.append(worst(model.sample(expected, noise)[0], drawn))
    assert np.median(stepped) <= BOUND
    assert np.median(sampled) <= BOUND
    assert max(stepped + sampled) <= ROUNDED


@pytest.mark.parametrize("name", ["tiny", "tiny-7m", "tiny-odd"])
@pytest.mark.parametrize(
    "kind", [{"storage": "F32"}, {"storage": "BF16"}, {"storage": "F16"}, {"bits": 8}, {"bits": 4}]
)
def test_webassembly_has_the_bits_of_the_baseline(tmp_path, name, kind):
    """Without fused products both compute the same sums in the same order: every number of a whole utterance."""
    path = make_bundle(tmp_path / "tiny.pfweb", name, **kind)
    pcm = 0.3 * normal(8, 5 * tiny_config(name).mimi.samples_per_frame)
    heard = []
    for where in ("native", "simd128"):
        model = open_bundle(machine(where), path)
        voice = model.voice_from_recording(pcm)
        model.seed(3, 0)
        model.begin([5, 17, 33, 2], voice, max_frames=9, threshold=1e9, temperature=0.7, steps=2)
        model.prompt()
        heard.append(np.array([*model.state_of(voice, 5 + model.about["bos_before_voice"])[0].reshape(-1)]))
        heard.append(np.array(list(model.frames())))
        model.close()
    np.testing.assert_array_equal(heard[0], heard[2])
    np.testing.assert_array_equal(heard[1], heard[3])


def test_int8_products_at_their_limits(web, tmp_path):
    """Weights of +-127 and inputs that reach +-127: sums of pairs that would not fit 16 bits if any were larger."""
    config = tiny_config("tiny-2m")
    arrays = {n: narrow(a, "F32") for n, a in lively_weights(config, storage="F32").items()}
    rng = np.random.default_rng(0)
    for matrix, shape in int8_matrices(config).items():
        arrays[matrix] = np.where(rng.random(shape) < 0.5, F32(-0.1), F32(0.1)).astype(F32)
    path = write_tiny(tmp_path / "limits.pfweb", config, arrays, bits=8)
    stages = load_stages(config, arrays, threads=1, compute_type="int8_float32")
    model = open_bundle(web, path)
    hidden = 9 * np.sign(normal(1, stages.backbone.hidden_dim))
    noise = np.zeros(config.mimi.latent_dim, F32)
    model.begin([])
    found, _ = model.sample(hidden, noise)
    close(found, sample(stages.flow_head, hidden[None].astype(F32), noise[None])[0][0], BOUND)
    model.close()


@pytest.mark.parametrize("name", ["tiny", "tiny-odd"])
@pytest.mark.parametrize("rows", [1, 2, 5, 16])
def test_int4_products_are_those_of_every_machine(tmp_path, web, name, rows):
    """To the bit, with fused multiply-adds or without, for integers, steps and offsets of any size: the values of a
    first layer whose norm says always the same, for weights of 0 in it."""
    config = tiny_config(name)
    arrays = {n: narrow(a, "F32") for n, a in lively_weights(config, storage="F32").items()}
    rng = np.random.default_rng(0)
    layer = "flow_lm.transformer.layers.0"
    d = config.flow_lm.transformer.d_model
    arrays[f"{layer}.norm1.weight"] = np.zeros(d, F32)
    arrays[f"{layer}.norm1.bias"] = np.where(rng.random(d) < 0.5, F32(-3), F32(3))
    for matrix, own in integer_matrices(config, 4).items():
        made = as_tensors(matrix, (quantize if own == 8 else quantize_int4)(arrays[matrix]))
        arrays |= {n: t.array for n, t in made.items()}
    matrix = f"{layer}.self_attn.in_proj.weight"
    arrays[matrix] = rng.choice(np.array([0, 15, 240, 255, 120], np.uint8), arrays[matrix].shape)
    arrays[lines_name(matrix)] = rng.choice(np.array([0, 127], np.int8), arrays[lines_name(matrix)].shape)
    arrays[lines_name(matrix)][:, 1::2] *= rng.choice(np.array([-1, 1], np.int8), (len(arrays[matrix]), 1))
    native = load_stages(config, arrays, threads=1, compute_type="int4_float32").backbone
    stream = native.stream(rows)
    native.prefill([stream], [normal(7, rows, d)])
    model = open_bundle(web, write_tiny(tmp_path / "limits.pfweb", config, arrays))
    found = model.state_of(model.voice_from_rows(normal(7, rows, d)), rows)
    np.testing.assert_array_equal(found[0][1], stream.freeze().export()[0][1])
    assert np.count_nonzero(found[0][1]) > found[0][1].size // 2
    model.close()


@pytest.mark.parametrize("name", MODELS)
def test_codec_past_the_window(web_model, name):
    """More frames than the attention window holds, so that its ring goes round."""
    stages = new_stages(name)
    config = tiny_config(name).mimi
    model = web_model(name)
    model.begin([])
    stream = stages.decoder.stream()
    frames = 2 + 2 * config.decoding_transformer.context // config.steps_per_frame
    for latent in normal(4, frames, config.latent_dim):
        close(model.decode(latent), decode(stages.decoder, [stream], latent[None])[0], BOUND)
    pcm = 0.3 * normal(5, frames * config.samples_per_frame)
    expected = stages.encoder.encode(stages.encoder.stream(), pcm)
    close(model.encode(pcm, config.speaker_dim), expected, BOUND)


def test_an_utterance_leaves_nothing_behind(web_model):
    """The same text twice, with another in between, in one of the calls token by token."""
    model = web_model("tiny")
    tokens = [5, 17, 33, 2, 8]

    def say(words, rows):
        model.begin(words, max_frames=8, threshold=1e9)
        while model.prompt(rows):
            pass
        return np.array(list(model.frames()))

    first = say(tokens, 100)
    assert not np.array_equal(say([7, 7, 7, 9, 11, 300, 2], 2), first)
    np.testing.assert_array_equal(say(tokens, 1), first)


def test_where_it_ends(web_model):
    """frames_after_eos counts from the frame that crossed the threshold, none before the seventh."""
    model = web_model("tiny")

    def frames(**options):
        model.begin([5, 17], **{"threshold": -1e9, **options})
        model.prompt()
        count = len(list(model.frames()))
        assert count == model.machine.call("pw_frames", model._model)
        return count, model.machine.call("pw_heard_eos", model._model)

    assert frames(after=0) == (6, 1)
    assert frames(after=4) == (10, 1)
    assert frames(after=4, max_frames=8) == (8, 1)
    assert frames(threshold=1e9, max_frames=7) == (7, 0)


def test_a_voice_may_come_in_any_pieces(web_model):
    model = web_model("tiny-odd")
    pcm = 0.3 * normal(6, 21 * model.frame)
    whole = model.voice_from_recording(pcm)
    bos = model.about["bos_before_voice"]
    voice = model.machine.call("pw_voice_new", model._model, 21 + bos)
    for frame in pcm.reshape(21, -1):
        model._in_pieces("pw_voice_hear", voice, frame[None])
    for one, other in zip(model.state_of(voice, 21 + bos), model.state_of(whole, 21 + bos), strict=True):
        np.testing.assert_array_equal(one, other)
    again = model.voice_from_state(model.state_of(whole, 21 + bos))
    for one, other in zip(model.state_of(again, 21 + bos), model.state_of(whole, 21 + bos), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_are_heard_as_recordings_are(web_model):
    stages = new_stages("tiny")
    model = web_model("tiny")
    rows = normal(7, 20, tiny_config("tiny").flow_lm.transformer.d_model)
    stream = stages.backbone.stream(20)
    stages.backbone.prefill([stream], [rows])
    found = model.state_of(model.voice_from_rows(rows), 20)
    for one, other in zip(found, stream.freeze().export(), strict=True):
        close(one, other, BOUND)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda m: m.begin([400, 401]), "token 401, the table has 401"),
        (lambda m: m.begin([-1]), "token -1"),
        (lambda m: m.begin([1], max_frames=0), "at most 0 frames"),
        (lambda m: m.begin([1], steps=0), "out of range"),
        (lambda m: m.begin([1], temperature=float("nan")), "out of range"),
        (lambda m: m.begin([1], m._there(m.machine.call("pw_voice_new", m._model, 3))), "not complete"),
        (
            lambda m: (m.begin([1]), m._well(m.machine.call("pw_predict", m._model))),
            "1 tokens are to be taken in",
        ),
        (lambda m: (m.begin([1]), m._there(m.machine.call("pw_decode", m._model))), "no frame was drawn"),
        (lambda m: m.voice_from_state([np.full((2, 3, 2, 32), np.nan, np.float32)] * 2), "NaN"),
        (lambda m: m.voice_from_rows(np.full((3, 64), np.inf)), "infinity"),
        (lambda m: m._there(m.machine.call("pw_voice_new", m._model, 0)), "a voice of 0 positions"),
    ],
)
def test_refusals(web_model, wrong, message):
    with pytest.raises(WebError, match=message):
        wrong(web_model("tiny"))


def test_without_cloning(web_model):
    model = web_model("tiny", cloning=False)
    with pytest.raises(WebError, match="cannot clone"):
        model.voice_from_recording(np.zeros(model.frame, np.float32))
    model.begin([5], max_frames=2)
    model.prompt()
    assert len(list(model.frames())) == 2
