"""Live: the NumPy stages against pocket-tts 4.0.1, module by module, then whole models of full size."""

import functools

import numpy as np
import pytest
from reference import Model, make_model, read_weights
from reference.compare import check_codec, check_modules, check_speech, check_steps, check_voice
from reference.record import load_reference, record_modules, record_speech, record_stages, synthetic_voice

from pocket_fast.models.pocket.config import load_config

pytestmark = pytest.mark.reference
pytest.importorskip("pocket_tts")

TINY = [
    ("tiny", "bf16"),
    ("tiny-no-bos", "f32"),
    ("tiny-7m", "f16"),
    ("tiny-2m", "bf16"),
    ("tiny-odd", "f32"),
    ("tiny-24l", "bf16"),
]
FULL = [
    "english",
    "english_2026-01",
    "english_2026-04_24l",
    "english_18m_2026-10",
    "english_7m_2026-10",
    "english_2m_2026-10",
]
TEXT = "The boat left the harbour at five, and the gulls went."
OTHER_WORD = TEXT.replace("harbour", "table")


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """name, storage -> (the reference, the NumPy model), the last one kept."""

    @functools.lru_cache(maxsize=1)
    def load(name, dtype):
        config = make_model(tmp_path_factory.mktemp(name), name, dtype=dtype)
        weights = config.parent / "model.safetensors"
        pair = load_reference(config), Model(load_config(config), read_weights(weights))
        weights.unlink()  # the reference has read all of it; 24 layers are 0.7 GB
        return pair

    return load


@pytest.mark.parametrize(("name", "dtype"), TINY)
def test_modules_equal_the_reference(load, name, dtype):
    reference, model = load(name, dtype)
    check_modules(model, record_modules(reference))


@pytest.mark.parametrize(("name", "dtype"), [*TINY, *((name, "bf16") for name in FULL)])
def test_stages_and_speech_equal_the_reference(load, name, dtype):
    reference, model = load(name, dtype)
    rate = model.config.mimi.sample_rate
    recording, voice_state = record_stages(reference, synthetic_voice(rate, 4.1), TEXT)
    voice = check_voice(model, recording)
    check_steps(model, recording, voice)
    check_codec(model, recording)

    speech = record_speech(reference, voice_state, TEXT)
    spoken = check_speech(model, speech, voice)
    assert len(spoken.samples) >= 5 * rate
    assert not spoken.ended
    assert 0.05 < np.sqrt(np.mean(spoken.samples**2)) < 0.5
    ended = record_speech(reference, voice_state, TEXT, eos_step=30)
    assert check_speech(model, ended, voice).ended

    # The same bounds would be met by a model that ignores its text or its voice, were the weights not lively.
    other_text = record_speech(reference, voice_state, OTHER_WORD)
    assert biggest_change(speech, other_text) > 20 * 2e-4
    other = synthetic_voice(rate, 4.1, pitch=190.0, seed=1)
    _, other_state = record_stages(reference, other, TEXT, frames=1)
    assert biggest_change(speech, record_speech(reference, other_state, TEXT)) > 100 * 2e-4


@pytest.mark.parametrize(("name", "steps"), [("tiny", 1), ("tiny", 2), ("tiny-no-bos", 16), ("tiny-2m", 1)])
def test_speech_with_noise_equals_the_reference(load, name, steps):
    reference, model = load(name, "bf16")
    samples = synthetic_voice(24000)
    recording, voice_state = record_stages(reference, samples, TEXT, frames=1)
    noise = np.random.default_rng(3).standard_normal((400, 32)) * 0.3**0.5
    speech = record_speech(reference, voice_state, TEXT, noise, eos_step=20, steps=steps)
    check_speech(model, speech, check_voice(model, recording), steps=steps)


def biggest_change(one, other):
    n = min(len(one["samples"]), len(other["samples"]))
    return np.abs(one["samples"][:n] - other["samples"][:n]).max()
