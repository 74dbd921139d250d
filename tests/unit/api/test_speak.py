"""speak and aspeak: what all families have, with settings that come with each call."""

import asyncio

import numpy as np
import pytest

from pocket_fast.audio.resample import resample
from pocket_fast.errors import ConfigError, VoiceError
from pocket_fast.models.pocket.settings import SETTINGS
from pocket_fast.models.pocket.voices import OPENAI_VOICES, VOICES, default_voice
from recordings import hum

TEXT = "Hello there. And something more."


def joined(chunks):
    return np.concatenate(list(chunks))


async def gathered(chunks):
    return joined([chunk async for chunk in chunks])


def test_it_says_what_generate_audio_says(brief, voice):
    expected = brief.generate_audio(voice, TEXT, seed=1)
    np.testing.assert_array_equal(joined(brief.speak(voice, TEXT, seed=1)), expected)
    np.testing.assert_array_equal(asyncio.run(gathered(brief.aspeak(voice, TEXT, seed=1))), expected)
    in_pieces = joined(brief.generate_audio_stream(voice, iter([TEXT]), seed=1))
    np.testing.assert_array_equal(joined(brief.speak(voice, iter([TEXT]), seed=1)), in_pieces)


@pytest.mark.parametrize(
    ("settings", "attributes", "arguments"),
    [
        ({"temperature": 0}, {"temp": 0.0}, {}),
        ({"steps": 3}, {"sampler_decode_steps": 3}, {}),
        ({"noise_clamp": 0.2}, {"noise_clamp": 0.2}, {}),
        ({"eos_threshold": 1e9}, {"eos_threshold": 1e9}, {}),
        ({"frames_after_eos": 9}, {}, {"frames_after_eos": 9}),
        ({"max_tokens": 8}, {}, {"max_tokens": 8}),
    ],
    ids=lambda item: ",".join(item),
)
def test_settings_hold_for_one_call(new_model, brief, voice, settings, attributes, arguments):
    plain = brief.generate_audio(voice, TEXT, seed=1)
    other = new_model(**{"eos_threshold": -1e9, **attributes})
    expected = other.generate_audio(voice, TEXT, seed=1, **arguments)
    assert not np.array_equal(plain, expected)
    np.testing.assert_array_equal(joined(brief.speak(voice, TEXT, settings, seed=1)), expected)
    np.testing.assert_array_equal(
        asyncio.run(gathered(brief.aspeak(voice, TEXT, settings, seed=1))), expected
    )
    np.testing.assert_array_equal(joined(brief.speak(voice, TEXT, seed=1)), plain)
    np.testing.assert_array_equal(joined(brief.speak(voice, TEXT, dict.fromkeys(settings), seed=1)), plain)


def test_every_setting_is_tried_above():
    mark = next(m for m in test_settings_hold_for_one_call.pytestmark if m.name == "parametrize")
    assert [name for case in mark.args[1] for name in case[0]] == [setting.name for setting in SETTINGS]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temp": 1}, "temp: this model has no such setting; it has temperature, steps, "),
        ({"temperature": -1}, "temperature: expected a number of at least 0, got -1"),
        ({"steps": 1.5}, "steps: expected a whole number of at least 1, got 1.5"),
        ({"eos_threshold": float("inf")}, "eos_threshold: expected a number, got inf"),
    ],
)
def test_bad_settings(brief, voice, settings, message):
    with pytest.raises(ConfigError) as caught:
        next(brief.speak(voice, TEXT, settings))
    assert str(caught.value).startswith(message)


def test_what_a_model_is(model):
    assert (model.name, model.clones, model.takes_words) == ("custom", True, False)
    assert (model.voice_names, model.voice_aliases) == ((), {})
    assert model.default_voice == default_voice(None, custom=True)
    model.language = "german"
    assert (model.name, model.default_voice) == ("german", "juergen")
    assert model.voice_names == tuple(VOICES)
    assert model.voice_aliases == OPENAI_VOICES
    assert model.default_text.startswith("Hallo Welt")
    model.language = "builtin"
    assert set(model.voice_aliases.values()) == set(model.voice_names)
    assert model.count_tokens(TEXT) == len(model._tokenizer.encode(TEXT))


def test_voices(model, voice, brief):
    made = model.find_voice(hum(1.0), truncate=True)
    np.testing.assert_array_equal(
        joined(brief.speak(made, TEXT, seed=1)), joined(brief.speak(voice, TEXT, seed=1))
    )
    low = hum(1.0, rate=16000)
    again = model.find_voice((low, 16000))
    resampled = model.find_voice(resample(low, 16000, 24000))
    np.testing.assert_array_equal(
        joined(brief.speak(again, TEXT, seed=1)), joined(brief.speak(resampled, TEXT, seed=1))
    )
    with pytest.raises(VoiceError, match="take no words"):
        model.find_voice(hum(1.0), words="Hum.")
