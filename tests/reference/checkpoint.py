"""Reading and writing safetensors with NumPy alone, bf16 included (NumPy has no such type)."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

_STORED = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16}


def read_weights(path) -> dict[str, np.ndarray]:
    """Every tensor of a checkpoint as float32."""
    blob = Path(path).read_bytes()
    start = 8 + int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8:start])
    header.pop("__metadata__", None)
    weights = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        stored = np.frombuffer(blob[start + first : start + last], _STORED[entry["dtype"]])
        weights[name] = widen(stored, entry["dtype"]).reshape(entry["shape"])
    return weights


def write_weights(path, shapes, tensor, storage="F32") -> None:
    """Write a checkpoint one tensor at a time (a large model need not fit in memory).

    shapes maps names to shapes, tensor(name) returns the float32 array or an iterator over consecutive pieces of
    it, storage is "F32", "F16" or "BF16".
    """
    header, end = {}, 0
    for name, shape in shapes.items():
        first, end = end, end + math.prod(shape) * np.dtype(_STORED[storage]).itemsize
        header[name] = {"dtype": storage, "shape": list(shape), "data_offsets": [first, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in shapes:
            values = tensor(name)
            for piece in [values] if isinstance(values, np.ndarray) else values:
                file.write(narrow(piece, storage).tobytes())


def narrow(x, storage):
    """float32 -> the stored bits of a type; bf16 rounds to even and comes as uint16 (no NaN expected)."""
    if storage != "BF16":
        return x.astype(_STORED[storage])
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype(np.uint16)


def widen(stored, storage):
    """The stored bits of a type -> float32, exactly."""
    if storage != "BF16":
        return stored.astype(np.float32)
    return (stored.astype(np.uint32) << 16).view(np.float32)
