"""Faster or slower speech at the same pitch, while it arrives."""

from __future__ import annotations

from math import ceil

import numpy as np

from pocket_fast.errors import AudioError, shown

SLOWEST, FASTEST = 0.25, 4.0

_HOP_S = 0.015  # one crossfade; longer ones smear what is fast, shorter ones lose deep voices
_REACH_S = 0.010  # search to either side: together the longest period of a voice, 20 ms (50 Hz)


class TimeStretch:
    """Sound played `speed` times as fast, 0.25 to 4, at its own pitch. One stream; not thread-safe.

    WSOLA (Verhelst and Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high
    quality time-scale modification of speech", ICASSP 1993): the output is a chain of crossfades of 15 ms,
    each from what came last, as it goes on in the input, to the stretch of input that is due now. Within
    10 ms of its due place it is taken where it correlates best with what it replaces, so that waves meet in
    phase; where the sound that goes on is still within reach, it simply goes on.

    n samples in give `length(n)` samples out, the same ones in whatever chunks they are pushed; at speed 1
    they are those that went in. Of the input, 15 ms times the speed, plus 10 ms to look ahead, are held back
    (25 ms at least). Computing takes about 3 ms per second of output on a slow core. Raises AudioError for
    another speed.
    """

    def __init__(self, speed: float, sample_rate: int = 24000) -> None:
        try:
            self.speed = float(speed)  # NumPy's may have three digits, and overflow at 65504 samples
        except (TypeError, ValueError, OverflowError):
            self.speed = 0.0
        if not SLOWEST <= self.speed <= FASTEST:
            raise AudioError(
                f"speed {shown(speed)}: expected {SLOWEST} to {FASTEST:g}; 1 is as the voice speaks"
            )
        self._hop = round(_HOP_S * sample_rate)
        self._reach = round(_REACH_S * sample_rate)
        turn = (np.arange(self._hop) + 0.5) * (np.pi / self._hop)
        self._fade_in = (0.5 - 0.5 * np.cos(turn)).astype(np.float32)
        self._x = np.empty(0, np.float32)  # input from sample `_start` on
        self._start = 0
        self._next = 0  # where in the input the sound that came out last goes on
        self._hops = 0  # crossfades that came out

    def length(self, n: int) -> int:
        """Samples that come out in all when n have gone in."""
        return round(n / self.speed)

    def push(self, chunk: np.ndarray) -> np.ndarray:
        """chunk (n,) float32 -> the samples (m,) float32 that can be given now; m may be 0."""
        if self.speed == 1:
            return chunk
        self._x = np.concatenate([self._x, chunk])
        out = self._run(self._start + len(self._x))
        used = max(0, min(self._next, self._due() - self._reach) - self._start)
        self._x = self._x[used:]
        self._start += used
        return out

    def finish(self) -> np.ndarray:
        """The rest (m,) float32. Nothing can be pushed after it."""
        if self.speed == 1:
            return np.empty(0, np.float32)
        n = self._start + len(self._x)
        rest = self.length(n) - self._hops * self._hop
        # Silence goes on behind the sound, as far as the last crossfades may look.
        self._x = np.concatenate(
            [self._x, np.zeros(ceil(self._hop * (self.speed + 3)) + self._reach, np.float32)]
        )
        return self._run(self._start + len(self._x))[:rest]

    def _run(self, end: int) -> np.ndarray:
        """All crossfades for which the input up to `end` is enough."""
        out = [np.empty(0, np.float32)]
        hop, reach = self._hop, self._reach
        while True:
            due = self._due()
            goes_on = abs(self._next - due) <= reach
            first, latest = max(0, due - reach), max(0, due + reach)
            needed = (self._next if goes_on else max(self._next, latest)) + hop
            if end < max(needed, ceil((self._hops + 1) * hop * self.speed)):
                return np.concatenate(out)
            last = self._input(self._next, hop)
            if goes_on:
                out.append(last)
                self._next += hop
            else:
                at = first + _best_match(self._input(first, latest - first + hop), last)
                out.append(last + self._fade_in * (self._input(at, hop) - last))
                self._next = at + hop
            self._hops += 1

    def _due(self) -> int:
        """Where the input fades in now if it is to reach its full strength at the right time."""
        return round((self._hops + 1) * self._hop * self.speed) - self._hop

    def _input(self, at: int, n: int) -> np.ndarray:
        return self._x[at - self._start : at - self._start + n]


def _best_match(x: np.ndarray, part: np.ndarray) -> int:
    """Where in x (n,) the samples correlate best with part (m,), the loudness of x there set aside."""
    spectrum = np.fft.rfft(x) * np.fft.rfft(part, len(x)).conj()
    scores = np.fft.irfft(spectrum, len(x))[: len(x) - len(part) + 1]  # the lags that do not wrap around
    energy = np.cumsum(np.concatenate([[0], np.square(x, dtype=np.float64)]))
    energy = energy[len(part) :] - energy[: -len(part)]
    return int(np.argmax(scores / np.sqrt(energy + 1e-6)))
