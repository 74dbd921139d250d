"""The released Qwen3-TTS models by name, id, folder and URL."""

from __future__ import annotations

import pytest

from pocket_fast.errors import ConfigError, NotFoundError
from pocket_fast.models.qwen3.catalog import MODELS, canonical_name, knows, locate, released_as
from pocket_fast.weights.folders import HubFolder, LocalFolder

IDS = {
    "qwen3-tts-0.6b-base": "Qwen/Qwen3-TTS-12Hz-0.6B-Base",
    "qwen3-tts-0.6b-customvoice": "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice",
    "qwen3-tts-1.7b-base": "Qwen/Qwen3-TTS-12Hz-1.7B-Base",
    "qwen3-tts-1.7b-customvoice": "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice",
    "qwen3-tts-1.7b-voicedesign": "Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign",
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_names():
    assert tuple(IDS) == MODELS


@pytest.mark.parametrize("change", [str, str.upper, str.lower])
@pytest.mark.parametrize("name", IDS)
def test_a_model_by_its_names(name, change):
    for given in (name, IDS[name]):
        assert canonical_name(change(given)) == name
        folder = locate(change(given))
        assert isinstance(folder, HubFolder)
        assert str(folder) == f"hf://{IDS[name]}@main"
        assert released_as(folder) == name


def test_other_places():
    folder = locate("hf://Qwen/Qwen3-TTS-12Hz-0.6B-Base@v2")
    assert released_as(folder) == "qwen3-tts-0.6b-base"
    assert released_as(locate("hf://someone/trained-further")) is None
    assert released_as(locate("someone/trained-further")) is None
    assert released_as(locate("hf://Qwen/Qwen3-TTS-12Hz-0.6B-Base/older")) is None
    assert canonical_name("someone/trained-further") is None
    assert canonical_name("english") is None


def test_local_folders_and_names(tmp_path):
    (tmp_path / "Qwen" / "Qwen3-TTS-12Hz-0.6B-Base").mkdir(parents=True)
    (tmp_path / "qwen3-tts-0.6b-base").mkdir()
    for given in ("Qwen/Qwen3-TTS-12Hz-0.6B-Base", "./qwen3-tts-0.6b-base", tmp_path, tmp_path / "Qwen"):
        folder = locate(given)
        assert isinstance(folder, LocalFolder)
        assert released_as(folder) is None
    assert isinstance(locate("qwen3-tts-0.6b-base"), HubFolder)
    assert isinstance(locate("Qwen/Qwen3-TTS-12Hz-1.7B-Base"), HubFolder)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("qwen3-tts-0.6b-bas", "did you mean qwen3-tts-0.6b-base or qwen3-tts-1.7b-base"),
        ("Qwen3-TTS-12Hz-1.7B-VoiceDesign", "did you mean .*qwen3-tts-1.7b-voicedesign"),
        ("zzz", "no model and no folder is called 'zzz'; known: qwen3-tts-0.6b-base, "),
        ("./folder/model", "no model and no folder is called './folder/model'"),
        ("/not/there", "no model and no folder is called '/not/there'"),
    ],
)
def test_unknown_names(given, words):
    with pytest.raises(NotFoundError, match=words) as caught:
        locate(given)
    assert "\n" not in str(caught.value)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "config.json").touch()
    with pytest.raises(ConfigError, match="this is a file; give the folder"):
        locate("config.json")


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("qwen3-tts-0.6b-base", True),
        ("Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign", True),
        ("someone/trained-further", True),
        ("hf://someone/trained-further@main", True),
        ("hf://someone/other/english.yaml@main", False),
        ("english", False),
        ("other/english.yaml", False),
        ("./other/model", False),
        ("with", True),
        ("with/config.json", False),
        ("without", False),
        ("some/folder", False),
    ],
)
def test_what_may_be_a_model_of_this_family(tmp_path, given, ours):
    for folder in ("with", "without", "some/folder"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "with" / "config.json").touch()
    assert knows(given) is ours
