"""Make the built-in voice: texts, speech, four trainings, the bundle.

    python tools/train_voice.py STEP [STEP ...] [--teacher espeak|kokoro] [--work DIR] [--begin BUNDLE] [--dry]

Steps in order: text, said, speech, latents, spoken, planned (said and planned of the natural teacher only); then
decoder and encoder, and language, which needs nothing of those; then export. What was stopped, a training or what the
natural teacher says, goes on where it was; two processes gain more than two threads, be it two steps at a time or
`torchrun`. MODEL.md tells what each step took. `--dry` runs a step at a size that takes seconds.

    python tools/train_voice.py text speech latents spoken
    python tools/train_voice.py decoder encoder
    torchrun --nproc-per-node 2 tools/train_voice.py language
    python tools/train_voice.py export
    python tools/evaluate_voice.py --language builtin

The natural teacher, Kokoro-82M, says a sentence or two in a second of a core: the most useful come first, and the steps
after `said` take those there are. Of those after them the language model learns what the teacher plans to say. Its
voices come with npm's kokoro-js. The trainings begin from the model that learned from espeak-ng.

    (cd build/natural && npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz)
    python tools/train_voice.py text said speech --teacher kokoro --work build/natural
    python tools/train_voice.py latents spoken planned --teacher kokoro --work build/natural --begin BUNDLE
    python tools/train_voice.py decoder encoder language --work build/natural --begin BUNDLE
    python tools/train_voice.py export --teacher kokoro --work build/natural --target build/natural/bundle
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from voice.teachers import TEACHERS

ROOT = Path(__file__).parent.parent
_CODEC_SENTENCES = 2500  # in every timbre
_SHORTCUT_SENTENCES = 1000  # that it learns from
_PLANNED_SENTENCES = 7_500  # with those that were said
STEPS = ("text", "said", "speech", "latents", "spoken", "planned", "decoder", "encoder", "language", "export")
NATURAL_STEPS = ("said", "planned")  # of a teacher who is slow to speak


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
    parser.add_argument(
        "--teacher", choices=TEACHERS, default=TEACHERS[0], help="who speaks (default: %(default)s)"
    )
    parser.add_argument(
        "--begin", type=Path, metavar="BUNDLE", help="folder of a bundle that the trainings begin from"
    )
    parser.add_argument(
        "--updates", type=int, metavar="N", help="of each training (default: as many as from nothing)"
    )
    parser.add_argument("--dry", action="store_true", help="a few sentences, a few steps")
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    for step in options.steps:
        if step in NATURAL_STEPS and options.teacher == "espeak":
            parser.error(
                f"espeak-ng says everything when it is wanted: the step `{step}` is for --teacher kokoro"
            )
        run(
            step,
            options.work,
            options.target,
            options.threads,
            options.dry,
            options.teacher,
            options.begin,
            options.updates,
        )


def run(
    step: str,
    work: Path,
    target: Path,
    threads: int,
    dry: bool,
    teacher: str = "espeak",
    bundle: Path | None = None,
    updates: int | None = None,
) -> None:
    """One step; raises FileNotFoundError if the steps before it have not been made."""
    import torch

    from voice import codec, data, export, kokoro, language, latents, order, planned, text

    torch.set_num_threads(threads)
    processes = 1 if dry else os.cpu_count() or 1

    natural = teacher != "espeak"

    def sentences(most: int | None = None, sex: str | None = None) -> list[str]:
        """The first; of the natural teacher those that it said, if a sex is given."""
        if natural and sex:
            return kokoro.texts_said(work, sex)[:most]
        return (work / "sentences.txt").read_text().splitlines()[:most]

    def training(**small: int) -> dict:
        asked = {"steps": updates} if updates else {}
        return asked | (small if dry else {}) | {"weights": export.begun(bundle) if bundle else None}

    if step == "text":
        texts = text.corpus(300 if dry else 100_000)
        (work / "sentences.txt").write_text("\n".join(order.useful_first(texts) if natural else texts) + "\n")
    elif step == "said":
        kokoro.say_all(sentences(16 if dry else None), _CODEC_SENTENCES, work, processes)
    elif step == "speech":
        data.make_codec_set(
            sentences(8 if dry else _CODEC_SENTENCES, "female"), work, processes, speaker=teacher
        )
    elif step == "latents":
        latents.train(work, **training(steps=30, batch=16))
        latents.encode_codec_set(work)
    elif step == "spoken":
        texts = sentences(40 if dry else None, "male")
        latents.encode_sentences(work, texts, processes, speaker=teacher)
    elif step == "planned":
        said = sentences(sex="male")
        latents.encode_sentences(work, said, processes, speaker=teacher)
        small = {"steps": 8, "batch": 2} if dry else {}
        planned.train(work, said[:_SHORTCUT_SENTENCES], processes, **small)
        planned.encode(work, sentences(48 if dry else _PLANNED_SENTENCES)[len(said) :], processes)
    elif step == "decoder":
        codec.train_decoder(work, **training(steps=8, batch=2, frames=4))
    elif step == "encoder":
        codec.train_encoder(work, **training(steps=8, batch=2, frames=4))
    elif step == "language":
        language.train(work, **training(steps=12, positions=400))
    else:
        export.export(work, target, speaker=teacher)


if __name__ == "__main__":
    main()
