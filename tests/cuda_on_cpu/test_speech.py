"""Whole utterances through device="cuda": what the CPU says, alone and in company."""

import numpy as np
import pytest

from pocket_fast import TTSModel
from recordings import hum
from reference import TINY_MODELS

NEAR = 1e-4
TEXTS = ["Hello there.", "One, two. And three!", "Yes."]


@pytest.fixture
def on(tiny):
    """on(device, name, **options) -> the model there."""
    return lambda device, name, **options: TTSModel.load_model(
        config=tiny(name), device=device, threads=1, **{"eos_threshold": -1e9, **options}
    )


def speech(model, voice, **options):
    return [
        model.generate_audio(voice, text, seed=seed, max_tokens=20, **options)
        for seed, text in enumerate(TEXTS)
    ]


def together(model, voice):
    """All texts at once, each heard frame by frame in turn."""
    streams = [
        model.generate_audio_stream(voice, text, seed=seed, max_tokens=20) for seed, text in enumerate(TEXTS)
    ]
    heard = [[] for _ in streams]
    going = list(range(len(streams)))
    while going:
        for i in list(going):
            sound = next(streams[i], None)
            if sound is None:
                going.remove(i)
            else:
                heard[i].append(sound)
    return [np.concatenate(sounds) for sounds in heard]


@pytest.mark.parametrize(
    ("name", "eos_threshold"), [("tiny", 1e9), *[(n, -1e9) for n in TINY_MODELS if n != "tiny-24l"]]
)
def test_it_speaks_as_the_cpu_does(machine, on, name, eos_threshold):
    """Every model for half a second a text, the first one also as long as it may."""
    cpu, gpu = [on(device, name, eos_threshold=eos_threshold) for device in ("cpu", "cuda")]
    assert (cpu.device, gpu.device) == ("cpu", "cuda:0")
    recording = hum(0.5)
    expected = speech(cpu, cpu.get_state_for_audio_prompt(recording))
    voice = gpu.get_state_for_audio_prompt(recording)
    found = speech(gpu, voice)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(theirs).max() > 0.05
        assert np.abs(ours - theirs).max() < NEAR
    for ours, alone in zip(together(gpu, voice), found, strict=True):
        np.testing.assert_array_equal(ours, alone)


def test_it_moves(machine, on):
    """There and back, with what it was told and a voice that was made before."""
    model = on("cpu", "tiny")
    model.temp, model.voice_cache.max_voices = 0.2, 3
    voice = model.get_state_for_audio_prompt(hum(0.5))
    expected = model.generate_audio(voice, TEXTS[0], seed=1)
    assert model.to("cpu") is model
    assert model.to("cuda") is model
    assert (model.device, model.temp, model.voice_cache.max_voices) == ("cuda:0", 0.2, 3)
    found = model.generate_audio(voice, TEXTS[0], seed=1)
    assert 0 < np.abs(found - expected).max() < NEAR
    assert model.to("cuda:0") is model
    model.to("cpu")
    np.testing.assert_array_equal(model.generate_audio(voice, TEXTS[0], seed=1), expected)


def test_it_grows_a_voice(machine, on):
    """copy_state=False: what was said becomes the past of what is said next."""
    found = []
    for device in ("cpu", "cuda"):
        model = on(device, "tiny")
        voice = model.get_state_for_audio_prompt(hum(0.5))
        before = voice.length
        sound = [model.generate_audio(voice, text, seed=1, copy_state=False) for text in TEXTS[:2]]
        assert voice.length > before
        found.append(np.concatenate(sound))
    assert np.abs(found[1] - found[0]).max() < NEAR


def test_bfloat16_speaks(machine, on):
    model = on("cuda", "tiny", compute_type="bfloat16")
    assert model.compute_type == "bfloat16"
    sound = model.generate_audio(model.get_state_for_audio_prompt(hum(0.5)), TEXTS[0], seed=1)
    assert np.abs(sound).max() > 0.05
    assert np.isfinite(sound).all()
