"""Many voices at once: what the engine and the server carry on this machine. Everything on loopback.

    python benches/bench_serving.py curve CONFIG [--rival-python PYTHON]    texts at once: times real time
    python benches/bench_serving.py long CONFIG                             a text of 2,000 words
    python benches/bench_serving.py live CONFIG [--http]                    most listeners without a gap
    python benches/bench_serving.py first CONFIG [--rival-python PYTHON]    first audio; cancel to compute stopped
    python benches/bench_serving.py memory CONFIG                           1,000 requests: memory, mix-ups
    python benches/bench_serving.py abuse CONFIG --seconds 600              what nobody should do, beside listeners
    python benches/bench_serving.py plot --data FILE                        docs/serving_curve.png

Each prints a Markdown table with the machine's limits before and after, and adds what it measured to --data, a
JSON file. CONFIG is the config.yaml of a checkpoint; --compute-types names those of ours that are measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import platform
import subprocess
import sys
import time
from pathlib import Path

from pocket_fast.cpu import machine

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "benches"))

import serving_plot  # noqa: E402
from serving_tables import COMMANDS, Bench  # noqa: E402


def versions(options: argparse.Namespace) -> str:
    import numpy

    from pocket_fast import __version__

    found = f"pocket-fast {__version__}, Python {platform.python_version()}, NumPy {numpy.__version__}"
    if options.rival_python:
        ask = "from importlib.metadata import version as v; print('pocket-tts', v('pocket-tts'), 'torch', v('torch'))"
        done = subprocess.run([options.rival_python, "-c", ask], capture_output=True, text=True, check=True)
        found += f"; {done.stdout.strip()}"
    return found


def report(options: argparse.Namespace) -> str:
    """Measure, keep the data, and write it up."""
    before = machine.limits(options.threads)
    bench = Bench(options)
    try:
        data, rows = asyncio.run(COMMANDS[options.command](bench))
    finally:
        bench.close()
    after = machine.limits(options.threads)
    commit = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(commit, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    model = options.config.resolve().parent.name
    about = {
        "day": time.strftime("%Y-%m-%d"),
        "commit": commit,
        "versions": versions(options),
        "cpu": machine.cpu_name(),
        "threads": options.threads,
        "before": before,
        "after": after,
    }
    if options.data:
        kept = json.loads(options.data.read_text(encoding="utf-8")) if options.data.exists() else {}
        command = (
            f"{options.command}, HTTP" if options.command == "live" and options.http else options.command
        )
        kept.setdefault(model, {})[command] = {"about": about, "found": data}
        options.data.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    rows[0][0] = f"{model}: {rows[0][0]}".rstrip(": ")
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|---" * len(rows[0]) + "|")
    lines += [
        "",
        f"- {about['day']}, commit {commit}, {about['versions']}.",
        f"- {about['cpu']}, {options.threads} threads; before: {machine.describe(before, options.threads)}; "
        f"after: {machine.describe(after, options.threads)}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("command", choices=[*COMMANDS, "plot"])
    add("config", type=Path, nargs="?", help="config.yaml of a checkpoint")
    add("--compute-types", type=lambda s: s.split(","), default="float32,int8")
    add("--rival-python", help="interpreter with pocket-tts")
    add("--voice", type=Path, default=ROOT / "ref.wav")
    add("--threads", type=int, default=2)
    add("--http", action="store_true", help="curve, live: over HTTP too, or instead")
    add("--streams", type=lambda s: [int(n) for n in s.split(",")], default="1,4,8,16,32", help="curve")
    add("--rival-streams", type=int, default=8, help="curve: most for pocket-tts")
    add("--rounds", type=int, default=3, help="curve, long: interleaved, medians count")
    add("--voices", type=int, default=8, help="curve: different ones; memory: at most 5")
    add("--words", type=int, default=2000, help="long")
    add("--seconds", type=float, default=60, help="live: of the crowd that counts; abuse")
    add("--trial-seconds", type=float, default=10, help="live: of the crowds before")
    add("--start", type=int, default=8, help="live: listeners to begin with")
    add("--most", type=int, default=1024, help="live: listeners to end with")
    add("--requests", type=int, help="first: of each source (default 50); memory: (default 1000)")
    add("--listeners", type=int, default=8, help="first, abuse: beside them")
    add("--budget", type=float, default=20, help="first: seconds for ten requests")
    add("--kinds", type=lambda s: s.split(","), default=[], help="abuse: only these, of serving_abuse.py")
    add("--data", type=Path, help="JSON file to add to")
    add("--markdown", type=Path, help="append the table to this file")
    add("--out", type=Path, default=ROOT / "docs" / "serving_curve.png", help="plot")
    options = parser.parse_args()
    options.requests = options.requests or {"memory": 1000}.get(options.command, 50)
    if options.command == "plot":
        if not options.data:
            parser.error("plot: --data says what to draw")
        serving_plot.draw(json.loads(options.data.read_text(encoding="utf-8")), options.out)
        return
    if not options.config:
        parser.error(f"{options.command}: a config.yaml is needed")
    # random weights do not hear the end of a sentence, and a warning for each would bury the figures
    logging.getLogger("pocket_fast").setLevel(logging.ERROR)
    text = report(options)
    print(text)
    if options.markdown:
        with options.markdown.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}\n")


if __name__ == "__main__":
    main()
