"""A folder whose files are voices by their names."""

import logging
import os
import unicodedata

import numpy as np
import pytest

from pocket_fast.api.voice_folder import VoiceFolder
from pocket_fast.errors import ConfigError, NotFoundError, VoiceError
from recordings import hum
from serving import wav_of


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "voices").mkdir()
    return VoiceFolder(tmp_path / "voices")


def put(folder, *names, data=b"x"):
    for name in names:
        (folder.path / name).write_bytes(data)


def test_recordings_and_exported_voices_are_voices_by_name(folder):
    put(
        folder,
        "anna.wav",
        "Bob.FLAC",
        "carl.mp3",
        "dora.ogg",
        "emil.opus",
        "fay.safetensors",
        "Mr. X (2).aiff",
    )
    assert folder.names() == ["anna", "Bob", "carl", "dora", "emil", "fay", "Mr. X (2)"]
    assert folder.names(recordings=False) == ["fay"]
    assert folder.find("BOB") == folder.path / "Bob.FLAC"
    assert folder.find("mr. x (2)").name == "Mr. X (2).aiff"


def test_what_is_no_voice(folder, caplog):
    put(folder, "notes.txt", ".hidden.wav", "film.mp4", "me.m4a", "README", "a.wav.part", "samples.raw")
    put(folder, "a\nb.wav", "-rf.wav", "a$b.wav", "x" * 65 + ".wav", "default.wav", " x.wav", "%2e.wav")
    (folder.path / "folder.wav").mkdir()
    (folder.path / "broken.wav").symlink_to(folder.path / "nowhere.wav")
    if os.name == "posix":
        (folder.path / os.fsdecode(b"\xff\xfe.wav")).write_bytes(b"x")
        os.mkfifo(folder.path / "pipe.wav")
    assert folder.names() == []
    with caplog.at_level(logging.INFO, "pocket_fast"):
        folder.check()
    assert "0 voices in" in caplog.text
    assert "'README'" in caplog.text
    assert "notes.txt" not in caplog.text
    assert "\nb.wav" not in caplog.text


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/passwd", "..", ".", "", "a/../anna", "anna.wav", "anna\0", "*", "\udcff", "an\nna"],
)
def test_names_lead_nowhere_else(folder, name):
    put(folder, "anna.wav", "secret")
    (folder.path.parent / "secret.wav").write_bytes(b"x")
    assert folder.find(name) is None


def test_one_name_one_voice(folder, caplog):
    put(folder, "anna.wav", "anna.mp3", "ANNA.safetensors", "bob.mp3", "bob.flac")
    assert folder.names() == ["ANNA", "bob"]
    assert folder.find("anna").name == "ANNA.safetensors"
    assert folder.find("bob").name == "bob.flac"
    folder.check()
    assert "'anna.mp3', 'anna.wav', 'bob.mp3'" in caplog.text


def test_letters_of_all_scripts_however_they_are_written(folder):
    for name in ("José", "Ærøskøbing", "あかり", "Straße"):
        put(folder, unicodedata.normalize("NFD", name) + ".wav")
        for form in ("NFC", "NFD"):
            assert folder.find(unicodedata.normalize(form, name.upper())) is not None, name
    assert "José" in folder.names()


def test_the_folder_is_looked_at_anew(folder):
    assert folder.names() == []
    put(folder, "anna.wav")
    assert folder.names() == ["anna"]
    (folder.path / "anna.wav").rename(folder.path / "berta.wav")
    assert folder.names() == ["berta"]


def test_a_folder_that_is_gone_has_no_voices(folder, caplog):
    folder.path.rmdir()
    assert folder.names() == []
    assert folder.find("anna") is None
    assert "cannot be read" in caplog.text


def test_what_is_no_folder(tmp_path):
    with pytest.raises(NotFoundError, match="no such folder"):
        VoiceFolder(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="not a folder"):
        VoiceFolder(tmp_path / "file")


def test_words_beside_a_recording(folder):
    put(folder, "anna.wav", "bob.wav", "carl.wav", "dora.safetensors")
    put(folder, "anna.txt", "dora.txt", data="\ufeff What I say.\n".encode())
    put(folder, "bob.txt", data=b" \n")
    words = {name: folder.words(folder.find(name)) for name in folder.names()}
    assert words == {"anna": "What I say.", "bob": None, "carl": None, "dora": None}
    put(folder, "carl.txt", data=b"\xff\xfe\x00")
    with pytest.raises(VoiceError, match=r"carl\.txt"):
        folder.words(folder.find("carl"))


# --- with a model --------------------------------------------------------------------------------


def made(model, folder, name):
    """How many voices were made for this."""
    before = model.voice_cache.misses
    state = folder.load(model, name)
    return state, model.voice_cache.misses - before


@pytest.fixture
def own(folder, model):
    """The folder with one recording and one exported voice; the model knows none of them yet."""
    put(folder, "anna.wav", data=wav_of(hum(0.6)))
    model.export_voice(model.find_voice((hum(0.8, 150.0), 24000)), folder.path / "bob.safetensors")
    return folder


@pytest.mark.parametrize("name", ["anna", "bob"])
def test_a_voice_is_made_once_and_again_when_its_file_changes(model, own, name):
    path = own.find(name)
    first, count = made(model, own, name)
    assert count == 1
    assert made(model, own, name.upper())[1] == 0
    if name == "anna":
        path.write_bytes(wav_of(hum(0.9)))
    else:
        model.export_voice(model.find_voice((hum(1.2), 24000)), path)
    second, count = made(model, own, name)
    assert count == 1
    assert second.length != first.length
    os.utime(path, ns=(1, 1))
    assert made(model, own, name)[1] == 1
    path.unlink()
    with pytest.raises(VoiceError, match=f"no voice is called '{name}'"):
        own.load(model, name)


def test_it_is_the_same_voice_as_its_file(model, own):
    for name in own.names():
        ours, theirs = own.load(model, name), model.find_voice(own.find(name))
        sounds = [model.generate_audio(state, "Hello.", seed=1) for state in (ours, theirs)]
        np.testing.assert_array_equal(*sounds)
