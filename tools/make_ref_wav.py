"""Make ref.wav, the voice prompt used throughout: about 10 s of clear synthetic speech, 24 kHz mono 16 bit.

    apt-get install espeak-ng
    python tools/make_ref_wav.py [OUT]        # default: ref.wav at the top of the repository

The text is ours. espeak-ng is needed only to make the file again: ref.wav itself is in the repository.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from pocket_fast.audio.read import read_audio
from pocket_fast.audio.resample import resample
from pocket_fast.audio.write import open_writer

ROOT = Path(__file__).resolve().parent.parent
TEXT = (
    "On quiet evenings the old lighthouse keeper reads by the window, while gulls circle above the harbour "
    "and small boats drift home. Would you like to hear how it all began?"
)
VOICE = ["-v", "en-us+f3", "-s", "168", "-p", "45"]  # the variant with the most energy above 4 kHz
RATE = 24000
RMS = 0.1
EDGE_S = 0.25  # quiet kept before and after the speech


def speak() -> np.ndarray:
    """What espeak-ng says, (n,) float32 at RATE."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["espeak-ng", *VOICE, "-w", str(path), TEXT], check=True)
        samples, rate = read_audio(path)
    return resample(samples, rate, RATE)


def trim(x: np.ndarray) -> np.ndarray:
    """x from EDGE_S before its first audible sample to EDGE_S after its last; zeros where x is too short."""
    audible = np.flatnonzero(np.abs(x) > 0.003 * np.abs(x).max())
    edge = int(EDGE_S * RATE)
    padded = np.pad(x, edge)
    return padded[audible[0] : audible[-1] + 1 + 2 * edge]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=ROOT / "ref.wav")
    out = parser.parse_args().out
    try:
        x = trim(speak())
    except FileNotFoundError:
        sys.exit("espeak-ng is not installed; apt-get install espeak-ng")
    x = x - x.mean()
    x *= min(RMS / np.sqrt(np.mean(x**2)), 0.95 / np.abs(x).max())
    with open_writer(out, "wav", RATE) as writer:
        writer.write(x)
    rms, peak = np.sqrt(np.mean(x**2)), np.abs(x).max()
    print(f"{out}: {len(x) / RATE:.2f} s, rms {rms:.3f}, peak {peak:.2f}, {writer.clipped} clipped")


if __name__ == "__main__":
    main()
