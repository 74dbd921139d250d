"""The compute types: how the matrices of a model are multiplied, by the names CTranslate2 uses."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pocket_fast.cpu._dispatch import isa
from pocket_fast.cpu.packing import has_bf16_dot
from pocket_fast.errors import ConfigError, UnsupportedError, shown

COMPUTE_TYPES = (
    "auto",
    "float32",
    "bfloat16",
    "int8_float32",
    "int8_bfloat16",
    "int8",
    "int4_float32",
    "int4_bfloat16",
    "int4",
)


@dataclass(frozen=True)
class Products:
    """How matrices are packed (packing.pyx): of the language model's layers, of what draws from what it says (flow
    head, code predictor: their errors are heard at once), and of the codec's decoder. Voice encoders stay in float32:
    they run once per voice, and everything said later depends on them."""

    layers: str | None = None
    draws: str | None = None
    codec: str | None = None


_PRODUCTS = {
    "float32": Products(),
    "bfloat16": Products("dot", "dot", "dot"),
    "int8_float32": Products("int8", "int8"),
    "int8_bfloat16": Products("int8", "int8", "dot"),
    "int4_float32": Products("int4", "int8"),
    "int4_bfloat16": Products("int4", "int8", "dot"),
}
_INTEGERS = {np.dtype(np.int8): 8, np.dtype(np.uint8): 4}  # bits of stored matrices

_log = logging.getLogger("pocket_fast")


def resolve_compute_type(compute_type: str) -> str:
    """The compute type that runs: auto is float32, int8 and int4 the better of their two forms on this CPU.

    Raises UnsupportedError for an unknown name, or one this CPU has no instructions for.
    """
    if not isinstance(compute_type, str) or compute_type not in COMPUTE_TYPES:
        raise UnsupportedError(
            f"compute type {shown(compute_type)}: expected one of {', '.join(COMPUTE_TYPES)}"
        )
    if compute_type == "auto":
        return "float32"
    if compute_type in ("int8", "int4"):
        return f"{compute_type}_{'bfloat16' if has_bf16_dot() else 'float32'}"
    if compute_type.endswith("bfloat16") and not has_bf16_dot():
        raise UnsupportedError(
            f"compute type {shown(compute_type)} needs bfloat16 instructions, which {isa()!r} does not have; "
            "use 'float32', 'int8_float32', 'int4_float32', or 'auto'"
        )
    return compute_type


def for_weights(resolved: str, asked: str, weights: Mapping[str, np.ndarray]) -> str:
    """`resolved`, unless the weights are stored in 8 or 4 bits: then "auto" is "int8" or "int4", and the others do not
    fit."""
    bits = min((_INTEGERS[array.dtype] for array in weights.values() if array.dtype in _INTEGERS), default=0)
    if not bits or resolved.startswith(f"int{bits}"):
        return resolved
    if asked != "auto":
        raise ConfigError(
            f"compute type {shown(asked)}: these weights are stored in {bits} bits; use 'auto' or 'int{bits}', or the "
            "weights they were made from"
        )
    resolved = resolve_compute_type(f"int{bits}")
    _log.info("The weights are stored in %s bits: compute type %s", bits, resolved)
    return resolved


def products(compute_type: str) -> Products:
    """How the matrices of a model are packed."""
    return _PRODUCTS[compute_type]
