"""Signs in words: arithmetic, typography, pairs with a slash."""

from __future__ import annotations

import re

from .initials import letters
from .spoken import said, table

_SYMBOLS = table("""
    &: and; @: at; +: plus; =: equals; −: minus; ±: plus or minus; ×: times; ÷: divided by; <: less than;
    >: greater than; ≠: is not equal to; ≈: about; ≤: less than or equal to; ≥: greater than or equal to; §: section;
    ©: copyright; ®: registered; ™: trademark; °: degrees; ∞: infinity; √: the square root of; →: to; €: euros;
    £: pounds; ¥: yen; ¢: cents; ₹: rupees; ₩: won; ₽: rubles; $: dollars; %: percent; µ: micro; ฿: baht; ₪: shekels;
    ₿: bitcoins; ₺: lira; ₴: hryvnias; ₱: pesos; ₦: naira; ₫: dong; ₡: colones; ₵: cedis; ₸: tenge; ₾: lari; Ω: omega;
    ²: squared; ³: cubed; ↑: up; ↓: down; ∑: the sum of; ∏: the product of; ∫: the integral of; ∂: partial; ∇: del;
    ∈: in; ∉: not in; ∀: for all; ∃: there is; ∅: the empty set; ∪: union; ∩: intersection; ⊂: a subset of;
    ⊆: a subset of; ∝: is proportional to; ∴: therefore; ∵: because; ⊥: is perpendicular to; ≡: is equivalent to;
    ≅: is congruent to; ∧: and; ∨: or; ♯: sharp; ♭: flat
    """)
_PAIRS = "he/she|she/he|his/hers?|him/her|yes/no|true/false|on/off|either/or"
_OR = re.compile(rf"\b(?:{_PAIRS})\b", re.IGNORECASE)
_COMPOUND = (
    (re.compile(r"\bTL;DR\b"), "TLDR"),
    (re.compile(r"\+ ?/ ?-"), "±"),
    (re.compile(r"<?-{1,3}>"), "→"),
    (re.compile(r"<=|=<"), "≤"),
    (re.compile(r">=|=>"), "≥"),
    (re.compile(r"!=|=/="), "≠"),
    (re.compile(r"={2,}"), "="),
    (re.compile(r" / "), ", "),
    (re.compile(r"'n'|(?<= )'n(?= )", re.IGNORECASE), "and"),
    (re.compile(r"\band/or\b", re.IGNORECASE), "and or"),
    (re.compile(r"(?<=[A-Z])/(?=[A-Z])"), " "),
    (re.compile(r"(?<=[A-Za-z\x03])/(?=[A-Za-z\x02])"), said("slash")),
    (re.compile(r"(?<=[a-z]{3})[®™©]"), ""),
    (re.compile(r"[®™]+(?=[A-Za-z\s.,;:!?]|\Z)"), " "),
    (re.compile(r"\([cC]\)(?= ?\x02)"), "©"),
    (re.compile(r"\((?:[rR]|[tT][mM])\)"), " "),
    (re.compile(r"(?<![\w'-])([A-D])-(?=[\s.,;!?)]|\Z)"), r"\1" + said("minus")),
    (re.compile(r"(?<![\w'-])[Aa][-–][Zz](?![\w'-])"), said(f"{letters('A')} to {letters('Z')}")),
    (re.compile(r"\$(?=[A-Z])"), ""),
    (re.compile(r"#(?=[\x02\d])"), said("number")),
    (re.compile(r"(?<=[A-Za-z])#(?![A-Za-z])"), said("sharp")),
    (re.compile(r"#(?=[A-Za-z])"), said("hashtag") + " "),
    (re.compile(r"~(?= ?[\x02\d])"), said("about")),
    (re.compile(r"(?<=\x03)(?:-| ?– ?)(?=\x02)"), said("to")),
    (re.compile(r"(?<=\x03) ?[xX×] ?(?=\x02)"), said("by")),
)
_SYMBOL = re.compile("[" + re.escape("".join(_SYMBOLS)) + "]")


def say_symbols(text: str) -> str:
    """Comes after numbers, which stand between START and END by then."""
    if "/" in text:
        text = _OR.sub(lambda pair: pair[0].replace("/", " or "), text)
    for pattern, words in _COMPOUND:
        text = pattern.sub(words, text)
    return _SYMBOL.sub(lambda symbol: said(_SYMBOLS[symbol[0]]), text)
