"""Whether the tensors of a file are those a config asks for: names, shapes, types, values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from pocket_fast.errors import WeightsError
from pocket_fast.weights.integers import out_of_range
from pocket_fast.weights.tensors import Tensor, forget_pages

# Bits of infinity by type; anything from there up, sign aside, is infinite or NaN.
_INFINITY = {"F32": 0x7F800000, "BF16": 0x7F80, "F16": 0x7C00}

_LISTED = 6  # names per complaint
_BLOCK = 1 << 20  # elements looked at in one go: the second look finds them in the cache


def widen(tensor: Tensor) -> np.ndarray:
    """The tensor as float32 (exact for BF16 and F16); float32 comes back as it is."""
    if tensor.dtype == "BF16":
        return (tensor.array.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):  # infinity is found by who looks for it
        return tensor.array.astype(np.float32, copy=False)


def as_float(tensor: Tensor) -> Tensor:
    """The tensor, F64 as F32: the types that weights are packed from are F32, BF16 and F16."""
    return Tensor(widen(tensor), "F32") if tensor.dtype == "F64" else tensor


def check_values(weights: Mapping[str, Tensor], where: str, unused: tuple[str, ...] = ()) -> None:
    """Raises WeightsError for NaN, infinity, and impossible integers; unused: prefixes of names that may be so.

    The pages of mapped files are forgotten again.
    """
    bad = [name for name, t in weights.items() if not name.startswith(unused) and not _is_finite(t)]
    if bad:
        raise WeightsError(f"{where}: NaN or infinite values in {listed(bad)}; the file is damaged")
    bad = out_of_range(weights)
    if bad:
        raise WeightsError(f"{where}: integers out of range in {listed(bad)}; the file is damaged")


def _is_finite(tensor: Tensor) -> bool:
    """By comparing bit patterns as integers: at memory speed, 220 MB of BF16 take about 20 ms."""
    if tensor.dtype in ("I8", "U8"):
        return True
    flat = tensor.array.reshape(-1)
    blocks = (flat[start : start + _BLOCK] for start in range(0, flat.size, _BLOCK))
    return all(_block_is_finite(block, _INFINITY[tensor.dtype]) for block in blocks)


def _block_is_finite(block: np.ndarray, infinity: int) -> bool:
    width = block.itemsize
    negative_infinity = infinity | 1 << (8 * width - 1)
    positive = int(block.view(f"<i{width}").max()) < infinity
    finite = positive and int(block.view(f"<u{width}").max()) < negative_infinity
    forget_pages(block)  # or the whole file would stay in memory beside its packed copy
    return finite


class Problems:
    """Everything that separates the tensors found from the tensors expected."""

    def __init__(self) -> None:
        self.twice: list[str] = []
        self.missing: list[str] = []
        self.extra: list[str] = []
        self.misshapen: list[str] = []
        self.mistyped: list[str] = []

    def renamed(self, items: Iterable[tuple[str, Tensor]], prefix: str) -> dict[str, Tensor]:
        """The tensors by name with the prefix in front."""
        tensors: dict[str, Tensor] = {}
        for name, tensor in items:
            if prefix + name in tensors:
                self.twice.append(prefix + name)
            tensors[prefix + name] = tensor
        return tensors

    def compare(
        self,
        found: Mapping[str, Tensor],
        expected: Mapping[str, tuple[int, ...]],
        types: Mapping[str, str],
    ) -> None:
        """types: of the tensors that may not have just any floating-point type."""
        self.missing = [name for name in expected if name not in found]
        self.extra = [name for name in found if name not in expected]
        for name, shape in expected.items():
            tensor = found.get(name)
            if tensor is not None and tensor.shape != tuple(shape):
                self.misshapen.append(f"{name} is {list(tensor.shape)}, expected {list(shape)}")
            fits = (types[name],) if name in types else (*_INFINITY, "F64")
            if tensor is not None and tensor.dtype not in fits:
                self.mistyped.append(
                    f"{name} is {tensor.dtype}, expected {types.get(name, 'F32, BF16 or F16')}"
                )

    def raise_for(self, where: str) -> None:
        """Raises WeightsError with all of them, in one line."""
        kinds = {
            "missing": self.missing,
            "not expected": self.extra,
            "of another shape": self.misshapen,
            "of another type": self.mistyped,
            "there twice after renaming": self.twice,
        }
        said = [f"{len(names)} {kind} ({listed(names)})" for kind, names in kinds.items() if names]
        if said:
            raise WeightsError(f"{where}: the tensors do not fit the config: {'; '.join(said)}")


def listed(names: Collection[str]) -> str:
    """The first few names, and how many more there are."""
    rest = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(list(names)[:_LISTED]) + rest
