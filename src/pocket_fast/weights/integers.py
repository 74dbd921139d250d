"""Bundles whose large matrices are stored as integers of 8 or 4 bits, and the writer of such files.

    NAME         I8 (n, k)          8 bits: integers from -127 to 127
    NAME_scale   F32 (n,)           at least 0; row j stands for scale[j] * integers[j]

    NAME         U8 (n, 16 groups)  4 bits, in groups of 32 inputs, the last one filled up: byte i of four holds the
                                    integers of inputs 8 j + i (low nibble) and 8 j + 4 + i of a group, plus 8
    NAME_lines   I8 (n, 2 groups)   step and offset of each group, from 0 and from -127 to 127
    NAME_scale   F32 (n,)           an input stands for scale * (step * integer - 8 * offset)

Which matrices, and which of them in 4 bits, is up to the model family; it is all of them. The metadata says `format`:
one of FORMATS, by the fewest bits in it; `voice_cloning`: "no" where the tensors that only cloning reads need not hold
real values; and `model`, the name of the released model that they were made from, if it was one: voices made for that
model fit.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np

from pocket_fast.errors import WeightsError
from pocket_fast.weights.tensors import Tensor, TensorFile, forget_pages

FORMATS = {8: "pocket_fast int8 1", 4: "pocket_fast int4 1"}
GROUP = 32
MOST_INPUTS = 8192  # of a matrix in 4 bits: sums of more would not fit 32
_FAMILY = "pocket_fast "

Shapes = dict[str, tuple[int, ...]]


def stored_bits(file: TensorFile) -> int | None:
    """The fewest bits that a file says its matrices have, or None. Raises WeightsError for a version that this code
    does not know."""
    form = file.metadata.get("format", "")
    for bits, known in FORMATS.items():
        if form == known:
            return bits
    if form.startswith(_FAMILY):
        known = " and ".join(repr(known) for known in FORMATS.values())
        raise WeightsError(
            f"{file.path}: its format is {form!r}, this version of pocket_fast reads {known}; update it, or "
            "quantise the original weights again"
        )
    return None


def bits_in(arrays: Iterable[np.ndarray]) -> int | None:
    """The fewest bits of those that hold weights as integers; None if none does."""
    types = {array.dtype.name for array in arrays}
    return 4 if "uint8" in types else 8 if "int8" in types else None


def cannot_clone(path: Path) -> bool:
    """Whether it is such a file made from weights without voice cloning. Raises as TensorFile and stored_bits."""
    with TensorFile(path) as file:
        return stored_bits(file) is not None and file.metadata.get("voice_cloning") == "no"


def made_from(path: Path) -> str | None:
    """The released model that such a file says it was made from; None for any other file. Raises as cannot_clone."""
    with TensorFile(path) as file:
        return file.metadata.get("model") if stored_bits(file) is not None else None


def scale_name(matrix: str) -> str:
    return f"{matrix}_scale"


def lines_name(matrix: str) -> str:
    return f"{matrix}_lines"


def stored_names(matrix: str, tensors: Collection[str]) -> list[str]:
    """Of what a matrix of integers is stored as: integers, scales, and lines if it is in 4 bits."""
    return [name for name in (matrix, scale_name(matrix), lines_name(matrix)) if name in tensors]


def bits_of(shape: tuple[int, int], bits: int) -> int:
    """How many a matrix (n, k) that is to have so many takes."""
    return 8 if shape[1] > MOST_INPUTS else bits


def with_scales(expected: Mapping[str, tuple[int, ...]], matrices: Mapping[str, int]) -> Shapes:
    """The expected shapes, each of `matrices` {name: bits} as it is stored, followed by what belongs to it."""
    shapes: Shapes = {}
    for name, shape in expected.items():
        bits, groups = matrices.get(name), (shape[-1] + GROUP - 1) // GROUP if shape else 0
        shapes[name] = (shape[0], groups * GROUP // 2) if bits == 4 else shape
        if bits is not None:
            shapes[scale_name(name)] = shape[:1]
        if bits == 4:
            shapes[lines_name(name)] = (shape[0], 2 * groups)
    return shapes


def stored_types(matrices: Mapping[str, int]) -> dict[str, str]:
    """What type each of `matrices` {name: bits} has, and what belongs to it."""
    types = {}
    for name, bits in matrices.items():
        types[name], types[scale_name(name)] = "U8" if bits == 4 else "I8", "F32"
        if bits == 4:
            types[lines_name(name)] = "I8"
    return types


def as_tensors(name: str, arrays: tuple[np.ndarray, ...]) -> dict[str, Tensor]:
    """What a matrix is stored as, from (integers, scales) of one in 8 bits or (integers, scales, lines)."""
    bits = 8 if len(arrays) == 2 else 4
    types = stored_types({name: bits})
    names = (name, scale_name(name), lines_name(name))
    return {key: Tensor(array, types[key]) for key, array in zip(names, arrays, strict=False)}


def widened(tensors: Mapping[str, Tensor], name: str, inputs: int) -> np.ndarray:
    """What a stored matrix of so many inputs stands for, (n, inputs) float32."""
    integers, scales = tensors[name].array, tensors[scale_name(name)].array[:, None]
    if tensors[name].dtype == "I8":
        return np.asarray(integers * scales, dtype=np.float32)
    lines = tensors[lines_name(name)].array.reshape(len(integers), -1, 2).astype(np.int32)
    bytes_ = integers.reshape(len(integers), -1, 4, 4)  # group, eight of its inputs, byte
    nibbles = np.stack([bytes_ & 15, bytes_ >> 4], axis=3).reshape(*lines.shape[:2], GROUP).astype(np.int32)
    whole = lines[..., :1] * (nibbles - 8) - 8 * lines[..., 1:]
    return np.asarray(whole.reshape(len(integers), -1)[:, :inputs] * scales, dtype=np.float32)


def out_of_range(tensors: Mapping[str, Tensor]) -> list[str]:
    """The names of integers, lines and scales that no quantisation gives, of tensors right in shape and type."""
    bad = []
    for name, tensor in tensors.items():
        scale, lines = scale_name(name), lines_name(name)
        if scale not in tensors or not tensor.array.size:
            continue
        if tensor.dtype == "I8" and tensor.array.min() < -127:
            bad.append(name)
        if lines in tensors and (tensors[lines].array.min() < -127 or tensors[lines].array[:, ::2].min() < 0):
            bad.append(lines)
        if tensors[scale].array.min() < 0:
            bad.append(scale)
        forget_pages(tensor.array)  # or the file would stay in memory beside its packed copy
    return bad


def write_integers(
    path: Path, tensors: Mapping[str, Tensor], *, voice_cloning: bool, model: str | None = None
) -> None:
    """Write a safetensors file with the metadata of its FORMATS. Raises OSError; what was written is left there.

    Largest elements first: every tensor is aligned in the mapped file.
    """
    bits = 4 if any(lines_name(name) in tensors for name in tensors) else 8
    metadata = {"format": FORMATS[bits], "voice_cloning": "yes" if voice_cloning else "no"}
    header: dict[str, object] = {"__metadata__": metadata if model is None else {**metadata, "model": model}}
    end = 0
    names = sorted(tensors, key=lambda name: -tensors[name].array.itemsize)
    for name in names:
        begin, end = end, end + tensors[name].array.nbytes
        header[name] = {
            "dtype": tensors[name].dtype,
            "shape": list(tensors[name].shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            file.write(np.ascontiguousarray(tensors[name].array).reshape(-1).view(np.uint8))
