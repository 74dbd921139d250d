"""Arguments of the public classes: one of the wrong type is a ConfigError that says what came, before any work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pocket_fast.errors import ConfigError, shown
from pocket_fast.models.settings import is_flag, is_number, is_whole


def check_flag(name: str, value: Any) -> bool:
    """True or False, NumPy's too."""
    if not is_flag(value):
        raise ConfigError(f"{name}: expected True or False, got {shown(value)}")
    return bool(value)


def check_whole(name: str, value: Any, least: int) -> int | None:
    """A whole number of at least `least`, NumPy's too, or None; as Python's own, which does not overflow."""
    if value is not None and not (is_whole(value) and value >= least):
        raise ConfigError(f"{name}: expected a whole number of at least {least} or None, got {shown(value)}")
    return None if value is None else int(value)


def check_seconds(name: str, value: Any) -> float | None:
    """A number of at least 0, NumPy's too, or None; as Python's own."""
    if value is not None and not (is_number(value) and value >= 0):
        raise ConfigError(f"{name}: expected a number of seconds of at least 0 or None, got {shown(value)}")
    return None if value is None else float(value)


def check_name(name: str, value: Any) -> None:
    """Text, or None."""
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{name}: expected text, got {shown(value)}")


def check_place(name: str, value: Any, *, may_miss: bool = False) -> None:
    """A path or a URL; may_miss: or None."""
    if not isinstance(value, (str, Path)) and not (may_miss and value is None):
        raise ConfigError(f"{name}: expected a path or text, got {shown(value)}")


def check_event(name: str, value: Any) -> None:
    """Something that can be asked whether it is set, such as a threading.Event, or None."""
    if value is not None and not callable(getattr(value, "is_set", None)):
        raise ConfigError(f"{name}: expected a threading.Event or None, got {shown(value)}")


def check_function(name: str, value: Any, *, may_miss: bool = False) -> None:
    """Something that can be called; may_miss: or None."""
    if not callable(value) and not (may_miss and value is None):
        raise ConfigError(f"{name}: expected a function, got {shown(value)}")


def check_mapping(name: str, value: Any) -> None:
    """Names and values."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name}: expected a dict of names and values, got {shown(value)}")
