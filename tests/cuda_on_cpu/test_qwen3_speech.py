"""Whole utterances of tiny Qwen3-TTS models through device_map="cuda": what the CPU says, alone and in company."""

import numpy as np
import pytest

from pocket_fast import Qwen3TTSModel
from recordings import hum

NEAR = 1e-4
TEXTS = ["Hello there.", "Yes."]
BRIEF = {"max_new_tokens": 6}
WORDS = "This is what I said."
VOICES = {
    "qwen3-tiny-customvoice-wide": [{"voice": "eric", "instruct": "Softly."}],
    "qwen3-tiny-customvoice": [{"voice": "vivian"}],
    "qwen3-tiny-voicedesign": [{"instruct": "a deep old man"}],
    "qwen3-tiny-base": [{"x_vector_only_mode": True}, {}],
    "qwen3-tiny-base-wide": [{}],
}


def on(device, tiny_qwen3, name, **options):
    return Qwen3TTSModel.from_pretrained(tiny_qwen3(name), device_map=device, threads=1, **options)


def streams(model, how):
    """A stream for every text."""
    how = dict(how)
    if "base" in str(model.tts_model_type):
        x_vector = how.pop("x_vector_only_mode", False)
        recording = (hum(0.5), 24000)
        how["voice"] = model.create_voice_clone_prompt(recording, None if x_vector else WORDS, x_vector)[0]
    return [model.stream(text, seed=seed, **how, **BRIEF) for seed, text in enumerate(TEXTS)]


def in_turn(going):
    """What each gives, a frame of each at a time."""
    heard = [[] for _ in going]
    left = list(range(len(going)))
    while left:
        for i in list(left):
            sound = next(going[i], None)
            if sound is None:
                left.remove(i)
            else:
                heard[i].append(sound)
    return [np.concatenate(sounds) for sounds in heard]


@pytest.mark.parametrize(
    ("name", "how"), [(name, how) for name, hows in VOICES.items() for how in hows], ids=str
)
def test_it_speaks_as_the_cpu_does(machine, tiny_qwen3, name, how):
    cpu, gpu = [on(device, tiny_qwen3, name) for device in ("cpu", "cuda")]
    assert (cpu.device, gpu.device) == ("cpu", "cuda:0")
    expected = in_turn(streams(cpu, how))
    alone = [np.concatenate(list(stream)) for stream in streams(gpu, how)]
    for ours, theirs in zip(alone, expected, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(theirs).max() > 0.01
        assert np.abs(ours - theirs).max() < NEAR
    for ours, together in zip(alone, in_turn(streams(gpu, how)), strict=True):
        np.testing.assert_array_equal(together, ours)


def test_it_moves(machine, tiny_qwen3):
    """With a voice that was heard before: its recording is heard again where the model is now."""
    model = on("cpu", tiny_qwen3, "qwen3-tiny-base")
    voice = model.create_voice_clone_prompt((hum(0.5), 24000), WORDS)[0]
    expected = np.concatenate(list(model.stream(TEXTS[0], voice=voice, seed=1, **BRIEF)))
    for device in ("cuda", "cpu"):
        assert model.to(device) is model
        found = np.concatenate(list(model.stream(TEXTS[0], voice=voice, seed=1, **BRIEF)))
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < NEAR
