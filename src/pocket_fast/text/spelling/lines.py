"""Lines -> one line. A line without a mark at its end was a heading, an item or a verse, unless it is wrapped prose."""

from __future__ import annotations

import re

from .roman import value
from .spoken import word_set

_WRAPPED = 50  # characters: a line of wrapped prose has more, headings and items mostly less

_SIGN = "•‣◦▪▫■□◆◇●○⁃∙·➤►▶▸❯→➔➜★☆✓✔✅☑✗✘❌❖"
_BULLET = re.compile(rf"(?:(?:[-*+–—>:]|#{{1,6}})[ \t]+|[{_SIGN}]\ufe0f?[ \t]*(?![{_SIGN}\d]))")
_QUOTE = re.compile(r"(?:>[ \t]?)+(?![\d=.$-])")
_CHECKBOX = re.compile(r"\[[ xX✓✔]\][ \t]+")
_NUMBERED = re.compile(r"(?:\*\*|__)?\(?(\d{1,3})[.)][ \t]+(?=[A-Za-z\"'“‘(*_\[])")
_ROMAN = re.compile(
    r"\(?([ivx]{1,5})\)[ \t]+(?=\S)|(I{2,3}|I[VX]|VI{0,3}|X{1,2}(?:I[VX]|V?I{0,3}))\.[ \t]+(?=[A-Z][a-z])"
)
_LETTERED = re.compile(r"\(?([A-HJ-Za-z])\)[ \t]+(?=\S)")
_RULE = re.compile(
    r"(?:[-=_*~#+][ \t]*){2,}|\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?|\|[ \t]*:?-+:?[ \t]*\|"
)
_FENCE = re.compile(r"(?:`{3,}|~{3,})[ \t]*[\w+#.-]{0,20}")
_DEFINITION = re.compile(
    r"\[[^\[\]^]{1,100}\]:[ \t]*<?\S{1,2000}(?:[ \t]+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?"
)
_NOTE = re.compile(r"\[\^[^\[\]\s]{1,40}\]:[ \t]*")
_ROW = re.compile(r"\|(.*)\|")
_CLOSERS = "\"'”’)]»*_ \t"
_MARKS = ".!?…,;:。！？、؟-–—|"

# First parts of words that keep their hyphen, and that hardly any other word begins with; elsewhere a hyphen at the
# end of a line is the printer's.
_FIRST_PARTS = word_set("""
    best cold deep double eight eighty fifty first five forty four free full good great half hard high hot large left
    long low never nine ninety non old quick right second self seven seventy short single six sixty slow small soft
    ten third thirty three twenty two well white wide year
    """)
_CONJUNCTION = re.compile(r"(?:and|or|to|nor|but|as)\b")


def join_lines(text: str) -> str:
    lines = text.splitlines()
    if len(lines) == 1 and lines[0][:1].isalpha() and lines[0][1:2].islower():
        return text.strip()
    joined: list[str] = []
    before = ""
    paragraph = False
    for written in lines:
        line, is_item = _line(written.strip())
        if not line:
            paragraph = True
            continue
        if before:
            between = _between(before, line, paragraph or is_item)
            if between is None:
                joined[-1] = joined[-1][:-1]
            elif between == ". " and line[:2].islower():
                line = line[0].upper() + line[1:]
            joined.append(between or "")
        joined.append(line)
        before, paragraph = line, False
    return "".join(joined)


def _line(line: str) -> tuple[str, bool]:
    """Without what draws it: bullets, rules, bars of tables; and whether it stands apart from its neighbours."""
    if not line or _RULE.fullmatch(line) or _FENCE.fullmatch(line) or _DEFINITION.fullmatch(line):
        return "", False
    if line[0].isalpha() and not _ROMAN.match(line) and line[1:2] != ")":
        return line, False
    quoted = _without(_QUOTE, line)
    bare = _without(_CHECKBOX, _without(_NOTE, _without(_BULLET, quoted)))
    if line[0] == "#" and bare != quoted:
        bare = bare.rstrip("# \t")
    if row := _ROW.fullmatch(bare):
        return ", ".join(cell for cell in map(str.strip, row[1].split("|")) if cell), True
    if found := _ROMAN.match(bare):
        return f"{value(found[1] or found[2])}, {bare[found.end() :]}", True
    for item in (_NUMBERED, _LETTERED):
        if found := item.match(bare):
            return f"{found[1].upper()}, {bare[found.end() :]}", True
    return bare, bare != quoted


def _without(start: re.Pattern[str], line: str) -> str:
    found = start.match(line)
    return line[found.end() :] if found else line


def _between(before: str, after: str, is_break: bool) -> str | None:
    """What parts two lines; None if a word goes on and its hyphen is to go."""
    if before[-1] == "-" and before[-2:-1].isalpha() and after[0].islower() and not is_break:
        if _CONJUNCTION.match(after):
            return " "
        first = re.search(r"[A-Za-z']{0,20}-\Z", before[-24:])
        keeps = (
            first is None
            or first[0][:-1].lower() in _FIRST_PARTS
            or re.search(r"-[A-Za-z']*-\Z", before[-24:])
        )
        return "" if keeps else None
    if before.rstrip(_CLOSERS)[-1:] in _MARKS:  # also when nothing is left
        return " "
    is_wrapped = after[0].isalnum() and len(before) >= _WRAPPED
    return ". " if is_break or not (after[0].islower() or is_wrapped) else " "
