"""Any text -> the words that a reader would say, for a model that knows only letters and simple marks.

American English. Numbers, dates, money, units, abbreviations, initials and symbols become words; other scripts and
pictures vanish. What is left are A-Z a-z ' - , . ? ! and single spaces, on one line.
"""

from __future__ import annotations

import re

from .spelling.abbreviations import expand, expand_before_numbers, expand_latin, is_abbreviation
from .spelling.addresses import say_addresses
from .spelling.capitals import part_capitals, say_capitals
from .spelling.folding import fold, mend
from .spelling.initials import say_initials
from .spelling.latex import say_formulas
from .spelling.lines import join_lines
from .spelling.markup import strip_markup
from .spelling.roman import say_items, say_roman
from .spelling.spoken import END, START, said
from .spelling.symbols import say_symbols

_QUANTITY = re.compile(  # what quantities.py may find something in
    r"[\d/²³°–-]|(?<![a-z])(?:(?:mon|tue|wed|thu|fri|sat|sun)[rs]{0,2}|km|kg|cm|mg|µ[gm]|[kmg]hz|kwh|mph|kph|sq)(?![a-z])",
    re.IGNORECASE,
)
_DASH = re.compile(r" ?(?:[—–]|-{2,}) ?| -(?= )")
_DOT = re.compile(r"(?<=[A-Za-z]{2})\.(?=[a-z])|(?<![A-Za-z.\x03])\.(?=[a-z]|[A-Z]{2})")
_WRAPPING = re.compile(r"[\"()\[\]{}*`]+")
_NOT_SPOKEN = re.compile(r"[^A-Za-z',.?!\- \x02\x03]+")
_APOSTROPHE = re.compile(r"'+")
_ELISION = re.compile(
    "'(?:tis|twas|twere|twill|em|cause|till?|bout|round|cept|neath)(?![A-Za-z])", re.IGNORECASE
)
_POSSESSIVE = re.compile("s(?![A-Za-z])")  # the U.K.'s
_LOOSE_HYPHEN = re.compile(r"(?<![A-Za-z'\x03])-|-(?![A-Za-z'\x02])")
_MARKS = re.compile(r" ?[,.?!](?: ?[,.?!])*")
_TIGHT = re.compile(  # U.S. and e.g stay together
    r"(?<=[,?!])(?=[A-Za-z\x02])|(?<=[A-Za-z\x03]\.)(?=[A-Za-z]{2}|\x02)|(?:(?<=[A-Za-z]{2}\.)|(?<=\x03\.))(?=[A-Za-z])"
)
_TIGHT_AT_LAST = re.compile(r"(?<=[,.?!])(?=[A-Za-z\x02])")
_WORD_BEFORE = re.compile(r"(?<![A-Za-z])[A-Za-z]{1,6}\Z")
_OPENING = re.compile(rf"((?:\A|[.?!] ){START})([a-z])")


def spell_out(text: str) -> str:
    """`text` in words: only A-Z a-z ' - , . ? ! and single spaces, or "" when there is nothing to say.

    Any str will do. Text in that alphabet stays as it is, but for abbreviations, capitals in a row and single
    letters; what comes out does not change when it is spelled out again. Time is linear in the text.
    """
    text = join_lines(strip_markup(say_formulas(mend(text))))
    text = " ".join(fold(text).split())
    text = expand_before_numbers(expand_latin(say_addresses(text)))
    text = _say_quantities(text)
    text = _only_words(say_symbols(say_items(text)))
    text = say_initials(expand(part_capitals(text)))
    text = say_capitals(say_roman(text))
    return _finish(text)


def _say_quantities(text: str) -> str:
    if not _QUANTITY.search(text):
        return text
    from .spelling.quantities import say_quantities  # a hundred patterns that most prose does not need

    return say_quantities(text)


def _only_words(text: str) -> str:
    """Letters, marks and blanks, each mark once and behind a word."""
    text = _DOT.sub(f" {said('dot')} ", text.replace("(s)", "s").replace("[s]", "s"))
    text = _WRAPPING.sub(_keep_apart, text)
    text = re.sub("[:;|]", ",", _DASH.sub(", ", text))
    text = _without_quotes(_NOT_SPOKEN.sub(" ", text))
    text = _DASH.sub(", ", " ".join(text.split()))
    text = " ".join(_LOOSE_HYPHEN.sub(" ", text).split())
    text = _MARKS.sub(_merged_but_abbreviations, text)
    return _TIGHT.sub(" ", text).lstrip(" ,.?!")


def _keep_apart(found: re.Match[str]) -> str:
    around = found.string[found.start() - 1 : found.start()], found.string[found.end() : found.end() + 1]
    return " " if around[0].isalpha() and around[1].isalpha() else ""


def _without_quotes(text: str) -> str:
    """Apostrophes stay inside words, in 'tis, and after dogs' when that closes no quotation."""
    is_open = False

    def judge(found: re.Match[str]) -> str:
        nonlocal is_open
        before, after = text[max(0, found.start() - 2) : found.start()], text[found.end() : found.end() + 1]
        is_possessive = before[-1:] == "." and before[:1].isalpha() and _POSSESSIVE.match(text, found.end())
        follows = before[-1:].isalpha()
        if after.isalpha() or after == START:
            if follows or is_possessive or before[-1:] == END or _ELISION.match(text, found.end() - 1):
                return "'"
            is_open = True
            return ""
        keep = follows and not is_open
        is_open = False
        return "'" if keep else ""

    return _APOSTROPHE.sub(judge, text)


def _merged_but_abbreviations(found: re.Match[str]) -> str:
    marks = found[0].replace(" ", "")
    word = _WORD_BEFORE.search(found.string[max(0, found.start() - 8) : found.start()])
    if marks[0] == "." and marks[1:] and marks[1] != "." and word and is_abbreviation(word[0]):
        return "." + _strongest(marks[1:], "")
    return _merged(found)


def _merged(found: re.Match[str]) -> str:
    return _strongest(found[0].replace(" ", ""), found.string[found.end() : found.end() + 2])


def _strongest(marks: str, after: str) -> str:
    """The one mark that stands for a run of them; `...` in the middle of a sentence is a comma."""
    for mark in "?!":
        if mark in marks:
            return mark
    if not marks.strip(",") or (".." in marks and after[1:].islower()):
        return ","
    return "."


def _finish(text: str) -> str:
    """Capitals and blanks around the words that were put in."""
    text = _TIGHT_AT_LAST.sub(" ", _MARKS.sub(_merged, text))
    text = _OPENING.sub(lambda m: m[1] + m[2].upper(), text)
    text = re.sub(rf"{END}{START}|{END}(?=[A-Za-z])|(?<=[A-Za-z]){START}", " ", text)
    text = " ".join(text.replace(START, "").replace(END, "").split())
    return text if re.search("[A-Za-z]", text) else ""
