"""Words in capitals: what is shouted or stands in a headline is said, what nobody could say is spelled.

A run of capitals is letters if it looks like no English word, or is on the list of those that are spelled all the
same. Some are both, as US and IT: beside other words in capitals, or alone, they are words.
"""

from __future__ import annotations

import re

from .acronyms import (
    ALSO_WORDS,
    COUNTABLE,
    NAMES,
    READ_AS,
    SHORT,
    SHORT_AMONG_OTHERS,
    SMALL_SOUNDS,
    SMALL_SPELLED,
    SOUNDS,
    SPELLED,
)
from .initials import LETTERS, is_glued, letters, single_letter
from .number_words import cardinal
from .roman import is_surely_roman, value
from .speakable import is_speakable
from .spoken import END, START, said, table, word_set

_PIECE = re.compile(r"[^.?!]+")
_TOKEN = re.compile(f"{START}[^{END}]*{END}|[A-Za-z]+(?:'[A-Za-z]+)*")
_CAPITALS = re.compile(
    r"(?<![A-Za-z'])(?:([A-Za-z])('[sS])?(?![A-Za-z'])|[A-Z]{2,}s?(?:'[A-Za-z]+)*(?![A-Za-z])"
    r"|[A-Z]'[A-Z]+s?(?:'[A-Za-z]+)*(?![A-Za-z]))"
)
_HYPHENED = re.compile("[A-Z]{2}- .*|.* -[A-Z]{2}", re.DOTALL)
_PREFIXES = ("CO", "DE", "UN")
_CONTRACTED = ("T", "RE", "LL", "VE", "M", "D", "ALL")
# What tells, among words in capitals, that IT is a trade and US a country.
_AFTER_THE_TRADE = word_set("DEPARTMENT INDUSTRY MANAGER SECTOR SECURITY SERVICES STAFF SUPPORT SYSTEMS TEAM")
_BEFORE_THE_COUNTRY = word_set(
    "THE IN ACROSS A NEW FORMER FIRST TOP VISIT LEAVE ENTER OUR ITS HIS HER THEIR EVERY"
)
_AFTER_THE_COUNTRY = word_set("""
    ARMY NAVY PRESIDENT DOLLAR DOLLARS GOVERNMENT TROOPS ECONOMY STOCKS CONGRESS SENATE HOUSE OPEN ELECTION CITIZEN
    CITIZENS COURT MARKET MARKETS OFFICIALS TREASURY BORDER
    """)

_MIXED = re.compile(r"(?<![A-Za-z])[A-Za-z]*[A-Z]{2}[A-Za-z]*")
_LOWER_THEN_UPPER = re.compile(r"(?<![A-Za-z])[a-z](?=[A-Z])")
_HUMP = re.compile(r"^[a-z](?=[A-Z])[A-Z]*|[A-Z]{2,}s?(?![a-z])|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]")
_UNSPEAKABLE = re.compile(
    rf"(?<![A-Za-z'.-])(?:[b-df-hj-np-tv-xz]{{2,5}}|{'|'.join(sorted(SMALL_SPELLED))})(?![A-Za-z'-])"
)
_AFTER_SIGN = re.compile(f"(?<={END})([A-Z])s(?![A-Za-z'])")  # M&Ms
_SURNAME = re.compile(r"(?:Mc|Mac|De|Di|Du|Fitz|La|Le|Van|Von)[A-Z]{2,}")
_SHOUTED_ENDING = re.compile("(?<=[a-z])'(?:S|D|LL)(?![A-Za-z])")
_READ_MIXED = table("""
    IoT: eye oh tee; SaaS: sass; PaaS: pass; IaaS: eye ass; LaTeX: Lay tech; TeX: Tech; NaCl: en ay see ell;
    QoS: cue oh ess; DDoS: dee doss; pH: pee aitch; PhD: pee aitch dee; PhDs: pee aitch dees; eBay: ee bay;
    IPv: eye pee vee
    """)
_MIXED_NAME = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(_READ_MIXED)})(?![A-Za-z])")


def part_capitals(text: str) -> str:
    """`XMLHttp`, `macOS`, `iPhone`, `M&Ms` in parts that the next steps know."""
    text = _MIXED_NAME.sub(lambda m: said(_READ_MIXED[m[0]]), text)
    text = _MIXED.sub(_humps, text)
    text = _SHOUTED_ENDING.sub(lambda m: m[0].lower(), text)
    text = _LOWER_THEN_UPPER.sub(lambda m: said(LETTERS[m[0].upper()]), text)
    return _AFTER_SIGN.sub(lambda m: said(LETTERS[m[1]] + "s"), text)


def say_capitals(text: str) -> str:
    """And single letters, and words without any vowel."""
    text = _UNSPEAKABLE.sub(lambda m: said(letters(m[0])) if m[0] not in SMALL_SOUNDS else m[0], text)
    return _PIECE.sub(_sentence, text)


def _humps(found: re.Match[str]) -> str:
    word = found[0]
    if word.isupper() or (word[:-1].isupper() and word[-1] == "s"):
        return word
    if _SURNAME.fullmatch(word):
        return word.capitalize()
    return said(READ_AS[word.upper()]) if word.upper() in READ_AS else " ".join(_HUMP.findall(word))


def _sentence(piece: re.Match[str]) -> str:
    is_at_mark = piece.end() < len(piece.string)
    contexts = _contexts(piece[0]) if re.search("[A-Z]{2}", piece[0]) else {}
    return _CAPITALS.sub(lambda word: _capitals(word, contexts.get(word.start()), is_at_mark), piece[0])


def _contexts(piece: str) -> dict[int, tuple[bool, str, str]]:
    """Of each word in capitals, by where it begins: whether it is shouted, and the words before and after it."""
    tokens = [token for token in _TOKEN.finditer(piece) if token[0][0] != START]
    stretches: list[list[int]] = [[]]
    for index, token in enumerate(tokens):
        if _base(token[0]).isupper():
            stretches[-1].append(index)
        elif stretches[-1]:
            stretches.append([])
    is_alone = len(tokens) == 1 and START not in piece
    words = ["", *(token[0].upper() for token in tokens), ""]
    return {
        tokens[index].start(): (shouted, words[index], words[index + 2])
        for stretch in stretches
        for shouted in [is_alone or (len(stretch) > 1 and any(_is_word(tokens[i][0]) for i in stretch))]
        for index in stretch
    }


def _base(word: str) -> str:
    """Without an s or 's at its end."""
    return re.sub("'?s$", "", word) if len(word) > 2 else word


def _is_word(written: str) -> bool:
    """Whether it tells that its neighbours in capitals are words too."""
    if written == "I" or written.endswith(("'T", "'RE", "'LL", "'VE", "'M", "'D")):
        return True
    word = written.partition("'")[0]
    if word in SHORT:
        return True
    return (
        len(word) > 2
        and not (word in SPELLED or word in ALSO_WORDS or word in NAMES or word in READ_AS)
        and (is_speakable(word.lower()))
    )


def _capitals(found: re.Match[str], context: tuple[bool, str, str] | None, is_at_mark: bool) -> str:
    if found[1]:
        return single_letter(found, is_at_mark)
    shouted, before, after = context or (False, "", "")
    base, apostrophe, suffix = found[0].partition("'")
    if len(base) == 1:
        return said(_joined(base, suffix))
    if suffix in _CONTRACTED or (base == "IT" and suffix == "S"):
        return said(found[0].lower())  # DON'T
    text, start, behind = found.string, found.start(), found.end()
    glued = is_glued(found) or text[behind : behind + 2] == f"-{START}"
    hyphened = _HYPHENED.fullmatch(text[max(0, start - 3) : start] + " " + text[behind : behind + 3])
    end = "s" if base[-1] == "s" else ""
    if hyphened and base in _PREFIXES:
        words = base.lower()
    else:
        shouted = (shouted or bool(hyphened)) and not (base == "AM" and text[start - 2 : start] == f"{END} ")
        words = _as_word(base.removesuffix("s"), shouted, glued, before, after) + end
    return said(words + (apostrophe + suffix).lower())


def _joined(letter: str, rest: str) -> str:
    """I'M, Y'ALL, O'CLOCK; O'BRIEN, D'ARCY"""
    if letter == "I":
        return f"I'{rest.lower()}"
    if letter == "Y" or rest == "CLOCK":
        return f"{letter}'{rest}".lower()
    return f"{letter}'{rest.capitalize()}"


def _as_word(capitals: str, shouted: bool, glued: bool, before: str, after: str) -> str:
    if capitals in READ_AS:
        return READ_AS[capitals]
    if is_surely_roman(capitals):
        return cardinal(value(capitals))
    if capitals in NAMES:
        return capitals.title()
    if capitals in SOUNDS:
        return capitals.lower()
    if len(capitals) == 2:
        is_word = not glued and (capitals in SHORT or (shouted and capitals in SHORT_AMONG_OTHERS))
    elif capitals == "WHO":
        is_word = shouted or before not in ("THE", "BY", "AT")
    elif capitals[-1] == "S" and capitals[:-1] in COUNTABLE:
        return letters(capitals[:-1]) + "s"  # CEOS
    else:
        is_word = (
            (shouted or capitals not in ALSO_WORDS)
            and capitals not in SPELLED
            and is_speakable(capitals.lower())
        )
    if capitals == "US" and is_word:
        is_word = bool(before) and before not in _BEFORE_THE_COUNTRY and after not in _AFTER_THE_COUNTRY
    if capitals == "IT" and is_word:
        is_word = after not in _AFTER_THE_TRADE
    return capitals.lower() if is_word else letters(capitals)
