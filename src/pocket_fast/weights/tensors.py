"""Safetensors files: arrays are read-only views on the mapped file, shared between processes, or copies.

A file that is cut short while it is mapped ends the process that reads on. So who keeps weights copies them, or keeps
rows() of them, and files have to stay as they are only while they are being loaded; what is small is not mapped at all.

Format: 8 bytes little-endian header length, a JSON header, then the data of all tensors back to back.
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import math
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from pocket_fast.errors import NotFoundError, WeightsError
from pocket_fast.weights.header import (
    MOST_TENSORS,
    NUMPY_TYPES,
    Entry,
    Header,
    HeaderError,
    UnknownTypeError,
    most_bytes,
    parse_header,
)
from pocket_fast.weights.rows import FileRows, identity, read_at

# What people pass by mistake, by its first bytes.
_STRANGERS = {
    b"PK\x03\x04": "a PyTorch checkpoint or zip file; give a .pt file as the checkpoint",
    b"\x80\x02": "an old PyTorch pickle; convert it to safetensors",
    b"version ": "a Git LFS pointer; download the file it stands for",
    b"<!doctyp": "a web page; download the file itself",
    b"<!DOCTYP": "a web page; download the file itself",
    b"GGUF": "a GGUF file; this package reads safetensors",
}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A read-only C-contiguous array and its type in the checkpoint (a key of NUMPY_TYPES)."""

    array: np.ndarray
    dtype: str

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape


class TensorFile:
    """One open safetensors file. Everything but the bytes of the tensors is checked when it opens.

    most_tensors: that it may hold; fewer where strangers may give it. mapped: arrays are views on the file; False: they
    are read, and the file may change at any time. Raises NotFoundError (no such file) or WeightsError (anything wrong
    with it, naming the defect).
    """

    def __init__(self, path: Path | str, most_tensors: int = MOST_TENSORS, *, mapped: bool = True) -> None:
        self.path = Path(path)
        self._file = open_file(self.path)
        self._is_mapped = mapped
        self._map: mmap.mmap | None = None
        try:
            self._known = identity(self._file.fileno())
            self._data_start, header = self._read_header(most_tensors)
            self._entries, self.metadata = header.entries, header.metadata
        except BaseException:
            self._file.close()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """In the order of the header."""
        return tuple(self._entries)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._entry(name).shape

    def dtype(self, name: str) -> str:
        """A key of NUMPY_TYPES."""
        return self._entry(name).dtype

    def array(self, name: str) -> np.ndarray:
        """Read-only (BF16 as uint16): a view on the mapping, but a copy where the file misaligns the tensor.

        Raises WeightsError if the file was changed since it was opened.
        """
        entry = self._entry(name)
        kind = np.dtype(NUMPY_TYPES[entry.dtype])
        count = math.prod(entry.shape)
        if count == 0:
            return np.empty(entry.shape, kind)
        begin = self._data_start + entry.begin
        if self._is_mapped:
            view = np.frombuffer(self._mapping(), kind, count, begin)
        else:
            data = self._read(count * kind.itemsize, begin)
            if len(data) != count * kind.itemsize:
                raise self._changed()
            view = np.frombuffer(data, kind)
        if not view.flags.aligned:
            view = view.copy()
            view.flags.writeable = False
        return view.reshape(entry.shape)

    def tensor(self, name: str) -> Tensor:
        return Tensor(self.array(name), self.dtype(name))

    def rows(self, name: str) -> FileRows:
        """A matrix that stays in the file, for as long as the model lives: see FileRows."""
        entry = self._entry(name)
        begin, (count, width) = self._data_start + entry.begin, entry.shape
        kind = np.dtype(NUMPY_TYPES[entry.dtype])
        return FileRows(self._file.fileno(), self.path, self._known, begin, (count, width), kind)

    def close(self) -> None:
        """Forget the mapping. Arrays handed out stay valid; the last one to die releases the file."""
        self._entries = {}
        self._map = None
        self._file.close()

    def __enter__(self) -> TensorFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _entry(self, name: str) -> Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise WeightsError(f"{self.path}: holds no tensor called {name!r}") from None

    def _read_header(self, most_tensors: int) -> tuple[int, Header]:
        """(where the data begins, the header)"""
        size, most = self._known[0], most_bytes(most_tensors)
        start = self._read(9, 0)
        length = int.from_bytes(start[:8], "little")
        if size < 8 or start[8:] != b"{":
            stranger = (what for begin, what in _STRANGERS.items() if start.startswith(begin))
            raise self._damaged(next(stranger, "not a safetensors file"), advice="")
        if length > size - 8:
            raise self._damaged(f"its header claims {length} bytes, {size - 8} bytes follow")
        if length > most:
            raise self._damaged(f"its header has {length} bytes, expected at most {most}", advice="")
        try:
            text = self._read(length, 8)
            return 8 + length, parse_header(text, size - 8 - length, most_tensors)
        except UnknownTypeError as error:
            raise self._damaged(str(error), advice="") from None
        except HeaderError as error:
            raise self._damaged(str(error)) from None

    def _read(self, count: int, at: int) -> bytes:
        try:
            return read_at(self._file.fileno(), count, at)
        except OSError as error:
            raise WeightsError(f"{self.path}: cannot be read: {error}") from None

    def _mapping(self) -> mmap.mmap:
        if self._map is None:
            if identity(self._file.fileno()) != self._known:
                raise self._changed()
            self._map = _mapped(self._file, self.path)
        return self._map

    def _changed(self) -> WeightsError:
        return WeightsError(f"{self.path}: the file was changed while it was read; try again")

    def _damaged(self, what: str, advice: str = "; download or export it again") -> WeightsError:
        return WeightsError(f"{self.path}: {what}{advice}")


def open_file(path: Path) -> BinaryIO:
    """For reading. Raises NotFoundError or WeightsError (empty, not a file, no permission)."""
    try:
        file = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read: {error}") from None
    if os.fstat(file.fileno()).st_size == 0:
        file.close()
        raise WeightsError(f"{path}: the file is empty; download or export it again")
    return file


def map_file(path: Path) -> mmap.mmap:
    """The whole file, read-only. Raises as open_file."""
    with open_file(path) as file:
        return _mapped(file, path)


def _mapped(file: BinaryIO, path: Path) -> mmap.mmap:
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read: {error}") from None


def forget_pages(array: np.ndarray) -> None:
    """Take the pages of a mapped array out of this process's memory; they come back when read again.

    For arrays that were copied elsewhere. Does nothing to an array in ordinary memory.
    """
    base = array
    while isinstance(base, (np.ndarray, memoryview)):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        begin = (
            array.__array_interface__["data"][0]
            - np.frombuffer(base, np.uint8).__array_interface__["data"][0]
        )
        first = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE  # whole pages only: the edges are shared
        length = (begin + array.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE - first
        if length > 0:
            base.madvise(mmap.MADV_DONTNEED, first, length)
