"""Speakers, languages, dialects and instructions by name."""

from __future__ import annotations

import dataclasses
import logging

import pytest

from pocket_fast.errors import ConfigError, VoiceError
from pocket_fast.models.qwen3.choices import (
    check_kind,
    instruction,
    language_id,
    languages,
    speaker_id,
    speakers,
)
from reference.qwen3.tiny import DIALECTS, LANGUAGES, SPEAKERS, tiny_config


@pytest.fixture
def custom():
    return tiny_config("qwen3-tiny-customvoice")


@pytest.fixture
def base():
    return tiny_config("qwen3-tiny-base")


def test_what_there_is(custom, base):
    assert speakers(custom) == sorted(SPEAKERS)
    assert speakers(base) == []
    assert languages(custom) == languages(base) == sorted(["auto", *LANGUAGES])


@pytest.mark.parametrize("name", ["ryan", "Ryan", "RYAN"])
def test_a_speaker_in_any_case(custom, name):
    assert speaker_id(custom, name) == SPEAKERS["ryan"]


def test_a_speaker_of_a_model_trained_further(custom):
    talker = dataclasses.replace(
        custom.talker_config, spk_id={"Anna": 300}, spk_is_dialect={"Anna": "beijing_dialect"}
    )
    config = dataclasses.replace(custom, talker_config=talker)
    assert speakers(config) == ["anna"]
    assert speaker_id(config, "anna") == speaker_id(config, "Anna") == 300
    assert language_id(config, None, "ANNA") == DIALECTS["beijing_dialect"]


@pytest.mark.parametrize(
    ("model", "name", "words"),
    [
        ("qwen3-tiny-customvoice", "rayn", "no voice is called 'rayn'; did you mean ryan?"),
        ("qwen3-tiny-customvoice", "zzz", "no voice is called 'zzz'; this model has aiden, dylan, "),
        ("qwen3-tiny-base", "ryan", "this is a base model, which speaks in the voice of a recording"),
        (
            "qwen3-tiny-voicedesign",
            "ryan",
            "this is a voice_design model, which speaks in a voice that is described",
        ),
    ],
)
def test_unknown_speakers(model, name, words):
    with pytest.raises(VoiceError, match=r"^no voice is called") as caught:
        speaker_id(tiny_config(model), name)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", [None, "auto", "Auto", "AUTO"])
def test_auto(custom, name):
    assert language_id(custom, name) is None
    assert language_id(custom, name, "ryan") is None


@pytest.mark.parametrize("name", LANGUAGES)
def test_languages(custom, name):
    for given in (name, name.capitalize(), name.upper()):
        assert language_id(custom, given) == language_id(custom, given, "ryan") == LANGUAGES[name]


@pytest.mark.parametrize(("speaker", "dialect"), [("eric", "sichuan_dialect"), ("Dylan", "beijing_dialect")])
def test_a_dialect_takes_the_place_of_auto_and_of_chinese(custom, speaker, dialect):
    for language in (None, "auto", "Chinese"):
        assert language_id(custom, language, speaker) == DIALECTS[dialect]
    assert language_id(custom, "english", speaker) == LANGUAGES["english"]
    assert language_id(custom, "chinese", "serena") == LANGUAGES["chinese"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("germna", "no language is called 'germna'; did you mean german?"),
        ("klingon", "no language is called 'klingon'; this model has auto, chinese, english, "),
        ("", "no language is called ''"),
        ("sichuan_dialect", "no language is called 'sichuan_dialect'"),
    ],
)
def test_unknown_languages(custom, name, words):
    with pytest.raises(ConfigError, match=words):
        language_id(custom, name)


@pytest.mark.parametrize("instruct", [None, ""])
@pytest.mark.parametrize("model", ["base", "customvoice", "voicedesign"])
def test_no_instruction(model, instruct):
    assert instruction(tiny_config(f"qwen3-tiny-{model}"), instruct) == ""


def test_instructions(custom, base, caplog):
    caplog.set_level(logging.WARNING)
    for model in ("customvoice-wide", "voicedesign"):
        assert instruction(tiny_config(f"qwen3-tiny-{model}"), "sadly") == "sadly"
    assert caplog.text == ""
    assert instruction(custom, "sadly") == ""
    assert "This model (0b6) takes no instructions, it speaks without: 'sadly'" in caplog.text
    with pytest.raises(ConfigError, match="this is a base model, which takes no instructions"):
        instruction(base, "sadly")


def test_kinds(custom, base):
    check_kind(custom, "custom_voice")
    check_kind(base, "base")
    with pytest.raises(
        ConfigError, match=r"^this is a base model, which speaks in the voice of a recording; one that"
    ):
        check_kind(base, "voice_design")
