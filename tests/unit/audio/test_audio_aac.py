"""AAC, where PyAV is installed; what is said where it is not."""

import io
import shutil
import subprocess

import numpy as np
import pytest

from pocket_fast.audio import aac, encode
from pocket_fast.audio.encode import available_formats, open_encoder
from pocket_fast.audio.write import open_writer
from pocket_fast.errors import AudioError, UnsupportedError

T = np.arange(48000) / 24000
X = (0.4 * np.sin(2 * np.pi * 220 * T) * np.sin(2 * np.pi * 1.7 * T)).astype(np.float32)
DELAY = 1024


@pytest.fixture
def without(monkeypatch):
    """A machine that has no PyAV."""
    monkeypatch.setattr(aac, "find_spec", lambda name: None)
    encode.available_formats.cache_clear()
    yield
    monkeypatch.undo()
    encode.available_formats.cache_clear()


@pytest.fixture
def av():
    return pytest.importorskip("av", reason="PyAV is not installed")


def decoded(av, data):
    with av.open(io.BytesIO(data), format="aac") as file:
        frames = list(file.decode(audio=0))
    assert {(frame.sample_rate, frame.layout.name) for frame in frames} == {(24000, "mono")}
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def check(y, x):
    assert 0 <= len(y) - DELAY - len(x) < 1024
    y = y[DELAY : DELAY + len(x)]
    assert np.corrcoef(x, y)[0, 1] > 0.99


@pytest.mark.parametrize("size", [1, 480, 1920, 1024, 48000])
def test_what_is_sent_is_what_is_said(av, size):
    x = X[:3000] if size == 1 else X
    encoder = open_encoder("aac")
    parts = [encoder.encode(x[i : i + size]) for i in range(0, len(x), size)]
    data = b"".join(parts) + encoder.finish()
    assert data[0] == 0xFF
    assert data[1] & 0xF6 == 0xF0  # ADTS
    check(decoded(av, data), x)
    assert encoder.media_type == "audio/aac"


def test_it_comes_while_it_is_made(av):
    encoder = open_encoder("aac")
    got = [len(encoder.encode(X[i : i + 1024])) for i in range(0, len(X), 1024)]
    assert got[0] == 0
    assert all(got[3:-1])
    assert len(encoder.finish()) < 3000


@pytest.mark.parametrize("samples", [0, 1, 1023, 1025])
def test_short_ones(av, samples):
    encoder = open_encoder("aac")
    data = encoder.encode(X[:samples]) + encoder.finish()
    if samples:
        assert len(decoded(av, data)) >= samples


def test_a_file(av, tmp_path):
    with open_writer(tmp_path / "a.AAC") as writer:
        writer.write(X)
    check(decoded(av, (tmp_path / "a.AAC").read_bytes()), X)
    with pytest.raises(RuntimeError), open_writer(tmp_path / "b.aac") as writer:  # noqa: PT012
        writer.write(X)
        raise RuntimeError
    assert not (tmp_path / "b.aac").exists()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg found")
def test_what_another_decoder_makes_of_it(av):
    encoder = open_encoder("aac")
    data = encoder.encode(X) + encoder.finish()
    words = ["ffmpeg", "-v", "error", "-f", "aac", "-i", "-", "-f", "f32le", "-"]
    done = subprocess.run(words, input=data, capture_output=True, check=True)
    check(np.frombuffer(done.stdout, np.float32), X)


class Full(io.RawIOBase):
    """Takes a little, cannot seek."""

    def __init__(self, error):
        self.left, self.error = 3000, error

    def writable(self):
        return True

    def write(self, data):
        self.left -= len(data)
        if self.left < 0:
            raise self.error
        return len(data)


@pytest.mark.parametrize("error", [BrokenPipeError(), RuntimeError("mine"), KeyboardInterrupt()])
def test_errors_of_the_target_pass_unchanged(av, error, capfd):
    with pytest.raises(type(error)) as caught, open_writer(Full(error), "aac") as writer:
        writer.write(X)
    assert caught.value is error
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.usefixtures("without")
def test_where_it_cannot_be_had(tmp_path):
    assert "aac" not in available_formats()
    with pytest.raises(
        AudioError, match=r"'aac' cannot be encoded here; choose one of: mp3 opus flac wav pcm$"
    ):
        open_encoder("aac")
    with pytest.raises(UnsupportedError, match=r"pip install 'pocket-fast\[aac\]'.*: wav raw flac mp3"):
        open_writer(tmp_path / "a.aac")
    assert list(tmp_path.iterdir()) == []
