"""resample and end_on_pause: the reference's numbers, and what must hold for any prompt."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pocket_fast.audio.resample import end_on_pause, resample, resample_soxr
from pocket_fast.errors import AudioError

GOLDEN = np.load(Path(__file__).parents[2] / "data" / "audio_golden.npz")
RATES = sorted({int(key.split(".")[1]) for key in GOLDEN if key.startswith("resample.")})
CASES = sorted({key.split(".")[1] for key in GOLDEN if key.startswith("pause.")})

# Same filter, same float32 sums, but SciPy may be compiled otherwise; the fade is a float32 line that torch
# computes from both ends. Worst of 3000 random prompts: 9e-8 of the peak.
ATOL = 3e-7


def prompt(key):
    return GOLDEN[key].astype(np.float32) / 32768


@pytest.mark.parametrize("rate", RATES)
def test_resample_equals_the_reference(rate):
    out = resample(prompt(f"resample.{rate}.in"), rate, 24000)
    expected = GOLDEN[f"resample.{rate}.out"]
    assert out.dtype == np.float32
    assert out.shape == expected.shape
    np.testing.assert_allclose(out, expected, rtol=0, atol=ATOL)


@pytest.mark.parametrize("how", [resample, resample_soxr])
def test_equal_rates_change_nothing(how):
    x = prompt("resample.16000.in")
    assert how(x, 24000, 24000) is x


@pytest.mark.parametrize("how", [resample, resample_soxr])
@pytest.mark.parametrize(
    ("n", "rate", "expected"), [(0, 48000, 0), (1, 48000, 1), (1, 8000, 3), (5, 48000, 3), (7, 44100, 4)]
)
def test_resample_length_of_tiny_prompts(how, n, rate, expected):
    out = how(np.ones(n, np.float32), rate, 24000)
    assert out.shape == (expected,)
    assert out.dtype == np.float32


@pytest.mark.parametrize(("how", "margin", "worst"), [(resample, 100, 2e-3), (resample_soxr, 1000, 1e-5)])
def test_a_sine_keeps_its_pitch_and_level(how, margin, worst):
    sine = np.sin(2 * np.pi * 1000 * np.arange(44100) / 44100).astype(np.float32)
    out = how(sine, 44100, 24000)
    expected = np.sin(2 * np.pi * 1000 * np.arange(24000) / 24000)
    assert np.abs(out[:24000] - expected)[margin:-margin].max() < worst


@pytest.mark.parametrize("how", [resample, resample_soxr])
@pytest.mark.parametrize(
    ("rate", "target"),
    [
        (383_999, 24000),
        (191_999, 24000),
        (96_001, 16000),
        (999_983, 24000),
        (24000, 383_999),
        (7919, 400_009),
    ],
)
def test_no_pair_of_rates_needs_a_filter_of_millions(how, rate, target, monkeypatch):
    """The pitch, the length and the level are those of an exact filter all the same."""
    import scipy.signal

    designed, design = [], scipy.signal.firwin
    for module in (scipy.signal, sys.modules["scipy.signal._signaltools"]):
        monkeypatch.setattr(
            module, "firwin", lambda taps, *a, **b: designed.append(taps) or design(taps, *a, **b)
        )
    seconds = 2
    sine = np.sin(2 * np.pi * 1000 * np.arange(seconds * rate) / rate).astype(np.float32)
    out = how(sine, rate, target)
    assert out.shape == (seconds * target,)
    assert out.dtype == np.float32
    expected = np.sin(2 * np.pi * 1000 * np.arange(seconds * target) / target)
    margin = target // 50
    assert np.abs(out - expected)[margin:-margin].max() < 5e-3  # drift would show at the end
    assert max(designed, default=0) <= 1_000_001


@pytest.mark.parametrize("rate", [44_101, 47_999, 11_027])
def test_rates_of_recordings_are_met_exactly(rate):
    from scipy.signal import resample_poly

    x = np.random.default_rng(rate).standard_normal(3000).astype(np.float32)
    assert np.array_equal(resample(x, rate, 24000), resample_poly(x, 24000, rate))


def test_soxr_keeps_the_top_that_resample_loses():
    sine = np.sin(2 * np.pi * 10_800 * np.arange(48000) / 48000).astype(np.float32)
    levels = [np.abs(how(sine, 48000, 24000)[1000:-1000]).max() for how in (resample, resample_soxr)]
    assert levels[0] < 0.95 < 0.999 < levels[1]


@pytest.mark.parametrize("how", [resample, resample_soxr])
@pytest.mark.parametrize(
    "rates", [(0, 24000), (-8000, 24000), (24000, 0), (2**31 - 1, 24000), (24_000_001, 24000)]
)
def test_absurd_rates_are_refused(how, rates):
    with pytest.raises(AudioError, match="cannot resample"):
        how(np.ones(10, np.float32), *rates)


@pytest.mark.parametrize("case", CASES)
def test_end_on_pause_equals_the_reference(case):
    out = end_on_pause(prompt(f"pause.{case}.in"), int(GOLDEN[f"pause.{case}.rate"]))
    expected = GOLDEN[f"pause.{case}.out"]
    assert out.dtype == np.float32
    assert out.shape == expected.shape  # the cut is at the same sample
    np.testing.assert_allclose(out, expected, rtol=0, atol=ATOL)


def test_trailing_silence_becomes_80_ms():
    x = np.zeros(24000, np.float32)
    x[:12000] = 0.5
    out = end_on_pause(x)
    assert len(out) == 12000 + 1920
    assert not out[12000:].any()
    assert (out[: 12000 - 480] == np.float32(0.5)).all()
    fade = out[12000 - 480 : 12000]
    assert fade[0] == np.float32(0.5)
    assert fade[-1] == 0
    assert (np.diff(fade) < 0).all()


def test_silence_is_kept_and_extended():
    assert end_on_pause(np.zeros(24000, np.float32)).shape == (25920,)


def test_less_than_a_frame_is_untouched():
    x = np.full(479, 0.25, np.float32)
    assert end_on_pause(x) is x


def test_the_prompt_is_not_changed_in_place():
    x = np.full(4800, 0.25, np.float32)
    x.flags.writeable = False
    out = end_on_pause(x)
    assert out[4799] == 0
    assert x[4799] == 0.25


@pytest.mark.parametrize(("below_db", "kept"), [(34.99, True), (35.01, False)])
def test_the_threshold_is_35_db_below_the_loudest_frame(below_db, kept):
    x = np.full(480 * 10, 0.5, np.float32)
    x[480 * 8 :] *= np.float32(10 ** (-below_db / 20))
    assert len(end_on_pause(x)) == 480 * (10 if kept else 8) + 1920


def test_nan_is_an_error_not_an_index_error():
    with pytest.raises(AudioError, match="NaN"):
        end_on_pause(np.full(4800, np.nan, np.float32))


@pytest.mark.reference
@pytest.mark.parametrize("seed", range(4))
def test_random_prompts_live(seed):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("pocket_tts.data.audio_utils")
    rng = np.random.default_rng(seed)
    for _ in range(100):
        n, rate = int(rng.integers(1, 40000)), int(rng.choice([8000, 16000, 22050, 24000, 44100, 48000]))
        corners = np.sort(rng.integers(0, n + 1, 6))
        level = np.interp(np.arange(n), corners, 10 ** rng.uniform(-4, 0, 6))
        x = (rng.standard_normal(n) * level).astype(np.float32)
        pcm = theirs.convert_audio(torch.from_numpy(x)[None], rate, 24000, 1)
        ours = resample(x, rate, 24000)
        assert np.array_equal(ours, pcm[0].numpy())
        expected = theirs.end_on_pause(pcm, 24000)[0].numpy()
        ended = end_on_pause(ours)
        assert ended.shape == expected.shape
        np.testing.assert_allclose(ended, expected, rtol=0, atol=ATOL * max(1, np.abs(expected).max()))
