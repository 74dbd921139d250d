"""Files whose headers count wrong: of a recorder that crashed, of a stream, cut, joined, with something behind them."""

import logging
import struct

import numpy as np
import pytest

from pocket_fast.audio import read
from pocket_fast.audio.read import read_audio
from pocket_fast.errors import AudioError
from recordings import encoded, hum, seconds_of

RNG = np.random.default_rng(4)
FORMS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_U8"),
    ("WAV", "FLOAT"),
    ("WAV", "ULAW"),
    ("WAVEX", "PCM_24"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AIFF", "FLOAT"),
    ("AU", "PCM_16"),
    ("AU", "DOUBLE"),
    ("CAF", "PCM_16"),
]
SOUND = hum(1.5)
UNKNOWN = {"zero": 0, "the largest": (1 << 64) - 1, "half of it": 0x7FFFFFFF, "nothing but itself": 36}


def sizes(container, data):
    """(where, struct format) of every size in a header."""
    if container in ("WAV", "WAVEX"):
        return [(4, "<I"), (data.index(b"data") + 4, "<I")]
    if container == "RF64":
        return [(data.index(b"ds64") + at, "<Q") for at in (8, 16, 24)]
    if container == "W64":
        return [(16, "<Q"), (data.index(b"data\xf3") + 16, "<Q")]
    if container == "AIFF":
        return [(4, ">I"), (data.index(b"COMM") + 10, ">I"), (data.index(b"SSND") + 4, ">I")]
    if container == "AU":
        return [(8, ">I")]
    return [(data.index(b"data\0") + 4, ">Q")]


def resized(container, data, size):
    """The file with another number in the place of every size."""
    changed = bytearray(data)
    for at, kind in sizes(container, data):
        width = struct.calcsize(kind)
        changed[at : at + width] = struct.pack(kind, size & ((1 << 8 * width) - 1))
    return bytes(changed)


@pytest.fixture
def samples(tmp_path):
    def samples(data):
        path = tmp_path / "recording"
        path.write_bytes(data)
        return read_audio(path)[0]

    return samples


@pytest.mark.parametrize(("container", "subtype"), FORMS)
@pytest.mark.parametrize("size", UNKNOWN.values(), ids=UNKNOWN)
def test_sizes_that_were_never_patched(samples, caplog, container, subtype, size):
    data = encoded(SOUND, 24000, container, subtype)
    expected = samples(data)
    assert len(expected) == len(SOUND)
    assert np.array_equal(samples(resized(container, data, size)), expected)
    assert not caplog.records


@pytest.mark.parametrize(("container", "subtype"), FORMS)
def test_sizes_of_a_moment_before(samples, caplog, container, subtype):
    """A recorder that patches them now and then, and crashes."""
    data = encoded(SOUND, 24000, container, subtype)
    for size in (2048, 9000):
        found = samples(resized(container, data, size))
        assert np.array_equal(found, samples(data))
    assert "its header counts 0." in caplog.text
    assert "all that is there is read, 1.5 s" in caplog.text


@pytest.mark.parametrize(("container", "subtype"), FORMS)
def test_a_file_that_is_cut_says_how_much_is_read(samples, caplog, container, subtype):
    data = encoded(SOUND, 24000, container, subtype)
    found = samples(data[: len(data) // 3])
    assert np.array_equal(found, samples(data)[: len(found)])
    assert 0.4 < len(found) / 24000 < 0.5
    assert f"{len(found) / 24000:.1f} of 1.5 s read" in caplog.text


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        *FORMS,
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("CAF", "ALAC_16"),
        ("WAV", "IMA_ADPCM"),
    ],
)
@pytest.mark.parametrize("patched", [True, False])
def test_files_that_were_joined(tmp_path, caplog, container, subtype, patched):
    parts = [
        encoded(hum(s, pitch), rate, container, subtype)
        for s, pitch, rate in ((1.0, 200, 24000), (0.5, 300, 24000))
    ]
    parts += [encoded(np.repeat(hum(1.0, 250, 16000)[:, None], 2, axis=1), 16000, container, subtype)]
    if not patched and (container, subtype) in FORMS:
        parts = [resized(container, part, 0) for part in parts]
    assert abs(seconds_of(b"".join(parts), tmp_path) - 2.5) < 0.2
    assert not caplog.records


@pytest.mark.parametrize(("container", "subtype"), [*FORMS, ("FLAC", "PCM_16"), ("OGG", "VORBIS")])
@pytest.mark.parametrize(
    "behind",
    [
        b"TAG".ljust(128, b"x"),
        b"ID3\x04\0\0\0\0\x07\x68" + b"x" * 1000,
        b"APETAGEX" + b"x" * 500,
        RNG.bytes(30_000),
    ],
    ids=["ID3v1", "ID3v2", "APE", "something"],
)
def test_what_is_behind_a_file_is_no_sound(samples, container, subtype, behind):
    data = encoded(SOUND, 24000, container, subtype)
    assert np.array_equal(samples(data + behind), samples(data))


@pytest.mark.parametrize(("container", "subtype"), [*FORMS, ("FLAC", "PCM_16"), ("OGG", "OPUS")])
def test_a_tag_in_front(samples, container, subtype):
    data = encoded(SOUND, 24000, container, subtype)
    tag = b"ID3\x04\0\0\0\0\x00\x64" + b"x" * 100
    assert np.array_equal(samples(tag + data), samples(data))


# --- WAV -------------------------------------------------------------------------------------------


def chunk(name, body):
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def wav(*chunks, data_size=None):
    """A WAV of SOUND, with chunks before it; its sizes as a stream has them."""
    pcm = (SOUND * 32767).astype("<i2").tobytes()
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 24000, 48000, 2, 16))
    size = len(pcm) if data_size is None else data_size
    return (
        b"RIFF"
        + struct.pack("<I", 0xFFFFFFFF)
        + b"WAVE"
        + b"".join([fmt, *chunks])
        + b"data"
        + struct.pack("<I", size)
        + pcm
    )


BEFORE = [
    chunk(b"LIST", b"INFOISFT\x05\0\0\0Lavf\0\0"),
    chunk(b"JUNK", bytes(28)),
    chunk(b"bext", bytes(603)),
    chunk(b"fact", bytes(4)),
]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, None])
def test_chunks_before_the_sound(samples, size):
    assert len(samples(wav(*BEFORE, data_size=size))) == len(SOUND)
    assert len(samples(wav(*reversed(BEFORE), data_size=size))) == len(SOUND)


@pytest.mark.parametrize("size", [None, len(SOUND) * 2 - 1])
def test_chunks_behind_the_sound(samples, caplog, size):
    found = samples(wav(*BEFORE, data_size=size) + b"".join(BEFORE))
    assert len(found) in (len(SOUND), len(SOUND) - 1)
    assert not caplog.records


@pytest.mark.parametrize("padding", [b"", b"\0"])
def test_sound_of_an_odd_number_of_bytes(samples, padding):
    pcm = RNG.integers(0, 256, 24001).astype(np.uint8).tobytes()
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 24000, 24000, 1, 8))
    body = (
        b"WAVE"
        + fmt
        + b"data"
        + struct.pack("<I", len(pcm))
        + pcm
        + padding
        + chunk(b"LIST", b"INFO" + b"x" * 40)
    )
    assert len(samples(b"RIFF" + struct.pack("<I", len(body)) + body)) == 24001


def test_sound_in_several_chunks(samples):
    part = chunk(b"data", (SOUND * 32767).astype("<i2").tobytes())
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 24000, 48000, 2, 16))
    body = b"WAVE" + fmt + part + chunk(b"JUNK", bytes(100)) + part
    assert len(samples(b"RIFF" + struct.pack("<I", len(body)) + body)) == 2 * len(SOUND)


def test_the_successor_of_rf64(samples):
    data = encoded(SOUND, 24000, "RF64", "PCM_24")
    assert np.array_equal(samples(b"BW64" + data[4:]), samples(data))


def test_big_endian(samples):
    data = encoded(SOUND, 24000, "WAV", "PCM_16", endian="BIG")
    assert data[:4] == b"RIFX"
    broken = data[:4] + bytes(4) + data[8:40] + bytes(4) + data[44:]
    assert np.array_equal(samples(broken), samples(data))


def test_no_sound_at_all(samples):
    with pytest.raises(AudioError, match="no samples"):
        samples(encoded(np.zeros(0), 24000) + chunk(b"LIST", b"INFO" + b"x" * 99))
    with pytest.raises(AudioError, match="no samples"):
        samples(wav(data_size=0)[: -2 * len(SOUND)])


def test_hours_that_are_only_announced_are_no_hours(samples, caplog):
    """What is there counts."""
    assert len(samples(wav(data_size=0x6FFFFFFF))) == len(SOUND)
    assert "cut short" in caplog.text


# --- FLAC and Ogg ----------------------------------------------------------------------------------


def with_total(data, total):
    value = (data[21] & 0xF0) << 32 | total
    return data[:21] + value.to_bytes(5, "big") + data[26:]


@pytest.mark.parametrize("total", [0, 5000, 10**9])
def test_a_flac_with_a_wrong_length(samples, caplog, total):
    data = encoded(SOUND, 24000, "FLAC", "PCM_16")
    assert np.array_equal(samples(with_total(data, total)), samples(data))
    assert bool(caplog.records) == (total > 0)


@pytest.mark.parametrize("behind", [b"TAG".ljust(128, b"x"), RNG.bytes(70_000)])
def test_something_behind_a_flac_of_unknown_length(samples, behind):
    data = encoded(SOUND, 24000, "FLAC", "PCM_16")
    assert np.array_equal(samples(with_total(data, 0) + behind), samples(data))


def test_a_flac_that_is_cut_loses_one_frame_at_most(samples, caplog):
    data = encoded(RNG.normal(0, 0.1, 96000), 24000, "FLAC", "PCM_16")
    found = samples(data[: len(data) * 3 // 4])
    assert 72000 - 8192 < len(found) <= 72000
    assert "of 4.0 s read" in caplog.text


def test_an_ogg_that_is_cut_says_so(samples, caplog):
    data = encoded(hum(10), 24000, "OGG", "VORBIS")
    with caplog.at_level(logging.WARNING, "pocket_fast.audio"):
        found = samples(data[: len(data) // 2])
    assert len(found) > 48000
    assert f"cut short or damaged: {len(found) / 24000:.1f} s read" in caplog.text


def test_much_is_not_searched_for_more(tmp_path, monkeypatch):
    """Of a file of gigabytes that is a stream's."""
    path = tmp_path / "long.wav"
    with open(path, "wb") as file:
        file.write(wav(data_size=0))
        file.truncate(3 << 30)  # a hole
    samples, _ = read_audio(path, max_seconds=3)
    assert len(samples) == 72000
    monkeypatch.setattr(read, "MAX_SECONDS", 2)
    with pytest.raises(AudioError, match=r"6710. s of audio"):
        read_audio(path)
