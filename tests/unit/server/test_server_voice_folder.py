"""serve --voices: the files of a folder as voices of a server, for models of both families."""

import json
import os

import numpy as np
import pytest

from pocket_fast.api.voice_folder import VoiceFolder
from pocket_fast.server.options import Options
from pocket_fast.server.voices import OPENAI_VOICES
from qwen3_requests import BASE, CUSTOM, DESIGN, SPEECH, pcm, talk
from recordings import hum
from serving import wav_of

TEXT = "Hello there."
LISTS = ("/v1/voices", "/v1/audio/voices", "/voices", "/audio/voices")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, loaded):
    """Three voices: Anna, a recording; bob, exported; nova, a recording with a name of OpenAI's."""
    path = tmp_path_factory.mktemp("voices")
    (path / "Anna.wav").write_bytes(wav_of(hum(0.6)))
    loaded.export_voice(loaded.find_voice((hum(0.8, 150.0), 24000)), path / "bob.safetensors")
    (path / "nova.wav").write_bytes(wav_of(hum(0.7, 300.0)))
    return VoiceFolder(path)


@pytest.fixture(scope="module")
def own(start, folder):
    with start(Options(voices=folder)) as site:
        yield site


def say(site, path="/stream", **fields):
    name = "input" if path == SPEECH else "text"
    more = {"response_format": "pcm"} if path == SPEECH else {}
    return site.client.post(path, data={name: TEXT, "seed": 1, **more, **fields})


@pytest.mark.parametrize("path", LISTS)
def test_they_are_listed(own, path):
    listed = own.client.get(path).json()
    assert [voice["id"] for voice in listed["voices"]] == ["default", "Anna", "bob", "nova"]
    assert listed["default"] == "default"
    assert listed["aliases"] == dict.fromkeys(OPENAI_VOICES - {"nova"}, "default")
    assert "voice" in own.client.get("/health").json()["takes"]


@pytest.mark.parametrize("path", ["/stream", "/generate", "/tts", SPEECH])
@pytest.mark.parametrize("name", ["Anna", "anna", "ANNA", "bob", "Bob", "nova"])
def test_they_speak(own, folder, loaded, said, path, name):
    expected = said(TEXT, loaded.find_voice(folder.find(name)), seed=1)
    heard = pcm(say(own, path, voice=name).content)
    assert np.array_equal(heard[: len(expected)], expected)


def test_they_speak_in_conversations_and_in_json(own, folder, loaded, said):
    expected = said(TEXT, loaded.find_voice(folder.find("bob")), seed=1).tobytes()
    answer = own.client.post(
        SPEECH, json={"input": TEXT, "seed": 1, "voice": {"id": "BOB"}, "response_format": "pcm"}
    )
    assert answer.content == expected
    assert talk(own.client, seed=1, voice="bob")[1] == expected


def test_openais_names_are_the_default_voice_but_for_those_that_are_files(own, said):
    default = said(TEXT, seed=1).tobytes()
    for name in OPENAI_VOICES - {"nova"}:
        assert say(own, SPEECH, voice=name).content == default
    assert say(own, SPEECH, voice="nova").content != default


@pytest.mark.parametrize(
    "name",
    ["carl", "Anna.wav", "../Anna", "..", "/etc/passwd", "Anna/", "./Anna", "Anna\0", "bob.safetensors", "~"],
)
def test_other_names(own, folder, name):
    answer = own.client.post("/stream", json={"text": TEXT, "voice": name})
    assert answer.status_code == 400
    assert str(folder.path) not in answer.text
    assert "/v1/audio/voices" in answer.text


def test_changes_count_at_once(start, tmp_path):
    """A file that comes, changes, is replaced by an exported voice, is broken, and goes."""
    path = tmp_path / "carl.wav"
    with start(Options(voices=VoiceFolder(tmp_path))) as site:
        assert "voice" in site.client.get("/health").json()["takes"]
        assert say(site, voice="carl").status_code == 400
        path.write_bytes(wav_of(hum(0.6)))
        first = say(site, voice="carl")
        assert first.content == say(site, voice="carl").content
        made = site.model.voice_cache.misses
        say(site, voice="Carl")
        assert site.model.voice_cache.misses == made
        path.write_bytes(wav_of(hum(0.6, 400.0)))
        os.utime(path, ns=(1, 1))  # the same size; however coarse the clock of the file system is
        second = say(site, voice="carl")
        assert second.content != first.content
        site.model.export_voice(site.model.find_voice((hum(1.0), 24000)), tmp_path / "carl.safetensors")
        third = say(site, voice="carl")
        assert third.content not in (first.content, second.content)
        assert [v["id"] for v in site.client.get("/v1/voices").json()["voices"]] == ["default", "carl"]
        (tmp_path / "carl.safetensors").unlink()
        assert say(site, voice="carl").content == second.content
        path.write_bytes(b"no sound")
        broken = say(site, voice="carl")
        assert broken.status_code == 400
        assert "carl" in broken.json()["detail"]
        assert str(tmp_path) not in broken.text
        path.unlink()
        assert say(site, voice="carl").status_code == 400
        assert [v["id"] for v in site.client.get("/v1/voices").json()["voices"]] == ["default"]


def test_the_default_voice_may_be_one_of_them(start, tmp_path):
    path = tmp_path / "carl.wav"
    path.write_bytes(wav_of(hum(0.6)))
    with start(Options(voices=VoiceFolder(tmp_path), default_voice="carl")) as site:
        listed = site.client.get("/v1/voices").json()
        assert [v["id"] for v in listed["voices"]] == ["carl"]
        assert (listed["default"], set(listed["aliases"].values())) == ("carl", {"carl"})
        names = ({}, {"voice": "default"}, {"voice": "CARL"}, {"voice": "alloy"})
        sounds = [say(site, **name).content for name in names]
        assert len(set(sounds)) == 1
        path.write_bytes(wav_of(hum(0.9, 300.0)))
        changed = [say(site, **name).content for name in names]
        assert len(set(changed)) == 1
        assert changed[0] != sounds[0]


def test_they_go_before_the_models_own(start, tmp_path, monkeypatch, folder, said, loaded):
    with start(Options(voices=folder, default_voice="alba"), language="english") as site:
        listed = site.client.get("/v1/voices").json()
        ids = [voice["id"] for voice in listed["voices"]]
        assert ids[:5] == ["alba", "Anna", "bob", "nova", "cosette"]
        assert "anna" not in ids  # which english has: the file is called Anna
        assert len({name.casefold() for name in ids}) == len(ids)
        assert "nova" not in listed["aliases"]
        expected = said(TEXT, loaded.find_voice(folder.find("anna")), seed=1)
        assert np.array_equal(pcm(say(site, voice="anna").content), expected)


def test_names_that_stand_for_a_voice_which_is_a_file(start, tmp_path, said, loaded, monkeypatch):
    """OpenAI's alloy is alba, and alba is a file here."""
    (tmp_path / "alba.wav").write_bytes(wav_of(hum(0.6)))
    expected = said(TEXT, loaded.find_voice(tmp_path / "alba.wav"), seed=1).tobytes()
    with start(Options(voices=VoiceFolder(tmp_path), default_voice="alba"), language="english") as site:
        for name in ("alba", "ALBA", "alloy", "default", ""):
            assert say(site, voice=name).content == expected, name


def test_a_model_that_clones_none_has_the_exported_ones(start, folder, monkeypatch):
    with start(Options(voices=folder)) as site:
        site.model.has_voice_cloning = False
        site.model._cloning_reason = "gated"
        assert [v["id"] for v in site.client.get("/v1/voices").json()["voices"]] == ["default", "bob"]
        assert say(site, voice="bob").status_code == 200
        refused = say(site, voice="anna")
        assert refused.status_code == 400
        assert "cannot clone" in refused.json()["detail"]


# --- the other family, as `serve` starts it ------------------------------------------------------

WORDS = "This is what I said."
HOW = {"max_new_tokens": 9, "seed": 1, "text": TEXT}


@pytest.fixture
def recordings(tmp_path, qwen3):
    (tmp_path / "zoe.wav").write_bytes(wav_of(hum(1.2)))
    (tmp_path / "ben.wav").write_bytes(wav_of(hum(1.2)))
    (tmp_path / "ben.txt").write_text(WORDS)
    model = qwen3(BASE)
    model.export_voice(model.find_voice((hum(1.0), 24000), words=WORDS), tmp_path / "ned.safetensors")
    return tmp_path


def test_recordings_with_and_without_words(sites, qwen3, recordings):
    client, model = sites(BASE, "--voices", recordings), qwen3(BASE)

    def said(source, words=None):
        voice = model.find_voice(source, words=words)
        frames = list(model.speak(voice, TEXT, {"max_new_tokens": 9}, seed=1))
        return (np.clip(np.concatenate(frames), -1, 1) * np.float32(32767)).astype("<i2")

    def heard(**fields):
        return pcm(client.post("/stream", json={**HOW, **fields}).content)

    assert np.array_equal(heard(voice="zoe"), said(recordings / "zoe.wav"))
    assert np.array_equal(heard(voice="ben"), said(recordings / "ben.wav", WORDS))
    assert np.array_equal(heard(voice="Ned"), said(recordings / "ned.safetensors"))
    # the first one speaks where nobody is named: a base model has no voice of its own
    for fields in ({}, {"voice": "alloy"}, {"voice": "default"}, {"voice": None}):
        assert np.array_equal(heard(**fields), said(recordings / "ben.wav", WORDS))
    other = heard(voice="ben", voice_text="Other words.")
    assert np.array_equal(other, said(recordings / "ben.wav", "Other words."))
    (recordings / "ben.txt").write_text("Something else.")
    assert np.array_equal(heard(voice="ben"), said(recordings / "ben.wav", "Something else."))
    (recordings / "ben.txt").write_bytes(b"\xff")
    refused = client.post("/stream", json={**HOW, "voice": "ben"})
    assert refused.status_code == 400
    assert str(recordings) not in refused.text
    (recordings / "ben.txt").unlink()
    assert np.array_equal(heard(voice="ben"), said(recordings / "zoe.wav"))
    listed = client.get("/v1/audio/voices").json()
    assert [voice["id"] for voice in listed["voices"]] == ["ben", "ned", "zoe"]
    refused = client.post("/stream", json={**HOW, "voice": "ned", "voice_text": WORDS})
    assert refused.status_code == 400
    assert "has its words in it already" in refused.json()["detail"]
    assert str(recordings) not in refused.text


@pytest.mark.parametrize("model", [CUSTOM, DESIGN])
def test_models_that_take_no_recordings(sites, recordings, model):
    from pocket_fast.errors import VoiceError

    with pytest.raises(VoiceError, match="takes no recordings"):
        sites(model, "--voices", recordings)


def test_a_folder_that_is_empty_at_first(sites, tmp_path):
    client = sites(BASE, "--voices", tmp_path)
    assert client.get("/v1/voices").json() == {"voices": [], "default": None, "aliases": {}}
    (tmp_path / "late.wav").write_bytes(wav_of(hum(1.2)))
    listed = client.get("/v1/voices").json()
    assert ([voice["id"] for voice in listed["voices"]], listed["default"]) == (["late"], None)
    assert client.post("/stream", json={**HOW, "voice": "late"}).status_code == 200
    refused = client.post("/stream", json=HOW)
    assert refused.status_code == 400
    assert "recording" in refused.json()["detail"]


def test_a_name_that_is_nowhere(sites, recordings):
    from pocket_fast.errors import VoiceError

    with pytest.raises(VoiceError, match=r"no voice is called 'zoo'.* ben, ned, zoe"):
        sites(BASE, "--voices", recordings, "--voice", "zoo")


def test_the_default_by_its_name(sites, recordings):
    client = sites(BASE, "--voices", recordings, "--voice", "ZOE", "--prewarm-voices", "ned, nobody")
    listed = client.get("/v1/audio/voices").json()
    assert listed["default"] == "zoe"
    assert json.dumps(listed).count("zoe") == 3 + len(OPENAI_VOICES)
