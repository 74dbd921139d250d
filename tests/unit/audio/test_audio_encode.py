"""open_encoder: what comes out, when, what decoders make of it, whole or cut."""

import io
import re
import shutil
import subprocess
import sys
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile
import soundfile

from pocket_fast.audio.codecs import LibraryEncoder, to_int16
from pocket_fast.audio.encode import available_formats, open_encoder
from pocket_fast.audio.read import read_audio
from pocket_fast.audio.write import open_writer
from pocket_fast.errors import AudioError

FRAME = 1920
FORMATS = (
    "mp3",
    "opus",
    "flac",
    "wav",
    "pcm",
)  # all of libsndfile's and our own; for AAC see test_audio_aac.py
EXACT = ("wav", "flac", "pcm")
FIRST = {"mp3": 800, "opus": 1441, "flac": 1153, "wav": 1, "pcm": 1}
SPEECH, _ = read_audio(Path(__file__).parents[3] / "ref.wav", max_seconds=5)
SPEECH = SPEECH[6000:]  # from the first word on


@pytest.fixture
def fresh():
    """The formats are looked for again, before and after."""
    available_formats.cache_clear()
    yield
    available_formats.cache_clear()


def portions(x, format, chunk=FRAME, samples=None):
    """(what each encode gave, what finish gave)"""
    encoder = open_encoder(format, samples=samples)
    return [encoder.encode(x[i : i + chunk]) for i in range(0, len(x), chunk)], encoder.finish()


def whole(x, format, **options):
    parts, last = portions(x, format, **options)
    return b"".join(parts) + last


def decoded(data, format, tmp_path):
    if format == "pcm":
        return np.frombuffer(data, "<i2").astype(np.float32) / 32768
    path = tmp_path / "answer"
    path.write_bytes(data)
    return read_audio(path)[0]


def place(y, x):
    """Where x is found in y, up to 0.1 s from its start."""
    y, x = y[:36000], x[: min(len(y), 36000) - 2400]
    return int(np.argmax(np.correlate(y, x, "valid")))


# -- formats ---------------------------------------------------------------------------------------


def test_everything_is_available_with_the_libsndfile_of_the_wheel():
    assert tuple(name for name in available_formats() if name != "aac") == FORMATS


@pytest.mark.parametrize("format", ["m4a", "MP3", "", "aiff", "raw"])
def test_anything_else_is_refused_with_what_there_is(format):
    with pytest.raises(AudioError, match=rf"{format!r}.*choose one of: mp3 opus flac wav pcm( aac)?$"):
        open_encoder(format)


@pytest.mark.usefixtures("fresh")
def test_a_libsndfile_without_mp3(monkeypatch):
    create = LibraryEncoder.__init__

    def refuse(self, sink, format, *more):
        if format.name == "mp3":
            raise AudioError("this libsndfile cannot")
        create(self, sink, format, *more)

    monkeypatch.setattr(LibraryEncoder, "__init__", refuse)
    with pytest.raises(
        AudioError, match=r"'mp3' cannot be encoded here; choose one of: opus flac wav pcm( aac)?$"
    ):
        open_encoder("mp3")


@pytest.mark.usefixtures("fresh")
def test_no_libsndfile_at_all(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert available_formats()[:2] == ("wav", "pcm")
    assert whole(SPEECH, "pcm") == to_int16(SPEECH).tobytes()


def test_media_types():
    types = {format: open_encoder(format).media_type for format in FORMATS}
    assert types == {
        "mp3": "audio/mpeg",
        "opus": "audio/ogg",
        "flac": "audio/flac",
        "wav": "audio/wav",
        "pcm": "audio/pcm",
    }


def test_a_rate_that_the_format_lacks():
    with pytest.raises(AudioError, match="opus at 44100 Hz"):
        open_encoder("opus", 44100)


# -- sound -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("n", [1, 999, len(SPEECH)])
def test_a_known_length_comes_back_exactly(tmp_path, format, n):
    data = whole(SPEECH[:n], format, samples=n)
    if format != "pcm":
        assert soundfile.info(io.BytesIO(data)).frames == n
    if n < 1000:
        return
    y = decoded(data, format, tmp_path)
    assert len(y) == n
    if format in EXACT:
        assert np.array_equal(y, to_int16(SPEECH).astype(np.float32) / 32768)
    else:
        assert np.corrcoef(y, SPEECH)[0, 1] > 0.99


@pytest.mark.parametrize("format", FORMATS)
def test_an_open_length(tmp_path, format):
    y = decoded(whole(SPEECH, format), format, tmp_path)
    if format in EXACT:
        assert np.array_equal(y, to_int16(SPEECH).astype(np.float32) / 32768)
        return
    delay = 1105 if format == "mp3" else 0
    assert place(y, SPEECH) == delay
    assert 0 <= len(y) - delay - len(SPEECH) <= (1151 if format == "mp3" else 0)
    n = min(len(SPEECH), len(y) - delay)
    assert np.corrcoef(y[delay : delay + n], SPEECH[:n])[0, 1] > 0.99


@pytest.mark.parametrize("rate", [16000, 24000, 44100])
def test_mp3_of_another_rate_keeps_its_length(tmp_path, rate):
    x = np.sin(np.arange(20000) * 0.05).astype(np.float32) * 0.5
    encoder = open_encoder("mp3", rate, samples=len(x))
    y = decoded(encoder.encode(x) + encoder.finish(), "mp3", tmp_path)
    assert len(y) == len(x)
    assert np.corrcoef(x[2000:-2000], y[2000:-2000])[0, 1] > 0.99


def test_samples_are_clipped_not_wrapped():
    data = whole(np.array([1.5, -7.0, 0.5], np.float32), "pcm")
    assert np.frombuffer(data, "<i2").tolist() == [32767, -32767, 16383]


def test_bad_chunks_are_refused_and_the_stream_goes_on():
    encoder = open_encoder("pcm")
    for bad in (np.array([0, np.nan], np.float32), np.zeros((1, 5), np.float32), np.zeros(5, np.int16)):
        with pytest.raises(AudioError):
            encoder.encode(bad)
    assert encoder.encode(np.zeros(3, np.float32)) == bytes(6)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("samples", [3000, 5000])
def test_an_announced_length_is_held(format, samples):
    encoder = open_encoder(format, samples=samples)
    encoder.encode(SPEECH[:4000])
    with pytest.raises(AudioError, match=f"{samples} samples were announced, but 4000 written"):
        encoder.finish()


# -- bytes as they come ----------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_sound_comes_out_as_soon_as_the_codec_can_give_it(format):
    encoder = open_encoder(format)
    encoder.encode(SPEECH[:0])  # the header, of some
    given = [bool(encoder.encode(SPEECH[i : i + 1])) for i in range(3000)]
    given[0] &= format in ("wav", "pcm")  # the header of the others
    assert given.index(True) < FIRST[format]


@pytest.mark.parametrize("format", FORMATS)
def test_every_two_frames_give_bytes(format):
    parts, _ = portions(SPEECH, format, chunk=2 * FRAME)
    assert all(parts[:-1])
    assert max(map(len, parts)) < 4 * np.mean([len(part) for part in parts])


@pytest.mark.parametrize("format", FORMATS)
def test_grouping_changes_nothing(format):
    def stable(data):  # the one field of Ogg that is drawn at random, and the checksums over it
        return re.sub(rb"(?s)(OggS.{10}).{4}(.{4}).{4}", rb"\1\2", data)

    files = {stable(whole(SPEECH[:20000], format, chunk=chunk)) for chunk in (333, 1920, 20000)}
    assert len(files) == 1


@pytest.mark.parametrize("format", ["mp3", "opus", "wav", "flac"])
@pytest.mark.parametrize("samples", [None, len(SPEECH)])
@pytest.mark.parametrize("share", [0.5, 0.77])
def test_a_listener_who_leaves_early_has_valid_sound(tmp_path, format, samples, share):
    data = whole(SPEECH, format, samples=samples)
    y = decoded(data[: int(share * len(data)) // 2 * 2], format, tmp_path)
    assert abs(len(y) / len(SPEECH) - share) < 0.25  # pauses cost few bytes
    start = place(y, SPEECH)
    n = min(len(y) - start, len(SPEECH)) - 1200
    assert np.corrcoef(y[start : start + n], SPEECH[:n])[0, 1] > 0.98


@pytest.mark.parametrize("format", FORMATS)
def test_an_encoder_that_is_dropped_is_silent(format, capfd):
    encoder = open_encoder(format)
    encoder.encode(SPEECH[:10000])
    del encoder
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("format", FORMATS)
def test_memory_stays_flat(format):
    encoder = open_encoder(format)
    for _ in range(3):
        encoder.encode(SPEECH)
    tracemalloc.start()
    try:
        for _ in range(10):
            encoder.encode(SPEECH)
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()


# -- headers ---------------------------------------------------------------------------------------


def with_wave(path):
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


def with_soundfile(path):
    return soundfile.read(path, dtype="int16")[0].tobytes()


def with_scipy(path):
    with pytest.warns(scipy.io.wavfile.WavFileWarning, match="Reached EOF prematurely"):
        return scipy.io.wavfile.read(path)[1].tobytes()


def with_pydub(path):
    pydub = pytest.importorskip("pydub", reason="needs `pip install pydub`")
    return pydub.AudioSegment.from_wav(path).raw_data


def with_pyav(path):
    av = pytest.importorskip("av", reason="needs `pip install av`")
    with av.open(str(path)) as file:
        return b"".join(frame.to_ndarray().tobytes() for frame in file.decode(audio=0))


def with_program(*words):
    def read(path):
        if shutil.which(words[0]) is None:
            pytest.skip(f"no {words[0]} found")
        words_of = [str(path) if word == "FILE" else word for word in words]
        return subprocess.run(words_of, stdin=path.open("rb"), capture_output=True, check=True).stdout

    return read


READERS = {
    "wave": with_wave,
    "soundfile": with_soundfile,
    "scipy": with_scipy,
    "pydub": with_pydub,
    "PyAV": with_pyav,
    "ffmpeg": with_program("ffmpeg", "-v", "error", "-i", "FILE", "-f", "s16le", "-"),
    "ffmpeg, piped": with_program("ffmpeg", "-v", "error", "-i", "-", "-f", "s16le", "-"),
    "sox": with_program("sox", "FILE", "-t", "raw", "-"),
    "sox, piped": with_program("sox", "-t", "wav", "-", "-t", "raw", "-"),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_wav_of_open_length_is_read_to_its_end(tmp_path, read):
    path = tmp_path / "open.wav"
    path.write_bytes(whole(SPEECH, "wav"))
    assert read(path) == to_int16(SPEECH).tobytes()


def test_wav_of_open_length_says_so():
    """The rule of wyoming-openai, the strictest reader: the greatest RIFF size, and data that fill it."""
    header = open_encoder("wav").encode(SPEECH[:0])
    riff, data = (int.from_bytes(header[at : at + 4], "little") for at in (4, 40))
    assert len(header) == 44
    assert riff in (0xFFFFFFFF, 0x7FFFFFFF)
    assert riff - 36 - data < 2
    assert data % 2 == 0


def test_wav_of_known_length_is_the_file_that_would_be_written(tmp_path):
    with open_writer(tmp_path / "x.wav") as writer:
        writer.write(SPEECH)
    assert whole(SPEECH, "wav", samples=len(SPEECH)) == (tmp_path / "x.wav").read_bytes()


def test_the_info_frame_is_the_one_that_lame_writes():
    """Delay and padding of ours against those that libsndfile patches into a file."""
    for n in (1, 575, 576, 577, 8001, 50000):
        x = np.resize(SPEECH, n)
        out = io.BytesIO()
        with open_writer(out, "mp3") as writer:
            writer.write(x)
        theirs, ours = out.getvalue(), whole(x, "mp3", samples=n)
        assert len(theirs) == len(ours)
        at_theirs, at_ours = theirs.index(b"LAME") + 21, ours.index(b"LAME") + 21
        assert theirs[at_theirs : at_theirs + 3] == ours[at_ours : at_ours + 3]
        frames = theirs.index(b"Info") + 8
        assert theirs[frames : frames + 4] == ours[frames : frames + 4]
        assert theirs[240:] == ours[240:]  # the sound
