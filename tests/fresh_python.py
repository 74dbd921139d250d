"""Run a few lines in a new interpreter: for what is decided once per process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

TIMEOUT_S = 120  # only a hang is this slow
OURS = ("POCKET_FAST_", "OMP_")


def run_python(code, *, env=None, argv=()):
    """CompletedProcess (text) of `python -c code`, without our variables but those in env.

    A process that hangs is killed with its children, and the test fails.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *argv],
        env={**kept, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"hung for {TIMEOUT_S} s: {out}{err}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
