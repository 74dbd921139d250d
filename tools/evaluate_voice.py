"""Measure how well a model says what it was asked to, against its teacher's speech of the same texts.

    pip install pocket-fast[train]
    python tools/evaluate_voice.py --language builtin --compare int8
    python tools/evaluate_voice.py --config my/config.yaml --voice abel --gates everyday,mcd --limit 50

Prints a line per gate and voice, and exits with 1 if a gate is missed. A voice may be a name the model knows, a
recording or a state, NAME=FILE for one that has the timbre NAME of tools/voice/speech.py, or such a NAME alone:
then the teacher speaks the prompt. Voices in no such timbre are measured by what does not hear timbre: recognisers,
end of speech, duration. The gate `dictation` is an open recogniser's: Whisper tiny.en, and the share of words it gets
wrong; it takes half a second of a core for a sentence.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from pocket_fast import PocketFastError
from voice.teachers import TEACHERS
from voice_quality.dictation import Dictation
from voice_quality.evaluation import GATES, Evaluation, Wanted
from voice_quality.recognise import Recogniser
from voice_quality.report import passed, table, write_json

ROOT = Path(__file__).parent.parent


def main(arguments: list[str] | None = None) -> int:
    """0 if every gate was passed, 1 if one was missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--language", metavar="NAME", help="a model by name (default: builtin)")
    add("--config", metavar="FILE", help="instead of it, a model by its YAML file")
    add(
        "--voice",
        action="append",
        default=[],
        metavar="VOICE",
        help="one or several (default: the model's own)",
    )
    add("--compute-type", default="auto", metavar="TYPE")
    add("--compare", metavar="TYPE", help="a compute type, such as int8, that must be as good as the first")
    add(
        "--teacher",
        choices=TEACHERS,
        default=TEACHERS[0],
        help="whose speech is the truth (default: %(default)s)",
    )
    add(
        "--work",
        type=Path,
        default=ROOT / "build/natural",
        help="folder of the teacher kokoro, see train_voice.py",
    )
    add("--gates", default=",".join(GATES), metavar="A,B", help="default: %(default)s")
    add("--limit", type=int, metavar="N", help="the first N texts of each set only")
    add("--no-truth", action="store_true", help="leave out how well the recogniser knows the truth")
    add("--json", type=Path, metavar="FILE", help="write the lines, and the texts that went wrong")
    add(
        "--figure",
        type=Path,
        metavar="FILE.png",
        help="draw ten sentences of the first voice beside the truth",
    )
    add(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="recognisers (default: the CPUs)",
    )
    args = parser.parse_args(arguments)
    chosen = [gate for gate in args.gates.split(",") if gate]
    if unknown := set(chosen) - set(GATES):
        parser.error(f"no gate {', '.join(sorted(unknown))}; there are {', '.join(GATES)}")
    wanted = Wanted(
        language=args.language or (None if args.config else "builtin"),
        config=args.config,
        teacher=args.teacher,
        work=args.work,
        compute_type=args.compute_type,
        voices=args.voice,
        compare=args.compare,
        gates=chosen,
        limit=args.limit,
        with_truth=not args.no_truth,
        figure=args.figure,
    )
    began = time.monotonic()
    try:
        with Recogniser(args.workers) as recogniser:
            evaluation = Evaluation(wanted, recogniser, Dictation(args.workers))
            lines = evaluation.run()
    except PocketFastError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(lines))
    seconds = time.monotonic() - began
    print(f"\n{'no gate missed' if passed(lines) else 'GATES MISSED'}; {seconds:.0f} s")
    if args.json:
        model = {
            "language": args.language,
            "config": args.config,
            "compute_type": evaluation.model.compute_type,
        }
        write_json(
            args.json,
            lines,
            model | {"compare": args.compare, "limit": args.limit, "seconds": round(seconds)},
        )
    return 0 if passed(lines) else 1


if __name__ == "__main__":
    sys.exit(main())
