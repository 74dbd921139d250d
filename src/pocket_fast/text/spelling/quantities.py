"""Whatever has a number or a unit in it, in words: the steps in the order in which one reading excludes another."""

from __future__ import annotations

import re

from .codes import say_names
from .dates import say_dates, say_days, say_months, say_times
from .money import say_money
from .numerals import mark_minus, say_groups, say_numbers, say_series, say_verses
from .phones import say_phones
from .spoken import said
from .units import say_lone_units, say_units

_PLUS_MINUS = re.compile(r"\+ ?/ ?-|\+-(?=\d)")
_SPAN = re.compile(r"(?<=[\d%]) ?[–~] ?(?=[\d$£€¥])")  # 10–20


def say_quantities(text: str) -> str:
    return say_days(_say_digits(say_months(say_lone_units(text))))


def _say_digits(text: str) -> str:
    if not re.search(r"\d", text):
        return text.replace("%", said("percent"))
    text = mark_minus(_SPAN.sub("-", _PLUS_MINUS.sub("±", text)))
    text = say_names(say_phones(say_times(say_dates(say_verses(text)))))
    text = say_money(say_series(say_groups(text)))
    return say_numbers(say_units(text))
