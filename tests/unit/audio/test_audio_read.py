"""read_audio: every container and width, the damaged and the absurd."""

import io
import logging
import os
import struct
import sys
import tracemalloc
import wave

import numpy as np
import pytest
import soundfile

from pocket_fast.audio import read
from pocket_fast.audio.read import read_audio
from pocket_fast.errors import AudioError, NotFoundError, UnsupportedError

RNG = np.random.default_rng(3)


def wav_bytes(pcm, rate=24000, width=2):
    """A PCM WAV by the standard library. pcm (n,) or (n, channels), already in the file's integers."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())
    return out.getvalue()


def pcm16(*shape):
    return RNG.integers(-32768, 32768, shape).astype("<i2")


def speechlike(n=24000, rate=24000, hz=220):
    t = np.arange(n) / rate
    return (0.3 * np.sin(2 * np.pi * hz * t) * np.sin(np.pi * 3 * t) ** 2).astype(np.float32)


@pytest.fixture
def file(tmp_path):
    def make(data, name="prompt.wav"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return make


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("rate", [8000, 44100, 192000])
def test_16_bit_is_value_over_32768_averaged_in_float32(file, channels, rate):
    pcm = pcm16(5000, channels)
    pcm[0], pcm[1] = -32768, 32767
    samples, got = read_audio(file(wav_bytes(pcm, rate)))
    expected = pcm.astype(np.float32) / 32768
    assert got == rate
    assert samples.dtype == np.float32
    assert samples.shape == (5000,)
    assert np.array_equal(samples, expected.mean(axis=1))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "IMA_ADPCM"),
        ("FLAC", "PCM_16"),
        ("MP3", "MPEG_LAYER_III"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
    ],
)
def test_block_borders_do_not_show(tmp_path, monkeypatch, container, subtype, channels):
    path = tmp_path / "x"
    noise = 0.2 * RNG.standard_normal((50001, channels))
    soundfile.write(path, noise, 24000, format=container, subtype=subtype)
    whole = soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)
    monkeypatch.setattr(read, "_BLOCK", 777 * channels)
    assert np.array_equal(read_audio(path)[0], whole)


def test_8_bit(file):
    samples, _ = read_audio(file(wav_bytes(np.array([0, 128, 255], np.uint8), width=1)))
    assert samples.tolist() == [-1, 0, 127 / 128]


def test_24_bit(file):
    values = [-(2**23), -1, 0, 1, 2**23 - 1]
    packed = np.frombuffer(b"".join(v.to_bytes(3, "little", signed=True) for v in values), np.uint8)
    samples, _ = read_audio(file(wav_bytes(packed, width=3)))
    assert samples.tolist() == [v / 2**23 for v in values]


def test_32_bit(file):
    values = np.array([-(2**31), 0, 2**30, 2**31 - 128], "<i4")
    samples, _ = read_audio(file(wav_bytes(values, width=4)))
    assert samples.tolist() == [-1, 0, 0.5, 1 - 2**-24]


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_float_wav_is_taken_as_it_is(tmp_path, subtype):
    x = np.array([0.1, -1.75, 3.5, 0], np.float32)
    path = tmp_path / "x.wav"
    soundfile.write(path, x, 16000, subtype=subtype)
    samples, rate = read_audio(path)
    assert rate == 16000
    assert np.array_equal(samples, x)


@pytest.mark.parametrize("container", ["WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "FLAC"])
def test_other_lossless_containers(tmp_path, container):
    pcm = pcm16(3000, 2)
    path = tmp_path / "x.wav"  # the name says nothing
    soundfile.write(path, pcm, 22050, format=container, subtype="PCM_16")
    samples, rate = read_audio(path)
    assert rate == 22050
    assert np.array_equal(samples, (pcm.astype(np.float32) / 32768).mean(axis=1))


LOSSY = [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS")]


@pytest.mark.parametrize(("container", "subtype"), LOSSY)
@pytest.mark.parametrize("name", ["x.wav", "x", "x.bin"])
def test_lossy_formats_are_known_by_content(tmp_path, container, subtype, name):
    x = speechlike()
    path = tmp_path / name
    soundfile.write(path, x, 24000, format=container, subtype=subtype)
    samples, rate = read_audio(path)
    assert rate == 24000
    assert samples.shape == x.shape
    assert np.corrcoef(samples, x)[0, 1] > 0.99


@pytest.mark.parametrize("padding", [b"\0", b""])
def test_an_odd_chunk_is_skipped_with_its_padding_or_without(file, padding):
    pcm = pcm16(100)
    data = wav_bytes(pcm)
    odd = data[:12] + b"LIST" + struct.pack("<I", 5) + b"abcde" + padding + data[12:]
    assert np.array_equal(read_audio(file(odd))[0], pcm.astype(np.float32) / 32768)


@pytest.mark.parametrize("size", [0x77359400, 0x7FFFF000, 0xFFFFFFDA, 0xFFFFFFFF])
def test_a_streamed_wav_reaches_to_the_end_of_the_file(file, size):
    pcm = pcm16(1000)
    data = bytearray(wav_bytes(pcm))
    struct.pack_into("<I", data, 4, min(size + 36, 0xFFFFFFFF))
    struct.pack_into("<I", data, 40, size)
    assert np.array_equal(read_audio(file(data))[0], pcm.astype(np.float32) / 32768)


def test_max_seconds_decodes_only_that_much(file):
    pcm = pcm16(24000, 2)
    path = file(wav_bytes(pcm, 44100))
    samples, _ = read_audio(path, max_seconds=0.25)
    whole, _ = read_audio(path)
    assert len(samples) == int(0.25 * 44100)
    assert np.array_equal(samples, whole[: len(samples)])
    assert np.array_equal(read_audio(path, max_seconds=30)[0], whole)


def test_a_huge_file_costs_only_what_is_asked(tmp_path):
    path = tmp_path / "long.wav"
    rate, channels = 192000, 8
    header = struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16)
    with open(path, "wb") as out:
        out.write(b"RIFF" + b"\xff" * 4 + b"WAVEfmt " + header + b"data" + b"\xff" * 4)
        out.truncate(44 + rate * channels * 2 * 7200)  # two hours; a hole, no disk is used
    tracemalloc.start()
    samples, _ = read_audio(path, max_seconds=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert samples.shape == (rate,)
    assert peak < 3e6  # the second itself is 0.8 MB, of all channels it would be 6 MB, the file is 22 GB


def test_hours_without_max_seconds_are_refused(tmp_path):
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 8000, 1) as out:
        for _ in range(61):
            out.write(np.zeros(80000, np.int16))
    with pytest.raises(AudioError, match=r"610 s of audio.*first 30 s"):
        read_audio(path)
    assert read_audio(path, max_seconds=2)[0].shape == (16000,)


def test_flac_of_unknown_length(file, monkeypatch, caplog):
    """A FLAC that was sent down a pipe says 0 samples; it is as long as it decodes."""
    out = io.BytesIO()
    soundfile.write(out, speechlike(), 24000, format="FLAC")
    data = bytearray(out.getvalue())
    data[21] &= 0xF0  # the 36 bits of total samples
    data[22:26] = bytes(4)
    path = file(data)
    samples, _ = read_audio(path)
    assert samples.shape == (24000,)
    assert not caplog.records
    monkeypatch.setattr(read, "MAX_SECONDS", 0.5)
    with pytest.raises(AudioError, match="first 30 s"):
        read_audio(path)


def test_exactly_the_limit_is_accepted(file, monkeypatch):
    monkeypatch.setattr(read, "MAX_SECONDS", 0.5)
    assert len(read_audio(file(wav_bytes(pcm16(12000))))[0]) == 12000
    with pytest.raises(AudioError):
        read_audio(file(wav_bytes(pcm16(12001))))


def test_missing(tmp_path):
    with pytest.raises(NotFoundError, match=r"nobody\.wav"):
        read_audio(tmp_path / "nobody.wav")


def test_a_directory(tmp_path):
    with pytest.raises(AudioError, match="is a directory"):
        read_audio(tmp_path)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_no_permission(file):
    path = file(wav_bytes(pcm16(10)))
    path.chmod(0)
    with pytest.raises(AudioError, match="permission"):
        read_audio(path)


@pytest.mark.parametrize("name", ["a\0b.wav", "x" * 5000])
def test_impossible_names(name):
    with pytest.raises(AudioError, match="cannot be opened"):
        read_audio(name)


@pytest.mark.skipif(sys.platform != "linux", reason="names of arbitrary bytes")
def test_a_name_that_is_not_utf8(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.wav")
    with open(path, "wb") as out:
        out.write(wav_bytes(pcm16(10)))
    assert len(read_audio(os.fsdecode(path))[0]) == 10


@pytest.mark.parametrize(
    "data",
    [b"RIFF", b"hello, I am a text file\n" * 50, bytes(10000), RNG.bytes(5000), b'{"a": 1}' * 100],
    ids=["four bytes", "text", "zeros", "noise", "json"],
)
@pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.txt", "x.raw"])
def test_what_is_not_audio(file, data, name):
    with pytest.raises(AudioError) as caught:
        read_audio(file(data, name))
    message = str(caught.value)
    assert name in message
    assert "\n" not in message


def test_an_empty_file(file):
    with pytest.raises(AudioError, match="empty"):
        read_audio(file(b""))


@pytest.mark.parametrize("kept", [43, 44, 45])
def test_a_header_without_samples(file, kept):
    with pytest.raises(AudioError, match="no samples"):
        read_audio(file(wav_bytes(pcm16(1000))[:kept]))


def test_max_seconds_of_nothing(file):
    with pytest.raises(AudioError, match="no samples"):
        read_audio(file(wav_bytes(pcm16(1000))), max_seconds=0)


@pytest.mark.parametrize("kept", [46, 47, 1000, 1001])
def test_a_truncated_wav_gives_what_is_there(file, kept):
    pcm = pcm16(1000)
    samples, _ = read_audio(file(wav_bytes(pcm)[:kept]))
    assert np.array_equal(samples, pcm[: (kept - 44) // 2].astype(np.float32) / 32768)


@pytest.mark.parametrize(("container", "subtype"), [("FLAC", "PCM_16"), *LOSSY])
def test_truncated_compressed_audio_gives_a_beginning(tmp_path, container, subtype, caplog):
    x = (speechlike(240000) + 0.02 * RNG.standard_normal(240000)).astype(np.float32)
    path = tmp_path / "x.bin"
    soundfile.write(path, x, 24000, format=container, subtype=subtype)
    with open(path, "r+b") as out:
        out.truncate(path.stat().st_size // 2)
    with caplog.at_level(logging.WARNING, "pocket_fast.audio"):
        samples, _ = read_audio(path)
    assert 24000 < len(samples) < 200000
    n = len(samples) - 4000  # the last block of a cut MP3 is noise
    assert np.corrcoef(samples[:n], x[:n])[0, 1] > 0.9
    if container in ("FLAC", "MP3"):  # these announce a length
        assert "cut short" in caplog.text


def test_a_flac_with_nothing_decodable(tmp_path):
    path = tmp_path / "x.flac"
    soundfile.write(path, speechlike(), 24000)
    with open(path, "r+b") as out:
        out.truncate(100)
    with pytest.raises(AudioError, match="damaged"):
        read_audio(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [1, 2])
def test_nan_and_infinity_are_errors_that_say_where(tmp_path, bad, channels):
    x = np.full((48000, channels), 0.1, np.float32)
    x[36000, 0] = bad
    path = tmp_path / "x.wav"
    soundfile.write(path, x, 24000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"NaN or infinite sample at 1\.500 s"):
        read_audio(path)
    assert len(read_audio(path, max_seconds=1)[0]) == 24000


def test_silence_is_allowed_with_a_warning(file, caplog):
    with caplog.at_level(logging.WARNING, "pocket_fast.audio"):
        samples, _ = read_audio(file(wav_bytes(np.zeros(1000, np.int16))))
    assert samples.shape == (1000,)
    assert "silent" in caplog.text


def test_one_sample_is_allowed(file, caplog):
    samples, _ = read_audio(file(wav_bytes(np.array([16384], "<i2"))))
    assert samples.tolist() == [0.5]
    assert not caplog.records


def test_without_libsndfile(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(UnsupportedError, match="libsndfile"):
        read_audio(file(wav_bytes(pcm16(10))))


@pytest.mark.reference
@pytest.mark.parametrize("channels", [1, 2, 3, 8])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.wav", {"subtype": "PCM_16"}),
        ("x.wav", {"subtype": "PCM_U8"}),
        ("x.wav", {"subtype": "PCM_24"}),
        ("x.wav", {"subtype": "PCM_32"}),
        ("x.flac", {"subtype": "PCM_24"}),
        ("x.mp3", {}),
        ("x.ogg", {}),
        ("x.ogg", {"subtype": "OPUS"}),
    ],
)
def test_bitwise_equal_to_the_reference(tmp_path, name, options, channels):
    theirs = pytest.importorskip("pocket_tts.data.audio")
    if name == "x.mp3" and channels > 2:
        pytest.skip("MP3 has at most two channels")
    path = tmp_path / name
    soundfile.write(path, 0.3 * RNG.standard_normal((200_001, channels)), 24000, **options)
    expected, rate = theirs.audio_read(path)
    samples, got = read_audio(path)
    assert got == rate
    assert np.array_equal(samples, expected[0].numpy())
