"""Which channels are the voice."""

import numpy as np
import pytest

from pocket_fast.audio.channels import as_float32, is_floating, one_voice
from pocket_fast.audio.read import read_audio
from recordings import encoded, hum

RNG = np.random.default_rng(2)
VOICE = hum(2.0, 150.0) * np.linspace(0.2, 1, 48000, dtype=np.float32)
NOISE = RNG.normal(0, 0.05, 48000).astype(np.float32)


def read(tmp_path, channels, container="WAV", subtype="FLOAT"):
    path = tmp_path / "x"
    path.write_bytes(encoded(np.stack(channels, axis=1), 24000, container, subtype))
    return read_audio(path)[0]


@pytest.mark.parametrize("gain", [-1, -0.9, -1.1, -0.6])
@pytest.mark.parametrize("offset", [0, 0.2])
def test_channels_that_cancel(tmp_path, gain, offset):
    other = np.float32(gain) * VOICE
    loudest = VOICE if abs(gain) <= 1 else other
    for pair in ([VOICE + offset, other - offset], [other - offset, VOICE + offset]):
        found = read(tmp_path, pair)
        assert np.allclose(np.abs(found - found.mean()), np.abs(loudest - loudest.mean()), atol=1e-6)


@pytest.mark.parametrize(
    "silence", [np.zeros(48000, np.float32), NOISE / 2000, np.full(48000, 0.1, np.float32)]
)
def test_a_silent_channel_is_not_the_voice(tmp_path, silence):
    for pair in ([VOICE, silence], [silence, VOICE]):
        assert np.array_equal(read(tmp_path, pair), VOICE)


def test_channels_that_nearly_cancel_with_noise_of_their_own(tmp_path):
    found = read(tmp_path, [VOICE + NOISE / 10, -VOICE + NOISE[::-1] / 10])
    assert np.sqrt(np.square(found).mean()) > 0.9 * np.sqrt(np.square(VOICE).mean())


def test_of_many_channels_those_that_sound(tmp_path):
    zero = np.zeros_like(VOICE)
    assert np.array_equal(
        read(tmp_path, [zero, zero, VOICE, zero, zero, zero]), VOICE
    )  # 5.1, spoken in the centre
    assert np.allclose(read(tmp_path, [VOICE, NOISE, zero, zero]), (VOICE + NOISE) / 2, atol=1e-7)
    assert np.array_equal(read(tmp_path, [VOICE, -VOICE, zero]), VOICE)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_ordinary_channels_are_averaged(tmp_path, count):
    """To the bit, as always: equal ones, and such as have nothing to do with each other."""
    equal = [VOICE] * count
    assert np.array_equal(read(tmp_path, equal), np.stack(equal, axis=1).mean(axis=1))
    apart = list(RNG.normal(0, 0.1, (count, 48000)).astype(np.float32))
    assert np.array_equal(read(tmp_path, apart), np.stack(apart, axis=1).mean(axis=1))
    turns = [
        VOICE * (np.arange(48000) // 6000 % count == i) for i in range(count)
    ]  # each speaks in a channel
    assert np.array_equal(read(tmp_path, turns), np.stack(turns, axis=1).mean(axis=1))


@pytest.mark.parametrize(
    "form", [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_24")]
)
def test_in_every_format(tmp_path, form):
    found = read(tmp_path, [VOICE, -VOICE], *form)
    assert 0.9 < np.sqrt(np.square(found).mean()) / np.sqrt(np.square(VOICE).mean()) < 1.1


def test_silence_in_all_channels_stays(tmp_path):
    assert len(read(tmp_path, [np.zeros(100, np.float32)] * 2)) == 100


def test_arrays():
    assert np.array_equal(one_voice(np.stack([VOICE, -VOICE], axis=1)), VOICE)
    assert np.array_equal(one_voice(VOICE[:, None]), VOICE)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", ">f4", ">f8", "<f2"])
def test_floating_point_of_any_width(dtype):
    samples = np.array([0.5, -0.25, 60000.0]).astype(dtype)
    assert is_floating(samples)
    assert as_float32(samples).tolist() == [0.5, -0.25, 60000.0]
    assert as_float32(samples).dtype == np.float32
    assert np.isinf(as_float32(np.array([1e300])))
