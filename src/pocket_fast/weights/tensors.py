"""Safetensors files, memory-mapped: arrays are read-only views on the file, shared between processes.

Format: 8 bytes little-endian header length, a JSON header, then the data of all tensors back to back.
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from pocket_fast.errors import NotFoundError, WeightsError

# BF16 has no NumPy type: its arrays are the raw 16 bits.
NUMPY_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}

_MAX_HEADER = 100_000_000  # bytes, the limit of the safetensors library

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


@dataclass(frozen=True)
class _Entry:
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class TensorFile:
    """One open safetensors file. Everything but the bytes of the tensors is checked when it opens.

    Raises NotFoundError (no such file) or WeightsError (anything wrong with it, naming the defect).
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._map = map_file(self.path)
        try:
            self._data_start, header = self._read_header()
            self.metadata: dict[str, str] = self._read_metadata(header.pop("__metadata__", {}))
            self._entries = {name: self._read_entry(name, entry) for name, entry in header.items()}
            self._check_extent()
        except BaseException:
            self._map.close()
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
        """A read-only view on the mapping (BF16 as uint16); a copy where the file misaligns the tensor."""
        entry = self._entry(name)
        kind = np.dtype(NUMPY_TYPES[entry.dtype])
        count = math.prod(entry.shape)
        if count == 0:
            return np.empty(entry.shape, kind)
        view = np.frombuffer(self._map, kind, count, self._data_start + entry.begin)
        if not view.flags.aligned:
            view = view.copy()
            view.flags.writeable = False
        return view.reshape(entry.shape)

    def tensor(self, name: str) -> Tensor:
        return Tensor(self.array(name), self.dtype(name))

    def close(self) -> None:
        """Forget the mapping. Arrays handed out stay valid; the last one to die releases the file."""
        self._entries = {}
        del self._map

    def __enter__(self) -> TensorFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _entry(self, name: str) -> _Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise WeightsError(f"{self.path}: holds no tensor called {name!r}") from None

    def _read_header(self) -> tuple[int, dict[str, Any]]:
        size = len(self._map)
        length = int.from_bytes(self._map[:8], "little")
        if size < 8 or self._map[8:9] != b"{":
            stranger = (what for start, what in _STRANGERS.items() if self._map[:8].startswith(start))
            raise self._damaged(next(stranger, "not a safetensors file"), advice="")
        if length > min(size - 8, _MAX_HEADER):
            raise self._damaged(f"its header claims {length} bytes, {size - 8} bytes follow")
        try:
            header = json.loads(self._map[8 : 8 + length].decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"its header is not JSON ({error})") from None
        if not isinstance(header, dict):
            raise self._damaged("its header is not a JSON object")
        return 8 + length, header

    def _read_metadata(self, data: object) -> dict[str, str]:
        if not isinstance(data, dict) or not all(isinstance(v, str) for v in data.values()):
            raise self._damaged("its __metadata__ is not text to text")
        return data

    def _read_entry(self, name: str, entry: object) -> _Entry:
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise self._damaged(f"the header entry of {name!r} is malformed")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not _is_sizes(shape) or not _is_sizes(offsets) or len(offsets) != 2:
            raise self._damaged(f"shape or data_offsets of {name!r} are not lists of whole numbers")
        if not isinstance(dtype, str) or dtype not in NUMPY_TYPES:
            raise self._damaged(
                f"{name!r} has the type {dtype!r}, known are {', '.join(NUMPY_TYPES)}", advice=""
            )
        begin, end = offsets
        wanted = math.prod(shape) * np.dtype(NUMPY_TYPES[dtype]).itemsize
        if end - begin != wanted:
            raise self._damaged(f"{name!r} is {dtype} {shape}, {wanted} bytes, but has {end - begin}")
        return _Entry(dtype, tuple(shape), begin, end)

    def _check_extent(self) -> None:
        """The tensors must tile the data: no gap, no overlap, nothing after the end, nothing cut off."""
        at = 0
        for name, entry in sorted(self._entries.items(), key=lambda item: (item[1].begin, item[1].end)):
            if entry.begin != at:
                what = "overlaps the tensor before it" if entry.begin < at else "leaves a gap before it"
                raise self._damaged(f"{name!r} {what}")
            at = entry.end
        held = len(self._map) - self._data_start
        if held < at:
            raise self._damaged(f"truncated: {held} of {at} data bytes are there")
        if held > at:
            raise self._damaged(f"{held - at} bytes follow after the last tensor")

    def _damaged(self, what: str, advice: str = "; download or export it again") -> WeightsError:
        return WeightsError(f"{self.path}: {what}{advice}")


def map_file(path: Path) -> mmap.mmap:
    """The whole file, read-only. Raises NotFoundError or WeightsError (empty, not a file, no permission)."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise WeightsError(f"{path}: the file is empty; download or export it again")
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no such file") from None
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


def _is_sizes(data: object) -> bool:
    return isinstance(data, list) and all(type(n) is int and n >= 0 for n in data)
