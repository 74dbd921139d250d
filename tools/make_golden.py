"""Record goldens of the tiny models from pocket-tts 4.0.1: tests/parity/golden_*.npz.

    python tools/make_golden.py          # where torch and pocket-tts are installed

The weights are not committed: a seed makes them again, bit for bit (tests/reference/lively.py). What each
array is stands in tests/reference/record.py.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from reference import read_weights  # noqa: E402
from reference.golden import EVERY, GOLDENS, NOISY_STEPS, golden_path, weights_checksum  # noqa: E402
from reference.record import (  # noqa: E402
    load_reference,
    record_modules,
    record_speech,
    record_stages,
    synthetic_voice,
)
from reference.synthetic import make_model  # noqa: E402

TEXT = "The gulls went with it."
FRAMES = 24
DECODED_FRAMES = 5


def main() -> None:
    for name, dtype in GOLDENS.items():
        with tempfile.TemporaryDirectory() as folder:
            config = make_model(folder, name, dtype=dtype)
            reference = load_reference(config)
            weights = read_weights(config.parent / "model.safetensors")
        rate = reference.config.mimi.sample_rate
        golden, voice = record_stages(reference, synthetic_voice(rate), TEXT, FRAMES)
        frame = len(golden["codec.samples"]) // FRAMES
        golden["codec.samples"] = golden["codec.samples"][: DECODED_FRAMES * frame]
        golden["checksum"] = np.uint32(weights_checksum(weights))
        golden.update(_speech("speak", record_speech(reference, voice, TEXT, eos_step=8)))
        noise = np.random.default_rng(1).standard_normal((150, len(golden["steps.latents"][0]))) * 0.3**0.5
        steps = NOISY_STEPS.get(name, 1)
        golden.update(_speech("noisy", record_speech(reference, voice, TEXT, noise, 8, steps=steps)))
        if name in ("tiny", "tiny-odd"):
            golden.update(record_modules(reference))
        path = golden_path(name)
        np.savez_compressed(path, **golden)
        print(f"{path.name}: {path.stat().st_size} bytes, {len(golden['speak.latents'])} frames spoken")


def _speech(prefix, speech):
    """Thinned out: all frames of latents and logits, one sample in EVERY, no noise row that is not used."""
    speech["samples"] = speech["samples"][::EVERY]
    if "noise" in speech:
        speech["noise"] = speech["noise"][: len(speech["logits"])]
    return {f"{prefix}.{key}": value for key, value in speech.items()}


if __name__ == "__main__":
    main()
