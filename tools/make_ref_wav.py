"""Make ref.wav, the voice prompt used throughout: about 10 s of a built-in voice, 24 kHz mono 16 bit.

    python tools/make_ref_wav.py [OUT]        # default: ref.wav at the top of the repository

The text is ours, and so is the voice (MODEL.md).
"""

import argparse
from pathlib import Path

import numpy as np

from pocket_fast import TTSModel
from pocket_fast.audio.write import open_writer

ROOT = Path(__file__).resolve().parent.parent
TEXT = (
    "On quiet evenings the old man at the lighthouse reads by the window. Small boats drift home, "
    "and gulls circle above the water. Would you like to hear how it all began?"
)
VOICE = "ada"
RMS = 0.1
EDGE_S = 0.25  # quiet kept before and after the speech


def trim(x: np.ndarray, rate: int) -> np.ndarray:
    """x (n,) from EDGE_S before its first audible sample to EDGE_S after its last; zeros where x is too short."""
    audible = np.flatnonzero(np.abs(x) > 0.003 * np.abs(x).max())
    edge = int(EDGE_S * rate)
    padded = np.pad(x, edge)
    return padded[audible[0] : audible[-1] + 1 + 2 * edge]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=ROOT / "ref.wav")
    out = parser.parse_args().out
    model = TTSModel.load_model("builtin", compute_type="float32")
    x = trim(model.generate_audio(model.get_state_for_audio_prompt(VOICE), TEXT), model.sample_rate)
    x = x - x.mean()
    x *= min(RMS / np.sqrt(np.mean(x**2)), 0.95 / np.abs(x).max())
    with open_writer(out, "wav", model.sample_rate) as writer:
        writer.write(x)
    rms, peak = np.sqrt(np.mean(x**2)), np.abs(x).max()
    print(
        f"{out}: {len(x) / model.sample_rate:.2f} s, rms {rms:.3f}, peak {peak:.2f}, {writer.clipped} clipped"
    )


if __name__ == "__main__":
    main()
