"""The NumPy stages of Qwen3-TTS: the contracts of a stage that need no recording."""

import functools
import math

import numpy as np
import pytest

from reference.qwen3 import (
    GREEDY,
    TINY_QWEN3,
    Draw,
    Model,
    Reference,
    Settings,
    first_code_scores,
    lively_weights,
    pick,
    tiny_config,
)
from reference.qwen3.sampling import warp
from reference.record import synthetic_voice

WIDTHS = ["qwen3-tiny-base", "qwen3-tiny-base-wide"]  # with and without a projection before the predictor


@functools.lru_cache
def model_of(name):
    config = tiny_config(name)
    return Model(config, lively_weights(config))


def stages(name):
    model = model_of(name)
    return model.talker, model.predictor, model.decoder


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", WIDTHS)
def test_the_talker_does_not_mind_how_rows_are_grouped(name, rng):
    talker = stages(name)[0]
    rows = talker.embed_text(rng.integers(0, 256, 11))
    whole, pieces = talker.new_stream(), talker.new_stream()
    hidden = talker.prefill(whole, rows)
    talker.prefill(pieces, rows[:4])
    talker.prefill(pieces, rows[4:10])
    last, logits = talker.step([pieces], rows[10:])
    np.testing.assert_allclose(last[0], hidden[-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(logits[0], talker.logits(hidden)[-1], rtol=0, atol=1e-12)
    assert 0.5 < logits.std() < 3


@pytest.mark.parametrize("name", WIDTHS)
def test_the_predictor_draws_what_teacher_forcing_says(name, rng):
    talker, predictor, _ = stages(name)
    hidden = talker.prefill(talker.new_stream(), talker.embed_text(rng.integers(0, 256, 5)))
    draws, uniforms = [GREEDY, Draw(), Draw(top_k=0, top_p=0.7, temperature=1.3)], rng.random((3, 15))
    codes, rows = predictor.predict(hidden[2:], [3, 60, 7], draws, uniforms)
    for h, row, draw, u in zip(hidden[2:], codes, draws, uniforms, strict=True):
        logits = predictor.logits(h, row)
        assert [pick(x, draw, v) for x, v in zip(logits, u, strict=True)] == list(row[1:])
    assert list(codes[:, 0]) == [3, 60, 7]
    np.testing.assert_array_equal(rows, predictor.embed_frames(codes))
    assert len(np.unique(codes)) > 15


def test_streaming_is_decoding_at_once(rng):
    decoder = stages(WIDTHS[0])[2]
    codes = rng.integers(0, 64, (44, 16))  # more than its window
    whole, stream = decoder.decode_all(codes), decoder.new_stream()
    pieces = [decoder.decode(stream, codes[a:b]) for a, b in ((0, 1), (1, 2), (2, 9), (9, 44))]
    np.testing.assert_allclose(np.concatenate(pieces), whole, rtol=0, atol=1e-12)
    assert len(whole) == 44 * 1920
    assert 0.1 < whole.std() < 0.5
    assert (np.abs(whole) == 1).mean() < 0.01  # hardly anything is cut off


def test_a_fork_of_a_codec_stream_is_independent(rng):
    decoder = stages(WIDTHS[0])[2]
    codes = rng.integers(0, 64, (6, 16))
    stream = decoder.new_stream()
    decoder.decode(stream, codes[:3])
    fork = stream.fork()
    decoder.decode(stream, codes[::-1])
    np.testing.assert_allclose(
        decoder.decode(fork, codes[3:]), decoder.decode_all(codes)[3 * 1920 :], rtol=0, atol=1e-12
    )


def test_the_official_chunks_are_heard_beyond_the_first(rng):
    decoder = stages(WIDTHS[0])[2]
    codes = rng.integers(0, 64, (12, 16))
    chunked, whole = decoder.decode_chunked(codes, 8, 3), decoder.decode_all(codes)
    assert chunked.shape == whole.shape
    np.testing.assert_array_equal(chunked[: 8 * 1920], decoder.decode_all(codes[:8]))
    np.testing.assert_array_equal(chunked[8 * 1920 :], decoder.decode_all(codes[5:])[3 * 1920 :])
    assert np.abs(chunked - whole).max() > 0.01


def test_code_0_may_end_only_after_two_and_repeats_less():
    logits = np.zeros(1024 + 8)
    logits[[2, 3, 5]] = 2.0, -1.0, 3.0
    logits[9:20] = 5.0  # no codes
    logits[15] = 4.0  # the end
    fresh = first_code_scores(logits, [], 1.5, eos=15)
    assert np.isneginf(fresh[8:]).all()
    np.testing.assert_array_equal(fresh[:8], logits[:8])
    later = first_code_scores(logits, [2, 3, 2], 1.5, eos=15)
    assert later[2] == 2.0 / 1.5  # once, however often it came
    assert later[3] == -1.5
    assert later[15] == 4.0
    assert np.isneginf(later[9:15]).all()
    assert pick(later, GREEDY, 0.0) == 15


def test_warping_keeps_ties_and_the_most_likely():
    scores = np.array([1.0, 3.0, 2.0, 2.0, 0.0, -np.inf])
    kept = np.isfinite(warp(scores, Draw(top_k=2, temperature=1.0)))
    np.testing.assert_array_equal(kept, [False, True, True, True, False, False])
    assert np.isfinite(warp(scores, Draw(top_k=0, temperature=1.0))).sum() == 5
    np.testing.assert_array_equal(warp(scores, Draw(top_k=99, temperature=2.0)), scores / 2)
    # probabilities 0.083, 0.61, 0.225, 0.225 (of 1 to 3): below 1 - top_p the least likely go
    few = np.isfinite(warp(scores, Draw(top_k=0, top_p=0.5, temperature=1.0)))
    np.testing.assert_array_equal(few, [False, True, False, False, False, False])
    assert np.isfinite(warp(scores, Draw(top_k=0, top_p=1e-9, temperature=1.0))).sum() == 1


def test_a_draw_is_the_inverse_distribution_function():
    scores = np.log([0.5, 0.25, 0.25])
    draw = Draw(temperature=1.0)
    assert [pick(scores, draw, u) for u in (0.0, 0.49, 0.51, 0.74, 0.76, math.nextafter(1, 0))] == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]
    impossible = np.array([-np.inf, 0.0, -np.inf])
    assert {pick(impossible, draw, u) for u in (0.0, 0.5, math.nextafter(1, 0))} == {1}


@pytest.mark.parametrize("name", TINY_QWEN3)
def test_tiny_models_are_lively(name, rng):
    """Or comparing with them would prove nothing: text, code 0 and the last code all move what comes after."""
    talker, predictor, decoder = stages(name)
    ids = rng.integers(0, 256, 9)
    other = np.where(np.arange(9) == 2, (ids + 1) % 256, ids)
    logits = [
        talker.logits(talker.prefill(talker.new_stream(), talker.embed_text(x)))[-1] for x in (ids, other)
    ]
    assert np.abs(logits[0] - logits[1]).max() > 0.1
    frames = rng.integers(0, 64, (4, 16))
    for column in (0, 15):
        changed = frames.copy()
        changed[1, column] = (changed[1, column] + 1) % 64
        rows = predictor.embed_frames(changed) - predictor.embed_frames(frames)
        assert np.abs(rows[1]).max() > 0.1
        assert not rows[2:].any()
        assert np.abs(decoder.decode_all(changed) - decoder.decode_all(frames)).max() > 0.02


@pytest.mark.parametrize("n", [1, 1919, 1920, 1921, 20000])
def test_a_recording_has_a_frame_of_codes_for_each_1920_samples(n, rng):
    model = model_of("qwen3-tiny-base")
    codes = model.encoder.encode(rng.standard_normal(n) * 0.1)
    assert codes.shape == (-(-n // 1920), 16)


def test_the_encoder_hears_all_that_came_before():
    """Beyond the window in its config, which is 8 positions, four frames."""
    encoder = model_of("qwen3-tiny-base").encoder
    samples = synthetic_voice(24000, 1.5)
    changed = samples.copy()
    changed[: 3 * 1920] *= -0.5
    before, after = encoder.latents(samples), encoder.latents(changed)
    assert np.abs(before[-1] - after[-1]).max() > 1e-4
    assert len(np.unique(encoder.encode(samples))) > 30


def test_codes_make_speech_and_say_when_it_ends():
    model, rng = model_of("qwen3-tiny-base-wide"), np.random.default_rng(5)
    ids = rng.integers(0, 256, 14)
    voice = model.speaker_encoder.embed(synthetic_voice(24000, 1.0))
    prompt = model.prompt(ids, language="german", speaker=voice, whole=False)
    assert prompt.rows.shape == (3 + 6 + 1, 56)
    assert prompt.trailing.shape == (14 - 8 - 1 + 1, 56)
    uniforms = rng.random((25, 16))
    spoken = model.generate(prompt, Settings(max_new_tokens=25), uniforms)
    assert spoken.ended
    assert 5 < len(spoken.codes) < 24
    n = len(spoken.codes)
    exactly = model.generate(prompt, Settings(max_new_tokens=n + 1), uniforms)
    assert exactly.ended
    cut = model.generate(prompt, Settings(max_new_tokens=n), uniforms)
    assert not cut.ended
    np.testing.assert_array_equal(cut.codes, spoken.codes[: n - 1])  # the last code drawn gives no frame


def test_what_follows_a_recording_is_cut_by_its_share_of_the_samples(rng):
    model = model_of("qwen3-tiny-base")
    reference = Reference(np.arange(9), rng.integers(0, 64, (17, 16)))
    codes = rng.integers(0, 64, (11, 16))
    samples = model.decode(codes, reference)
    assert len(samples) == 11 * 1920 + 1  # as the official package: 17 / 28 times the length is not whole
    together = model.decode(np.concatenate([reference.codes, codes]))
    np.testing.assert_array_equal(samples, together[-len(samples) :])
    assert np.abs(samples[1:] - model.decode(codes)).max() > 0.01  # a cold start is another sound
