"""The JSON header of a safetensors file: what it says of its tensors, believed in nothing.

A header can be read whole before any tensor is, so all its sizes are bounded: by what models have, many times over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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

MOST_TENSORS = 20_000  # the largest models here have 900
_ENTRY_BYTES = 400  # of the header for each tensor; the longest names here make it 200
MOST_DIMENSIONS = 8
_MOST_BYTES = 1 << 46  # of an array, where sizes of 0 are left out: what NumPy can hold even then
_LONGEST_NAME = 500
_LONGEST_NUMBER = 19  # digits


class HeaderError(ValueError):
    """What is wrong with a header."""


class UnknownTypeError(HeaderError):
    """The header may be right, but of a type that is not known here."""


@dataclass(frozen=True)
class Entry:
    """A tensor: its type (a key of NUMPY_TYPES), and where its bytes begin and end behind the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """Of a file: its tensors by name, in their order, and its metadata."""

    entries: dict[str, Entry]
    metadata: dict[str, str]


def most_bytes(most_tensors: int) -> int:
    """Of the header of a file with at most so many tensors."""
    return most_tensors * _ENTRY_BYTES


def parse_header(text: bytes, held: int, most_tensors: int) -> Header:
    """The header of a file in which `held` bytes follow it. Raises HeaderError."""
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_object, parse_int=_number)
    except HeaderError:
        raise
    except (ValueError, RecursionError) as error:
        raise HeaderError(f"its header is not JSON ({error!s:.100})") from None
    if not isinstance(header, dict):
        raise HeaderError("its header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(
        isinstance(v, str) and _is_text(v) for v in metadata.values()
    ):
        raise HeaderError("its __metadata__ is not text to text")
    if len(header) > most_tensors:
        raise HeaderError(f"it holds {len(header)} tensors, expected at most {most_tensors}")
    entries = {name: _entry(name, entry) for name, entry in header.items()}
    _check_extent(entries, held)
    return Header(entries, metadata)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise HeaderError("its header says something twice")
    for name in found:
        if len(name) > _LONGEST_NAME or not _is_text(name):
            raise HeaderError(f"its header has the name {name!r:.60}, which is none")
    return found


def _number(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise HeaderError(f"its header has a number of {len(digits)} digits")
    return int(digits)


def _is_text(text: str) -> bool:
    """JSON has lone surrogates, which no message can carry on."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entry(name: str, entry: object) -> Entry:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise HeaderError(f"the header entry of {name!r:.100} is malformed")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not _is_sizes(shape) or not _is_sizes(offsets) or len(offsets) != 2:
        raise HeaderError(f"shape or data_offsets of {name!r:.100} are not lists of whole numbers")
    if not isinstance(dtype, str) or dtype not in NUMPY_TYPES:
        raise UnknownTypeError(
            f"{name!r:.100} has the type {dtype!r:.40}, known are {', '.join(NUMPY_TYPES)}"
        )
    if len(shape) > MOST_DIMENSIONS:
        raise HeaderError(f"{name!r:.100} has {len(shape)} dimensions, expected at most {MOST_DIMENSIONS}")
    itemsize = np.dtype(NUMPY_TYPES[dtype]).itemsize
    if not is_possible(shape, itemsize):
        raise HeaderError(f"{name!r:.100} is {dtype} {shape}, which no memory holds")
    begin, end = offsets
    wanted = math.prod(shape) * itemsize
    if end - begin != wanted:
        raise HeaderError(f"{name!r:.100} is {dtype} {shape}, {wanted} bytes, but has {end - begin}")
    return Entry(dtype, tuple(shape), begin, end)


def is_possible(shape: Sequence[int], itemsize: int) -> bool:
    """Whether there may be an array of this shape, sizes of 0 among it or not."""
    return len(shape) <= MOST_DIMENSIONS and math.prod(size or 1 for size in shape) * itemsize <= _MOST_BYTES


def _is_sizes(data: object) -> bool:
    return isinstance(data, list) and all(type(n) is int and n >= 0 for n in data)


def _check_extent(entries: dict[str, Entry], held: int) -> None:
    """The tensors must tile the data: no gap, no overlap, nothing after the end, nothing cut off."""
    at = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != at:
            what = "overlaps the tensor before it" if entry.begin < at else "leaves a gap before it"
            raise HeaderError(f"{name!r:.100} {what}")
        at = entry.end
    if held < at:
        raise HeaderError(f"truncated: {held} of {at} data bytes are there")
    if held > at:
        raise HeaderError(f"{held - at} bytes follow after the last tensor")
