"""Roman numerals in words: after names and labels, of centuries, in brackets, and those that cannot be words."""

from __future__ import annotations

import re

from .initials import LETTERS
from .number_words import cardinal, ordinal, year
from .spoken import END, said, word_set

_ROMAN = r"(?=[IVXLC])((?:C{0,3})(?:XL|XC|L?X{0,3})(?:IX|IV|V?I{0,3}))"
_NUMBERED = re.compile(
    rf"(?<![A-Za-z'-])([A-Za-z]{{2,20}}{END}?) {_ROMAN}(?![A-Za-z-])(?=(?:'s)?( of| and [A-Z]|[^A-Za-z' ]|\Z)?)"
)
_SMALL = re.compile(r"(?<![A-Za-z'-])([A-Za-z]{2,20}) ([ivxl]{2,7}|[vx])(?![A-Za-z'-])")
_BRACKETED = re.compile(r"(?<![A-Za-z'])(?:(\(?)([ivx]{2,5}|[IVX]{2,5})|(\()(i))\)")
_LETTERED = re.compile(r"(?<![\w)\]])\(([A-HJ-Za-hj-z])\)(?![\w(])")
_SURELY = "X{0,3}V?I{2,3}|X{1,3}I[VX]|X{1,3}V?I{1,3}(?<=...)|XXV"  # no word and no abbreviation
_SURELY_ROMAN = re.compile(_SURELY)
_CENTURY = re.compile(
    r"(?<![A-Za-z'-])((?:XX|X)?(?:I[VX]|V?I{0,3}))(?=(?:[ -](?:and|to) [IVX]{1,5})? ?-?(?:[Cc]entur|CENTUR))"
)
_YEAR = re.compile(
    r"(?<![A-Za-z'-])(M{1,2}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))(?![A-Za-z'-])"
)
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}

_PARTS = word_set("""
    Chapter Book Part Volume Act Scene Section Article Phase Type Class War Bowl Level Stage Appendix Figure Table
    Title Grade Page Psalm Canto Episode Mark Group Schedule Unit Lesson Exhibit Round Step
    """)
_SMALL_PARTS = _PARTS - {"Type", "War", "Bowl", "Mark", "Group", "Class"} | {"Pages", "Footnote", "Note"}
_RULERS = word_set("""
    Henry Louis Charles Elizabeth George Edward James William Richard Philip Pius Paul Benedict Gregory Leo Napoleon
    Catherine Peter Nicholas Frederick Wilhelm Alexander Ivan Francis Clement Innocent Urban Ramses Mary Victoria
    Alfonso Ferdinand Christian Gustav Carl Karl Otto Leopold Albert Umberto Harald Haakon Felipe Carlos Juan Pedro
    Darius Xerxes Ptolemy Cleopatra Constantine Theodosius Justinian Boniface Sixtus Robert Margrethe Beatrix Rameses
    Artaxerxes Seleucus Antiochus Manuel Afonso Baldwin Stephen Andrew Sigismund Wenceslaus Rudolf
    """)


def say_items(text: str) -> str:
    """`iv)`, `(ii)`, `(b)`: while there are brackets."""
    text = _BRACKETED.sub(_bracketed, text)
    return _LETTERED.sub(lambda m: said(LETTERS[m[1].upper()]), text)


def say_roman(text: str) -> str:
    text = _NUMBERED.sub(_numbered, text)
    text = _SMALL.sub(_small, text)
    text = _CENTURY.sub(lambda m: said(ordinal(value(m[1]))) if m[1] else m[0], text)
    return _YEAR.sub(_year, text)


def is_surely_roman(capitals: str) -> bool:
    """Whether it stands for a number wherever it stands: VIII, but not IV or MIX."""
    return bool(_SURELY_ROMAN.fullmatch(capitals))


def value(roman: str) -> int:
    values = [_VALUES[letter] for letter in roman.upper()]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))


def _numbered(found: re.Match[str]) -> str:
    name, roman, after = found[1].rstrip(END).title(), found[2], found[3]
    is_heading = found[1][0].isupper()  # "the part I and Bob had"
    if not roman or (
        roman == "I" and name != "War" and (after is None or (after[:4] == " and" and not is_heading))
    ):
        return found[0]
    if name in _PARTS:
        return f"{found[1]} {said(cardinal(value(roman)))}"
    if name in _RULERS:
        return f"{found[1]} {said('the ' + ordinal(value(roman)))}"
    if name == "The" and _SURELY_ROMAN.fullmatch(roman):
        return f"{found[1]} {said(ordinal(value(roman)))}"
    is_last = after is not None and after[:1] != " "
    if len(roman) > 1 and set(roman) <= set("IVX") and (found[1] == name or is_last):
        return f"{found[1]} {said(cardinal(value(roman)))}"
    return found[0]


def _small(found: re.Match[str]) -> str:
    """`page xii`"""
    if found[1].title() not in _SMALL_PARTS or not re.fullmatch(_ROMAN, found[2].upper()):
        return found[0]
    return f"{found[1]} {said(cardinal(value(found[2])))}"


def _bracketed(found: re.Match[str]) -> str:
    bracket, roman = found[1] or found[3] or "", found[2] or found[4]
    if not re.fullmatch(_ROMAN, roman.upper()):
        return found[0]
    return bracket + said(cardinal(value(roman))) + ")"


def _year(found: re.Match[str]) -> str:
    """`MCMXCIX`; shorter ones may be words."""
    n = value(found[1])
    return said(year(n)) if len(found[1]) > 3 and 1100 <= n < 2100 else found[0]
