"""The built-in model in pocket-tts 4.0.1, live: it loads as it lies in the package, and says the same."""

import numpy as np
import pytest

pytestmark = pytest.mark.reference

TEXTS = [
    "Hello world. The quick brown fox jumps over the lazy dog.",
    "Yes.",
    "Is there anything left in the kitchen?",
    "The old man opened the window and looked at the garden.",
]


@pytest.fixture(scope="module")
def theirs_and_ours():
    """Loads both once, of a folder."""
    torch, pocket_tts = pytest.importorskip("torch"), pytest.importorskip("pocket_tts")
    from pocket_fast import TTSModel

    made = {}

    def load(builtin):
        if not made:
            with torch.no_grad():
                made["theirs"] = pocket_tts.TTSModel.load_model(config="builtin.yaml", temp=0.0)
            made["ours"] = TTSModel.load_model("builtin", temp=0.0)
        return made["theirs"], made["ours"]

    return load


@pytest.fixture
def pair(theirs_and_ours, builtin, monkeypatch):
    monkeypatch.chdir(builtin.FOLDER)  # the reference takes paths from the current folder
    return theirs_and_ours(builtin)


def test_it_reads_the_config_as_we_do(pair):
    theirs, ours = pair
    assert theirs.eos_threshold == ours.eos_threshold
    assert theirs.config.default_temperature == ours.config.default_temperature
    assert theirs.replace_characters == ours.config.replace_characters


def test_the_same_sound(pair, builtin):
    import torch

    theirs, ours = pair
    for i, (name, path) in enumerate(builtin.voices().items()):
        with torch.no_grad():
            their_voice = theirs.get_state_for_audio_prompt(path)
            our_voice = ours.get_state_for_audio_prompt(name)
            for text in TEXTS if i == 0 else ["Hello there."]:
                expected = theirs.generate_audio(their_voice, text, max_tokens=_chunk(text)).numpy()
                found = ours.generate_audio(our_voice, text)
                assert found.shape == expected.shape
                assert 0.02 < found.std() < 0.5
                assert np.abs(found - expected).max() < 2e-4, (name, text)


def _chunk(text):
    """What makes them speak every sentence on its own, as the built-in model is spoken here."""
    return 50 if ". " in text else 130
