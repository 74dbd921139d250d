"""Helpers of the command-line tests."""

import io
import signal
import wave
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
REF_WAV = ROOT / "ref.wav"
FRAME = 1920  # samples
TAIL = 4800  # the silence at the end of every file


def read_wav(source):
    """Samples (n,) int16 of a mono 24 kHz WAV, given as a path or as bytes; its header must not lie."""
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24000)
        assert len(data) == 44 + 2 * file.getnframes()
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def error_of(result):
    """The error message of a failed command: one or two lines and nothing else on either stream."""
    assert result.code == 1
    assert result.out == b""
    assert result.err.startswith("error: ")
    assert result.err.endswith("\n")
    assert len(result.err.splitlines()) <= 2
    return result.err


def default_signals():
    """For the preexec_fn of a process: a test run in the background may have been told to ignore signals, and children
    inherit that."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
