"""ref.wav at the top of the repository: the prompt that other tests and measurements rely on."""

import wave
from pathlib import Path

import numpy as np

from pocket_fast.audio.read import read_audio
from pocket_fast.audio.resample import end_on_pause

REF = Path(__file__).parents[3] / "ref.wav"


def test_ref_wav_is_ten_seconds_of_speech_at_a_good_level():
    with wave.open(str(REF)) as file:
        assert file.getparams()[:3] == (1, 2, 24000)
    x, rate = read_audio(REF)
    assert rate == 24000
    assert 9 < len(x) / rate < 12
    assert 0.05 < np.sqrt(np.mean(x**2)) < 0.15
    assert np.abs(x).max() < 0.99
    assert 0 < len(x) - (len(end_on_pause(x)) - 1920) < 0.5 * rate  # it ends in a short pause, not in a word
