"""A stand-in for what pocket_fast.cuda uses of CuPy, with the host's memory and the kernels of cuda.h.

Memory from empty() is full of NaN, each piece with an end of its own; a recorded graph is a list of launches, and while
one is being recorded nothing runs, and whatever a real one would refuse is refused.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from cuda_on_cpu.build import library

_KINDS = {"p": "uint64", "i": "int32", "q": "int64", "f": "float32", "d": "float64"}


class Machine:
    """What is behind a stand-in: how many devices, the order in which threads run, how the kernels are compiled."""

    def __init__(
        self, devices: int = 1, order: int = 0, flags: tuple[str, ...] = ("-O2",), capability: str = "90"
    ):
        self.devices, self.order, self.flags, self.capability = devices, order, flags, capability
        self.recording: list[Callable[[], None]] | None = None
        self.launches = 0
        self.copies = 0

    def do(self, what: Callable[[], None], *, may_record: bool = True) -> None:
        """At once, or when the graph is played that is being recorded."""
        if self.recording is None:
            what()
        elif may_record:
            self.recording.append(what)
        else:
            raise Refused("operation not permitted when stream is capturing")


class Refused(RuntimeError):
    """As cupy.cuda.runtime.CUDARuntimeError."""


class Memory:
    """As cupy.cuda.MemoryPointer."""

    def __init__(self, machine: Machine, held: np.ndarray):
        self._machine, self._bytes = machine, held.reshape(-1).view(np.uint8)
        self.ptr = held.ctypes.data

    def copy_from_device_async(self, other: Memory, size: int, stream: Any) -> None:
        self._machine.do(lambda: np.copyto(self._bytes[:size], other._bytes[:size]))

    def memset_async(self, value: int, size: int, stream: Any) -> None:
        self._machine.do(lambda: self._bytes[:size].fill(value))


class Array:
    """As cupy.ndarray."""

    def __init__(self, machine: Machine, held: np.ndarray):
        self._machine, self._held = machine, held

    shape = property(lambda self: self._held.shape)
    dtype = property(lambda self: self._held.dtype)
    nbytes = property(lambda self: self._held.nbytes)
    data = property(lambda self: Memory(self._machine, self._held))

    def __getitem__(self, key: Any) -> Array:
        return Array(self._machine, self._held[key])

    def set(self, values: np.ndarray) -> None:
        if (
            values.shape != self._held.shape
            or values.dtype != self._held.dtype
            or not values.flags.c_contiguous
        ):
            raise ValueError(f"set: {values.dtype} {values.shape} to {self.dtype} {self.shape}")
        self._machine.copies += 1
        self._machine.do(lambda: np.copyto(self._held, values), may_record=False)

    def get(self, *, out: np.ndarray) -> np.ndarray:
        if out.shape != self._held.shape or out.dtype != self._held.dtype or not out.flags.c_contiguous:
            raise ValueError(f"get: {self.dtype} {self.shape} to {out.dtype} {out.shape}")
        self._machine.copies += 1
        self._machine.do(lambda: np.copyto(out, self._held), may_record=False)
        return out


class Graph:
    """As cupy.cuda.graph.Graph."""

    def __init__(self, launches: list[Callable[[], None]]):
        self._launches = launches

    def upload(self, stream: Any) -> None:
        pass

    def launch(self, stream: Any) -> None:
        for launch in self._launches:
            launch()


def standin(machine: Machine) -> ModuleType:
    """The module "cupy" on such a machine."""
    cupy = ModuleType("cupy")

    def empty(shape: Any, dtype: Any = np.float32) -> Array:
        machine.do(lambda: None, may_record=False)
        held = np.empty(shape, dtype)
        held.reshape(-1).view(np.uint8)[...] = 0xFF
        return Array(machine, held)

    def zeros(shape: Any, dtype: Any = np.float32) -> Array:
        machine.do(lambda: None, may_record=False)
        return Array(machine, np.zeros(shape, dtype))

    class Stream:
        def __init__(self, non_blocking: bool = False):
            assert non_blocking

        def __enter__(self) -> Stream:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def synchronize(self) -> None:
            machine.do(lambda: None, may_record=False)

        def begin_capture(self) -> None:
            machine.recording = []

        def end_capture(self) -> Graph:
            launches, machine.recording = machine.recording or [], None
            return Graph(launches)

    class Device:
        def __init__(self, number: int):
            assert number < machine.devices
            self.compute_capability = machine.capability

        __enter__ = Stream.__enter__
        __exit__ = Stream.__exit__

    class RawModule:
        def __init__(self, *, code: str, options: tuple[str, ...], backend: str):
            assert backend == "nvrtc"
            self._library = library(code, machine.flags)

        def get_function(self, name: str) -> Callable[..., None]:
            kinds = self._library.pf_launch(name.encode(), None, 0, 0, 0, 0, 0)
            if kinds is None:
                raise Refused(f"no kernel {name}")
            return lambda grid, block, arguments: _launch(
                machine, self._library, name, kinds.decode(), grid, block, arguments
            )

    def get_device_count() -> int:
        if machine.devices < 0:
            raise Refused(
                "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
            )
        return machine.devices

    cupy.empty, cupy.zeros, cupy.RawModule = empty, zeros, RawModule
    cupy.cuda = ModuleType("cupy.cuda")
    cupy.cuda.Stream, cupy.cuda.Device = Stream, Device
    cupy.cuda.alloc_pinned_memory = bytearray
    cupy.cuda.runtime = ModuleType("cupy.cuda.runtime")
    cupy.cuda.runtime.CUDARuntimeError = Refused
    cupy.cuda.runtime.getDeviceCount = get_device_count
    cupy.cuda.runtime.memGetInfo = lambda: (78 << 30, 80 << 30)
    cupy.cuda.runtime.getDeviceProperties = lambda number: {
        "name": b"Stand-in",
        "totalGlobalMem": 80 << 30,
        "major": 9,
        "minor": 0,
    }
    return cupy


def _launch(
    machine: Machine,
    lib: Any,
    name: str,
    kinds: str,
    grid: tuple[int, ...],
    block: tuple[int, ...],
    arguments: tuple,
) -> None:
    given = [getattr(a, "dtype", None) for a in arguments]
    if [str(g) for g in given] != [_KINDS[k] for k in kinds]:
        raise TypeError(f"{name}: arguments {[str(g) for g in given]}, expected {[_KINDS[k] for k in kinds]}")
    sizes = (*grid, 1, 1, 1)[:3]
    if not all(sizes) or sizes[1] > 65535 or sizes[2] > 65535 or not 0 < block[0] <= 1024 or len(block) > 1:
        raise Refused(f"{name}: grid {grid}, block {block}: invalid configuration argument")
    held = [np.array(a) for a in arguments]
    places = (ctypes.c_void_p * len(held))(*[h.ctypes.data for h in held])

    def run() -> None:
        machine.launches += 1
        lib.pf_launch(name.encode(), places, *sizes, block[0], machine.order)

    run.held = held  # what `places` points at
    machine.do(run)


@contextmanager
def installed(machine: Machine) -> Iterator[Machine]:
    """While this lasts, the machine's module is what `import cupy` finds."""
    import sys

    before = sys.modules.get("cupy")
    sys.modules["cupy"] = standin(machine)
    try:
        yield machine
    finally:
        if before is None:
            del sys.modules["cupy"]
        else:
            sys.modules["cupy"] = before
