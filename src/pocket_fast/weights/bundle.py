"""The one file that a page loads: a header, sections, a checksum (docs/web-bundle.md; csrc/web/bundle.c reads it).

What is in the sections is up to the model family.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pocket_fast.errors import NotFoundError, WeightsError, named
from pocket_fast.weights.panels import FEW, bfloat16_panels, float32_panels, int4_panels, int8_panels
from pocket_fast.weights.tensors import Tensor

VERSION = 1
_MAGIC = b"\x89PFWEB\r\n"
_HEADER = struct.Struct("<8sIIQ10I")
_LINE = 64
_SECTIONS = ("description", "tokenizer", "voices", "plan", "tensors")

# What a tensor's form says: as the kernels read it (pf_weight_kind), or _PLAIN + pw_dtype.
_FLOAT32_PANELS, _BFLOAT16_PANELS, _ROWS, _INT8_PANELS, _INT4_PANELS = 0, 1, 2, 3, 5
_PLAIN = {"F32": 16, "BF16": 17, "F16": 18}
_ENTRY = struct.Struct("<6I8x")


@dataclass(frozen=True)
class Packed:
    """A tensor of the file: (n, taps * k) in one of the forms."""

    form: int
    n: int
    k: int
    taps: int
    data: np.ndarray


def plain(tensor: Tensor) -> Packed:
    """A vector (n,) or a table (n, k) in rows, in the type it is stored in."""
    n, k = (*tensor.shape, 1)[:2]
    return Packed(_PLAIN[tensor.dtype], n, k, 1, np.ascontiguousarray(tensor.array))


def integer_matrix(arrays: Sequence[np.ndarray], inputs: int) -> Packed:
    """A matrix of so many inputs in 8 or 4 bits: (integers, scales) or (integers, scales, lines), see integers.py."""
    form, panels = (_INT8_PANELS, int8_panels) if len(arrays) == 2 else (_INT4_PANELS, int4_panels)
    return Packed(form, len(arrays[0]), inputs, 1, panels(*arrays))


def matrix(tensor: Tensor, taps: int = 1) -> Packed:
    """A matrix (n, taps * k), F32, F16 or BF16, in the form in which it is multiplied.

    F16, for which there is no product, stays rows that become float32 when the model is opened.
    """
    n, k = tensor.shape[0], tensor.shape[1] // taps
    if n <= FEW and tensor.dtype == "F32":
        return Packed(_ROWS, n, k, taps, np.ascontiguousarray(tensor.array))
    if tensor.dtype == "F32":
        return Packed(_FLOAT32_PANELS, n, k, taps, float32_panels(tensor.array))
    if tensor.dtype == "BF16" and n > FEW:
        return Packed(_BFLOAT16_PANELS, n, k, taps, bfloat16_panels(tensor.array, taps))
    return Packed(_PLAIN[tensor.dtype], n, k, taps, np.ascontiguousarray(tensor.array))


@dataclass(frozen=True)
class WebModel:
    """What a page needs of a model. description: as docs/web-bundle.md says, but for the voices in it."""

    description: dict[str, Any]
    tokenizer: bytes
    plan: Sequence[int]
    tensors: Sequence[Packed]


def write_bundle(path: Path, model: WebModel, voices: Mapping[str, bytes]) -> None:
    """voices: .safetensors files by name, the default first. Raises OSError; WeightsError for more than 4 GB."""
    placed, voice_blocks = _placed(voices.values())
    places = dict(zip(voices, placed, strict=True))
    description = {
        **model.description,
        "defaults": {"voice": next(iter(voices), None), **model.description["defaults"]},
        "voices": {name: {"offset": at, "bytes": len(voices[name])} for name, at in places.items()},
    }
    text = json.dumps(description, ensure_ascii=False, separators=(",", ":")).encode()
    plan = struct.pack(f"<{len(model.plan)}i", *model.plan)
    sections = [[text], [model.tokenizer], voice_blocks, [plan], _tensor_section(model.tensors)]
    at, numbers = _LINE, []
    blocks: list[Any] = []
    for section in sections:
        size = sum(memoryview(block).nbytes for block in section)
        numbers += [at, size]
        padding = -size % _LINE
        blocks += [*section, bytes(padding)]
        at += size + padding
    if at >= 1 << 32:
        raise WeightsError(f"{path}: {at / 1e9:.1f} GB, more than a page can load; choose int8 or int4")
    crc = 0
    for block in blocks:
        crc = zlib.crc32(block, crc)
    with path.open("wb") as file:
        file.write(_HEADER.pack(_MAGIC, VERSION, crc, at, *numbers))
        for block in blocks:
            file.write(block)


def _placed(files: Iterable[bytes]) -> tuple[list[int], list[bytes]]:
    """Where each begins in a section of them all, and the blocks of it."""
    at, places, blocks = 0, [], []
    for file in files:
        places.append(at)
        blocks += [file, bytes(-len(file) % _LINE)]
        at += len(file) + -len(file) % _LINE
    return places, blocks


def _tensor_section(tensors: Sequence[Packed]) -> list[Any]:
    at = _LINE + -(-_ENTRY.size * len(tensors) // _LINE) * _LINE
    table = [struct.pack("<I", len(tensors)).ljust(_LINE, b"\0")]
    data: list[Any] = []
    for tensor in tensors:
        size = tensor.data.nbytes
        table.append(_ENTRY.pack(tensor.form, tensor.n, tensor.k, tensor.taps, at, size))
        data += [np.ascontiguousarray(tensor.data).reshape(-1).view(np.uint8), bytes(-size % _LINE)]
        at += size + -size % _LINE
    table.append(bytes(-_ENTRY.size * len(tensors) % _LINE))
    return [b"".join(table), *data]


@dataclass(frozen=True)
class Bundle:
    """A file that was read back: its description, and its sections by name."""

    description: dict[str, Any]
    sections: Mapping[str, bytes]

    @property
    def voices(self) -> dict[str, bytes]:
        """The .safetensors files by name."""
        section = self.sections["voices"]
        return {
            name: section[place["offset"] : place["offset"] + place["bytes"]]
            for name, place in self.description["voices"].items()
        }


def read_bundle(path: Path) -> Bundle:
    """Raises NotFoundError (no such file), WeightsError for one that is foreign, cut short, damaged or of another
    version, and says which."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"{named(path)}: no such file") from None
    except OSError as error:
        raise WeightsError(f"{named(path)}: cannot be read: {error.strerror or error}") from None
    if not data.startswith(_MAGIC):
        raise WeightsError(
            f"{named(path)}: not a bundle of pocket_fast; make one with `pocket-fast export-web`"
        )
    if len(data) < _HEADER.size:
        raise WeightsError(f"{named(path)}: {len(data)} bytes: no bundle is that short; copy it again")
    _, version, crc, size, *numbers = _HEADER.unpack_from(data)
    if version != VERSION:
        raise WeightsError(
            f"{named(path)}: a bundle of version {version}, expected {VERSION}; export it again"
        )
    if size != len(data):
        raise WeightsError(f"{named(path)}: {len(data)} bytes of a bundle of {size}; copy it again")
    if zlib.crc32(memoryview(data)[_HEADER.size :]) != crc:
        raise WeightsError(f"{named(path)}: its checksum is not that of its contents; copy it again")
    places = dict(zip(_SECTIONS, zip(numbers[::2], numbers[1::2], strict=True), strict=True))
    sections = {name: data[at : at + count] for name, (at, count) in places.items()}
    return Bundle(json.loads(sections["description"]), sections)
