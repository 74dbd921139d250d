"""What a voice prompt goes through between the file and the codec: resampling, ending on a pause."""

from __future__ import annotations

import math

import numpy as np

from pocket_fast.errors import AudioError

_FRAME_S = 0.02  # level is measured over this much
_FADE_S = 0.02
_PAUSE_S = 0.08
_FLOOR_DB = np.float32(35.0)
_MOST_TIMES = 1000  # faster or slower than the target: no recording is
_MOST_TERMS = 50_000  # of up and down: the filter has 20 * max(up, down) taps, which take 0.1 s at this bound


def resample(x: np.ndarray, rate: int, target: int) -> np.ndarray:
    """x at `target` Hz by a polyphase filter with up / down = target / rate in lowest terms.

    x (n,) float32 at `rate` Hz -> (ceil(n * target / rate),) float32; x itself when the rates are equal.
    The filter is SciPy's default for resample_poly (Kaiser 5.0, 20 * max(up, down) + 1 taps). Rates with hardly a
    factor in common, such as 383,999 Hz, would need seconds for millions of them, and are left to resample_soxr.
    Raises AudioError for rates that are not positive or absurdly far from each other.
    """
    if rate == target:
        return x
    _check_rates(rate, target)
    common = math.gcd(rate, target)
    up, down = target // common, rate // common
    if max(up, down) > _MOST_TERMS:
        return resample_soxr(x, rate, target)
    from scipy.signal import resample_poly

    return resample_poly(x, up, down)


def resample_soxr(x: np.ndarray, rate: int, target: int) -> np.ndarray:
    """x at `target` Hz by libsoxr's high quality, whose filter passes more of the top and rings longer than resample's.

    x (n,) float32 at `rate` Hz -> (ceil(n * (target / rate)),) float32, where floating point may make that one
    more; x itself when the rates are equal. To the sample what librosa.resample gives: the codes of a recording
    depend on what is 60 dB below it. Raises AudioError as resample.
    """
    if rate == target:
        return x
    _check_rates(rate, target)
    if not 1 / _MOST_TIMES <= rate / target <= _MOST_TIMES:
        raise AudioError(f"cannot resample from {rate} Hz to {target} Hz; convert the file to 24000 Hz first")
    import soxr

    out = soxr.resample(np.ascontiguousarray(x, dtype=np.float32), rate, target, quality="HQ")
    length = math.ceil(len(x) * (target / rate))
    return np.pad(out[:length], (0, max(0, length - len(out))))


def _check_rates(rate: int, target: int) -> None:
    if rate <= 0 or target <= 0:
        raise AudioError(f"cannot resample from {rate} Hz to {target} Hz; both must be positive")


def end_on_pause(x: np.ndarray, sample_rate: int = 24000) -> np.ndarray:
    """x without its trailing silence, faded out and followed by exactly 80 ms of zeros.

    x (n,) float32 -> (m,) float32, new unless returned untouched. Silence is counted in 20 ms frames whose
    RMS lies 35 dB or more below that of the loudest; samples after the last whole frame go with it.
    The fade is linear, 1 to 0 over the last 20 ms that are kept. Audio shorter than a frame is returned
    untouched; silence keeps all of its frames, since none is quieter than the loudest.
    Models are trained on prompts that end between two words: after one that ends in speech they continue
    it, after a long silence they start late. Behaviour: pocket-tts 4.0.1, `end_on_pause`.
    """
    frame = max(1, int(_FRAME_S * sample_rate))
    n_frames = len(x) // frame
    if n_frames == 0:
        return x
    rms = np.sqrt(np.square(x[: n_frames * frame].reshape(n_frames, frame)).mean(axis=1))
    level_db = np.float32(20) * np.log10(rms + np.float32(1e-12))  # float32 throughout: it decides the cut
    loud = np.flatnonzero(level_db > level_db.max() - _FLOOR_DB)
    if len(loud) == 0:
        raise AudioError("voice prompt: NaN samples; load it from a sound file or repair the array")
    end = (int(loud[-1]) + 1) * frame
    fade = min(int(_FADE_S * sample_rate), end)
    out = np.zeros(end + int(_PAUSE_S * sample_rate), np.float32)
    out[:end] = x[:end]
    out[end - fade : end] *= np.linspace(1, 0, fade, dtype=np.float32)
    return out
