"""A model's weights by name, as every backend takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def below(weights: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """{name without `prefix`: array} of those whose name begins with it."""
    return {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}
