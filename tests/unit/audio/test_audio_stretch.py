"""TimeStretch: length, pitch, smoothness, and the same samples however they are pushed."""

from pathlib import Path

import numpy as np
import pytest

from pocket_fast.audio.read import read_audio
from pocket_fast.audio.stretch import TimeStretch, _best_match
from pocket_fast.errors import AudioError

RATE = 24000
SPEEDS = [0.25, 0.5, 0.8, 0.99, 1.01, 1.3, 2.0, 4.0]
SPEECH, _ = read_audio(Path(__file__).parents[3] / "ref.wav")


def stretch(x, speed, chunk=1920):
    stretcher = TimeStretch(speed)
    parts = [stretcher.push(x[i : i + chunk]) for i in range(0, len(x), chunk)]
    y = np.concatenate([*parts, stretcher.finish()])
    assert len(y) == stretcher.length(len(x))
    return y


def voiced(hz, seconds=1.5, harmonics=8):
    t = np.arange(int(seconds * RATE)) / RATE
    waves = [np.cos(2 * np.pi * hz * k * t + k * k) / k for k in range(1, harmonics + 1)]
    return (0.2 * np.sum(waves, axis=0)).astype(np.float32)


def pitches(x, step=480, window=1200):
    """Hz of every voiced window: the first high peak of its autocorrelation."""
    found = []
    for i in range(0, len(x) - window, step):
        part = x[i : i + window]
        if np.mean(part**2) < 1e-3:
            continue
        r = np.correlate(part, part, "full")[window - 1 :] / np.arange(window, 0, -1)
        peaks = [k for k in range(60, 500) if r[k - 1] < r[k] >= r[k + 1] and r[k] > 0.8 * r[0]]
        if peaks:
            highest = max(r[k] for k in peaks)
            found.append(RATE / next(k for k in peaks if r[k] > 0.9 * highest))
    return np.array(found)


# -- length and grouping ---------------------------------------------------------------------------


@pytest.mark.parametrize("speed", SPEEDS)
def test_length(speed):
    assert len(stretch(SPEECH, speed)) == round(len(SPEECH) / speed)


def test_speed_one_gives_back_what_went_in():
    assert np.array_equal(stretch(SPEECH, 1.0), SPEECH)
    x = np.array([np.nan, 5.0, -0.0], np.float32)  # whatever it is
    assert stretch(x, 1).tobytes() == x.tobytes()


@pytest.mark.parametrize("speed", [0.25, 0.7, 0.99, 1.6, 4.0])
def test_grouping_changes_nothing(speed):
    x = SPEECH[:30000]
    expected = stretch(x, speed, len(x))
    for chunk in (7, 1919, 10000):
        assert np.array_equal(stretch(x, speed, chunk), expected)


@pytest.mark.parametrize("seed", range(30))
def test_any_grouping_at_any_speed(seed):
    rng = np.random.default_rng(seed)
    speed, n = float(np.exp2(rng.uniform(-2, 2))), int(rng.integers(1, 9000))
    x = SPEECH[6000 : 6000 + n]
    stretcher = TimeStretch(speed)
    parts = [stretcher.push(part) for part in np.split(x, np.sort(rng.integers(0, n, rng.integers(0, 8))))]
    assert np.array_equal(np.concatenate([*parts, stretcher.finish()]), stretch(x, speed, n))


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("n", [0, 1, 2, 359, 361, 2000])
def test_very_short_sound(speed, n):
    x = SPEECH[20000 : 20000 + n]
    y = stretch(x, speed)
    assert y.dtype == np.float32
    assert np.abs(y).max(initial=0) <= np.abs(x).max(initial=0)


@pytest.mark.parametrize("speed", SPEEDS)
def test_silence_stays_silence(speed):
    assert not stretch(np.zeros(20000, np.float32), speed).any()


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.5, 4.0])
def test_it_does_not_wait_for_the_end(speed):
    stretcher = TimeStretch(speed)
    pushed = given = 0
    held = []
    for i in range(0, 48000, 240):
        pushed += 240
        given += len(stretcher.push(SPEECH[i : i + 240]))
        held.append(pushed - given * speed)
    assert max(held) <= RATE * max(0.025, 0.010 + 0.015 * speed) + 240


# -- sound -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hz", [60, 97, 140, 233, 410])
@pytest.mark.parametrize("speed", [0.25, 0.6, 1.4, 4.0])
def test_pitch_of_a_steady_voice(hz, speed):
    y = stretch(voiced(hz), speed)[1200:-1200]
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y)), 1 << 18))
    hertz = np.arange(len(spectrum)) * RATE / (1 << 18)
    near = (hertz > 0.8 * hz) & (hertz < 1.2 * hz)
    assert abs(hertz[near][spectrum[near].argmax()] / hz - 1) < 0.01
    between = np.abs((hertz / hz + 0.5) % 1 - 0.5) > 0.25  # as far from the harmonics as can be
    between &= hertz < 8 * hz
    assert np.mean(spectrum[between] ** 2) < 0.01 * np.mean(spectrum[hertz < 8 * hz] ** 2)


def test_the_best_match_is_the_most_similar_not_the_loudest():
    part, other = voiced(140)[:360], voiced(310)[:360]
    x = np.concatenate([other, 0.1 * part, 3 * other]).astype(np.float32)
    assert _best_match(x, part) == 360


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.25, 2.0])
def test_pitch_of_speech(speed):
    before, after = pitches(SPEECH), pitches(stretch(SPEECH, speed))
    assert len(after) > 20
    for share in (25, 50, 75):
        assert np.percentile(after, share) == pytest.approx(np.percentile(before, share), rel=0.03)


@pytest.mark.parametrize("speed", SPEEDS)
def test_no_clicks(speed):
    y = stretch(SPEECH, speed)
    steps, bound = np.abs(np.diff(y)), np.abs(np.diff(SPEECH))
    assert steps.max() <= bound.max() * 1.05
    assert np.percentile(steps, 99) <= np.percentile(bound, 99) * 1.05
    x = voiced(140)
    x[-2400:] *= np.linspace(1, 0, 2400, dtype=np.float32)
    assert np.abs(np.diff(stretch(x, speed), 2)).max() <= np.abs(np.diff(x, 2)).max() * 1.05


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0, 4.0])
def test_loudness_follows_the_input(speed):
    """Every 200 ms of input come out about as loud."""
    y = stretch(SPEECH, speed)
    size = int(4800 / speed)
    blocks = len(y) // size
    ours = np.sqrt(np.mean(y[: blocks * size].reshape(blocks, size) ** 2, axis=1))
    theirs = np.sqrt(np.mean(SPEECH[: blocks * 4800].reshape(blocks, 4800) ** 2, axis=1))
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95
    assert ours.mean() == pytest.approx(theirs.mean(), rel=0.1)


def test_neighbours_stay_where_they_are():
    """Two words and the pause between them keep their places at half speed."""
    x = np.concatenate([voiced(120, 0.5), np.zeros(12000, np.float32), voiced(210, 0.5)])
    y = stretch(x, 0.5)
    loud = np.flatnonzero(np.abs(y) > 0.05)
    gap = np.diff(loud).argmax()
    assert abs(loud[gap] - 24000) < 720
    assert abs(loud[gap + 1] - 48000) < 720


@pytest.mark.parametrize("speed", [0.249, 4.001, 0, -1, float("nan"), float("inf")])
def test_other_speeds_are_refused(speed):
    with pytest.raises(AudioError, match=r"expected 0\.25 to 4"):
        TimeStretch(speed)


def test_speeds_of_numpy_are_numbers():
    """100,000 samples are more than half precision holds."""
    x = np.concatenate([SPEECH] * 4)[:100_000]
    for speed in (np.float16(1.5), np.int8(2), np.float32(0.5)):
        assert np.array_equal(stretch(x, speed), stretch(x, float(speed)))


@pytest.mark.parametrize("speed", ["fast", None, 1j, 10**400, [1]], ids=range(5))
def test_what_is_no_speed(speed):
    with pytest.raises(AudioError, match=r"expected 0\.25 to 4"):
        TimeStretch(speed)
