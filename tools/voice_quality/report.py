"""The report: a table for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from voice_quality.gates import Line

_VERDICT = {True: "pass", False: "MISSED", None: ""}
_HEAD = ("gate", "voice", "what", "value", "required", "", "beside")


def table(lines: Iterable[Line]) -> str:
    """A line per gate and voice, in columns."""
    rows = [_HEAD] + [
        (line.gate, line.voice, line.what, line.value, line.required, _VERDICT[line.passed], line.beside)
        for line in lines
    ]
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def write_json(path: Path, lines: Sequence[Line], about: dict[str, object]) -> None:
    """Everything, with the texts that went wrong."""
    found = {**about, "passed": passed(lines), "lines": [dataclasses.asdict(line) for line in lines]}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def passed(lines: Iterable[Line]) -> bool:
    """No gate was missed."""
    return not any(line.passed is False for line in lines)
