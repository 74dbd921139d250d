"""How near weights in 8 bits stay to those they were made from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from pocket_fast.weights.fit import widen
from pocket_fast.weights.int8 import scale_name
from pocket_fast.weights.tensors import Tensor

_OF_LAYER = re.compile(r"\.\d+\.(?=\D)")  # a layer's number, not that of a part of it


def decibels(exact: np.ndarray, near: np.ndarray) -> float:
    """Signal to noise."""
    return _decibels(*_powers(exact, near))


def weights_report(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[str]:
    """A table of the matrices that are integers in `after`: how many weights and how near, by kind; their bytes."""
    powers: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    sizes = np.zeros(2, dtype=int)
    for name, tensor in after.items():
        if tensor.dtype == "I8":
            scales = after[scale_name(name)].array
            figures = _powers(widen(before[name]), tensor.array * scales[:, None])
            for kind in (_OF_LAYER.sub(".*.", name.removesuffix(".weight"), count=1), "all of them"):
                powers[kind] = powers.get(kind, 0) + figures
                counts[kind] = counts.get(kind, 0) + tensor.array.size
            sizes += before[name].array.nbytes, tensor.array.nbytes + scales.nbytes
    whole = [sum(tensor.array.nbytes for tensor in tensors.values()) for tensors in (before, after)]
    kinds = sorted(powers, key=lambda kind: kind == "all of them")
    wide = max(50, *map(len, kinds))
    return [
        f"{'matrices in 8 bits':<{wide}}{'weights':>12}{'SNR':>9}",
        *(f"{kind:<{wide}}{counts[kind]:>12}{_decibels(*powers[kind]):>6.1f} dB" for kind in kinds),
        "",
        f"{'bytes':<{wide}}{'before':>12}{'after':>12}",
        f"{'of these matrices':<{wide}}{sizes[0]:>12}{sizes[1]:>12}",
        f"{'of all weights':<{wide}}{whole[0]:>12}{whole[1]:>12}",
    ]


def _powers(exact: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Of the signal and of the noise."""
    return np.array([np.square(x, dtype=np.float64).sum() for x in (exact, exact - near)])


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf
