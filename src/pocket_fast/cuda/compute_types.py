"""The compute types that a GPU has, by the names CTranslate2 uses."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pocket_fast.errors import UnsupportedError, shown

COMPUTE_TYPES = ("auto", "float32", "bfloat16")

_PRODUCTS: dict[str, str | None] = {"float32": None, "bfloat16": "dot"}


def resolve_compute_type(compute_type: str) -> str:
    """The compute type that runs: auto is float32. Raises UnsupportedError for one that there is not."""
    if not isinstance(compute_type, str) or compute_type not in COMPUTE_TYPES:
        raise UnsupportedError(
            f"compute type {shown(compute_type)} on a GPU: expected one of {', '.join(COMPUTE_TYPES)}; use "
            "device 'cpu' for the others"
        )
    return "float32" if compute_type == "auto" else compute_type


def for_weights(compute_type: str, weights: Mapping[str, np.ndarray]) -> str:
    """resolve_compute_type, with weights that may be stored in 8 or 4 bits: UnsupportedError."""
    if any(array.dtype in (np.int8, np.uint8) for array in weights.values()):
        raise UnsupportedError(
            "these weights are stored in 8 or 4 bits, which only the CPU computes with: use device 'cpu', or the "
            "weights they were made from"
        )
    return resolve_compute_type(compute_type)


def product_of(compute_type: str) -> str | None:
    """What Matrix's product is for it."""
    return _PRODUCTS[compute_type]
