"""Write a seeded random checkpoint of any architecture of Pocket TTS or Qwen3-TTS, with the files around it.

    python tools/make_synthetic_model.py DIR --model english
    python tools/make_synthetic_model.py DIR --model qwen3-tts-12hz-0.6b-customvoice

It makes no speech, only lively noise, but everything about it is the shape and size of the real thing: for
parity, for speed and for trying the machinery on a machine that cannot download weights.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests"), str(ROOT / "src")]  # the installed package comes first

from pocket_fast.models.pocket.catalog import LANGUAGES  # noqa: E402
from reference.qwen3 import QWEN3_MODELS, make_qwen3_model  # noqa: E402
from reference.synthetic import STORAGE, make_model  # noqa: E402
from reference.tiny import TINY_MODELS  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    models = [*TINY_MODELS, *LANGUAGES, *QWEN3_MODELS]
    parser.add_argument("--model", default="english", choices=models, metavar="NAME", help=", ".join(models))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", default="bf16", choices=STORAGE, help="of all but Qwen3-TTS's codec")
    parser.add_argument("--tokenizer", type=Path, help="a SentencePiece model (Pocket TTS)")
    parser.add_argument("--shards", type=int, default=1, help="files of weights (Qwen3-TTS)")
    parser.add_argument(
        "--endless", action="store_true", help="its speech does not end by itself (Qwen3-TTS)"
    )
    arguments = parser.parse_args()
    folder, name, seed = arguments.folder, arguments.model, arguments.seed
    if name in QWEN3_MODELS:
        if arguments.tokenizer:
            parser.error(f"{name} has no SentencePiece model: leave --tokenizer out")
        written = make_qwen3_model(folder, name, seed, arguments.dtype, arguments.shards, arguments.endless)
        print(f"wrote {written}; try: python -m pocket_fast generate --model {written} {_voice(name)}")
        return
    if arguments.shards != 1 or arguments.endless:
        parser.error(f"{name} is one file of weights, and endless anyway: leave --shards and --endless out")
    config = make_model(folder, name, seed, arguments.dtype, arguments.tokenizer)
    print(f"wrote {config}; try: python -m pocket_fast generate --config {config} --voice ref.wav")


def _voice(name):
    """The option that says who speaks with a Qwen3-TTS model."""
    if "base" in name:
        return "--voice ref.wav"
    return "--voice ryan" if "customvoice" in name else '--instruct "a deep old voice"'


if __name__ == "__main__":
    main()
