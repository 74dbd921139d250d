"""What a user may write for a voice: which file it is, and what is refused before any is opened."""

import pytest

from pocket_fast.errors import NotFoundError, VoiceError
from pocket_fast.models.pocket import builtin
from pocket_fast.models.pocket.voices import locate_voice, voice_state_location


def test_names_of_released_models_are_ready_states():
    assert locate_voice("alba", "german") == voice_state_location("german", "alba")


def test_names_need_released_weights():
    with pytest.raises(VoiceError, match="'alba' is a state made with released weights"):
        locate_voice("alba", None)


def test_the_voices_of_the_built_in_model_are_its_own():
    for name, path in builtin.voices().items():
        assert locate_voice(name, "builtin") == str(path)
    with pytest.raises(VoiceError, match="'alba'; known: abel, ada"):
        locate_voice("alba", "builtin")
    with pytest.raises(VoiceError, match="did you mean bess"):
        locate_voice("bes", "builtin")
    for model in ("english", None):
        with pytest.raises(VoiceError, match="it is one of the model 'builtin'"):
            locate_voice("ada", model)


def test_files_and_urls_stay_as_they_are(tmp_path, monkeypatch):
    path = tmp_path / "anna.wav"
    path.touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    for source in (str(path), "~/anna.wav", "hf://a/b/c.wav", "https://host/x.safetensors"):
        assert locate_voice(source, None) == source


@pytest.mark.parametrize("source", ["voices/anna", "anna.wav", "", "x" * 5000, "an\0na"])
def test_nothing_there(source):
    with pytest.raises((NotFoundError, VoiceError)):
        locate_voice(source, "english")


def test_unknown_names_get_the_nearest():
    with pytest.raises(VoiceError, match="did you mean alba"):
        locate_voice("albaa", None)
