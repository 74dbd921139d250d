"""Build frozen dataclasses from plain YAML or JSON data, strictly: every problem is found before anything is said.

The dataclass is the schema. Supported field types: int, float, str, bool, another dataclass, `X | None`,
`tuple[int, ...]`, and `Mapping[str, X]` where X is int, str, bool, or some of these. Fields without a default are
required.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

_BAD = object()  # stands for a value that was reported and cannot be used
_SCALARS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Up to `count` of the known names that look like `name`, best first, ignoring case."""
    by_fold = {k.casefold(): k for k in known}
    return [by_fold[k] for k in difflib.get_close_matches(name.casefold(), by_fold, count, 0.6)]


def build(cls: type[T], data: object, problems: list[str], *, pass_over: bool = False) -> T | None:
    """An instance of the dataclass `cls` from `data`, or None after adding to `problems`.

    A problem reads `dotted.path: what came, what was expected`. pass_over: keys that are no field, at any depth, are
    none of our business, and no problem.
    """
    value = _dataclass(cls, data, "", problems, pass_over)
    return None if value is _BAD else typing.cast(T, value)


def _dataclass(cls: type, data: object, path: str, problems: list[str], pass_over: bool) -> Any:
    if not isinstance(data, Mapping):
        problems.append(f"{path or 'top level'}: expected a mapping of keys to values, got {_say(data)}")
        return _BAD
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    before = len(problems)
    for key in data:
        if key not in fields and not pass_over:
            close = nearest(str(key), fields, 1)
            hint = f", did you mean {close[0]}?" if close else f"; known keys: {', '.join(fields)}"
            problems.append(f"{_join(path, key)}: unknown key{hint}")
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _value(hints[name], data[name], _join(path, name), problems, pass_over)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            problems.append(f"{_join(path, name)}: missing")
    return cls(**values) if len(problems) == before else _BAD


def _value(hint: Any, data: object, path: str, problems: list[str], pass_over: bool) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):  # only X | None occurs
        if data is None:
            return None
        (hint,) = (a for a in typing.get_args(hint) if a is not type(None))
        return _value(hint, data, path, problems, pass_over)
    if dataclasses.is_dataclass(hint):
        return _dataclass(typing.cast(type, hint), data, path, problems, pass_over)
    if origin is tuple:
        if not isinstance(data, (list, tuple)) or not data:
            problems.append(f"{path}: expected a list of whole numbers, got {_say(data)}")
            return _BAD
        return tuple(_scalar(int, item, f"{path}[{i}]", problems) for i, item in enumerate(data))
    if origin is not None:
        return _mapping(typing.get_args(hint)[1], data, path, problems)
    return _scalar(hint, data, path, problems)


def _mapping(hint: Any, data: object, path: str, problems: list[str]) -> Any:
    kinds = typing.get_args(hint) or (hint,)
    wanted = "text to " + " or ".join(_SCALARS[kind] for kind in kinds)
    if not isinstance(data, Mapping):
        problems.append(f"{path}: expected a mapping of {wanted}, got {_say(data)}")
        return _BAD
    for key, item in data.items():
        if not isinstance(key, str) or type(item) not in kinds:
            advice = ", quote both" if kinds == (str,) else ""
            problems.append(f"{path}: {key!r}: {item!r} is not {wanted}{advice}")
    return dict(data)


def _scalar(hint: type, data: object, path: str, problems: list[str]) -> Any:
    if hint in (int, float) and not isinstance(data, bool):
        if hint is float and isinstance(data, str):  # YAML 1.1 reads 1e-2 (no dot) as text
            with contextlib.suppress(ValueError):
                data = float(data)
        in_range = isinstance(data, (int, float)) and abs(data) < 2**53  # False for NaN and infinities
        if in_range and (hint is float or data == int(data)):
            return hint(data)
    elif type(data) is hint:
        return data
    problems.append(f"{path}: expected {_SCALARS[hint]}, got {_say(data)}")
    return _BAD


def _say(data: object) -> str:
    if data is None:
        return "nothing"
    kind = {bool: "", int: "", float: "", str: "the text ", dict: "a mapping ", list: "a list "}
    text = repr(data) if not isinstance(data, bool) else str(data).lower()
    return kind.get(type(data), f"{type(data).__name__} ") + (text if len(text) <= 40 else text[:37] + "...")


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)
