"""get_state_for_audio_prompt on recordings: arrays and files, whole, long, short, silent and broken."""

import logging
from pathlib import Path

import numpy as np
import pytest

from pocket_fast.errors import AudioError, NotFoundError, VoiceError
from recordings import hum

ROOT = Path(__file__).resolve().parents[3]
RATE = 24000


def caches(state):
    return [tensors["cache"] for tensors in state.values()]


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(caches(a), caches(b), strict=True))


def relative(found, expected):
    pairs = zip(caches(found), caches(expected), strict=True)
    return max(np.abs(x - y).max() / np.abs(y).max() for x, y in pairs)


@pytest.fixture
def soundfile():
    return pytest.importorskip("soundfile")


# --- samples ------------------------------------------------------------------------------------


def test_samples_in_every_form_give_the_same_voice(model):
    samples = hum(0.5)
    expected = model.get_state_for_audio_prompt(samples)
    double = samples.astype(np.float64)
    backwards = np.ascontiguousarray(samples[::-1])[::-1]
    for form in (samples[None], double, double[None], backwards, samples.tolist(), memoryview(samples)):
        assert same(model.get_state_for_audio_prompt(form), expected)
    assert not same(model.get_state_for_audio_prompt(hum(0.5, pitch=220)), expected)


def test_what_makes_an_array_of_itself_is_samples(model):
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return hum(0.5)[None]

    assert same(model.get_state_for_audio_prompt(Tensor()), model.get_state_for_audio_prompt(hum(0.5)))


def test_the_length_of_a_voice(model, new_model):
    """Frames of the prompt with its 80 ms pause, one more where the model begins with a BOS."""
    state = model.get_state_for_audio_prompt(hum(2.0))
    assert state.length == 27  # (48000 + 1920) / 1920 + 1
    assert next(iter(state.values()))["cache"].shape == (2, 1, 27, 2, 32)
    assert new_model("tiny-no-bos").get_state_for_audio_prompt(hum(2.0)).length == 26


def test_the_samples_are_not_changed(model):
    samples = hum(0.3)
    before = samples.copy()
    model.get_state_for_audio_prompt(samples)
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((2, 1000), np.float32),
        np.zeros((1000, 1), np.float32),
        np.zeros((1, 1, 1000), np.float32),
        np.zeros(1000, np.int16),
        np.zeros(1000, np.complex64),
        np.float32(0.5),
        None,
        object(),
        b"RIFF",
    ],
    ids=lambda x: f"{type(x).__name__}{getattr(x, 'shape', '')}",
)
def test_arrays_that_are_no_recording(model, samples):
    with pytest.raises(
        AudioError, match=r"expected one channel, \(1, samples\) or \(samples,\), floating point"
    ):
        model.get_state_for_audio_prompt(samples)


@pytest.mark.parametrize("shape", [0, (1, 0)])
def test_no_samples(model, shape):
    with pytest.raises(AudioError, match="no samples"):
        model.get_state_for_audio_prompt(np.zeros(shape, np.float32))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e38])
def test_samples_that_are_no_sound(model, bad):
    samples = hum(0.5)
    samples[777] = bad
    with pytest.raises(AudioError, match=f"a sample of {abs(bad):g}; expected numbers in".replace("+", ".")):
        model.get_state_for_audio_prompt(samples)


@pytest.mark.parametrize(
    "samples", [hum(1 / RATE), hum(100 / RATE), np.zeros(RATE, np.float32), hum(0.5) * 2e9]
)
def test_very_short_silent_and_loud_recordings_make_a_voice_that_speaks(brief, samples):
    state = brief.get_state_for_audio_prompt(samples)
    assert all(np.isfinite(cache).all() for cache in caches(state))
    assert np.isfinite(brief.generate_audio(state, "Hello.", frames_after_eos=0)).all()


def test_truncation_is_for_recordings_not_for_samples(model):
    samples = hum(31.0)
    assert model.get_state_for_audio_prompt(samples, truncate=True).length == 390  # 31 s and a pause, BOS


# --- files --------------------------------------------------------------------------------------


@pytest.fixture
def wav(tmp_path, soundfile):
    def wav(samples, name="me.wav", rate=RATE, **how):
        soundfile.write(tmp_path / name, samples, rate, **how)
        return tmp_path / name

    return wav


def test_a_file_gives_the_voice_of_its_samples(model, wav):
    samples = np.round(hum(0.7) * 32768) / 32768
    expected = model.get_state_for_audio_prompt(samples)
    path = wav(samples, subtype="PCM_16")
    assert same(model.get_state_for_audio_prompt(path), expected)
    assert same(model.get_state_for_audio_prompt(str(path)), expected)
    two_channels = np.stack([samples + 0.25, samples - 0.25], axis=1)
    assert same(model.get_state_for_audio_prompt(wav(two_channels, "stereo.wav", subtype="PCM_24")), expected)


@pytest.mark.parametrize(
    ("name", "subtype", "bound"),
    [
        ("a.wav", "FLOAT", 1e-6),
        ("a.wav", "PCM_U8", 0.2),
        ("a.flac", "PCM_16", 2e-3),
        ("a.ogg", "VORBIS", 0.5),
        ("a.mp3", "MPEG_LAYER_III", 0.5),
        ("a.aiff", "PCM_24", 1e-4),
    ],
)
def test_formats(model, wav, soundfile, name, subtype, bound):
    if subtype not in soundfile.available_subtypes(name.split(".")[1].upper()):
        pytest.skip(f"this libsndfile cannot write {subtype}")
    samples = hum(1.0)
    expected = model.get_state_for_audio_prompt(samples)
    found = model.get_state_for_audio_prompt(wav(samples, name, subtype=subtype))
    assert abs(found.length - expected.length) <= 1  # MPEG and Vorbis frames are longer than ours
    if found.length == expected.length:
        assert relative(found, expected) < bound


@pytest.mark.parametrize("rate", [8000, 44100, 192000])
def test_other_rates_are_resampled(model, wav, rate):
    expected = model.get_state_for_audio_prompt(hum(1.0))
    found = model.get_state_for_audio_prompt(wav(hum(1.0, rate=rate), rate=rate, subtype="FLOAT"))
    assert found.length == expected.length
    assert relative(found, expected) < 0.1
    wrong = model.get_state_for_audio_prompt(wav(hum(1.0, rate=rate), "wrong.wav", subtype="FLOAT"))
    assert wrong.length != expected.length


def test_the_first_30_seconds(model, wav):
    path = wav(np.concatenate([hum(30.0, rate=8000), hum(5.0, 400.0, rate=8000)]), rate=8000, subtype="FLOAT")
    whole = model.get_state_for_audio_prompt(path)
    short = model.get_state_for_audio_prompt(path, truncate=True)
    assert (whole.length, short.length) == (440, 377)
    first = model.get_state_for_audio_prompt(
        wav(hum(30.0, rate=8000), "first.wav", rate=8000, subtype="FLOAT")
    )
    assert same(short, first)


def test_two_hours_are_refused_unless_truncated(model, tmp_path):
    path = tmp_path / "long.wav"
    size = 2 * 3600 * 8000
    header = b"RIFF" + (36 + size).to_bytes(4, "little") + b"WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"
    header += (8000).to_bytes(4, "little") * 2 + b"\x01\x00\x08\x00data" + size.to_bytes(4, "little")
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(44 + size)
    with pytest.raises(AudioError, match=r"7200 s of audio, at most .* \(truncate\)"):
        model.get_state_for_audio_prompt(path)
    assert model.get_state_for_audio_prompt(path, truncate=True).length == 377


def test_silent_and_cut_files_are_used_with_a_warning(model, wav, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    state = model.get_state_for_audio_prompt(wav(np.zeros(RATE, np.float32)))
    assert state.length == 15
    assert "is silent" in caplog.text
    path = wav(hum(1.0), "whole.wav", subtype="PCM_16")
    cut = tmp_path / "cut.wav"
    cut.write_bytes(path.read_bytes()[: 44 + 2 * 12000])
    assert model.get_state_for_audio_prompt(cut).length < model.get_state_for_audio_prompt(path).length


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"this is text", "not an audio file"),
        (b"RIFF\x24\x00\x00\x00WAVE", "not an audio file"),
        (b"fLaC\x00\x00\x00\x22" + b"\x00" * 60, "not an audio file|nothing can be decoded|no samples"),
    ],
)
def test_files_that_are_no_recording(model, tmp_path, content, words):
    path = tmp_path / "voice.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=words) as error:
        model.get_state_for_audio_prompt(str(path))
    assert str(path) in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_files_without_usable_samples(model, wav):
    with pytest.raises(AudioError, match="no samples"):
        model.get_state_for_audio_prompt(wav(np.zeros(0, np.float32)))
    samples = hum(0.5)
    samples[6000] = np.nan
    with pytest.raises(AudioError, match=r"NaN or infinite sample at 0\.250 s"):
        model.get_state_for_audio_prompt(wav(samples, "nan.wav", subtype="FLOAT"))


def test_what_is_not_there(model, tmp_path):
    with pytest.raises(NotFoundError, match=r"me\.wav: no such file"):
        model.get_state_for_audio_prompt(tmp_path / "me.wav")
    with pytest.raises(NotFoundError, match="is a folder"):
        model.get_state_for_audio_prompt(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"me\.wav: no such file, and not the name of"):
        model.get_state_for_audio_prompt("me.wav")
    with pytest.raises(VoiceError, match="no voice is called 'me'"):
        model.get_state_for_audio_prompt("me")


def test_a_path_is_never_a_name_or_a_url(model, tmp_path, monkeypatch, wav):
    monkeypatch.chdir(tmp_path)
    for location in ("alba", "hf://kyutai/voices/alba.wav", "https://127.0.0.1/alba.wav"):
        with pytest.raises(NotFoundError, match="no such file"):
            model.get_state_for_audio_prompt(Path(location))
    wav(hum(0.3)).rename(tmp_path / "alba")
    assert model.get_state_for_audio_prompt(Path("alba")).length == 6
    with pytest.raises(VoiceError, match="released weights"):
        model.get_state_for_audio_prompt("alba")


@pytest.mark.parametrize("scheme", ["http", "hf"])
def test_recordings_by_url(model, hub, wav, scheme):
    path = wav(hum(0.5), subtype="FLOAT")
    hub.files["a/b/main/me.wav"] = hub.files["me.wav"] = path.read_bytes()
    url = f"{hub.url}/me.wav?x=1.safetensors" if scheme == "http" else "hf://a/b/me.wav"
    assert same(model.get_state_for_audio_prompt(url), model.get_state_for_audio_prompt(path))
    model.get_state_for_audio_prompt(url)
    assert hub.count("GET", "me.wav") == 1
    with pytest.raises(OSError, match="404"):
        model.get_state_for_audio_prompt(url.replace("me.wav", "you.wav"))


def test_the_recording_of_the_repository(model):
    state = model.get_state_for_audio_prompt(ROOT / "ref.wav")
    assert 100 < state.length < 160
    assert all(np.isfinite(cache).all() for cache in caches(state))


def test_a_recording_is_prepared_once_in_memory_and_once_in_a_folder(new_model, wav, tmp_path, monkeypatch):
    path = wav(hum(0.5), subtype="FLOAT")
    first, second = new_model(), new_model()
    first.voice_cache.folder = second.voice_cache.folder = tmp_path / "cache"
    state = first.get_state_for_audio_prompt(path)
    with monkeypatch.context() as patch:
        patch.setattr("pocket_fast.audio.read.read_audio", lambda *_, **__: pytest.fail("read again"))
        assert first.get_state_for_audio_prompt(str(path)).prefix is state.prefix
        assert same(second.get_state_for_audio_prompt(path), state)
    wav(hum(0.6, pitch=300.0), subtype="FLOAT")
    assert first.get_state_for_audio_prompt(path).length != state.length


def test_a_voice_is_cached_per_model(tiny, wav, tmp_path):
    """Two models of one architecture share a folder, not their voices."""
    from pocket_fast import TTSModel
    from reference.synthetic import make_model

    path = wav(hum(0.5), subtype="FLOAT")
    states = []
    for config in (tiny(), make_model(tmp_path / "other", "tiny", seed=1)):
        model = TTSModel.load_model(config=config, threads=1)
        model.voice_cache.folder = tmp_path / "cache"
        states.append(model.get_state_for_audio_prompt(path))
    assert not same(*states)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_downloads_show_bars_only_if_the_model_was_loaded_so(monkeypatch, tiny, wav):
    import pocket_fast.weights.hub as module
    from pocket_fast import TTSModel

    asked = []
    path = wav(hum(0.1))
    real = module.fetch

    def fetch(location, *, progress=True, check=None):
        asked.append(progress)
        return real(path if "://" in str(location) else location)

    for progress in (False, True):
        model = TTSModel.load_model(config=tiny(), progress=progress)
        with monkeypatch.context() as patch:
            patch.setattr(module, "fetch", fetch)
            model.get_state_for_audio_prompt("https://host/me.wav")
    assert asked == [False, True]
