"""What may be asked of how a text is spoken: a family has one table of it, which the Python API, the command line and
the server read names, bounds and words of help from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from pocket_fast.errors import SettingError, shown


@dataclass(frozen=True)
class Setting:
    """One thing that may be asked; what is left out is up to the model.

    name: its key in `settings` of Speaking.speak, and the field of a request; also: other names of that field.
    type: int, float, bool or str. help: on the command line; description: of the field.
    least, above, most: bounds of a number; most: of a text, in characters. most_asked: a bound for requests that come
    over a network, where there is a better one. absurd: a number above it is a mistake, of which sound would be NaN,
    or which would take all memory; nobody has to be told before. choices: the only texts there are, in lower case;
    any case is taken.
    option: its spelling on the command line if that is not --name; old_option: one that is deprecated.
    """

    name: str
    type: type
    help: str
    description: str
    least: float | None = None
    above: float | None = None
    most: float | None = None
    most_asked: float | None = None
    absurd: float | None = None
    choices: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    option: str = ""
    old_option: str = ""

    @property
    def spelling(self) -> str:
        """On the command line."""
        return self.option or f"--{self.name.replace('_', '-')}"

    @property
    def expected(self) -> str:
        """What a value has to be, in words."""
        if self.type is bool:
            return "true or false"
        if self.type is str:
            bound = "" if self.most is None else f" of at most {self.most:g} characters"
            return f"one of {', '.join(self.choices)}" if self.choices else f"text{bound}"
        words = "a whole number" if self.type is int else "a number"
        if self.least is not None and self.most is not None:
            return f"{words} from {self.least:g} to {self.most:g}"
        bounds = (("of at least", self.least), ("above", self.above), ("of at most", self.most))
        said = [f"{how} {bound:g}" for how, bound in bounds if bound is not None]
        return " ".join([words, " and ".join(said)]) if said else words

    def check(self, value: Any) -> Any:
        """The value, as the type of the setting. Raises SettingError for anything but what is expected."""
        fits = {bool: is_flag, str: self._is_text, int: is_whole, float: is_number}[self.type]
        # and compared as Python's: NumPy's may be of eight bits
        own = self.type(value) if fits(value) else None
        if own is None or (self.type in (int, float) and not self._is_within(own)):
            raise SettingError(self.name, f"{self.name}: expected {self.expected}, got {shown(value)}")
        if self.absurd is not None and own > self.absurd:
            raise SettingError(
                self.name,
                f"{self.name}: expected {self.expected}, and of at most {self.absurd:g}, got {shown(value)}",
            )
        return own.lower() if self.choices else own

    def _is_text(self, value: object) -> bool:
        if not isinstance(value, str) or not _is_unicode(value):
            return False
        return value.lower() in self.choices if self.choices else self.most is None or len(value) <= self.most

    def _is_within(self, value: Any) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
        )


def check_settings(given: Mapping[str, Any], table: Iterable[Setting]) -> dict[str, Any]:
    """The settings that were given, checked; those that are None are left out.

    Raises SettingError for bad values, and for names that are not in the table.
    """
    known = {setting.name: setting for setting in table}
    for name in given:
        if name not in known:
            raise SettingError(
                name, f"{name}: this model has no such setting; it has {', '.join(known) or 'none'}"
            )
    return {name: known[name].check(value) for name, value in given.items() if value is not None}


def is_real(value: object) -> bool:
    """Whether it is a number, and no bool."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether it is a number that a float can be, and no bool."""
    try:
        return is_real(value) and math.isfinite(value)
    except OverflowError:  # a whole number of 400 digits
        return False


def is_whole(value: object) -> bool:
    """Whether it is a whole number, and no bool."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_flag(value: object) -> bool:
    """Whether it is True or False."""
    return isinstance(value, (bool, np.bool_))


def _is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold it: an argument that was no UTF-8, and some JSON, comes with lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
