"""How lively the synthetic models are, and what float32 costs: the NumPy stages in float32 and in float64.

    python tools/measure_synthetic.py [NAME ...] [--seed 0] [--exact]

Prints, at temperature 0: frames, rms of the audio, the largest change of a sample by one other word and by
another voice, and with --exact the largest difference between float32 and float64 (early, middle, last frame).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import sentencepiece

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from pocket_fast.models.pocket.catalog import LANGUAGES, shipped_config  # noqa: E402
from reference import Model, lively_weights, tiny_config  # noqa: E402
from reference.record import synthetic_voice  # noqa: E402
from reference.synthetic import ENGLISH_TOKENIZER, TINY_TOKENIZER  # noqa: E402
from reference.tiny import TINY_MODELS  # noqa: E402

DEFAULT = [
    "english",
    "english_2026-01",
    "english_2026-04_24l",
    "english_18m_2026-10",
    "english_7m_2026-10",
    "english_2m_2026-10",
]
TEXT = "The quick brown fox jumps over the lazy dog today."
OTHER_WORD = "The quick brown cat jumps over the lazy dog today."


def measure(name, seed, exact):
    tiny = name in TINY_MODELS or not ENGLISH_TOKENIZER.exists()
    tokenizer = sentencepiece.SentencePieceProcessor(str(TINY_TOKENIZER if tiny else ENGLISH_TOKENIZER))
    config = tiny_config(name) if name in TINY_MODELS else shipped_config(name)
    weights = lively_weights(config, seed, "BF16")
    rate = config.mimi.sample_rate
    prompts = synthetic_voice(rate, 10), synthetic_voice(rate, 10, pitch=190.0, seed=1)

    model = Model(config, weights)
    voices = [model.voice_from_audio(prompt) for prompt in prompts]
    tokens = tokenizer.encode(TEXT)
    plain = model.speak(tokens, voices[0])
    word = model.speak(tokenizer.encode(OTHER_WORD), voices[0])
    voice = model.speak(tokens, voices[1])
    line = f"{name:22} {len(plain.latents):4} frames  rms {np.sqrt(np.mean(plain.samples**2)):.2f}"
    line += f"  word {_difference(plain, word).max():.3f}  voice {_difference(plain, voice).max():.3f}"
    line += f"  eos {plain.eos_logits.min():.1f}..{plain.eos_logits.max():.1f}"
    if exact:
        del model, voices
        model = Model(config, weights, np.float64)
        frames = _difference(plain, model.speak(tokens, model.voice_from_audio(prompts[0])))
        frames = frames.reshape(-1, config.mimi.samples_per_frame).max(axis=1)
        line += "  float32 " + " ".join(f"{frames[i]:.0e}" for i in (0, len(frames) // 2, -1))
    print(line, flush=True)


def _difference(one, other):
    n = min(len(one.samples), len(other.samples))
    return np.abs(one.samples[:n] - other.samples[:n])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=DEFAULT, metavar="NAME", help="shipped or tiny models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--exact", action="store_true", help="compare with float64 too (slow)")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in (*LANGUAGES, *TINY_MODELS):
            parser.error(f"no model is called {name!r}")
    for name in arguments.names:
        measure(name, arguments.seed, arguments.exact)


if __name__ == "__main__":
    main()
