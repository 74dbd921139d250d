"""The NumPy stages against recordings of pocket-tts 4.0.1, and the contracts of a stage that need no recording."""

import functools

import numpy as np
import pytest

from reference import TINY_MODELS, Model, lively_weights, make_model, read_weights, tiny_config
from reference.compare import check_codec, check_modules, check_speech, check_steps, check_voice
from reference.golden import EVERY, GOLDENS, NOISY_STEPS, load_golden, part
from reference.record import synthetic_voice


@functools.lru_cache
def golden(name):
    config, weights, recording = load_golden(name)
    return Model(config, weights), recording


@pytest.mark.parametrize("name", ["tiny", "tiny-odd"])
def test_modules(name):
    check_modules(*golden(name))


@pytest.mark.parametrize("name", GOLDENS)
def test_voice_steps_and_codec(name):
    model, recording = golden(name)
    voice = check_voice(model, recording)
    check_steps(model, recording, voice)
    check_codec(model, recording)


@pytest.mark.parametrize("name", GOLDENS)
def test_speech(name):
    model, recording = golden(name)
    voice = model.voice_from_audio(recording["voice.samples"])
    assert check_speech(model, part(recording, "speak"), voice, every=EVERY).ended
    noisy = part(recording, "noisy")
    assert check_speech(model, noisy, voice, steps=NOISY_STEPS.get(name, 1), every=EVERY).ended


@pytest.mark.parametrize("name", GOLDENS)
def test_float64_agrees_with_the_recording_as_closely(name):
    """What float32 loses: the reference stays within 1e-5 of exact arithmetic, far inside the bounds."""
    config, weights, recording = load_golden(name)
    model = Model(config, weights, np.float64)
    voice = model.voice_from_audio(recording["voice.samples"])
    spoken = model.speak(
        recording["speak.tokens"], voice, eos_threshold=recording["speak.threshold"], frames_after_eos=2
    )
    assert spoken.samples.dtype == np.float64
    assert np.abs(spoken.samples[::EVERY] - recording["speak.samples"]).max() < 1e-5


@pytest.mark.parametrize("name", TINY_MODELS)
def test_tiny_models_are_lively(name):
    """Or the comparisons above would prove nothing: a word and a voice must move the audio far beyond 2e-4."""
    config = tiny_config(name)
    model = Model(config, lively_weights(config, storage="BF16"))
    rate = config.mimi.sample_rate
    voices = [model.voice_from_audio(synthetic_voice(rate, 1, pitch)) for pitch in (120.0, 190.0)]
    tokens = np.random.default_rng(0).integers(260, 400, 12)
    other_word = np.where(np.arange(12) == 6, 301, tokens)
    plain, word, voice = (
        model.speak(text, who, eos_threshold=-np.inf, frames_after_eos=30).samples
        for text, who in ((tokens, voices[0]), (other_word, voices[0]), (tokens, voices[1]))
    )
    assert 0.05 < np.sqrt(np.mean(plain**2)) < 0.5
    assert np.abs(plain - word).max() > 20 * 2e-4
    assert np.abs(plain - voice).max() > 100 * 2e-4


@pytest.mark.parametrize("name", GOLDENS)
def test_streaming_does_not_change_the_codec(name):
    model, recording = golden(name)
    samples = recording["voice.samples"]
    frame = model.config.mimi.samples_per_frame
    samples = samples[: len(samples) // frame * frame]
    stream = model.encoder.new_stream()
    pieces = [model.encoder.encode(stream, x) for x in samples.reshape(-1, frame)]
    np.testing.assert_allclose(np.concatenate(pieces), model.encoder.encode_all(samples), atol=1e-5)

    latents = recording["steps.latents"]
    stream = model.decoder.new_stream()
    pieces = [model.decoder.decode(stream, x) for x in (latents[:1], latents[1:4], latents[4:])]
    whole = model.decoder.decode(model.decoder.new_stream(), latents)
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-5)
    # The window bounds what a stream keeps, however long it speaks.
    assert len(stream.kv.k[0]) == model.config.mimi.decoding_transformer.context - 1


def test_streams_of_a_batch_are_strangers():
    model, recording = golden("tiny-7m")
    backbone = model.backbone
    first, second = (backbone.new_stream() for _ in range(2))
    backbone.prefill(first, backbone.embed_text(recording["text.tokens"]))
    backbone.prefill(second, backbone.embed_voice(recording["voice.latents"]))
    alone = first.fork()
    latents = np.stack([recording["steps.latents"][1], np.full(32, np.nan, np.float32)])
    z, logits = backbone.step([first, second], latents)
    z_alone, logit_alone = backbone.step([alone], latents[:1])
    np.testing.assert_array_equal(z[:1], z_alone)
    np.testing.assert_array_equal(logits[:1], logit_alone)
    assert (first.offset, second.offset, alone.offset) == (
        len(recording["text.tokens"]) + 1,
        len(recording["voice.latents"]) + 2,  # bos_before_voice is a row too
        first.offset,
    )


@pytest.mark.parametrize(("frames_after_eos", "frames"), [(0, 6), (1, 7), (3, 9)])
def test_speech_lasts_at_least_six_frames(frames_after_eos, frames):
    model, recording = golden("tiny-2m")
    voice = model.backbone.new_stream()
    spoken = model.speak(
        recording["speak.tokens"], voice, eos_threshold=-np.inf, frames_after_eos=frames_after_eos
    )
    assert spoken.ended
    assert len(spoken.latents) == frames
    assert len(spoken.samples) == frames * 1920
    assert voice.offset == 0


def test_speech_without_an_end_stops_at_the_limit():
    model, _ = golden("tiny-2m")
    spoken = model.speak([300], model.backbone.new_stream(), eos_threshold=np.inf)
    assert not spoken.ended
    assert len(spoken.latents) == 30  # ceil((1 / 3 + 2) * 12.5)


@pytest.mark.parametrize("dtype", ["bf16", "f16", "f32"])
def test_a_model_on_disk_is_the_model_in_memory(tmp_path, dtype):
    config = make_model(tmp_path, "tiny-7m", seed=5, dtype=dtype)
    stored = read_weights(config.parent / "model.safetensors")
    made = lively_weights(tiny_config("tiny-7m"), 5, dtype.upper())
    assert stored.keys() == made.keys()
    for name, weight in made.items():
        np.testing.assert_array_equal(stored[name], weight)
