"""Rows of a table too large to copy, read from its file when they are asked for.

Not mapped: where a mapped file is cut short or written over, the process dies or says something else. A file that is
replaced by renaming another one over it stays what it was for who has it open.
"""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from pocket_fast.errors import WeightsError

_MOST = 1 << 30  # bytes that every system reads in one go


def identity(descriptor: int) -> tuple[int, int]:
    """What changes when somebody writes to an open file: its size and its time."""
    stat = os.fstat(descriptor)
    return stat.st_size, stat.st_mtime_ns


class FileRows:
    """A table (rows, width) that is indexed like an array, by ids within it, and gives copies.

    descriptor: of the file, duplicated here; known: its identity when it was checked; begin: where the table is in
    it. Raises WeightsError for rows of a file that was changed since.
    """

    def __init__(
        self,
        descriptor: int,
        path: Path,
        known: tuple[int, int],
        begin: int,
        shape: tuple[int, int],
        dtype: np.dtype[Any],
    ):
        self.shape = shape
        self.dtype = dtype
        self._path = path
        self._known = known
        self._begin = begin
        try:
            self._descriptor = os.dup(descriptor)
        except OSError as error:
            raise WeightsError(f"{path}: cannot be kept open: {error.strerror}") from None
        weakref.finalize(self, os.close, self._descriptor)

    def __getitem__(self, ids: np.ndarray) -> np.ndarray:
        wanted, places = np.unique(ids, return_inverse=True)
        pitch = self.shape[1] * self.dtype.itemsize
        try:
            rows = [read_at(self._descriptor, pitch, self._begin + pitch * row) for row in wanted.tolist()]
            now = identity(self._descriptor)  # after reading: so nobody wrote before
        except OSError as error:
            raise WeightsError(f"{self._path}: cannot be read any more: {error.strerror}") from None
        if now != self._known or any(len(row) != pitch for row in rows):
            raise WeightsError(
                f"{self._path}: the file was changed since the model was loaded; load the model again"
            )
        table = np.frombuffer(b"".join(rows), self.dtype).reshape(-1, self.shape[1])
        return table[places.reshape(np.shape(ids))]


_seeking = threading.Lock()


def read_at(descriptor: int, count: int, at: int) -> bytes:
    """So many bytes of an open file from there on, fewer only at its end. Raises OSError."""
    pieces = []
    while count > 0 and (piece := _piece(descriptor, min(count, _MOST), at)):
        pieces.append(piece)
        at, count = at + len(piece), count - len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _piece(descriptor: int, count: int, at: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, at)
    with _seeking:  # Windows
        os.lseek(descriptor, at, os.SEEK_SET)
        return os.read(descriptor, count)
