"""One GPU as the stages use it: memory, kernels, launches in order, and sequences of launches played as one.

These few calls are all that is used of CuPy. Everything runs on one stream; a lock lets one thread at a time use it.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any

import numpy as np

from pocket_fast.cuda import devices
from pocket_fast.errors import UnsupportedError

_SOURCES = (
    "common.cuh",
    "product.cu",
    "norm.cu",
    "attention.cu",
    "chain.cu",
    "sampling.cu",
    "codes.cu",
)
OPTIONS = ("--std=c++17",)
_OLDEST = 80  # the first with bfloat16 in its tensor cores


def kernel_source() -> str:
    """All kernels, as one text."""
    folder = resources.files("pocket_fast.cuda") / "kernels"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in _SOURCES)


class Device:
    """The GPU that `name` names ("cuda", "cuda:1"). Raises UnsupportedError if it cannot be used."""

    def __init__(self, name: str):
        self._cupy, self.number = devices.find(name)
        self.name = f"cuda:{self.number}"
        self._lock = threading.RLock()
        self._depth = 0
        self._process = os.getpid()
        device = self._cupy.cuda.Device(self.number)
        with device:
            if int(device.compute_capability) < _OLDEST:
                raise UnsupportedError(
                    f"device {self.name}: compute capability {device.compute_capability}, expected "
                    f"{_OLDEST} (Ampere) or newer; use device 'cpu'"
                )
            self._stream = self._cupy.cuda.Stream(non_blocking=True)
            module = self._cupy.RawModule(code=kernel_source(), options=OPTIONS, backend="nvrtc")
            self._kernel = functools.cache(module.get_function)

    def __enter__(self) -> Device:
        """Nobody else uses it until the end. May be entered again by the same thread.

        Raises UnsupportedError in a process that was forked: CUDA does not come along.
        """
        if os.getpid() != self._process:
            raise UnsupportedError(
                f"device {self.name}: this model was loaded before the process was forked, and "
                "a GPU does not come along; load it in the process that speaks"
            )
        self._lock.acquire()
        if self._depth == 0:
            self._here = self._cupy.cuda.Device(self.number)
            self._here.__enter__()
            self._stream.__enter__()
        self._depth += 1
        return self

    def __exit__(self, *error: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._stream.__exit__(*error)
            self._here.__exit__(*error)
        self._lock.release()

    # --- memory --------------------------------------------------------------------------------

    def zeros(self, shape: int | tuple[int, ...], dtype: Any = np.float32) -> Any:
        """Memory full of zeros."""
        with self:
            return self._cupy.zeros(shape, dtype)

    def empty(self, shape: int | tuple[int, ...], dtype: Any = np.float32) -> Any:
        """Memory with anything in it."""
        with self:
            return self._cupy.empty(shape, dtype)

    def upload(self, values: np.ndarray) -> Any:
        """A copy of an array, there when this returns."""
        with self:
            held = self._cupy.empty(values.shape, values.dtype)
            held.set(np.ascontiguousarray(values))
            self._stream.synchronize()
            return held

    def host(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Zeros in memory of the host that copies to and from the GPU need not wait for."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        with self:
            held = self._cupy.cuda.alloc_pinned_memory(max(size, 1))
        array = np.frombuffer(held, np.uint8, size).view(dtype).reshape(shape)
        array[...] = 0
        return array

    def send(self, to: Any, values: np.ndarray) -> None:
        """Copy in the order of launches; `values` must stay until then, if host() made it."""
        to.set(values)

    def fetch(self, held: Any, out: np.ndarray) -> None:
        """Everything so far, then a copy, there when this returns."""
        held.get(out=out)

    def copy(self, to: Any, held: Any) -> None:
        """From one place of the device to another of the same size, in the order of launches."""
        to.data.copy_from_device_async(held.data, held.nbytes, self._stream)

    def clear(self, held: Any) -> None:
        """Zeros, in the order of launches."""
        held.data.memset_async(0, held.nbytes, self._stream)

    def wait(self) -> None:
        """For everything so far."""
        self._stream.synchronize()

    # --- work ----------------------------------------------------------------------------------

    def launch(self, kernel: str, grid: Sequence[int], threads: int, *arguments: Any) -> None:
        """Run a kernel: `grid` blocks of `threads`. arguments: addresses are np.uint64, None, or memory of this
        device; int and float are 32 bits; whatever else NumPy has goes as it is."""
        self._kernel(kernel)(tuple(grid), (threads,), tuple(_value(a) for a in arguments))

    def record(self, launches: Callable[[], None]) -> Callable[[], None]:
        """Something that does what `launches` does, at once. It is run once before, so that all is loaded."""
        with self:
            launches()
            self._stream.synchronize()
            self._stream.begin_capture()
            try:
                launches()
            finally:
                graph = self._stream.end_capture()
            graph.upload(self._stream)
        return lambda: graph.launch(self._stream)


def address(held: Any, floats: int = 0) -> np.uint64:
    """Of the float32 at that place in memory of a device."""
    return np.uint64(held.data.ptr + 4 * floats)


def _value(argument: Any) -> Any:
    if argument is None:
        return np.uint64(0)
    if isinstance(argument, bool) or type(argument) is int:
        return np.int32(argument)
    if type(argument) is float:
        return np.float32(argument)
    if isinstance(argument, np.generic):
        return argument
    return np.uint64(argument.data.ptr)
