"""How near weights in 8 or 4 bits stay to those they were made from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from pocket_fast.weights.fit import widen
from pocket_fast.weights.integers import lines_name, scale_name, widened
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
    for name in after:
        if scale_name(name) in after:
            figures = _powers(widen(before[name]), widened(after, name, before[name].shape[1]))
            parts = [after[part] for part in (name, scale_name(name), lines_name(name)) if part in after]
            for kind in (_OF_LAYER.sub(".*.", name.removesuffix(".weight"), count=1), "all of them"):
                powers[kind] = powers.get(kind, 0) + figures
                counts[kind] = counts.get(kind, 0) + before[name].array.size
            sizes += before[name].array.nbytes, sum(part.array.nbytes for part in parts)
    whole = [sum(tensor.array.nbytes for tensor in tensors.values()) for tensors in (before, after)]
    kinds = sorted(powers, key=lambda kind: kind == "all of them")
    wide = max(50, *map(len, kinds))
    return [
        f"{'matrices as integers':<{wide}}{'weights':>12}{'SNR':>9}",
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
