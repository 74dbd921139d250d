"""How near a frame comes to what the machine allows, and what would be gained there: a table of several measurements.

    python -m pocket_fast bench MODEL --compute-type int8 --json > english.json
    python benches/roofline.py english.json=23.3 ...

FILE=MS: what `bench --json` wrote, and the milliseconds that a rival takes for a frame, measured at the same time
(tools/bench_compare.py); without it the last column stays empty. Stages stand in their order: of Pocket TTS backbone,
flow head, codec; of Qwen3-TTS talker, code predictor, codec.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

NEAR = 0.85  # of the limit: what is aimed at
HEADS = [
    "MB",
    "GFLOP",
    "reads, GB/s",
    "least, ms",
    "took, ms",
    "share, %",
    "in all, %",
    "a frame of speech, ms",
    f"over the rival: now, at {NEAR:.0%}, at the limit",
]


def row(found: dict[str, Any], rival_ms: float | None) -> list[str]:
    """The cells after the name. found: what `bench --json` prints."""
    stages = [stage for stage in found["stages"] if stage["every_frame"]]
    limits, threads = found["limits"], found["threads"]
    least, took = (sum(stage[key] for stage in stages) for key in ("least_ms", "ms"))
    reads = [limits[key] for name in ("read", "again") if (key := f"{name}_gb_s_{threads}") in limits]
    ratios = []
    if rival_ms is not None:
        ratios = [rival_ms / ms for ms in (found["ms_per_frame"], least / NEAR, least)]
    return [
        each(stage["nbytes"] / 1e6 for stage in stages),
        each(stage["flops"] / 1e9 for stage in stages),
        each(reads, ", "),
        f"{each(stage['least_ms'] for stage in stages)} = {least:.3g}",
        f"{each(stage['ms'] for stage in stages)} = {took:.3g}",
        each((stage["of_limit"] * 100 for stage in stages), ", "),
        f"{least / took * 100:.0f}",
        f"{found['ms_per_frame']:.3g}",
        each(ratios, ", "),
    ]


def each(values: Any, between: str = " + ") -> str:
    return between.join(f"{value:.0f}" if value >= 100 else f"{value:.2g}" for value in values)


def table(measured: list[tuple[str, dict[str, Any], float | None]]) -> list[str]:
    """Markdown. measured: (name, what `bench --json` prints, the rival's ms or None) of each line."""
    lines = [f"| | {' | '.join(HEADS)} |", "|---" * (len(HEADS) + 1) + "|"]
    for name, found, rival_ms in measured:
        lines.append(f"| {name} `{found['compute_type']}` | {' | '.join(row(found, rival_ms))} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", metavar="FILE[=MS]")
    measured = []
    for given in parser.parse_args().files:
        file, _, rival_ms = given.partition("=")
        found = json.loads(Path(file).read_text(encoding="utf-8"))
        measured.append((Path(file).stem, found, float(rival_ms) if rival_ms else None))
    print("\n".join(table(measured)))


if __name__ == "__main__":
    main()
