"""Bundles whose large matrices are stored in 8 bits, and the writer of such files.

    NAME         I8 (n, k)    integers from -127 to 127
    NAME_scale   F32 (n,)     at least 0; row j stands for scale[j] * integers[j]

Which matrices is up to the model family; it is all of them. The metadata says `format`: FORMAT, and
`voice_cloning`: "no" where the tensors that only cloning reads need not hold real values; and `model`, the name of
the released model that they were made from, if it was one: voices made for that model fit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from pocket_fast.errors import WeightsError
from pocket_fast.weights.tensors import Tensor, TensorFile, forget_pages

FORMAT = "pocket_fast int8 1"
_FAMILY = "pocket_fast "

Shapes = dict[str, tuple[int, ...]]


def is_int8(file: TensorFile) -> bool:
    """Whether the file says that it is one. Raises WeightsError for a version that this code does not know."""
    form = file.metadata.get("format", "")
    if form.startswith(_FAMILY) and form != FORMAT:
        raise WeightsError(
            f"{file.path}: its format is {form!r}, this version of pocket_fast reads {FORMAT!r}; update it, or "
            "quantise the original weights again"
        )
    return form == FORMAT


def cannot_clone(path: Path) -> bool:
    """Whether it is an 8-bit file made from weights without voice cloning. Raises as TensorFile and is_int8."""
    with TensorFile(path) as file:
        return is_int8(file) and file.metadata.get("voice_cloning") == "no"


def made_from(path: Path) -> str | None:
    """The released model that an 8-bit file says it was made from; None for any other file. Raises as cannot_clone."""
    with TensorFile(path) as file:
        return file.metadata.get("model") if is_int8(file) else None


def scale_name(matrix: str) -> str:
    return f"{matrix}_scale"


def with_scales(expected: Mapping[str, tuple[int, ...]], matrices: Iterable[str]) -> Shapes:
    """The expected shapes, each of `matrices` followed by its scales."""
    matrices = set(matrices)
    shapes: Shapes = {}
    for name, shape in expected.items():
        shapes[name] = shape
        if name in matrices:
            shapes[scale_name(name)] = shape[:1]
    return shapes


def stored_types(matrices: Iterable[str]) -> dict[str, str]:
    """What type each matrix and each of the scales has."""
    return {name: kind for m in matrices for name, kind in ((m, "I8"), (scale_name(m), "F32"))}


def out_of_range(tensors: Mapping[str, Tensor]) -> list[str]:
    """The names of integers and scales that no quantisation gives, of tensors right in shape and type."""
    bad = []
    for name, tensor in tensors.items():
        if tensor.dtype == "I8" and tensor.array.size:
            scale = scale_name(name)
            if tensor.array.min() < -127:
                bad.append(name)
            if tensors[scale].array.min() < 0:
                bad.append(scale)
            forget_pages(tensor.array)  # or the file would stay in memory beside its packed copy
    return bad


def write_int8(
    path: Path, tensors: Mapping[str, Tensor], *, voice_cloning: bool, model: str | None = None
) -> None:
    """Write a safetensors file with the metadata of FORMAT. Raises OSError; what was written is left there.

    Largest elements first: every tensor is aligned in the mapped file.
    """
    metadata = {"format": FORMAT, "voice_cloning": "yes" if voice_cloning else "no"}
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
