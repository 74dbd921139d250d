"""What the stages of a model have to do at the very least: what their time is held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

PRODUCTS = {  # of the language model and of the codec, by compute type
    "float32": ("float32", "float32"),
    "bfloat16": ("bfloat16", "bfloat16"),
    "int8_float32": ("int8", "float32"),
    "int8_bfloat16": ("int8", "bfloat16"),
    "int4_float32": ("int8", "float32"),  # 4 bits are multiplied as integers, too
    "int4_bfloat16": ("int8", "bfloat16"),
}


@dataclass(frozen=True)
class Work:
    """flops: two for every multiply-add, attention counted, activations not; nbytes: weights as packed, keys
    and values; product: the arithmetic of the large matrices, as cpu.machine.arithmetic() names it.

    again: how many of nbytes had been read before in the same stage, `between` bytes of it ago: a cache may have kept
    them.
    """

    flops: float
    nbytes: float
    product: str
    again: float = 0.0
    between: float = 0.0

    @property
    def intensity(self) -> float:
        return self.flops / self.nbytes

    @property
    def footprint(self) -> float:
        """Bytes of memory that are read, each counted once."""
        return self.nbytes - self.again

    def least_seconds(self, limits: Mapping[str, float], threads: int) -> float:
        """With `threads` threads at the machine's limits: reading and computing overlap, the longer one counts."""
        return max(self.reading(limits, threads), self.computing(limits, threads))

    def reading(self, limits: Mapping[str, float], threads: int) -> float:
        """Seconds to read its bytes; limits: what cpu.machine measured, "again_gb_s_N" of as much as lies between."""
        first = self.footprint / limits[f"read_gb_s_{threads}"]
        return (first + (self.again / limits[f"again_gb_s_{threads}"] if self.again else 0.0)) / 1e9

    def computing(self, limits: Mapping[str, float], threads: int) -> float:
        """Seconds to compute."""
        return self.flops / (limits[f"{self.product}_gflop_s_{threads}"] * 1e9)


@dataclass(frozen=True)
class Trial:
    """A stage to be timed: called in turn with the others, so that each finds the caches as in the frame loop.

    every_frame: False for what is done once, before the first frame.
    """

    stage: str
    run: Callable[[], object]
    work: Work
    every_frame: bool = True
