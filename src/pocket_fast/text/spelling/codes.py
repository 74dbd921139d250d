"""Names with numbers in them, as people say them: RTX 4090 is forty ninety, i7-8700K is no range and no thousands."""

from __future__ import annotations

import re

from .initials import LETTERS
from .number_words import cardinal, code, number
from .spoken import said, word_set

_NAME = re.compile(
    r"(?<![\w.,$€£¥#/&\x02\x03-])(?=[A-Za-z-]{1,20}\d)([A-Za-z]{1,20}(?:-[A-Za-z]{1,12}){0,2})(-?)"
    r"(\d{1,15}(?:\.\d{1,4}(?!\d))?(?:[A-Za-z]{1,4}\d{0,4}){0,3}(?:-\d{1,5}(?:\.\d)?[A-Za-z]{0,3}){0,3})"
    r"(?![A-Za-z\d]|[.,:/]\d|-\d|[€£¥%°])"
)
_KEY = re.compile(
    r"(?<![\w-])(?:[\dA-Fa-f]{7,64}(?:-[\dA-Fa-f]{4,12}){0,4}|(?:[\dA-Fa-f]{2}[:-]){5}[\dA-Fa-f]{2})(?![\w-])"
)
_HEXADECIMAL = re.compile(r"(?<!\w)0x([\dA-Fa-f]{1,16})(?!\w)")
_CODEC = re.compile(r"(?<![\w.])([A-Z])\.(\d{3})(?![\d.]\d|\d)")
_WORLD_WAR = re.compile(r"(?<![A-Za-z\d])WW([12])(?![A-Za-z\d])")
_WIRELESS = re.compile(r"(?<![\w.])802\.(\d{1,2})([a-z]{1,2})?(?![\w.]\d|\w)")
_EPISODE = re.compile(r"(?<![A-Za-z\d])S(\d{1,2}) ?E(\d{1,3})(?![A-Za-z\d])")
_AFTER_NUMBER = re.compile(
    r"(?<![\w.,$€£¥-])(?:(\d{4})(KF|KS|K|XTX|XT|X3D|X|T[iI]|H[XSQ]?|U|GE?)|(480|576|720|1080|1440|2160)([pi]))"
    r"(?![A-Za-z\d/²³^-])"
)
_NOT_A_COUNT = r"(?![\w%°]|[,.:/-]\d|-[A-Za-z]| ?[-–] ?\d| (?:BCE?|CE|AD|BC)\b)"
_MODEL = re.compile(rf"(?<![A-Za-z\d'.$-])([A-Z]{{2,5}}) (\d{{4}}){_NOT_A_COUNT}")
_LABELLED = re.compile(
    r"(?<![A-Za-z\d'.$-])(Boeing|Airbus|Nokia|Peugeot|Porsche|Ferrari|Ryzen \d|GeForce|Radeon|Xeon|Core|Windows|Flight"
    r"|Route|Highway|Room|Error|Channel|Suite|Gate|Bus|Exit|Train|Interstate|Form)"
    rf" (\d{{3,4}}){_NOT_A_COUNT}",
    re.IGNORECASE,
)
_PLANE = re.compile(r"(?<![\w.,-])(7[0-8]7)-([89]|10|[1-9]00)(ER|LR|F)?(?![\w-])")
_MONEY = word_set("""
    USD EUR GBP JPY CHF CAD AUD NZD INR CNY RMB KRW BRL RUB MXN ZAR SEK NOK DKK PLN CZK HUF TRY THB SGD HKD ILS RS US
    AU NZ HK
    """)
_POWERS = word_set("m2 m3 km2 cm2 cm3 mm2 mm3 ft2 ft3 in2 in3 yd2 mi2 dm2 dm3 s2")
_INFLECTED = ("s", "st", "nd", "rd", "th", "S", "ST", "ND", "RD", "TH")
_PIECE = re.compile(r"\d+(?:\.\d+)?|[A-Za-z]+|-")


def say_names(text: str) -> str:
    text = _EPISODE.sub(lambda m: said(f"season {cardinal(int(m[1]))} episode {cardinal(int(m[2]))}"), text)
    text = _HEXADECIMAL.sub(lambda m: said(f"zero ex {_spelled(m[1])}"), _KEY.sub(_key, text))
    text = _WORLD_WAR.sub(lambda m: said(f"World War {code(m[1])}"), text)
    text = _WIRELESS.sub(_wireless, text)
    text = _CODEC.sub(lambda m: said(f"{LETTERS[m[1]]} {code(m[2])}"), text)
    text = _PLANE.sub(_plane, text)
    text = _NAME.sub(_name, text)
    text = _MODEL.sub(lambda m: m[0] if m[1] in _MONEY else f"{m[1]} {said(code(m[2]))}", text)
    text = _LABELLED.sub(lambda m: f"{m[1]} {said(code(m[2]))}", text)
    return _AFTER_NUMBER.sub(lambda m: said(f"{code(m[1] or m[3])} {_letters(m[2] or m[4])}"), text)


def _name(found: re.Match[str]) -> str:
    head, hyphen, tail = found.groups()
    pieces = _PIECE.findall(tail)
    is_small = head.islower()
    is_word = (is_small and len(head) > 1) or (len(head) > 6 and not head.isupper())
    if (
        any(piece in _INFLECTED for piece in pieces)  # mid-1990s, post-2nd
        or (head.upper() in _MONEY and not hyphen)
        or found[0] in _POWERS
        or (head in ("v", "V") and not hyphen and (head == "v" or "." in tail))  # versions
        or (hyphen and is_word)  # sub-10, top-100
    ):
        return found[0]
    words = " ".join(_piece(piece) for piece in pieces if piece != "-")
    if is_small and len(head) == 1:
        return said(f"{LETTERS[head.upper()]} {words}")
    return head + (hyphen if len(pieces) < 3 else " " * bool(hyphen)) + said(words)


def _piece(piece: str) -> str:
    if piece.isalpha():
        return _letters(piece)
    if "." in piece:
        return number(piece)
    if len(piece) == 5 and piece[0] != "0":
        return f"{cardinal(int(piece[:2]))} {code(piece[2:])}"  # 13900K
    return code(piece)


def _letters(run: str) -> str:
    if run.isupper() or len(run) < 3:
        return _spelled(run)
    return run


def _key(found: re.Match[str]) -> str:
    """Keys, hashes and addresses of machines, where letters and digits are mixed."""
    if not (re.search("[A-Fa-f]", found[0]) and re.search(r"\d", found[0])):
        return found[0]
    groups = re.findall(r"[\dA-Fa-f]{1,4}", found[0])
    return said(", ".join(map(_spelled, groups)))


def _spelled(run: str) -> str:
    return " ".join(LETTERS.get(sign) or code(sign) for sign in run.upper())


def _wireless(found: re.Match[str]) -> str:
    return said(f"eight oh two dot {code(found[1])} {_letters(found[2] or '')}".strip())


def _plane(found: re.Match[str]) -> str:
    suffix = f" {_letters(found[3])}" if found[3] else ""
    return said(f"{code(found[1])} {code(found[2])}{suffix}")
