"""The compute types: how the matrices of a model are multiplied, by the names CTranslate2 uses."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from pocket_fast.cpu._dispatch import isa
from pocket_fast.cpu.packing import has_bf16_dot
from pocket_fast.errors import ConfigError, UnsupportedError, shown

COMPUTE_TYPES = ("auto", "float32", "bfloat16", "int8_float32", "int8_bfloat16", "int8")

# How the language models' and the codec decoder's matrices are packed (packing.pyx). Voice encoders stay in
# float32: they run once per voice, and everything said later depends on them.
_PRODUCTS: dict[str, tuple[str | None, str | None]] = {
    "float32": (None, None),
    "bfloat16": ("dot", "dot"),
    "int8_float32": ("int8", None),
    "int8_bfloat16": ("int8", "dot"),
}

_log = logging.getLogger("pocket_fast")


def resolve_compute_type(compute_type: str) -> str:
    """The compute type that runs: auto is float32, int8 the better of its two forms on this CPU.

    Raises UnsupportedError for an unknown name, or one this CPU has no instructions for.
    """
    if not isinstance(compute_type, str) or compute_type not in COMPUTE_TYPES:
        raise UnsupportedError(
            f"compute type {shown(compute_type)}: expected one of {', '.join(COMPUTE_TYPES)}"
        )
    if compute_type == "auto":
        return "float32"
    if compute_type == "int8":
        return "int8_bfloat16" if has_bf16_dot() else "int8_float32"
    if compute_type.endswith("bfloat16") and not has_bf16_dot():
        raise UnsupportedError(
            f"compute type {shown(compute_type)} needs bfloat16 instructions, which {isa()!r} does not have; "
            "use 'float32', 'int8_float32', or 'auto'"
        )
    return compute_type


def for_weights(resolved: str, asked: str, weights: Mapping[str, np.ndarray]) -> str:
    """`resolved`, unless the weights are stored in 8 bits: then "auto" is "int8", and the others do not fit."""
    if resolved.startswith("int8") or not any(array.dtype == np.int8 for array in weights.values()):
        return resolved
    if asked != "auto":
        raise ConfigError(
            f"compute type {shown(asked)}: these weights are stored in 8 bits; use 'auto' or 'int8', or the weights "
            "they were made from"
        )
    resolved = resolve_compute_type("int8")
    _log.info("The weights are stored in 8 bits: compute type %s", resolved)
    return resolved


def products(compute_type: str) -> tuple[str | None, str | None]:
    """What pack_linear's product is for the language models' matrices and for the codec decoder's."""
    return _PRODUCTS[compute_type]
