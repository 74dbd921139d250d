"""What the machine can do at this moment, to be recorded beside every result.

Virtual cores of a shared machine change their placement within minutes, and with it the read bandwidth
of two threads by a factor of two: figures from different moments compare only if these agree.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

WINDOW = 0.15  # seconds each product is measured for


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def memory_mib(field: str) -> float:
    """VmRSS (resident now) or VmHWM (the most so far) of this program; Linux.

    ru_maxrss would not do: a child starts with what its parent held when it forked.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


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


def arithmetic(threads: int) -> dict[str, float]:
    """GFLOP/s of `threads` processes at once on this package's own products, everything in their caches.

    float32: fused multiply-adds; bfloat16: products of bfloat16 pairs; int8: integer products. What the CPU
    has no instructions for is left out. Processes, because one product holds the interpreter.
    """
    workers = [
        subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(threads)
    ]
    for worker in workers:
        worker.stdout.readline()  # ready
    for worker in workers:
        worker.stdin.write(f"{time.monotonic() + 0.02}\n")
        worker.stdin.flush()
    rates = [json.loads(worker.communicate()[0]) for worker in workers]
    return {product: sum(rate[product] for rate in rates) for product in rates[0]}


def reads(threads: int) -> dict[str, float]:
    """{"read_gb_s_N": GB/s} for 1 and for `threads` threads: what changes within minutes."""
    return {f"read_gb_s_{n}": round(read_bandwidth(n), 1) for n in sorted({1, threads})}


def products(threads: int) -> dict[str, float]:
    """{"PRODUCT_gflop_s_N": GFLOP/s} for 1 and for `threads` threads: what does not."""
    rates = {n: arithmetic(n) for n in sorted({1, threads})}
    return {f"{k}_gflop_s_{n}": round(v, 1) for n, found in rates.items() for k, v in found.items()}


def limits(threads: int) -> dict[str, float]:
    """Everything measured just now."""
    return {**reads(threads), **products(threads)}


def describe(measured: dict[str, float], threads: int) -> str:
    """One line for people."""
    reads = " and ".join(f"{measured[f'read_gb_s_{n}']:.3g}" for n in sorted({1, threads}))
    products = ", ".join(
        f"{k.partition('_')[0]} {v:.0f}" for k, v in measured.items() if k.endswith("gflop_s_1")
    )
    return f"reads {reads} GB/s with 1 and {threads} threads, products of one thread {products} GFLOP/s"


def _multiply() -> None:
    """The worker of arithmetic(): waits for the common start, then each product for WINDOW seconds."""
    from pocket_fast.cpu._memory import WeightStore
    from pocket_fast.cpu.packing import has_bf16_dot, pack_linear, round_to_bf16

    from pocket_fast.cpu import parts

    m, k, n = 96, 1024, 512
    plain = np.full((n, k), 1e-3, dtype=np.float32)
    weights = {"float32": pack_linear(WeightStore(), plain)}
    if has_bf16_dot():
        weights["bfloat16"] = pack_linear(WeightStore(), round_to_bf16(plain), product="dot")
    weights["int8"] = pack_linear(WeightStore(), plain, product="int8")
    x, y = np.ones((m, k), dtype=np.float32), np.empty((m, n), dtype=np.float32)
    print("ready", flush=True)
    start = float(sys.stdin.readline())
    rates = {}
    for i, (product, weight) in enumerate(weights.items()):
        time.sleep(max(0.0, start + i * (WINDOW + 0.01) - time.monotonic()))
        best, end = 1.0, time.monotonic() + WINDOW
        while time.monotonic() < end:
            began = time.perf_counter()
            parts.linear(x, weight, y)
            best = min(best, time.perf_counter() - began)
        rates[product] = 2 * m * k * n / best / 1e9
    print(json.dumps(rates))


if __name__ == "__main__":
    _multiply()
