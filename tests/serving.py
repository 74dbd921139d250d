"""Helpers of the server's tests."""

import io
import time
import wave


def wait_until(condition, seconds=60):
    """Polls. Fails loudly rather than waiting for ever."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


def wav_of(sound, rate=24000):
    """A WAV file of (n,) float samples in [-1, 1]."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes((sound * 32767).astype("<i2").tobytes())
    return file.getvalue()
