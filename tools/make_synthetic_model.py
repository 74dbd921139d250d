"""Write a seeded random checkpoint of any Pocket TTS architecture: config.yaml, model.safetensors, tokenizer.model.

    python tools/make_synthetic_model.py DIR --model english

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
from reference.synthetic import STORAGE, make_model  # noqa: E402
from reference.tiny import TINY_MODELS  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--model", default="english", choices=[*TINY_MODELS, *LANGUAGES], metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", default="bf16", choices=STORAGE)
    parser.add_argument("--tokenizer", type=Path, help="a SentencePiece model")
    arguments = parser.parse_args()
    config = make_model(
        arguments.folder, arguments.model, arguments.seed, arguments.dtype, arguments.tokenizer
    )
    print(f"wrote {config}; try: python -m pocket_fast generate --config {config} --voice ref.wav")


if __name__ == "__main__":
    main()
