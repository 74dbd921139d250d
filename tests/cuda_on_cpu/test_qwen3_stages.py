"""The CUDA stages of tiny Qwen3-TTS models against the NumPy ones, and against one another alone and in company."""

import functools

import numpy as np
import pytest

from cuda_on_cpu.conftest import NEAR
from pocket_fast.cuda.qwen3.backend import load_stages
from reference import qwen3
from reference.checkpoint import narrow

F32 = np.float32
NAMES = ("qwen3-tiny-base", "qwen3-tiny-base-wide")  # of one width, and with a projection between
DRAWS = {
    "greedy": (False, 50, 1.0, 0.9),
    "top k": (True, 50, 1.0, 0.9),
    "everything": (True, 0, 1.0, 1.3),
    "top p": (True, 0, 0.8, 0.7),
    "both": (True, 20, 0.6, 0.9),
    "the likeliest": (True, 0, 0.0, 0.9),
    "cold": (True, 3, 1.0, 1e-9),
}

config = functools.cache(qwen3.tiny_config)


@functools.cache
def weights(name, storage="F32"):
    arrays = qwen3.lively_weights(config(name))
    return {n: narrow(a, "BF16") for n, a in arrays.items()} if storage == "BF16" else arrays


@functools.cache
def reference(name):
    return qwen3.Model(config(name), weights(name))


@pytest.fixture
def stages(machine):
    return lambda name=NAMES[0], storage="F32", **options: load_stages(
        config(name), weights(name, storage), device="cuda", **options
    )


def near(found, expected, bound=NEAR):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= bound * np.abs(expected).max()


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(F32)


def codes_of(seed, *shape):
    return np.random.default_rng(seed).integers(0, 64, (*shape, 16)).astype(np.int32)


def step(talker, streams, rows):
    hidden = np.full((len(streams), talker.hidden_dim), np.nan, F32)
    logits = np.full((len(streams), talker.vocab), np.nan, F32)
    talker.step(streams, rows, hidden, logits)
    return hidden, logits


def predict(predictor, hidden, first, uniforms, draws):
    codes = np.full((len(draws), predictor.draws + 1), -1, np.int32)
    codes[:, 0] = first
    embedding = np.full((len(draws), predictor.hidden_dim), np.nan, F32)
    predictor.predict(hidden, codes, uniforms, draws, embedding)
    return codes, embedding


def decode(decoder, streams, codes):
    out = np.full((len(streams), decoder.samples_per_frame), np.nan, F32)
    decoder.decode(streams, codes, out)
    return out


@pytest.mark.parametrize("name", NAMES)
def test_talker(stages, name):
    talker, expected = stages(name).talker, reference(name).talker
    ids = np.arange(70)
    near(talker.embed_text(ids), expected.embed_text(ids))
    near(talker.embed_codec(ids), expected.embed_codec(ids))
    stream, other = talker.stream(), expected.new_stream()
    talker.prefill([stream], [talker.embed_text(ids)])
    expected.prefill(other, expected.embed_text(ids))
    for i in range(3):
        rows = normal(i, 1, talker.hidden_dim)
        for found, wanted in zip(step(talker, [stream], rows), expected.step([other], rows), strict=True):
            near(found, wanted)
    assert (stream.offset, stream.nbytes > 0) == (73, True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", DRAWS)
def test_code_predictor(stages, name, how):
    """Fifteen passes and draws in one call, each stream as it would be alone."""
    ours, expected = stages(name), reference(name).predictor
    hidden, uniforms = normal(1, 3, ours.talker.hidden_dim), np.random.default_rng(2).random((3, 15))
    draws, first = [ours.draw(*DRAWS[how])] * 3, np.array([3, 900, 61])
    codes, embedding = predict(ours.predictor, hidden, first, uniforms, draws)
    wanted, rows = expected.predict(hidden, first, [qwen3.sampling.Draw(*DRAWS[how])] * 3, uniforms)
    np.testing.assert_array_equal(codes, wanted)
    near(embedding, rows)
    near(ours.predictor.embed(codes), rows)
    for i in range(3):
        one = slice(i, i + 1)
        alone = predict(ours.predictor, hidden[one], first[one], uniforms[one], draws[one])
        np.testing.assert_array_equal(alone[0][0], codes[i])
        np.testing.assert_array_equal(alone[1][0], embedding[i])


@pytest.mark.parametrize("how", DRAWS)
@pytest.mark.parametrize("n", [1, 50, 1088])
def test_draws_are_those_of_the_cpu(stages, how, n):
    """Code 0 of many streams, with penalties, forbidden ids and equal logits: what the CPU draws."""
    from pocket_fast.cpu.qwen3.sampling import Draw, pick_codes

    ours, batch = stages(), 40
    logits = np.round(3 * normal(5, batch, n), 1)
    uniforms = np.random.default_rng(6).random(batch)
    uniforms[:2] = 0, 1 - 2**-53
    penalties = np.random.default_rng(7).uniform(0.7, 1.5, batch)
    seen = np.random.default_rng(8).integers(0, 2, (batch, n)).astype(np.uint8)
    ends = np.arange(batch) % 3 > 0
    common = {"codes": max(1, n - 20), "end": n - 1}
    before = [row.copy() for row in seen], [row.copy() for row in seen]
    wanted = pick_codes(logits, [Draw(*DRAWS[how])] * batch, uniforms, penalties, before[0], ends, **common)
    found = ours.first_codes(
        logits, [ours.draw(*DRAWS[how])] * batch, uniforms, penalties, before[1], ends, **common
    )
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(before[1], before[0])


def test_draws_that_cannot_be(stages):
    ours = stages()
    for wrong in ({"temperature": 0}, {"top_p": 1.5}, {"top_k": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ours.draw(**wrong)
    with pytest.raises(ValueError, match="pick_codes"):
        ours.first_codes(np.zeros((1, 4), F32), [], np.zeros(1), [1.0], [], [True], codes=3, end=3)


def test_codec_decoder(stages):
    decoder, codes = stages().decoder, codes_of(1, 50)  # beyond the window
    stream = decoder.stream()
    found = np.concatenate([decode(decoder, [stream], row[None]) for row in codes])
    near(found.reshape(-1), reference(NAMES[0]).decoder.decode_all(codes))


@pytest.mark.parametrize("compute_type", ["float32", "bfloat16"])
def test_company_changes_nothing(stages, compute_type):
    ours = stages(compute_type=compute_type)
    talker, decoder = ours.talker, ours.decoder
    rows = [normal(i, n, talker.hidden_dim) for i, n in enumerate((70, 3, 17))]
    together = [talker.stream() for _ in rows]
    talker.prefill(together, rows)
    given, codes = normal(9, 3, talker.hidden_dim), codes_of(2, 2, 3)
    hidden, logits = step(talker, together, given)
    codecs, companions = [decoder.stream() for _ in rows], [decoder.stream() for _ in rows]
    for frame in codes:
        pcm = decode(decoder, companions, frame)
        for i in range(3):
            np.testing.assert_array_equal(decode(decoder, [codecs[i]], frame[i : i + 1])[0], pcm[i])
    for i in range(3):
        stream = talker.stream()
        talker.prefill([stream], [rows[i][:2]])
        talker.prefill([stream], [rows[i][2:]])
        alone = step(talker, [stream], given[i : i + 1])
        np.testing.assert_array_equal(alone[0][0], hidden[i])
        np.testing.assert_array_equal(alone[1][0], logits[i])


@pytest.mark.parametrize("n", [100, 5760, 9000])
def test_voices(stages, n):
    """Recordings of whole frames and of others, all at once and piece by piece."""
    ours, expected = stages(), reference(NAMES[0])
    pcm = (0.1 * np.sin(np.arange(n) / 17) + 0.01 * normal(3, n)).astype(F32)
    encoder = ours.encoder
    latents = encoder.latents(pcm)
    np.testing.assert_array_equal(encoder.quantise(latents), expected.encoder.encode(pcm))
    stream, frame = encoder.stream(n), encoder.samples_per_frame
    pieces = [encoder.hear(stream, pcm[:frame]), encoder.hear(stream, pcm[frame:])]
    np.testing.assert_array_equal(np.concatenate(pieces), latents)
    if n > ours.speaker.shortest:
        near(ours.speaker.embed(pcm), expected.speaker_encoder.embed(pcm))


def test_what_does_not_fit_is_refused(stages):
    ours = stages()
    with pytest.raises(ValueError, match="1 streams, rows"):
        step(ours.talker, [ours.talker.stream()], normal(1, 1, 7))
    with pytest.raises(ValueError, match="token ids"):
        ours.talker.embed_text([9999])
    with pytest.raises(ValueError, match="code 0 is"):
        predict(ours.predictor, normal(1, 1, ours.talker.hidden_dim), [-1], np.zeros((1, 15)), [ours.draw()])
    with pytest.raises(ValueError, match="codes from 0 to 64"):
        decode(ours.decoder, [ours.decoder.stream()], np.array([[64] + [0] * 15], np.int32))
    with pytest.raises(ValueError, match="shorter recording"):
        ours.encoder.hear(ours.encoder.stream(1), np.zeros(1920 * 40, F32))
    with pytest.raises(ValueError, match=r"codes \(1, 3\)"):
        ours.predictor.embed([[1, 2, 3]])
