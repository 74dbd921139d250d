"""The table of readings, tests/data/readings.txt."""

from __future__ import annotations

import re
from pathlib import Path

TABLE = Path(__file__).parent / "data" / "readings.txt"
_ESCAPE = re.compile(r"\\n|\\u([0-9a-f]{4})")


def readings() -> list[tuple[str, str]]:
    """(text, what is said of it)"""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [_parted(line) for line in lines if line and not line.startswith(";;")]


def _parted(line: str) -> tuple[str, str]:
    text, _, words = line.rpartition(" =>")
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else "\n", text), words.strip()
