"""What the machine can do at this moment, to be recorded beside every result.

Virtual cores of a shared machine change their placement within minutes, and with it the read bandwidth
of two threads by a factor of two: figures from different moments compare only if these agree.
"""

from __future__ import annotations

import platform
import threading
import time
from pathlib import Path

import numpy as np


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def read_bandwidth(threads: int, megabytes: int = 256, rounds: int = 3) -> float:
    """GB/s at which `threads` threads together read memory (NumPy maximum over private arrays, best round)."""
    arrays = [np.ones(megabytes * 1_000_000 // 4 // threads, dtype=np.float32) for _ in range(threads)]
    best = 0.0
    for _ in range(rounds):
        workers = [threading.Thread(target=array.max) for array in arrays]
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        best = max(best, sum(a.nbytes for a in arrays) / (time.perf_counter() - start) / 1e9)
    return best


def fma_rate() -> float:
    """GFLOP/s of one thread on this package's own matrix kernel with everything in its caches."""
    from pocket_fast.cpu._memory import WeightStore
    from pocket_fast.cpu.packing import pack_linear

    from pocket_fast.cpu import parts

    weight = pack_linear(WeightStore(), np.full((256, 256), 1e-3, dtype=np.float32))
    x, y = np.ones((96, 256), dtype=np.float32), np.empty((96, 256), dtype=np.float32)
    best = 1.0
    for _ in range(50):
        start = time.perf_counter()
        parts.linear(x, weight, y)
        best = min(best, time.perf_counter() - start)
    return 2 * 96 * 256 * 256 / best / 1e9


def describe(threads: int) -> dict:
    """Name, and the limits measured just now."""
    return {
        "cpu": cpu_name(),
        "threads": threads,
        "read_gb_s_1": round(read_bandwidth(1), 1),
        f"read_gb_s_{threads}": round(read_bandwidth(threads), 1),
        "fma_gflop_s_1": round(fma_rate(), 1),
    }
