"""The built-in model behind the Python API."""

import asyncio

import numpy as np
import pytest

from fake_hub import Trouble
from pocket_fast import TTSModel
from pocket_fast.errors import DownloadError, TextError, VoiceError
from pocket_fast.models.pocket import builtin
from pocket_fast.models.pocket.catalog import shipped_config
from pocket_fast.weights.hub import parse_hub_location

TEXT = "I see 3 cats, and a dog, and quite a number of other animals there. They are all small."
SPELLED = TEXT.replace("3", "three")


@pytest.fixture
def model(hub):
    model = TTSModel.load_model("builtin", threads=1)
    yield model
    model.close()
    assert hub.requests == []


def test_what_it_says_about_itself(model):
    assert model.language == "builtin"
    assert model.has_voice_cloning
    assert model.sample_rate == 24000
    assert model.temp == shipped_config("builtin").default_temperature


def test_voices_by_name_are_in_the_package(model):
    for name, path in builtin.voices().items():
        voice = model.get_state_for_audio_prompt(name)
        same = model.get_state_for_audio_prompt(path)
        assert voice.length == same.length > 5
        assert all(np.array_equal(voice[layer]["cache"], same[layer]["cache"]) for layer in voice)
    with pytest.raises(VoiceError, match="'alba'; known: "):
        model.get_state_for_audio_prompt("alba")


def test_every_way_to_speak_has_the_same_rules(model):
    voice = model.get_state_for_audio_prompt(builtin.DEFAULT_VOICE)
    model.temp = 0.0  # or the second sentence would be drawn other noise
    sentences = [
        model.generate_audio(voice, sentence, 130, seed=1)
        for sentence in (SPELLED[: SPELLED.index("They")], SPELLED[SPELLED.index("They") :])
    ]
    np.testing.assert_array_equal(model.generate_audio(voice, TEXT), np.concatenate(sentences))
    whole = model.generate_audio(voice, SPELLED, seed=1)

    async def gather(text):
        return np.concatenate([frame async for frame in model.astream(voice, text, seed=1, live=False)])

    for found in (
        model.generate_audio(voice, TEXT, seed=1),
        np.concatenate(list(model.generate_audio_stream(voice, TEXT, seed=1))),
        np.concatenate(list(model.generate_audio_stream(voice, [TEXT[:10], TEXT[10:]], seed=1))),
        asyncio.run(gather(TEXT)),
    ):
        np.testing.assert_array_equal(found, whole)
    assert not np.array_equal(model.generate_audio(voice, TEXT, 50, seed=1), whole)


def test_pictures_alone_are_half_a_second_of_silence(model):
    voice = model.get_state_for_audio_prompt(builtin.DEFAULT_VOICE)
    for text in ("☃", ["☃\n\n", "☃"]):
        sound = np.concatenate(list(model.generate_audio_stream(voice, text)))
        assert sound.tolist() == [0.0] * 12000
    for text in ("你好", ["你\n\n", "好"]):
        with pytest.raises(TextError, match="blank"):
            list(model.generate_audio_stream(voice, text))
    with_picture = list(model.generate_audio_stream(voice, ["☃\n\n", "Yes.\n\n", "☃\n\n", "No."], seed=1))
    assert len(with_picture) == len(list(model.generate_audio_stream(voice, ["Yes.\n\n", "No."], seed=1)))

    async def speak():
        return [frame async for frame in model.astream(voice, apieces(), seed=1, live=False)]

    async def apieces():
        for piece in ("☃\n\n", "Yes.\n\n", "☃\n\n", "No."):
            yield piece

    assert len(asyncio.run(speak())) == len(with_picture)


def test_in_8_bits():
    model = TTSModel.load_model("builtin", threads=1, quantize=True)
    assert model.compute_type.startswith("int8")
    voice = model.get_state_for_audio_prompt(builtin.DEFAULT_VOICE)
    assert 24000 < len(model.generate_audio(voice, "Hello there.")) < 4 * 24000
    model.close()


def test_a_config_of_the_same_files_is_spoken_as_any_other():
    """No spelling out and chunks of 50 tokens: a config says nothing about that."""
    model = TTSModel.load_model(config=builtin.FOLDER / "builtin.yaml", threads=1)
    assert model.language is None
    voice = model.get_state_for_audio_prompt(
        builtin.FOLDER / "voices" / f"{builtin.DEFAULT_VOICE}.safetensors"
    )
    np.testing.assert_array_equal(
        model.generate_audio(voice, SPELLED), model.generate_audio(voice, SPELLED, 50)
    )
    with pytest.raises(VoiceError):
        model.get_state_for_audio_prompt(builtin.DEFAULT_VOICE)
    model.close()


def test_the_package_stays_small():
    assert sum(file.stat().st_size for file in builtin.FOLDER.rglob("*") if file.is_file()) <= 10_000_000


@pytest.mark.parametrize("status", [401, 404])
def test_the_default_model_is_never_replaced_but_the_error_names_the_other(hub, status):
    config = shipped_config("english")
    for location in (config.weights_path, config.weights_path_without_voice_cloning):
        file = parse_hub_location(location)
        hub.trouble[f"{file.repo}/{file.revision}/{file.path}"] = Trouble(status=status)
    with pytest.raises(DownloadError, match="language='builtin'"):
        TTSModel.load_model()
    with pytest.raises(DownloadError) as caught:
        TTSModel.load_model("english")
    assert "builtin" not in str(caught.value)
