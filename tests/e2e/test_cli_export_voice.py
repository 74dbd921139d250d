"""export-voice: recordings in, states out that sound the same and load at once."""

import os
import shutil

import numpy as np
import pytest
import soundfile

from command_line import REF_WAV, error_of
from pocket_fast.weights.tensors import TensorFile


@pytest.fixture
def export(run, tiny):
    def export(*words):
        return run("export-voice", "--config", tiny / "config.yaml", *words)

    return export


def test_the_state_sounds_like_the_recording(export, speak, tiny, tmp_path):
    path = tmp_path / "voice.safetensors"
    result = export(tiny / "prompt.wav", path)
    assert (result.code, result.out) == (0, b"")
    assert result.err.startswith(f"INFO: {path}: 15 positions, ")  # 14 frames of a second and its pause, BOS
    with TensorFile(path) as state:
        assert state.shape("transformer.layers.1.self_attn/cache") == (2, 1, 15, 2, 32)
    noise = ("--temperature", 1, "--seed", 1)
    recording, exported = (
        speak("--stream", *noise, voice=voice).out for voice in (tiny / "prompt.wav", path)
    )
    assert recording == exported


def test_quiet_says_nothing(export, tiny):
    assert export(tiny / "prompt.wav", "voice.safetensors", "-q").err == ""


def test_the_first_30_seconds_are_used(export, tmp_path):
    samples, rate = soundfile.read(REF_WAV, dtype="int16")
    soundfile.write(tmp_path / "long.wav", np.tile(samples, 5), rate)
    assert export(tmp_path / "long.wav", "voice.safetensors").code == 0
    with TensorFile(tmp_path / "voice.safetensors") as state:
        positions = state.shape("transformer.layers.0.self_attn/cache")[2]
    assert 350 < positions <= 30 * 12.5 + 3


def test_a_state_can_be_exported_again(export, tiny, tmp_path):
    export(tiny / "prompt.wav", "a.safetensors")
    assert export("a.safetensors", "b.safetensors").code == 0
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_another_suffix_is_kept_with_a_warning(export, tiny, tmp_path):
    result = export(tiny / "prompt.wav", "voice.bin")
    assert result.code == 0
    assert result.err.startswith("WARNING: voice.bin: ")
    assert [path.name for path in tmp_path.iterdir()] == ["voice.bin"]


def test_a_folder(export, tiny, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for name in ("b.wav", "a.WAV"):
        shutil.copy(tiny / "prompt.wav", source / name)
    (source / "notes.txt").touch()
    assert export(source, tmp_path / "out", "-q").code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.safetensors", "b.safetensors"]


def test_a_folder_with_a_bad_recording_goes_on(export, tiny, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.wav").touch()
    shutil.copy(tiny / "prompt.wav", source / "b.wav")
    error = error_of(export(source, tmp_path / "out", "-q"))
    assert "a.wav: the file is empty" in error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.safetensors"]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("gone.wav", "a.safetensors", "gone.wav: no such file"),
        ("bad.wav", "a.safetensors", "not an audio file"),
        ("good.wav", "gone/a.safetensors", "there is no folder gone"),
        ("good.wav", "folder", "folder is a folder"),
        ("folder", "a", "no recordings in this folder"),
        ("recordings", "good.wav", "good.wav is a file"),
        ("recordings", "gone/out", "there is no folder gone"),
        ("alba", "a.safetensors", "give a recording"),
        pytest.param(
            "good.wav",
            "locked/a.safetensors",
            "write-protected",
            marks=pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write"),
        ),
    ],
)
def test_what_cannot_be_done(export, tiny, tmp_path, source, target, message):
    (tmp_path / "bad.wav").write_text("not audio")
    shutil.copy(tiny / "prompt.wav", tmp_path / "good.wav")
    (tmp_path / "folder").mkdir()
    (tmp_path / "locked").mkdir(mode=0o500)
    (tmp_path / "recordings").mkdir()
    shutil.copy(tiny / "prompt.wav", tmp_path / "recordings")
    before = sorted(tmp_path.rglob("*"))
    assert message in error_of(export(source, target, "-q"))
    assert sorted(tmp_path.rglob("*")) == before
