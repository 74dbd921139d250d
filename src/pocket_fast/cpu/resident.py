"""How much memory this program has. Needs nothing, so that any Python can run the file (benches/contenders.py)."""

from __future__ import annotations

import sys
from pathlib import Path


def memory_mib(field: str) -> float | None:
    """VmRSS (resident now) or VmHWM (the most so far) of this program; None where the system does not tell.

    Not ru_maxrss on Linux: there a child starts with what its parent held when it forked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024
    if sys.platform == "darwin" and field == "VmHWM":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return None
