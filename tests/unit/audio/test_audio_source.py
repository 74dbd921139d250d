"""Where recordings come from: pipes are read once, and parts of files look like files."""

import io
import os
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from pocket_fast.audio import source
from pocket_fast.audio.read import read_audio
from pocket_fast.audio.source import View, drained, is_pipe, whole_file
from pocket_fast.errors import AudioError, NotFoundError
from recordings import encoded, hum

posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
SOUND = encoded(hum(1.0))


@pytest.fixture
def pipe(tmp_path):
    """pipe(data, name) -> the path of a named pipe into which the data go, once."""
    threads = []

    def pipe(data, name="pipe"):
        os.mkfifo(tmp_path / name)

        def write():
            try:
                with open(tmp_path / name, "wb") as out:
                    out.write(data)
            except BrokenPipeError:
                pass  # refused by its first bytes

        threads.append(threading.Thread(target=write))
        threads[-1].start()
        return tmp_path / name

    yield pipe
    for thread in threads:
        thread.join()


@posix
@pytest.mark.parametrize(
    "form",
    [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III"), ("OGG", "OPUS"), ("W64", "FLOAT")],
)
def test_a_named_pipe_is_read_once(pipe, form):
    samples, rate = read_audio(pipe(encoded(hum(2.0), 24000, *form)))
    assert (len(samples), rate) == (48000, 24000)


@posix
def test_the_descriptor_of_a_pipe():
    """What <(command) is in a shell."""
    out, into = os.pipe()
    os.write(into, SOUND[:60000])
    os.close(into)
    try:
        assert len(read_audio(f"/dev/fd/{out}")[0]) == 24000
    finally:
        os.close(out)


@posix
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "nothing came from it"),
        (b"<html>404</html>" * 9000, "web page"),
        (b"\0\0\0\x20ftypM4A " + bytes(90000), "ffmpeg -i"),
        (bytes(90000), "zeros"),
    ],
)
def test_what_is_no_recording_is_refused_by_its_first_bytes(pipe, data, message):
    with pytest.raises(AudioError, match=message):
        read_audio(pipe(data))


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such devices on this system")
def test_devices():
    with pytest.raises(AudioError, match="zeros"):
        read_audio("/dev/zero")
    with pytest.raises(AudioError, match="nothing came from it"):
        read_audio("/dev/null")


@posix
def test_a_pipe_without_end(pipe, monkeypatch):
    monkeypatch.setattr(source, "MOST_PIPED", 100_000)
    with pytest.raises(AudioError, match="more than 0 MiB"):
        read_audio(pipe(encoded(hum(10.0))))


def test_a_terminal():
    class Terminal(io.BytesIO):
        def isatty(self):
            return True

    with (
        pytest.raises(AudioError, match="standard input is a terminal"),
        drained(Terminal(SOUND), "standard input"),
    ):
        pass


@posix
def test_a_pipe_becomes_a_file_for_a_while(pipe, tmp_path):
    with whole_file(pipe(SOUND)) as path:
        assert path.read_bytes() == path.read_bytes() == SOUND
        assert path.name == "pipe"
    assert not path.parent.exists()
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    state = len(header).to_bytes(8, "little") + header + bytes(4)
    with whole_file(pipe(state, "another")) as path:
        assert path.name == "another.safetensors"
    file = tmp_path / "file"
    file.write_bytes(SOUND)
    with whole_file(file) as path:
        assert path == file


@posix
def test_what_is_a_pipe(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert {path.name for path in tmp_path.iterdir() if is_pipe(path)} == {"pipe", "socket"}
        with pytest.raises(AudioError, match="cannot be opened"):
            read_audio("socket")
    assert not is_pipe(tmp_path / "gone")
    assert not is_pipe(Path("x" * 5000))
    assert not is_pipe(Path("a\0b"))
    with pytest.raises(NotFoundError):
        read_audio(tmp_path / "gone")


def test_a_view_reads_like_a_file():
    whole = np.random.default_rng(1).bytes(5000)
    file = io.BytesIO(b"before" + whole[100:2000] + b"between" + whole[2010:] + b"behind")
    second = 6 + 1900 + 7
    view = View(file, [whole[:100], (6, 1906), b"", whole[2000:2010], (7, 7), (second, second + 2990)])
    assert view.size == 5000
    assert view.read() == whole
    for at, count in ((0, 10), (95, 20), (1999, 12), (4990, 100), (5000, 5), (9000, 5)):
        assert view.seek(at) == at
        assert view.read(count) == whole[at : at + count]
        assert view.tell() == max(at, min(at + count, 5000))
    view.seek(-10, 2)
    view.seek(4, 1)
    assert view.read() == whole[-6:]


def test_a_view_of_a_file_that_became_shorter():
    file = io.BytesIO(b"0123456789")
    view = View(file, [(2, 9), b"end"])
    file.truncate(5)
    assert view.read(20) == b"234"
