"""open_writer: bytes, sizes and clipping; what is left behind when things go wrong."""

import io
import os
import struct
import sys
import wave

import numpy as np
import pytest
import soundfile

from pocket_fast.audio.codecs import to_int16, wav_header
from pocket_fast.audio.formats import FORMATS, find_format
from pocket_fast.audio.read import read_audio
from pocket_fast.audio.write import open_writer
from pocket_fast.errors import AudioError, UnsupportedError

RNG = np.random.default_rng(11)
LOSSY = {"mp3", "ogg", "opus"}


def speechlike(seconds=1.0):
    t = np.arange(int(24000 * seconds)) / 24000
    return (0.4 * np.sin(2 * np.pi * 220 * t) * np.sin(np.pi * 3 * t) ** 2).astype(np.float32)


def write_all(target, x, format=None, chunk=1920):
    with open_writer(target, format) as writer:
        for i in range(0, len(x), chunk):
            writer.write(x[i : i + chunk])
    return writer


class Pipe(io.RawIOBase):
    """An unseekable file object that takes at most `most` bytes at a time and records the chunks."""

    def __init__(self, most=1 << 20):
        self.most, self.chunks = most, []

    def writable(self):
        return True

    def write(self, data):
        taken = bytes(data)[: self.most]
        self.chunks.append(taken)
        return len(taken)

    def getvalue(self):
        return b"".join(self.chunks)


class Broken(Pipe):
    """Fails after `good` writes with the given error."""

    def __init__(self, good, error):
        super().__init__()
        self.good, self.error = good, error

    def write(self, data):
        if len(self.chunks) >= self.good:
            raise self.error
        return super().write(data)


# -- samples ---------------------------------------------------------------------------------------


def test_conversion_is_times_32767_toward_zero():
    x = np.array([0, 1, -1, 0.99999, -0.99999, 1.9 / 32767, -1.9 / 32767, 0.5], np.float32)
    assert to_int16(x).tolist() == [0, 32767, -32767, 32766, -32766, 1, -1, 16383]


def test_clipping_is_counted_once_per_sample(tmp_path):
    with open_writer(tmp_path / "x.wav") as writer:
        writer.write(np.array([0.5, 1.0, -1.0], np.float32))
        writer.write(np.array([1.0001, -3, 1e30], np.float32))
    assert writer.clipped == 3
    assert writer.samples == 6
    pcm, _ = soundfile.read(tmp_path / "x.wav", dtype="int16")
    assert pcm.tolist() == [16383, 32767, -32767, 32767, -32767, 32767]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_their_place(bad):
    out = io.BytesIO()
    writer = open_writer(out, "raw")
    writer.write(np.zeros(24000, np.float32))
    chunk = np.zeros(24000, np.float32)
    chunk[12000] = bad
    with pytest.raises(AudioError, match=r"at 1\.500 s"):
        writer.write(chunk)
    assert len(out.getvalue()) == 48000  # nothing of the bad chunk


@pytest.mark.parametrize("chunk", [np.zeros((1, 10), np.float32), np.zeros(10, np.int16), np.float32(0.5)])
def test_other_shapes_and_types_are_refused(chunk):
    with pytest.raises(AudioError, match=r"expected float samples of shape \(n,\)"):
        open_writer(io.BytesIO()).write(chunk)


def test_chunking_does_not_change_the_file():
    x = speechlike()
    files = []
    for chunk in (1, 333, 24000):
        out = io.BytesIO()
        write_all(out, x[:3000], chunk=chunk)
        files.append(out.getvalue())
    assert files[0] == files[1] == files[2]


def test_empty_chunks_and_float64_are_fine():
    out = io.BytesIO()
    with open_writer(out, "raw") as writer:
        writer.write(np.zeros(0, np.float32))
        writer.write(np.array([0.25]))
    assert np.frombuffer(out.getvalue(), "<i2").tolist() == [8191]


def test_silence_is_exact_zeros():
    out = io.BytesIO()
    with open_writer(out, "raw") as writer:
        writer.silence(20001)
        writer.silence(0)
    assert out.getvalue() == bytes(40002)
    assert writer.samples == 20001


def test_raw_is_little_endian_int16_without_header(tmp_path):
    x = speechlike(0.1)
    for name in ("x.raw", "x.pcm", "x.s16le"):
        write_all(tmp_path / name, x)
        assert (tmp_path / name).read_bytes() == (x * np.float32(32767)).astype("<i2").tobytes()


# -- WAV -------------------------------------------------------------------------------------------


def test_wav_file_has_true_sizes(tmp_path):
    x = speechlike()
    write_all(tmp_path / "x.wav", x)
    data = (tmp_path / "x.wav").read_bytes()
    assert len(data) == 44 + 48000
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    assert struct.unpack("<I", data[40:44])[0] == 48000
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert file.getparams()[:4] == (1, 2, 24000, 24000)
    assert np.array_equal(read_audio(tmp_path / "x.wav")[0], to_int16(x).astype(np.float32) / 32768)


def test_wav_down_a_pipe_announces_an_unknown_length():
    pipe = Pipe()
    x = speechlike(0.1)
    write_all(pipe, x)
    data = pipe.getvalue()
    assert data[:44] == wav_header(24000, None)
    assert data[44:] == to_int16(x).tobytes()


def test_every_chunk_is_sent_at_once():
    pipe = Pipe()
    writer = open_writer(pipe)
    assert pipe.chunks == []  # nothing before there is sound: an error until then leaves the pipe clean
    writer.write(speechlike(0.08))
    assert len(pipe.getvalue()) == 44 + 2 * 1920
    writer.write(speechlike(0.08))
    assert len(pipe.getvalue()) == 44 + 4 * 1920


def test_short_writes_are_completed():
    pipe = Pipe(most=7)
    x = speechlike(0.1)
    write_all(pipe, x, "raw")
    assert pipe.getvalue() == to_int16(x).tobytes()


def test_a_file_object_need_only_write():
    class Minimal:
        def __init__(self):
            self.data = b""

        def write(self, data):
            self.data += data

    target = Minimal()
    write_all(target, speechlike(0.1))
    assert len(target.data) == 44 + 4800


def test_a_file_object_that_takes_nothing_does_not_hang():
    with pytest.raises(OSError, match="no more bytes"):
        write_all(Pipe(most=0), speechlike(0.1))


@pytest.mark.parametrize("format", ["wav", "flac", "aiff"])
def test_something_may_precede_us_in_a_file_object(format):
    out = io.BytesIO()
    out.write(b"before")
    write_all(out, speechlike(), format)
    assert not out.closed
    data = out.getvalue()
    assert data[:6] == b"before"
    pcm, _ = soundfile.read(io.BytesIO(data[6:]), dtype="int16")
    assert np.array_equal(pcm, to_int16(speechlike()))


def test_a_file_opened_for_appending_is_not_patched(tmp_path):
    path = tmp_path / "x.wav"
    path.write_bytes(b"before")
    with open(path, "ab") as out:
        write_all(out, speechlike(0.1))
    data = path.read_bytes()
    assert len(data) == 6 + 44 + 4800
    assert data[6 : 6 + 44] == wav_header(24000, None)


@pytest.mark.parametrize("data_bytes", [None, 10**10, 0xFFFFFFFF - 35])
def test_sizes_stop_where_32_bits_end(data_bytes):
    header = wav_header(24000, data_bytes)
    riff, data = struct.unpack("<I", header[4:8])[0], struct.unpack("<I", header[40:44])[0]
    assert riff == 0xFFFFFFFF
    assert data % 2 == 0  # whole samples
    assert riff - 36 - 1 <= data <= riff - 36  # and all of the file
    assert len(header) == 44


def test_a_writer_closed_without_samples_leaves_a_valid_empty_file(tmp_path):
    open_writer(tmp_path / "x.wav").close()
    assert (tmp_path / "x.wav").read_bytes() == wav_header(24000, 0)


# -- formats ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("raw", "aac")])
@pytest.mark.parametrize("seekable", [True, False])
def test_every_format_reads_back(tmp_path, name, seekable):
    x = speechlike(2.0)
    path = tmp_path / "out"
    if seekable:
        write_all(path, x, name)
    else:
        pipe = Pipe()
        write_all(pipe, x, name)
        path.write_bytes(pipe.getvalue())
    samples, rate = read_audio(path)
    assert rate == 24000
    if name not in LOSSY:
        assert np.array_equal(samples, to_int16(x).astype(np.float32) / 32768)
        return
    delay = (
        0 if seekable or name != "mp3" else 1105
    )  # libsndfile skips LAME's delay only if it knows the length
    assert abs(len(samples) - len(x) - delay) <= (0 if seekable or name != "mp3" else 1152)
    n = min(len(x), len(samples) - delay)
    assert np.corrcoef(samples[delay : delay + n], x[:n])[0, 1] > 0.99


@pytest.mark.parametrize("name", ["flac", "mp3", "ogg", "opus"])
def test_compressed_formats_flow_down_a_pipe(name):
    pipe = Pipe()
    writer = open_writer(pipe, name)
    noise = (0.1 * RNG.standard_normal(24000)).astype(np.float32)
    sizes = []
    for _ in range(8):
        writer.write(noise)
        sizes.append(len(pipe.getvalue()))
    writer.close()
    assert 0 < sizes[3] < sizes[7] <= len(pipe.getvalue())


def test_formats_that_must_be_patched_wait_for_the_end():
    pipe = Pipe()
    writer = open_writer(pipe, "aiff")
    writer.write(speechlike())
    assert pipe.getvalue() == b""
    writer.close()
    assert len(pipe.getvalue()) > 48000


def test_one_very_long_chunk():
    """libsndfile's Vorbis encoder crashes the process when it is given minutes at once."""
    out = io.BytesIO()
    x = np.tile(speechlike(10), 12)
    write_all(out, x, "ogg", chunk=len(x))
    assert soundfile.info(io.BytesIO(out.getvalue())).frames == len(x)


@pytest.mark.parametrize(
    ("target", "format", "expected"),
    [
        ("x.wav", None, "wav"),
        ("x.WAV", None, "wav"),
        ("x.wave", None, "wav"),
        ("a.b/x.Mp3", None, "mp3"),
        ("x.oga", None, "ogg"),
        ("x.aif", None, "aiff"),
        ("x.opus", None, "opus"),
        ("x.pcm", None, "raw"),
        ("x", None, "wav"),
        ("-", None, "wav"),
        (io.BytesIO(), None, "wav"),
        ("x.wav", "flac", "flac"),
        ("x.xyz", ".FLAC", "flac"),
        ("-", "s16le", "raw"),
    ],
)
def test_how_the_format_is_found(target, format, expected):
    assert find_format(target, format).name == expected


@pytest.mark.parametrize(
    ("target", "format"), [("x.m4a", None), ("x.wav", "m4b"), ("x.wav", ""), ("-", "htk")]
)
def test_an_unknown_format_names_those_there_are(tmp_path, monkeypatch, target, format):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AudioError, match=r"unknown.*wav raw flac mp3 ogg opus") as caught:
        open_writer(target, format)
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_a_rate_that_a_format_cannot_have_is_refused_before_any_work(tmp_path):
    with pytest.raises(AudioError, match="cannot write opus at 44100 Hz"):
        open_writer(tmp_path / "x.opus", sample_rate=44100)
    assert os.listdir(tmp_path) == []


def test_without_libsndfile_wav_and_raw_remain(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    write_all(tmp_path / "x.wav", speechlike(0.1))
    write_all(tmp_path / "x.raw", speechlike(0.1))
    with pytest.raises(UnsupportedError, match="libsndfile"):
        open_writer(tmp_path / "x.flac")
    assert sorted(os.listdir(tmp_path)) == ["x.raw", "x.wav"]


@pytest.mark.reference
def test_the_bytes_of_the_reference(tmp_path):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("pocket_tts.data.audio")
    x = (0.7 * RNG.standard_normal(24000)).astype(np.float32)  # some of it clips
    chunks = np.split(x, 10)
    theirs.stream_audio_chunks(str(tmp_path / "theirs.wav"), map(torch.from_numpy, chunks), 24000)
    with open_writer(tmp_path / "ours.wav") as writer:
        for chunk in chunks:
            writer.write(chunk)
        writer.silence(4800)
    assert (tmp_path / "ours.wav").read_bytes() == (tmp_path / "theirs.wav").read_bytes()
    assert writer.clipped == np.count_nonzero(np.abs(x) > 1) > 0
