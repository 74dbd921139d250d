"""What the machine can do at this moment: what every measured speed is held against.

Limits, not what some product reaches: multiply-adds that touch nothing but registers, by the instruction set in use,
and reads that do nothing with what they read. Virtual cores of a shared machine change their placement within
minutes, and with it the read bandwidth of two threads by a factor of two: figures from different moments compare
only if these agree.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path

from pocket_fast.cpu import limits as core
from pocket_fast.cpu._threads import let_go

WINDOW = 0.12  # seconds that each figure is looked for; the best counts
MEMORY = 256_000_000  # bytes, of all threads together: more than caches keep
_ROUNDS = 50_000  # of multiply-adds: about a millisecond
_AT_ONCE = 20_000_000  # bytes that a measured read reads, from a cache several times


def cpu_name() -> str:
    """As the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def arithmetic(product: str, threads: int) -> float:
    """GFLOP/s of `threads` threads at once. product: float32, bfloat16 (pairs of them, float32 sums), int8."""
    return _best(lambda: core.multiply(product, threads, _ROUNDS))


def read_rate(threads: int, nbytes: int = MEMORY) -> float:
    """GB/s at which `threads` threads at once read `nbytes` again and again, each a share of its own."""
    memory = core.Memory(threads, nbytes // threads)
    times = max(1, _AT_ONCE // nbytes)
    memory.read(times)  # what fits a cache is in it
    return _best(lambda: memory.read(times)[0])


def reads(threads: int, nbytes: int = MEMORY, name: str = "read") -> dict[str, float]:
    """{"NAME_gb_s_N": GB/s} of 1 and of `threads` threads that read so much: what changes within minutes."""
    return _of_threads(f"{name}_gb_s", threads, lambda n: read_rate(n, nbytes))


def products(threads: int) -> dict[str, float]:
    """{"PRODUCT_gflop_s_N": GFLOP/s} of 1 and of `threads` threads, by the instruction set in use: what does not."""
    found: dict[str, float] = {}
    for product in core.products():
        found |= _of_threads(f"{product}_gflop_s", threads, lambda n, product=product: arithmetic(product, n))
    return found


def caches(threads: int) -> dict[str, float]:
    """{"l2_gb_s_N", "l3_gb_s_N": GB/s} of what fits these caches; nothing where the system does not tell their size."""
    level2, level3 = _cache_size(2), _cache_size(3)
    sizes = {}
    if level2:
        sizes["l2"] = lambda n: n * level2 // 2
    if level3 > 4 * threads * level2:
        sizes["l3"] = lambda n: min(level3 // 2, max(32_000_000, 2 * n * level2))
    found: dict[str, float] = {}
    for level, size in sizes.items():
        found |= _of_threads(f"{level}_gb_s", threads, lambda n, size=size: read_rate(n, size(n)))
    return found


def limits(threads: int) -> dict[str, float]:
    """Everything measured just now, about two seconds."""
    found = {**reads(threads), **caches(threads), **products(threads)}
    let_go()
    return found


def describe(measured: dict[str, float], threads: int) -> str:
    """One line for people."""
    counts = sorted({1, threads})
    parts = []
    for name, level in ("read", "memory"), ("l3", "L3"), ("l2", "L2"):
        if f"{name}_gb_s_1" in measured:
            found = " and ".join(f"{measured[f'{name}_gb_s_{n}']:.3g}" for n in counts)
            parts.append(f"{level} {found}")
    rates = [
        f"{key.partition('_')[0]} {' and '.join(f'{measured[key[:-1] + str(n)]:.0f}' for n in counts)}"
        for key in measured
        if key.endswith("gflop_s_1")
    ]
    threads_told = " and ".join(map(str, counts))
    return f"with {threads_told} threads: reads in GB/s: {', '.join(parts)}; GFLOP/s: {', '.join(rates)}"


def _of_threads(name: str, threads: int, rate: Callable[[int], float]) -> dict[str, float]:
    """{"NAME_1", "NAME_N": rate}. What one thread can do several can, even if others kept them from it just now."""
    alone = rate(1)
    found = {f"{name}_1": round(alone, 1)}
    if threads > 1:
        found[f"{name}_{threads}"] = round(max(alone, rate(threads)), 1)
    return found


def _best(work: Callable[[], float]) -> float:
    """Giga-units per second of the fastest call, among those that fit WINDOW."""
    best, end = 0.0, time.perf_counter() + WINDOW
    while time.perf_counter() < end:
        start = time.perf_counter()
        done = work()
        best = max(best, done / (time.perf_counter() - start) / 1e9)
    return best


def _cache_size(level: int) -> int:
    """Bytes of the first CPU's cache of that level, as Linux tells; 0 if it does not."""
    units = {"K": 1 << 10, "M": 1 << 20}
    try:
        for cache in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
            if cache.joinpath("level").read_text().strip() == str(level):
                size = cache.joinpath("size").read_text().strip()
                return int(size[:-1]) * units[size[-1]]
    except (OSError, ValueError, KeyError):
        pass
    return 0
