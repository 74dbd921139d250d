"""Numbers in voice states of which speech would be NaN, and files that are out for more than a voice."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from pocket_fast.errors import VoiceError, WeightsError

TEXT = "Hello there, my friend."
FIRST = "transformer.layers.0.self_attn"


@pytest.fixture
def plain(voice):
    """The voice as pocket-tts keeps it: plain dicts of arrays that may be written to."""
    return {module: {k: a.copy() for k, a in tensors.items()} for module, tensors in voice.items()}


@pytest.mark.parametrize("number", [1e38, -3.4e38, 1e13, 1e300, np.nan, -np.inf])
@pytest.mark.parametrize("place", [(0, 0, 0, 0, 0), (1, 0, 14, 1, 31)])
def test_finite_numbers_that_overflow_are_refused_too(plain, model, number, place):
    last = list(plain)[-1]
    plain[last]["cache"] = plain[last]["cache"].astype(np.float64)
    plain[last]["cache"][place] = number
    with pytest.raises(VoiceError, match=r"model_state: the voice state holds (a number of|NaN or infinity)"):
        model.generate_audio(plain, TEXT)


@pytest.mark.parametrize("number", [1e12, -1e12, 1e5])
@pytest.mark.parametrize("what", [0, 1])
def test_what_is_let_in_is_spoken_with(plain, model, number, what):
    for tensors in plain.values():
        tensors["cache"][what] = number
    assert np.isfinite(model.generate_audio(plain, TEXT, seed=1)).all()


@pytest.mark.parametrize("number", [1e38, 1e16, np.nan, np.inf])
def test_embeddings_too(model, tmp_path, number):
    rows = np.random.default_rng(0).standard_normal((1, 9, 64)).astype(np.float32)
    rows[0, 4, 7] = number
    path = tmp_path / "prompt.safetensors"
    save_file({"audio_prompt": rows}, path)
    with pytest.raises(VoiceError, match=r"prompt\.safetensors: the voice state holds"):
        model.get_state_for_audio_prompt(path)
    rows[0, 4, 7] = 1e15
    save_file({"audio_prompt": rows}, path)
    state = model.get_state_for_audio_prompt(path)
    assert np.isfinite(model.generate_audio(state, TEXT, seed=1)).all()


@pytest.mark.parametrize("cache", ["words", [["a"]], [1, [2, 3]], None, object()])
def test_what_is_no_array_at_all(plain, model, cache):
    plain[FIRST]["cache"] = cache
    with pytest.raises(VoiceError, match="model_state: "):
        model.generate_audio(plain, TEXT)


def test_a_file_of_hundreds_of_thousands_of_tensors_is_refused_unread(model, tmp_path, monkeypatch):
    entries = (b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % i for i in range(200_000))
    header = b"{" + b",".join(entries) + b"}"
    path = tmp_path / "many.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    monkeypatch.setattr(json, "loads", lambda *_, **__: pytest.fail("it was parsed"))
    with pytest.raises(WeightsError, match="expected at most 400000"):
        model.get_state_for_audio_prompt(path)
