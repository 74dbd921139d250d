"""MP3s whose headers are missing, wrong or repeated: the sound is whole, or a warning says how much of it there is."""

import numpy as np
import pytest
import soundfile

from pocket_fast.audio import mpeg, read
from pocket_fast.audio.read import read_audio
from pocket_fast.errors import AudioError
from recordings import encoded, hum, seconds_of

ID3V2 = b"ID3\x03\x00\x00\x00\x00\x02\x11" + b"\0" * 273
ID3V1 = b"TAG" + b"a title".ljust(125, b"\0")
APE_HEAD = b"APETAGEX" + (2000).to_bytes(4, "little") + (1132).to_bytes(4, "little") + b"\1\0\0\0\0\0\0"
APE = APE_HEAD + b"\xa0" + bytes(8) + b"x" * 1100 + APE_HEAD + b"\x80" + bytes(8)
A_FRAME = 1152 / 44100
RNG = np.random.default_rng(8)


def mp3(seconds, pitch=300.0, rate=44100, variable=False, channels=1):
    """An MP3 of LAME, with the Info frame that tells its length."""
    sound = hum(seconds, pitch, rate) * (
        np.arange(round(seconds * rate)) // rate % 2
    )  # loud and silent by turns
    sound = np.repeat(sound[:, None], channels, axis=1)
    how = {"bitrate_mode": "VARIABLE" if variable else "CONSTANT", "compression_level": 0.7}
    return encoded(sound, rate, "MP3", "MPEG_LAYER_III", **how)


def frames(data):
    """The frames with sound in them, as LAME wrote them."""
    (run,) = mpeg.scan(data, 600).runs
    return [data[start : start + size] for start, size in run.frames]


def without_info(data):
    return b"".join(frames(data))


def with_count(data, count):
    """Its Info frame says that so many frames follow."""
    at = data.index(b"Xing") if b"Xing" in data[:300] else data.index(b"Info")
    return data[: at + 8] + count.to_bytes(4, "big") + data[at + 12 :]


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_files_in_order_are_read_to_the_bit(tmp_path, rate, variable, channels):
    data = mp3(2.0, rate=rate, variable=variable, channels=channels)
    path = tmp_path / "a.mp3"
    path.write_bytes(data)
    assert len(mpeg.scan(data, 600).runs[0].kbits) == 1 + variable or variable
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    samples, got = read_audio(path)
    assert got == rate
    assert np.array_equal(samples, expected.mean(axis=1))


@pytest.mark.parametrize("rate", [24000, 44100])
@pytest.mark.parametrize("variable", [False, True])
def test_without_a_frame_that_tells_the_length(tmp_path, caplog, rate, variable):
    data = without_info(mp3(5.0, rate=rate, variable=variable))
    assert b"Xing" not in data
    assert 4.95 < seconds_of(data, tmp_path) < 5.15
    assert 4.9 < seconds_of(data[1:], tmp_path) < 5.15  # its first frame is broken
    assert not caplog.records


@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize("with_tags", [False, True])
@pytest.mark.parametrize("told", [False, True])
def test_files_that_were_joined(tmp_path, caplog, variable, with_tags, told):
    parts = [
        mp3(2.0, variable=variable),
        mp3(1.0, 500.0, variable=variable),
        mp3(1.5, 200.0, variable=variable),
    ]
    if not told:
        parts = list(map(without_info, parts))
    if with_tags:
        parts = [ID3V2 + part + ID3V1 for part in parts]
    assert abs(seconds_of(b"".join(parts), tmp_path) - 4.5) < (0.01 if told else 0.2)
    assert not caplog.records


def test_joined_files_of_other_rates_and_channels(tmp_path):
    data = mp3(1.0) + mp3(2.0, rate=22050, channels=2) + mp3(1.0, rate=48000, channels=2)
    assert abs(seconds_of(data, tmp_path) - 4) < 0.01
    samples, rate = read_audio(tmp_path / "recording")
    assert rate == 44100
    assert 0.2 < np.abs(samples[rate * 2 : rate * 3]).max() < 0.4


@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize("count", [0, 1, 20, 10**6, 2**32 - 1])
def test_a_wrong_number_of_frames(tmp_path, caplog, variable, count):
    data = with_count(mp3(4.0, variable=variable), count)
    assert 3.95 < seconds_of(data, tmp_path) < 4.15
    assert ("cut short" in caplog.text) == (count > 1000)


@pytest.mark.parametrize("tag", [ID3V2, ID3V1, APE, b"LYRICSBEGINwords000005LYRICS200"])
def test_tags_in_front_in_the_middle_and_behind(tmp_path, caplog, tag):
    data = mp3(3.0)
    half = frames(data)[60]
    at = data.index(half)
    for changed in (
        tag + data,
        data[:at] + tag + data[at:],
        data + tag,
        tag + data[:at] + tag + data[at:] + tag,
    ):
        assert abs(seconds_of(changed, tmp_path) - 3) < 0.05
    assert not caplog.records


def test_zeros_in_front_and_several_tags(tmp_path, caplog):
    data = mp3(2.0)
    for front in (bytes(5000), ID3V2 + ID3V2, ID3V2 + bytes(6000) + ID3V2):
        assert abs(seconds_of(front + data, tmp_path) - 2) < 0.01
    assert abs(seconds_of(ID3V2 + ID3V2 + encoded(hum(1.0)), tmp_path) - 1) < 0.01
    assert not caplog.records


def test_free_format(tmp_path, caplog):
    """Frames of a bit rate that is not in the table: here one that is, with the table's place for it left out."""
    cut = frames(mp3(3.0, rate=24000))
    size = len(cut[0])
    assert {len(frame) for frame in cut} == {size}
    free = b"".join(frame[:2] + bytes([frame[2] & 0x0F]) + frame[3:] for frame in cut)
    assert abs(seconds_of(free, tmp_path) - seconds_of(b"".join(cut), tmp_path)) < 0.05
    assert abs(seconds_of(free + b"junk" * 9 + free, tmp_path) - 6) < 0.2
    assert not caplog.records


def test_a_capture_that_begins_and_ends_anywhere(tmp_path, caplog):
    data = without_info(mp3(6.0))
    seconds = seconds_of(data, tmp_path)
    for start, end in ((1000, -1), (5, -77), (301, -5000)):
        part = data[start:end]
        assert abs(seconds_of(part, tmp_path) - seconds * len(part) / len(data)) < 4 * A_FRAME
    assert "cut short or damaged" in caplog.text


def test_a_file_that_is_cut_says_how_much_is_read(tmp_path, caplog):
    data = mp3(4.0)
    read = seconds_of(data[: len(data) // 2], tmp_path)
    assert 1.8 < read < 2.1
    assert f"{read:.1f} of 4.0 s read" in caplog.text


def test_damage_in_the_middle_loses_what_was_there(tmp_path, caplog):
    data = mp3(6.0)
    at = len(data) // 2
    damaged = data[:at] + RNG.bytes(4000) + data[at + 4000 :]
    lost = 6 * 4000 / len(data)
    assert 6 - lost - 6 * A_FRAME < seconds_of(damaged, tmp_path) <= 6.1
    assert "damaged" in caplog.text


def test_no_more_is_read_than_is_asked_for(tmp_path, monkeypatch, caplog):
    path = tmp_path / "a.mp3"
    path.write_bytes(mp3(3.0) + mp3(3.0))
    whole = read_audio(path)[0]
    for seconds in (1.5, 2.0, 4.25):
        samples, rate = read_audio(path, max_seconds=seconds)
        assert len(samples) == int(seconds * rate)
        assert np.array_equal(samples, whole[: len(samples)])
    assert not caplog.records
    monkeypatch.setattr(read, "MAX_SECONDS", 4.0)
    with pytest.raises(AudioError, match="at most 4 s are read whole"):
        read_audio(path)


def test_layer_2_is_read(tmp_path):
    """Frames of silence, made by hand: a header, no bits for any band, zeros."""
    frame = (b"\xff\xfd\x44\xc4").ljust(144 * 64000 // 48000, b"\0")
    assert abs(seconds_of(frame * 100, tmp_path) - 2.4) < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_sound_that_is_no_mpeg_is_not_taken_for_it(seed):
    """Quiet samples are mostly 0 and -1, whose bytes are those of a header's beginning."""
    rng = np.random.default_rng(seed)
    for data in (
        rng.integers(-2, 2, 40_000).astype("<i2").tobytes(),
        rng.normal(0, 300, 40_000).astype("<i2").tobytes(),
        rng.bytes(80_000),
        b"\xff" * 100_000,
        b"\xff\xfb\x90\x00" * 25_000,
    ):
        assert mpeg.scan(data, 600).runs == []


def test_a_wav_with_an_mp3_inside(tmp_path):
    sound = mp3(2.0)
    format = (
        (0x55).to_bytes(2, "little") + b"\1\0" + (44100).to_bytes(4, "little") + bytes(4) + b"\1\0\0\0\0\0"
    )
    body = (
        b"WAVEfmt " + (18).to_bytes(4, "little") + format + b"data" + len(sound).to_bytes(4, "little") + sound
    )
    data = b"RIFF" + len(body).to_bytes(4, "little") + body
    assert abs(seconds_of(data, tmp_path) - 2) < 0.01
