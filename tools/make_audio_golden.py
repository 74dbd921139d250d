"""Write tests/data/audio_golden.npz: what pocket-tts makes of small voice prompts.

    python tools/make_audio_golden.py        # in an environment with torch and pocket-tts==4.0.1

Keys: `resample.<rate>.in` / `.out` (to 24000 Hz); `pause.<case>.in` / `.out` / `.rate`.
Prompts are stored as int16 and mean value / 32768; outputs are float32. Seeded: a rerun gives the same file.
"""

from pathlib import Path

import numpy as np
import torch
from pocket_tts.data.audio_utils import convert_audio, end_on_pause

OUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "audio_golden.npz"
RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000)
PAUSE_RATE = 2400  # frames of 48 samples: every branch in a small file


def as_tensor(pcm: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pcm.astype(np.float32) / 32768)[None]


def noise(rng: np.random.Generator, n: int, level: float) -> np.ndarray:
    return np.round(rng.standard_normal(n) * level * 32767).clip(-32768, 32767).astype(np.int16)


def pauses(rng: np.random.Generator) -> dict[str, tuple[np.ndarray, int]]:
    """Prompts by name, with their rates: each ends in another way."""
    rate = PAUSE_RATE
    speech = noise(rng, rate, 0.1)
    decay = (noise(rng, 2 * rate, 0.3) * np.logspace(0, -4, 2 * rate)).astype(np.int16)
    return {
        "ends_on_speech": (speech, rate),
        "ends_in_zeros": (np.concatenate([speech, np.zeros(700, np.int16)]), rate),
        "ends_in_hiss": (np.concatenate([speech, noise(rng, 1000, 0.0008)]), rate),
        "ends_in_loud_hiss": (np.concatenate([speech, noise(rng, 1000, 0.004)]), rate),
        "decays": (decay, rate),
        "gap_inside": (np.concatenate([speech, np.zeros(900, np.int16), speech[:100]]), rate),
        "silent": (np.zeros(500, np.int16), rate),
        "one_frame": (speech[:48], rate),
        "under_one_frame": (speech[:47], rate),
        "odd_rate": (speech[:1000], 1111),
        "at_24k": (np.concatenate([noise(rng, 3000, 0.1), np.zeros(3000, np.int16)]), 24000),
    }


def main() -> None:
    rng = np.random.default_rng(20240)
    arrays: dict[str, np.ndarray] = {}
    for rate in RATES:
        pcm = noise(rng, 300, 0.2)
        arrays[f"resample.{rate}.in"] = pcm
        arrays[f"resample.{rate}.out"] = convert_audio(as_tensor(pcm), rate, 24000, 1)[0].numpy()
    for name, (pcm, rate) in pauses(rng).items():
        arrays[f"pause.{name}.in"] = pcm
        arrays[f"pause.{name}.rate"] = np.int64(rate)
        arrays[f"pause.{name}.out"] = end_on_pause(as_tensor(pcm), rate)[0].numpy()
    np.savez_compressed(OUT, **arrays)
    print(f"{OUT.name}: {len(arrays)} arrays, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
