"""Numbers in words, as Americans say them."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MOST_DIGITS = 9  # of a count that nobody wrote in groups; longer ones are codes, read digit by digit


@lru_cache(maxsize=4096)
def cardinal(n: int) -> str:
    from num2words import num2words

    return num2words(n).replace(",", "").replace(" and ", " ")


@lru_cache(maxsize=4096)
def ordinal(n: int) -> str:
    from num2words import num2words

    return num2words(n, to="ordinal").replace(",", "").replace(" and ", " ")


def digits(run: str) -> str:
    return " ".join(_DIGITS[int(digit)] for digit in run)


def in_groups(run: str) -> str:
    """Digit by digit, with a little pause after every three."""
    edges = [*range(0, max(len(run) - 1, 1), 3), len(run)]
    return ", ".join(digits(run[start:end]) for start, end in pairwise(edges))


def year(n: int) -> str:
    century, rest = divmod(n, 100)
    if n % 1000 < 10 or not 10 <= century < 100:
        return cardinal(n)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def code(run: str) -> str:
    """Digits of a name or an address: two by two, as in 4090 or 404; from five on one by one."""
    n = int(run)
    if len(run) > 4 or (len(run) > 1 and run[0] == "0"):
        return digits(run) if len(run) < 7 else in_groups(run)
    if len(run) == 4:
        return year(n)
    hundreds, rest = divmod(n, 100)
    if not hundreds or not rest:
        return cardinal(n)
    return f"{cardinal(hundreds)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def number(written: str, *, years: bool = False) -> str:
    """`1,234.5`, `.5`, `007`; with `years` four digits like 1984 are two pairs."""
    whole, dot, decimals = written.partition(".")
    bare = whole.replace(",", "")
    if not bare:
        words = ""
    elif len(bare) > 1 and bare[0] == "0":
        words = digits(bare)
    elif bare == whole and len(bare) > _MOST_DIGITS:
        words = in_groups(bare)
    elif years and bare == whole and not dot and (1100 <= int(bare) < 2100):
        words = year(int(bare))
    else:
        words = cardinal(int(bare))
    return f"{words} point {digits(decimals)}".lstrip() if dot else words


def amount(written: str) -> str:
    """The same, or a fraction: `1/2`, `2 3/4`."""
    if "/" not in written:
        return number(written)
    whole, _, fraction = written.rpartition(" ")
    over, under = fraction.split("/")
    words = _fraction(over, under)
    if not whole:
        return words
    return f"{number(whole)} and {'a half' if words == 'one half' else words}"


def plural(words: str) -> str:
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("x") else "s")


def is_singular(written: str) -> bool:
    return written.rstrip("0").rstrip(".") == "1" if "." in written else written == "1"


def _fraction(over: str, under: str) -> str:
    top, bottom = int(over), int(under)
    if not (0 < top < bottom and (bottom <= 20 or bottom in (32, 64, 100, 1000))):
        return f"{number(over)} over {number(under)}"
    part = {2: "half", 4: "quarter"}.get(bottom) or ordinal(bottom)
    return f"{cardinal(top)} {part if top == 1 else plural(part)}"
