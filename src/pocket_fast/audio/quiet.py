"""Keeping a C library's remarks off standard error and standard output.

mpg123, inside libsndfile, prints what it thinks of every broken frame, libsndfile what it finds odd in an SDS file, and
nothing that they offer stops them. They print to C's `stderr` and `stdout`, which glibc documents as variables that
programs may set, and macOS has as such. While somebody is quiet they lead to the null device. The file descriptors stay
as they are: Python, its log and other threads write to them as always; lost is only what other C code says meanwhile.
Elsewhere (musl has constants there, Windows a function) nothing is changed.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from functools import cache
from typing import Any


class _Quiet:
    """A context manager for any number of threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._loud: list[int | None] = []  # the streams that were there before

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                variables, null = _streams()
                self._loud = [variable.value for variable in variables]
                for variable in variables:
                    variable.value = null

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._restore()

    def begin_anew(self) -> None:
        """In a forked child, whose parent's other threads do not exist."""
        self._lock = threading.Lock()
        self._inside = 0
        self._restore()

    def _restore(self) -> None:
        if self._loud:
            for variable, value in zip(_streams()[0], self._loud, strict=True):
                variable.value = value
            self._loud = []


quiet = _Quiet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=quiet.begin_anew)


@cache
def _streams() -> tuple[list[Any], int | None]:
    """C's variables that hold the streams, and a stream into the null device; no variables where there are none."""
    if sys.platform not in ("linux", "darwin"):
        return [], None
    program = ctypes.CDLL(None)
    if sys.platform == "linux" and not hasattr(program, "gnu_get_libc_version"):
        return [], None
    program.fopen.restype = ctypes.c_void_p
    null = program.fopen(os.devnull.encode(), b"w")
    if null is None:
        return [], None
    names = ("__stderrp", "__stdoutp") if sys.platform == "darwin" else ("stderr", "stdout")
    return [ctypes.c_void_p.in_dll(program, name) for name in names], null
