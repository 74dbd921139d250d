"""What is no recording under a recording's name: one line that says what it is and what to do, and nothing else."""

import ctypes
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from fresh_python import run_python
from pocket_fast.audio.kinds import describe
from pocket_fast.audio.quiet import _streams, quiet
from pocket_fast.audio.read import read_audio
from pocket_fast.errors import AudioError
from recordings import encoded, hum

RNG = np.random.default_rng(6)
ADTS = bytes([0xFF, 0xF1, 0x50, 0x80, 0x0C, 0x9F, 0xFC]) + bytes(93)  # a frame of 100 bytes
OGG = b"OggS\0\2" + bytes(20) + b"\1\x50"

TO_CONVERT = {
    "m4a": b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0" + bytes(500),
    "mp4": b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + bytes(500),
    "mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(500),
    "webm": b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82\x84webm" + bytes(500),
    "aac": ADTS * 8,
    "wma": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(500),
    "amr": b"#!AMR\n" + bytes(500),
    "ac3": b"\x0b\x77" + RNG.bytes(500),
    "wv": b"wvpk" + bytes(500),
    "avi": b"RIFF\x24\0\0\0AVI LIST" + bytes(500),
    "spx": OGG + b"Speex   1.2" + bytes(500),
    "ts": (b"\x47" + bytes(187)) * 4,
}
OTHER = {
    "HTML": b"\n <!DOCTYPE html>\n<html><title>404 Not Found</title>" * 4,
    "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "JSON": b'{"error": {"message": "no such file"}}',
    "text": "Schöne Grüße, keine Aufnahme. ".encode() * 300,  # 4096 bytes end within a character
    "playlist": b"#EXTM3U\nhttps://host/a.mp3\n",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n",
    "ZIP": b"PK\x03\x04" + RNG.bytes(300),
    "PDF": b"%PDF-1.7\n" + RNG.bytes(300),
    "picture": b"\xff\xd8\xff\xe0\0\x10JFIF" + RNG.bytes(300),
    "MIDI": b"MThd\0\0\0\6" + bytes(300),
    "safetensors": (50).to_bytes(8, "little") + b'{"a":{"dtype":"F32"' + bytes(300),
    "zeros": bytes(5000),
    "not an audio file": RNG.bytes(3000),
}


def refusal(tmp_path, data, name):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(AudioError) as caught:
        read_audio(tmp_path / name)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / name}: ")
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("kind", TO_CONVERT)
@pytest.mark.parametrize("suffix", ["as it is", "mp3", "wav", ""])
def test_sound_of_another_kind_says_what_to_convert_it_to(tmp_path, kind, suffix):
    suffix = kind if suffix == "as it is" else suffix
    message = refusal(tmp_path, TO_CONVERT[kind], f"voice.{suffix}")
    assert kind in message.partition(": ")[2]
    assert "WAV" in message
    assert "ffmpeg -i" in message


@pytest.mark.parametrize("what", OTHER)
@pytest.mark.parametrize("name", ["voice.mp3", "voice.wav", "voice"])
def test_what_is_no_sound_says_what_it_is(tmp_path, capfd, what, name):
    assert what in refusal(tmp_path, OTHER[what], name)
    assert capfd.readouterr() == ("", "")


def test_a_tag_in_front_hides_nothing(tmp_path):
    tag = b"ID3\x04\0\0\0\0\x01\x00" + b"x" * 128
    assert "HTML" in refusal(tmp_path, tag + OTHER["HTML"], "a.mp3")
    assert "not an audio file" in refusal(tmp_path, tag + RNG.bytes(500), "a.mp3")
    assert "m4a" in refusal(tmp_path, tag + TO_CONVERT["m4a"], "a.mp3")


def test_headerless_audio_is_told_by_its_name(tmp_path):
    assert "states no sample rate" in refusal(tmp_path, RNG.bytes(3000), "a.raw")
    assert "states no sample rate" in describe(RNG.bytes(3000), Path("a.PCM"))


def test_a_coding_that_is_not_built_in(tmp_path):
    data = bytearray(encoded(hum(0.5)))
    data[20:22] = (0x161).to_bytes(2, "little")  # Windows Media Audio in a WAV
    assert "convert it" in refusal(tmp_path, bytes(data), "a.wav")


def test_a_file_of_macos_beside_it_does_not_matter(tmp_path):
    """Disks that were in a Mac have one beside every file; libsndfile takes it for the header of another format."""
    for name, form in (("a.mp3", ("MP3", "MPEG_LAYER_III")), ("a.wav", ("WAV", "PCM_16"))):
        (tmp_path / name).write_bytes(encoded(hum(1.0), 24000, *form))
        (tmp_path / f"._{name}").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(200))
        assert len(read_audio(tmp_path / name)[0]) == 24000


# --- silence ---------------------------------------------------------------------------------------

READ_ALL = """
import logging, random, sys
from pathlib import Path
from pocket_fast.audio.read import read_audio
from pocket_fast.errors import AudioError

logging.disable(logging.CRITICAL)
path = Path(sys.argv[1])
original, random_ = path.read_bytes(), random.Random(1)
for round in range(60):
    data = bytearray(original)
    for _ in range(random_.randrange(1, 4)):
        at, length = random_.randrange(len(data)), random_.randrange(1, 900)
        data[at : at + length] = random_.choice((random_.randbytes(length), bytes(length), b""))
    path.write_bytes(data)
    try:
        read_audio(path)
    except AudioError:
        pass
print("done")
"""

needs_variables = pytest.mark.skipif(not _streams()[0], reason="C's streams are no variables on this system")


@needs_variables
@pytest.mark.parametrize(
    "form", [("MP3", "MPEG_LAYER_III"), ("SDS", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")]
)
def test_nothing_is_printed_about_damage(tmp_path, form):
    path = tmp_path / "voice"
    sound = (RNG.normal(0, 0.1, 48000)).astype(np.float32)
    path.write_bytes(encoded(sound, 24000, *form))
    done = run_python(READ_ALL, argv=[str(path)])
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@needs_variables
def test_others_may_write_meanwhile(capfd):
    """File descriptors stay as they are; only what C code says through its own streams is lost, and only as long."""
    program = ctypes.CDLL(None)
    inside, go_on = threading.Event(), threading.Event()

    def be_quiet():
        with quiet:
            inside.set()
            assert go_on.wait(60)

    thread = threading.Thread(target=be_quiet)
    program.perror(b"before")
    thread.start()
    assert inside.wait(60)
    program.perror(b"lost")
    with quiet:
        program.perror(b"lost")
    program.perror(b"lost")
    os.write(2, b"Python\n")
    go_on.set()
    thread.join()
    program.perror(b"after")
    lines = capfd.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["before", "Python", "after"]


@needs_variables
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_is_not_quiet_for_ever():
    code = """
import ctypes, os
from pocket_fast.audio.quiet import quiet
program = ctypes.CDLL(None)
with quiet:
    child = os.fork()
    if child == 0:
        program.perror(b"child")
        os._exit(0)
    os.waitpid(child, 0)
    program.perror(b"parent")
"""
    done = run_python(code)
    assert done.stderr.startswith("child")
    assert "parent" not in done.stderr


def test_where_c_has_no_such_variables(monkeypatch):
    _streams.cache_clear()
    monkeypatch.setattr(sys, "platform", "win32")
    try:
        with quiet:
            assert _streams() == ([], None)
    finally:
        _streams.cache_clear()
