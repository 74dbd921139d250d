"""Any Unicode text -> one line of ASCII and a few symbols that have names."""

from __future__ import annotations

import re
import unicodedata

# What later steps read: money, units, arithmetic, dashes.
KEPT = frozenset("€£¥¢₹₩₽°±×÷≈≠≤≥−²³§©®™µΩ√∞→–—")

_SAME = {
    **{"'": "‘’‚‛′ʼ＇", '"': "“”„‟″«»‹›「」『』", "-": "‐‑", "–": "‒", "—": "―", "...": "…", ":": "∶؛"},
    **{". ": "。｡।॥۔։", ", ": "、，،•∙", "! ": "！", "? ": "？؟‽", " ": "·", "/": "∕⁄", "×": "⋅"},
    **{"ss": "ß", "SS": "ẞ", "ae": "æ", "Ae": "Æ", "oe": "œ", "Oe": "Œ", "th": "ðþ", "Th": "ÐÞ", "ng": "ŋ"},
    **{"o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "d": "đ", "D": "Đ", "h": "ħ", "H": "Ħ", "i": "ı"},
    **{"number ": "№", " per thousand": "‰", "~": "∼", "→": "⟶➔➜⇒", ".": "٫", ",": "٬"},
}
_REPLACED = {character: plain for plain, characters in _SAME.items() for character in characters}
_GREEK = "\u03b1-\u03c9\u0391-\u03a9"
_LONE_GREEK = re.compile(rf"(?<![{_GREEK}ά-ώ])([{_GREEK}])(?![{_GREEK}ά-ώ])")
_LIKE_UNITS = {
    "\N{GREEK SMALL LETTER MU}": "\N{MICRO SIGN}",
    "\N{GREEK CAPITAL LETTER OMEGA}": "\N{OHM SIGN}",
}
_FOOTNOTE = re.compile('(?:(?<=[A-Za-z]{3})|(?<=[.,!?”"]))[⁰¹²³⁴-⁹]+')
_RAISED = re.compile("[⁰¹²³⁴-⁹]{2,}|[⁰¹⁴-⁹](?![A-Za-z])")

_WRAPPED = 50  # characters: a line of wrapped prose has more, headings and items mostly less
_BULLET = re.compile(r"(?:[-*+>•‣◦▪–—]|#{1,6})[ \t]+")
_ITEM = re.compile(r"(\d{1,2})[.)][ \t]+(?=[A-Za-z])")
_CLOSERS = "\"'”’)]»*_ \t"
_MARKS = ".!?…,;:。！？、؟-–—|"


def fold(text: str) -> str:
    """One line; accents, typography and other scripts' digits in ASCII; what has no name here is gone."""
    text = _join_lines(text)
    if text.isascii():
        return text.translate(dict.fromkeys((*range(32), 127), " "))
    text = _FOOTNOTE.sub("", text)
    text = _RAISED.sub(lambda raised: "^" + unicodedata.normalize("NFKD", raised[0]), text)
    text = _LONE_GREEK.sub(_greek_letter, text)
    return text.translate({ord(character): _fold(character) for character in set(text)})


def _fold(character: str) -> str:
    if character in _REPLACED:
        return _REPLACED[character]
    if character in KEPT or " " <= character <= "~":
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    plain = unicodedata.normalize("NFKD", character)
    if category == "No" and "⁄" in plain:  # ½
        return " " + plain.replace("⁄", "/")
    plain = "".join(part for part in plain if " " <= part <= "~" or part in KEPT)
    return plain or ("" if category in ("Mn", "Me", "Cf") else " ")


def _greek_letter(letter: re.Match[str]) -> str:
    if letter[0] in _LIKE_UNITS:
        return _LIKE_UNITS[letter[0]]
    name = unicodedata.name(letter[0], "").split()[-1:]
    return f" {name[0].lower()} " if name else " "


def _join_lines(text: str) -> str:
    """One line. A line without a mark at its end was a heading, an item or a verse, unless it is wrapped prose."""
    joined: list[str] = []
    before = ""
    paragraph = False
    for line in text.splitlines():
        line = line.strip()
        if not line:
            paragraph = True
            continue
        bare = _BULLET.sub("", line, count=1) if _BULLET.match(line) else line
        is_item = bare != line or _ITEM.match(bare)
        if before:
            between = _between(before, bare, paragraph or bool(is_item))
            if between == ". " and bare[:2].islower():
                bare = bare[0].upper() + bare[1:]
            joined.append(between)
        joined.append(_ITEM.sub(r"\1, ", bare, count=1) if _ITEM.match(bare) else bare)
        before, paragraph = bare, False
    return "".join(joined)


def _between(before: str, after: str, is_break: bool) -> str:
    if before[-1] == "-" and before[-2:-1].isalpha() and after[0].islower() and not is_break:
        return ""
    if before.rstrip(_CLOSERS)[-1:] in _MARKS:  # also when nothing is left
        return " "
    is_wrapped = after[0].isalnum() and len(before) >= _WRAPPED
    return ". " if is_break or not (after[0].islower() or is_wrapped) else " "
