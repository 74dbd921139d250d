"""tools/voice_quality: what is measured on sound, against sounds whose answer is known."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from voice_quality import dtw
from voice_quality.features import RATE, cepstra, duration_ratio, log_mel, pitch, speech_part
from voice_quality.timbre import Timbres


def pulses(hertz, seconds=1.0, brightness=0.5):
    """A buzz: one pulse a period, through a one-pole filter."""
    sound = np.zeros(int(seconds * RATE), dtype=np.float32)
    sound[:: round(RATE / hertz)] = 1
    for _ in range(2):
        sound = np.convolve(sound, brightness ** np.arange(60))[: len(sound)].astype(np.float32)
    return sound


def noise(seconds, seed=0):
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE)).astype(np.float32) * 0.1


@pytest.mark.parametrize("hertz", [80, 100, 200, 320])
def test_pitch_of_a_pulse_train(hertz):
    inside = pitch(pulses(hertz))[5:-5]
    assert inside == pytest.approx(np.full(len(inside), hertz), rel=0.02)


def test_a_formant_is_no_pitch():
    ringing = np.exp(-np.arange(2400) / 100) * np.sin(2 * np.pi * 530 * np.arange(2400) / RATE)
    vowel = np.convolve(pulses(100), ringing)[:RATE]
    assert pitch(vowel)[5:-5] == pytest.approx(np.full(90, 100.0), rel=0.02)


def test_noise_and_silence_have_no_pitch():
    assert np.mean(pitch(noise(1)) > 0) < 0.05
    assert not pitch(np.zeros(RATE)).any()


def test_pitch_begins_where_the_voice_does():
    voiced = pitch(np.concatenate([np.zeros(RATE // 2), pulses(100, 0.5)])) > 0
    assert len(voiced) == 100
    assert not voiced[:45].any()
    assert voiced[55:95].all()


def test_speech_is_trimmed_at_both_ends_whatever_its_level():
    sound = np.pad(noise(0.5), (RATE, 2 * RATE))
    for level in (1, 1e-3):
        assert len(speech_part(level * sound)) == pytest.approx(0.5 * RATE, abs=0.025 * RATE)
    quiet_hiss = sound + 1e-4 * noise(3.5, seed=1)
    assert len(speech_part(quiet_hiss)) == pytest.approx(0.5 * RATE, abs=0.025 * RATE)


def test_a_pause_inside_is_speech():
    sound = np.concatenate([noise(0.2), np.zeros(RATE // 2), noise(0.2)])
    assert len(speech_part(np.pad(sound, RATE))) == pytest.approx(0.9 * RATE, abs=0.025 * RATE)


def test_nothing_heard_is_still_something():
    assert 0 < len(speech_part(np.zeros(RATE, dtype=np.float32))) < RATE // 10


def test_duration_ratio_hears_no_silence():
    assert duration_ratio(np.pad(noise(0.5), RATE), noise(1)) == pytest.approx(0.5, abs=0.03)


def test_the_mel_spectrum_shows_where_a_tone_is():
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (60, 8000))
    band = (2595 * np.log10(1 + 1000 / 700) - low) / (high - low) * 41 - 1
    assert np.abs(log_mel(tone)[10:-10].argmax(axis=1) - band).max() <= 1


def test_digital_silence_is_as_quiet_as_very_soft_noise():
    sound = np.concatenate([noise(0.5), np.zeros(RATE // 2, dtype=np.float32)])
    hissing = sound + 1e-6 * noise(1, seed=1)
    assert np.abs(log_mel(sound) - log_mel(hissing))[60:].max() < 1e-3
    softer = log_mel(sound) - log_mel(0.1 * sound)
    assert softer == pytest.approx(np.full(softer.shape, np.log(100)), abs=1e-3)


def one_path(costs):
    """The cheapest path of one matrix, by the definition."""
    best = {}
    for i, j in np.ndindex(costs.shape):
        ways = [best[p] for p in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if p in best]
        total, cells = min(ways) if ways else (0.0, 0)
        best[i, j] = (total + costs[i, j], cells + 1)
    return best[costs.shape[0] - 1, costs.shape[1] - 1]


def test_paths_are_the_cheapest_whatever_else_is_in_the_batch():
    random = np.random.default_rng(3)
    sizes = [(1, 1), (1, 5), (6, 1), (4, 7), (9, 3), (8, 8)]
    costs = random.random((9, 8, len(sizes))).astype(np.float32)
    rows, columns = np.array(sizes).T
    totals, cells = dtw.align(costs, rows, columns)
    expected = [one_path(costs[:n, :m, k]) for k, (n, m) in enumerate(sizes)]
    assert totals == pytest.approx([total for total, _ in expected], rel=1e-5)
    assert list(cells) == [count for _, count in expected]


def test_distortion_of_a_sound_with_itself_is_nothing():
    found = cepstra(pulses(100) + noise(1))
    louder = cepstra(3 * (pulses(100) + noise(1)))
    slower = np.repeat(found, 2, axis=0)
    assert dtw.distortion([(found, found), (found, louder), (found, slower)]) == pytest.approx(
        [0, 0, 0], abs=1e-3
    )


def test_distortion_is_in_decibels():
    a = np.random.default_rng(0).random((30, 13))
    b = a.copy()
    b[:, 3] += 1  # everywhere, and more than any two frames are apart
    b[:, 0] += 100
    a[:, 3] = a[0, 3]
    b[:, 3] = a[0, 3] + 1
    assert dtw.distortion([(a, b)])[0] == pytest.approx(10 / np.log(10) * np.sqrt(2), rel=0.01)


def test_many_pairs_are_no_other_than_few(monkeypatch):
    random = np.random.default_rng(1)
    pairs = [(random.random((n, 13)), random.random((m, 13))) for n, m in random.integers(2, 40, (25, 2))]
    together = dtw.mean_costs(pairs)
    monkeypatch.setattr(dtw, "_CELLS", 1000)
    assert dtw.mean_costs(pairs) == pytest.approx(together, rel=1e-6)
    assert len(set(together)) == 25


def test_retrieval_tells_whose_words_were_said():
    random = np.random.default_rng(2)
    truths = [random.random((random.integers(20, 60), 13)) for _ in range(6)]
    said = [np.repeat(truth, 2, axis=0) + 0.1 * random.random(13) for truth in truths]
    for k, sound in enumerate(said):
        sound[:, 0] += 3 * k  # how loud it is does not matter
    assert dtw.retrieved(said, truths).all()
    said[1], said[4] = said[4], said[1]
    assert list(np.flatnonzero(~dtw.retrieved(said, truths))) == [1, 4]


def test_timbre_is_pitch_and_colour():
    voices = {"low": (100, 0.5), "high": (200, 0.5), "dark": (100, 0.8)}
    known = Timbres(
        {
            name: [pulses(hertz, 0.5, colour) + 1e-3 * noise(0.5, k) for k in range(3)]
            for name, (hertz, colour) in voices.items()
        }
    )
    for name, (hertz, colour) in voices.items():
        assert known.nearest(0.3 * pulses(hertz, 0.8, colour - 0.03)) == name
