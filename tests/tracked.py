"""The files that git knows: what a stranger's clone has, whatever else lies about here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def tracked_files():
    """Paths below ROOT, as git prints them. Skips the test where ROOT is no clone (a source distribution)."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git clone: nothing says which files belong to it")
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).exists()]
