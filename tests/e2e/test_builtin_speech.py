"""What the built-in model says is what it was asked to say: heard by a recogniser of a closed set of sentences."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from pocket_fast import TTSModel
from pocket_fast.models.pocket import builtin

pytest.importorskip("pocketsphinx", reason="the recogniser comes with the extra [train]")

SENTENCES = [
    "My sister lives in a small town near the sea.",
    "We bought three tickets for the concert.",
    "He never drinks coffee in the evening.",
    "There is a strange noise behind the door.",
    "The children are playing in the garden.",
    "Please turn off the lights when you leave.",
    "It rained so hard that the street was flooded.",
    "The museum opens at ten on Sundays.",
]


@pytest.fixture(scope="module")
def model():
    return TTSModel.load_model("builtin", compute_type="float32")


@pytest.fixture(scope="module")
def quality():
    """quality(name): the module of tools/voice_quality."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "tools"))
        yield lambda name: importlib.import_module(f"voice_quality.{name}")


@pytest.fixture(scope="module")
def recogniser(quality):
    return quality("recognise").Decoder()


@pytest.fixture(scope="module")
def hear(recogniser):
    """hear(sound): the words of the sentence, among SENTENCES, that the sound is taken for."""
    choices = [plain(sentence).split() for sentence in SENTENCES]
    return lambda sound: " ".join(recogniser.choose(choices, [sound])[0])


@pytest.fixture(scope="module")
def said(model):
    """SENTENCES in each voice, by its name."""
    voices = {name: model.get_state_for_audio_prompt(name) for name in builtin.voices()}
    return {name: [model.generate_audio(voice, text) for text in SENTENCES] for name, voice in voices.items()}


def plain(sentence):
    return sentence.lower().rstrip(".")


@pytest.mark.parametrize("name", builtin.voices())
def test_every_voice_is_understood(said, hear, name):
    heard = [hear(sound) for sound in said[name]]
    assert sum(a == plain(b) for a, b in zip(heard, SENTENCES, strict=True)) >= len(SENTENCES) - 1


@pytest.mark.parametrize("compute_type", ["int8", "int8_float32"])
def test_in_8_bits_too(hear, compute_type):
    model = TTSModel.load_model("builtin", compute_type=compute_type)
    voice = model.get_state_for_audio_prompt("ada")
    heard = [hear(model.generate_audio(voice, sentence)) for sentence in SENTENCES]
    assert sum(a == plain(b) for a, b in zip(heard, SENTENCES, strict=True)) >= len(SENTENCES) - 1


@pytest.mark.parametrize("seconds", [1, 10])
def test_a_recording_of_a_voice_gives_that_voice(model, said, quality, seconds):
    known = quality("timbre").Timbres(said)
    for name, sounds in said.items():
        recording = np.concatenate(sounds)[: seconds * 24000]
        spoken = model.generate_audio(
            model.get_state_for_audio_prompt(recording[None]), "Come again tomorrow."
        )
        assert known.nearest(spoken) == name


def test_a_pause_is_between_the_sentences_that_it_parts(model, hear):
    voice = model.get_state_for_audio_prompt("ada")
    sound = model.generate_audio(voice, f"{SENTENCES[3]} [pause:700ms] {SENTENCES[5]}")
    silent = np.abs(sound) < 1e-6
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(int)))
    start, end = max(zip(edges[::2], edges[1::2], strict=True), key=lambda span: span[1] - span[0])
    assert end - start >= 0.7 * 24000
    assert (hear(sound[:start]), hear(sound[end:])) == (plain(SENTENCES[3]), plain(SENTENCES[5]))


def test_no_sentence_is_lost_between_chunks(model, recogniser):
    voice = model.get_state_for_audio_prompt("abel")
    sound = model.generate_audio(voice, " ".join(SENTENCES))
    found = recogniser.whole([plain(sentence).split() for sentence in SENTENCES], sound)
    assert sum(found) >= len(SENTENCES) - 1
