"""The built-in model in pocket-tts 4.0.1, live: it loads as it lies in the package, and says the same."""

import numpy as np
import pytest

from pocket_fast import TTSModel
from pocket_fast.models.pocket import builtin

pytestmark = pytest.mark.reference

TEXTS = [
    "Yes.",
    "Is there anything left in the kitchen?",
    "The old man opened the window, looked at the garden for a while, and then went back to his book.",
    "It was a long way home, and by the time they got there the sun had gone down and the lamps were lit along "
    "the street.",
]


@pytest.fixture(scope="module")
def pair():
    """Theirs and ours, at temperature 0."""
    torch, pocket_tts = pytest.importorskip("torch"), pytest.importorskip("pocket_tts")
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.chdir(builtin.FOLDER)  # the reference takes paths from the current folder
        theirs = pocket_tts.TTSModel.load_model(config="builtin.yaml", temp=0.0)
    return theirs, TTSModel.load_model("builtin", temp=0.0)


@pytest.fixture
def same_sound(pair):
    """same_sound(voice, text, max_tokens): ours, once it is sure that theirs is the same; max_tokens is theirs."""
    torch = pytest.importorskip("torch")
    theirs, ours = pair

    def same_sound(name, text, max_tokens=130):
        with torch.no_grad():
            voice = theirs.get_state_for_audio_prompt(builtin.voices()[name])
            expected = theirs.generate_audio(voice, text, max_tokens=max_tokens).numpy()
        found = ours.generate_audio(ours.get_state_for_audio_prompt(name), text)
        assert found.shape == expected.shape
        assert 0.02 < found.std() < 0.5
        assert np.abs(found - expected).max() < 2e-4

    return same_sound


def test_it_reads_the_config_as_we_do(pair):
    theirs, ours = pair
    assert theirs.eos_threshold == ours.eos_threshold
    assert theirs.config.default_temperature == ours.config.default_temperature
    assert theirs.replace_characters == ours.config.replace_characters


@pytest.mark.parametrize("name", builtin.voices())
def test_the_same_sound_in_every_voice(same_sound, name):
    same_sound(name, "Hello there.")


@pytest.mark.parametrize("text", TEXTS)
def test_the_same_sound(same_sound, text):
    same_sound(builtin.DEFAULT_VOICE, text)


def test_several_sentences(same_sound):
    """They speak sentences together that fit into a chunk; these do not."""
    same_sound(
        builtin.DEFAULT_VOICE, "Hello world. The quick brown fox jumps over the lazy dog.", max_tokens=50
    )
