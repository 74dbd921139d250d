"""Make the built-in voice: texts, speech, four trainings, the bundle.

    python tools/train_voice.py STEP [STEP ...] [--work DIR] [--dry]

Steps in order: text, speech, latents, spoken; then decoder, encoder and language, which need nothing of each other;
then export. A training that was stopped goes on where it was; two processes gain more than two threads, be it two
steps at a time or `torchrun`. MODEL.md tells what each step took. `--dry` runs a step at a size that takes seconds.

    python tools/train_voice.py text speech latents spoken
    python tools/train_voice.py decoder encoder
    torchrun --nproc-per-node 2 tools/train_voice.py language
    python tools/train_voice.py export
    python tools/evaluate_voice.py --language builtin
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
STEPS = ("text", "speech", "latents", "spoken", "decoder", "encoder", "language", "export")


def main(arguments: list[str] | None = None) -> None:
    """Runs the steps asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("steps", nargs="+", choices=STEPS, metavar="STEP", help=", ".join(STEPS))
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "voice", help="folder of what is made on the way"
    )
    parser.add_argument(
        "--target", type=Path, default=ROOT / "src/pocket_fast/builtin", help="where export writes"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="of a training (default 1: one process per core)"
    )
    parser.add_argument("--dry", action="store_true", help="a few sentences, a few steps")
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    for step in options.steps:
        run(step, options.work, options.target, options.threads, options.dry)


def run(step: str, work: Path, target: Path, threads: int, dry: bool) -> None:
    """One step; raises FileNotFoundError if the steps before it have not been made."""
    import torch

    from voice import codec, data, export, language, latents, text

    torch.set_num_threads(threads)
    processes = 1 if dry else os.cpu_count() or 1

    def sentences(most: int | None = None) -> list[str]:
        return (work / "sentences.txt").read_text().splitlines()[:most]

    if step == "text":
        (work / "sentences.txt").write_text("\n".join(text.corpus(300 if dry else 100_000)) + "\n")
    elif step == "speech":
        data.make_codec_set(sentences(8 if dry else 2500), work, processes)
    elif step == "latents":
        latents.train(work, **({"steps": 30, "batch": 16} if dry else {}))
        latents.encode_codec_set(work)
    elif step == "spoken":
        latents.encode_sentences(work, sentences(40 if dry else None), processes)
    elif step == "decoder":
        codec.train_decoder(work, **({"steps": 8, "batch": 2, "frames": 4} if dry else {}))
    elif step == "encoder":
        codec.train_encoder(work, **({"steps": 8, "batch": 2, "frames": 4} if dry else {}))
    elif step == "language":
        language.train(work, **({"steps": 12, "positions": 400} if dry else {}))
    else:
        export.export(work, target)


if __name__ == "__main__":
    main()
