"""Recordings as voices, with both families: pipes, odd arrays, channels, and such as are too long."""

import copy
import logging
import os
import threading

import numpy as np
import pytest

from pocket_fast import export_model_state
from pocket_fast.errors import AudioError
from pocket_fast.models.voice_cache import VoiceCache
from recordings import encoded, hum

RATE = 24000
posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")


@pytest.fixture(params=["pocket", "qwen3"])
def either(request):
    """A model of either family that takes recordings."""
    if request.param == "pocket":
        return request.getfixturevalue("model")
    model = copy.copy(request.getfixturevalue("qwen3")("qwen3-tiny-base-wide"))
    model.voice_cache = VoiceCache(model="tests")
    return model


def same(one, other):
    """Whether two voices are of one recording."""
    if hasattr(one, "item"):
        return np.array_equal(one.item.ref_spk_embedding, other.item.ref_spk_embedding)
    return all(np.array_equal(one[layer]["cache"], other[layer]["cache"]) for layer in one)


@pytest.fixture
def piped(tmp_path):
    """piped(data) -> the path of a pipe with the data in it, which can be read once."""
    threads = []

    def piped(data):
        path = tmp_path / f"pipe{len(threads)}"
        os.mkfifo(path)
        threads.append(threading.Thread(target=lambda: path.write_bytes(data)))
        threads[-1].start()
        return path

    yield piped
    for thread in threads:
        thread.join()


@posix
def test_a_pipe_is_read_once(either, piped, tmp_path):
    data = encoded(hum(1.0), RATE)
    (tmp_path / "me.wav").write_bytes(data)
    expected = either.find_voice(tmp_path / "me.wav")
    assert same(either.find_voice(piped(data)), expected)
    assert same(either.find_voice(str(piped(data))), expected)
    either.voice_cache.folder = tmp_path / "cache"
    assert same(either.find_voice(piped(data)), expected)


@posix
def test_an_exported_voice_through_a_pipe(model, piped, tmp_path):
    voice = model.find_voice(hum(1.0))
    export_model_state(voice, tmp_path / "me.safetensors")
    assert same(model.find_voice(piped((tmp_path / "me.safetensors").read_bytes())), voice)


@posix
def test_a_recording_in_a_pipe_for_a_prompt(qwen3, piped):
    base = qwen3("qwen3-tiny-base-wide")
    (item,) = base.create_voice_clone_prompt(str(piped(encoded(hum(1.0), RATE))), x_vector_only_mode=True)
    assert item.ref_spk_embedding.shape == (base.config.talker_config.hidden_size,)


# --- arrays ----------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float16", "<f2", ">f4", "float64", "longdouble"])
@pytest.mark.parametrize("with_rate", [False, True])
def test_samples_of_every_width_make_a_voice_without_a_word(either, dtype, with_rate):
    samples = np.round(hum(1.0) * 1024) / 1024  # what 16 bits can say exactly
    given = samples.astype(dtype)
    expected = either.find_voice(samples)
    assert same(either.find_voice((given, RATE) if with_rate else given), expected)
    if with_rate:
        either.find_voice((given, 16000))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_sound(either, dtype, bad):
    samples = hum(1.0).astype(dtype)
    samples[500] = bad
    with pytest.raises(AudioError, match="a sample of"):
        either.find_voice(samples)


class NoArray:
    def __array__(self, *_, **__):
        raise TypeError("it is on the moon")


@pytest.mark.parametrize(
    "given",
    [
        [[0.1, 0.2], [0.3]],
        NoArray(),
        (NoArray(), RATE),
        (hum(1.0),),
        (hum(1.0), RATE, 1),
        (hum(1.0), "24000"),
        (hum(1.0), 24000.5),
        (hum(1.0), float("nan")),
        (hum(1.0), None),
        (hum(1.0), True),
        (hum(1.0), -24000),
        (np.zeros(100, np.int16), RATE),
        (np.zeros((2, 3, 4), np.float32), RATE),
        (),
    ],
    ids=lambda given: f"{type(given).__name__}{len(given) if isinstance(given, (list, tuple)) else ''}",
)
def test_what_is_no_recording(either, given):
    with pytest.raises(AudioError):
        either.find_voice(given)


def test_rates_as_other_programs_give_them(either):
    expected = either.find_voice((hum(1.0, rate=16000), 16000))
    for rate in (16000.0, np.int64(16000), np.float32(16000)):
        assert same(either.find_voice((hum(1.0, rate=16000), rate)), expected)


def test_channels_that_cancel_are_one_voice(either, tmp_path):
    samples = hum(1.0)
    expected = either.find_voice((samples, RATE))
    both = np.stack([samples, -samples], axis=1)
    assert same(either.find_voice((both, RATE)), expected)
    path = tmp_path / "antiphase.wav"
    path.write_bytes(encoded(both, RATE, "WAV", "FLOAT"))
    assert same(either.find_voice(path), expected)


# --- length ----------------------------------------------------------------------------------------


def test_a_recording_that_is_too_long_is_warned_of_once(either, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    path = tmp_path / "long.wav"
    path.write_bytes(encoded(hum(34.0, rate=8000), 8000))
    for _ in range(3):
        either.find_voice(path)
    (record,) = caplog.records
    message = record.getMessage()
    assert message.startswith("34.0 s of recording")
    assert "--truncate (truncate=True) uses the first 30 s" in message
    assert " s are best" in message
    caplog.clear()
    either.find_voice(path, truncate=True)
    either.find_voice(hum(30.0))
    assert not caplog.records
    either.find_voice(hum(31.0))
    assert "31.0 s of recording" in caplog.text
