"""Dates and times of day in words."""

from __future__ import annotations

import re

from .number_words import cardinal, ordinal, year
from .spoken import ends_sentence, said

_NAMES = "January February March April May June July August September October November December"
_MONTHS = _NAMES.split()
_SMALL = [month.lower() for month in _MONTHS if month != "May"]  # `it may 3 times`
_MONTH = (  # with a period or without
    f"({'|'.join([*_MONTHS, *map(str.upper, _MONTHS), *_SMALL])}"
    r"|(?:JAN|FEB|MAR|APR|JUN|JUL|AUG|SEPT|SEP|OCT|NOV|DEC)(?![A-Z])\.?"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)(?![a-z])\.?)"
)
_YEAR = r"((?:1\d|20)\d\d)(?![\d:%]|[.,]\d)"
_NO_MORE = r"(?![\w/:]|[.,-]\d)"

_ISO = re.compile(r"(?<![\d/-])(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?![\d/-])(?:T(?=\d\d:))?")
_SLASHED = re.compile(r"(?<![\d/.-])(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|(?<=/)\d\d)(?![\d/-])")
_ON = re.compile(
    r"((?<![A-Za-z])(?:[Oo]n|(?:Mon|Tue|Tues|Wed|Thu|Thur|Thurs|Fri|Sat|Sun|[MTWFS][a-z]{2,5}day),?) )"
    r"(\d{1,2})/(\d{1,2})(?![\d/]|\.\d)"
)
_MONTH_FIRST = re.compile(
    rf"(?<![A-Za-z]){_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?(?: ?[-–] ?(\d{{1,2}})(?:st|nd|rd|th)?)?"
    rf"(?:,? {_YEAR}|,{_YEAR}|{_NO_MORE})"
)
_DAY_FIRST = re.compile(
    rf"(?:(?<![A-Za-z])[Tt]he )?(?<![\w/:.,-])(\d{{1,2}})(?:st|nd|rd|th)?(?: of |[ -]){_MONTH}(?:,? {_YEAR}|-{_YEAR})?"
    r"(?![A-Za-z\d])"
)
_MONTH_YEAR = re.compile(rf"(?<![A-Za-z]){_MONTH},? {_YEAR}")
_MONTH_OF_YEAR = re.compile(r"(?<![\d/.-])(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?![\d/])")
_ISO_MONTH = re.compile(r"(?<![\d/.,-])((?:19|20)\d\d)-(0[1-9]|1[0-2])(?![\d/-]|[.,]\d)")
_SEASON = re.compile(r"(?<![\d/.,])((?:19|20)\d\d)/(\d\d)(?![\d/]|[.,]\d)")
_OLD_YEAR = re.compile(r"(?<![\d.,])(\d{3,4})(?= ?(?:BCE?|CE|B\.C\.|C\.E\.|A\.D\.|AD)(?![A-Za-z]))")
_DAYS = {
    name[:3]: name for name in ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
}
_DAY = r"(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?![a-z])\.?"
_SHOUTED_DAY = r"(MON|TUES?|WED|THU(?:RS?)?|FRI|SAT|SUN)(?![A-Z])\.?"
_SHOUTED_DAYS = re.compile(rf"(?<![A-Za-z]){_SHOUTED_DAY} ?([-–/]|TO) ?{_SHOUTED_DAY}")
_DAY_TO_DAY = re.compile(rf"(?<![A-Za-z]){_DAY} ?([-–/]|to) ?{_DAY}")
_DAY_BEFORE = re.compile(rf"(?<![A-Za-z]){_DAY}(?=,? \x02|,? {_MONTH})")
_MONTH_TO_MONTH = re.compile(rf"(?<![A-Za-z-]){_MONTH} ?[-–] ?{_MONTH}(?![A-Za-z])")
_HALF = r"(?: ?([AaPp])(?:\.[Mm]\.?|[Mm](?![A-Za-z])))"
_TO_TIME = re.compile(r"((?<=\d)|(?<=[ap]m)|(?<=[ap]\.m\.)) ?[-–] ?(?=\d{1,2}(?::\d\d| ?[ap]\.?m))")
_ZONE = r"(?:[+-][01]\d:[0-5]\d(?!\d))"
_TIME = re.compile(
    rf"(?<![\d:.,])(\d{{1,2}}):([0-5]\d)(?::([0-5]\d)(?:\.\d{{1,9}})?{_ZONE}?)?[Zh]?(?![\d:]){_HALF}?"
)
_BRITISH = re.compile(r"(?<![\d:.,$£€])(\d{1,2})\.(?=[0-5]\d ?[ap]\.?m(?![A-Za-z]))")
_MILITARY = re.compile(
    r"((?<![A-Za-z])(?:at|by|until|from|before|after|to) )?(?<![\d.,:-])([01]\d|2[0-4])([0-5]\d) ?(?:hours|hrs|h)"
    r"(?![A-Za-z])"
)
_FRENCH = re.compile(r"(?<![\d:.,])([01]?\d|2[0-3])h([0-5]\d)(?![\w:])")
_HOUR = re.compile(rf"(?<![\d:.,/-])(\d{{1,2}}){_HALF}")
_DURATION = re.compile(
    r"(?<![\w.,:])(?:(\d{1,4})h ?)?(\d{1,4})m(?:in)?(?: ?(\d{1,2})s(?:ec)?)?(?![A-Za-z\d²³/])"
)
_WEEKDAYS_AND_MONTHS = re.compile(
    rf" (?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|{_MONTH}|[A-Z]{{2,4}}T\b)"
)


def say_dates(text: str) -> str:
    text = _ISO.sub(lambda m: _date(m[0], int(m[1]), int(m[3]), int(m[4]), m[0].endswith("T")), text)
    text = _SLASHED.sub(_slashed, text)
    text = _ON.sub(lambda m: m[1] + _date(f"{m[2]}/{m[3]}", None, int(m[2]), int(m[3])), text)
    text = _MONTH_FIRST.sub(_month_first, text)
    text = _DAY_FIRST.sub(_day_first, text)
    text = _MONTH_OF_YEAR.sub(lambda m: said(f"{_MONTHS[int(m[1]) - 1]} {year(int(m[2]))}"), text)
    text = _SEASON.sub(_season, _ISO_MONTH.sub(_iso_month, text))
    text = _OLD_YEAR.sub(lambda m: said(year(int(m[1]))), text)
    return _MONTH_YEAR.sub(lambda m: f"{said(_month(m[1]))} {m[2]}", text)


def say_months(text: str) -> str:
    """`Jan-Mar`, before their years are said."""
    return _MONTH_TO_MONTH.sub(lambda m: said(f"{_month(m[1])} to {_month(m[2])}"), text)


def say_days(text: str) -> str:
    """Weekdays in short, beside each other or before a date or a time that was said."""
    text = _SHOUTED_DAYS.sub(_day_to_day, _DAY_TO_DAY.sub(_day_to_day, text))
    return _DAY_BEFORE.sub(lambda m: said(_DAYS[m[1][:3]]), text)


def say_times(text: str) -> str:
    text = _MILITARY.sub(_military, _DURATION.sub(_duration, text))
    text = _TO_TIME.sub(said("to"), _BRITISH.sub(r"\1:", _FRENCH.sub(r"\1:\2", text)))
    text = _TIME.sub(_time, text)
    return _HOUR.sub(_hour, text)


def _date(written: str, y: int | None, month: int, day: int, is_followed: bool = False) -> str:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return written
    words = f"{_MONTHS[month - 1]} {ordinal(day)}"
    return said(words if y is None else f"{words}, {year(y)}") + (", " if is_followed else "")


def _slashed(date: re.Match[str]) -> str:
    first, second, y = int(date[1]), int(date[3]), int(date[4])
    if len(date[4]) == 2:
        y += 2000 if y < 50 else 1900
    if first > 12 or date[2] == ".":  # not American, but no month either way
        first, second = second, first
    return _date(date[0], y, first, second)


def _month_first(date: re.Match[str]) -> str:
    month, day, last, *years = date.groups()
    y = years[0] or years[1]
    if not all(1 <= int(d) <= 31 for d in (day, last or day)):
        return date[0]
    words = f"{_month(month)} {ordinal(int(day))}"
    if last:
        words += f" to {ordinal(int(last))}"
    return said(f"{words}, {year(int(y))}" if y else words)


def _day_first(date: re.Match[str]) -> str:
    day, month, *years = date.groups()
    if not 1 <= int(day) <= 31:
        return date[0]
    y = years[0] or years[1]
    words = f"the {ordinal(int(day))} of {_month(month)}"
    stop = "." if date[0].endswith(".") and ends_sentence(date.string, date.end(), any_capital=True) else ""
    return said(f"{words}, {year(int(y))}" if y else words) + stop


def _iso_month(date: re.Match[str]) -> str:
    """2026-11 is a month, 2010-11 a winter."""
    if int(date[2]) == (int(date[1]) + 1) % 100:
        return date[0]
    return said(f"{_MONTHS[int(date[2]) - 1]} {year(int(date[1]))}")


def _season(years: re.Match[str]) -> str:
    first, second = int(years[1]), int(years[2])
    return said(f"{year(first)} to {cardinal(second)}") if second == (first + 1) % 100 else years[0]


def _day_to_day(days: re.Match[str]) -> str:
    first, sign, last = days.groups()
    first, last = (_DAYS[name[:3].title()] for name in (first, last))
    return said(f"{first} {'and' if sign == '/' else 'to'} {last}")


def _month(name: str) -> str:
    return next(month for month in _MONTHS if month.startswith(name[:3].title()))


def _duration(found: re.Match[str]) -> str:
    """`1h 30m`, `5m 20s`; 30m alone are meters."""
    hours, minutes, seconds = found.groups()
    if not (hours or seconds):
        return found[0]
    parts = [(hours, "hour"), (minutes, "minute"), (seconds, "second")]
    return said(" ".join(f"{cardinal(int(n))} {unit}{'' if n == '1' else 's'}" for n, unit in parts if n))


def _time(time: re.Match[str]) -> str:
    hour, minute, second = int(time[1]), int(time[2]), int(time[3] or 0)
    if hour > 24:
        return time[0]
    words = [cardinal(hour)]
    if minute:
        words.append(("oh " if minute < 10 else "") + cardinal(minute))
    elif hour == 0:
        words = ["midnight"]
    elif not time[4]:
        words.append("o'clock" if hour <= 12 else "hundred")
    if second:
        words.append(f"and {cardinal(second)} second{'s' if second > 1 else ''}")
    return _with_half(" ".join(words), time, time[4])


def _military(time: re.Match[str]) -> str:
    """`at 1800 hours`, `0630 h`; other 1800 hours are a duration."""
    before, hour, minute = time.groups()
    if not (before or hour[0] == "0"):
        return time[0]
    oh = "oh " if hour[0] == "0" else ""
    minutes = "hundred" if minute == "00" else cardinal(int(minute))
    return (before or "") + said(f"{oh}{cardinal(int(hour))} {minutes} hours")


def _hour(hour: re.Match[str]) -> str:
    if not 1 <= int(hour[1]) <= 12:
        return hour[0]
    return _with_half(cardinal(int(hour[1])), hour, hour[2])


def _with_half(words: str, time: re.Match[str], half: str | None) -> str:
    if not half:
        return said(words)
    full_stop = time[0].endswith(".") and ends_sentence(time.string, time.end(), any_capital=True)
    if full_stop and _WEEKDAYS_AND_MONTHS.match(time.string, time.end()):
        full_stop = False
    return said(f"{words} {'ay' if half in 'Aa' else 'pee'} em") + ("." if full_stop else "")
