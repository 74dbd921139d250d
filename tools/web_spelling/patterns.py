"""A compiled Python pattern -> the literal of a JavaScript one that matches the same.

The tree is that of Python's own parser. What the two languages mean by `\\d`, `\\s`, `\\w` and `\\b` differs, and so
does what `$` and `.` are; groups that are repeated keep other captures, and are refused.
"""

from __future__ import annotations

import re
from re import _constants as codes
from re import _parser as parser

_SPACE = r"\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# Of any text, and of what is left once it is folded: ASCII and the signs that have names, some of which are letters.
_ANY = {"digit": r"\p{Nd}", "space": _SPACE, "word": r"\p{L}\p{N}_"}
_FOLDED = {"digit": r"\d", "space": r"\t-\r\x1c- ", "word": r"\wµ²³Ω"}
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
_NAMED = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


def javascript(pattern: re.Pattern[str], *, folded: bool) -> str:
    """`/.../g` with the flags it needs. folded: it will only see text that was folded."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    body = _Writer(_FOLDED if folded else _ANY, pattern.flags).sequence(tree)
    flags = "g" + ("i" if pattern.flags & re.IGNORECASE else "") + ("" if folded else "u")
    return f"/{body}/{flags}"


class _Writer:
    def __init__(self, classes: dict[str, str], flags: int):
        self._classes = classes
        self._flags = flags

    def sequence(self, items: parser.SubPattern) -> str:
        return "".join(self._item(op, value) for op, value in items)

    def _item(self, op: object, value: object) -> str:
        write = getattr(self, f"_{str(op).lower()}", None)
        if write is None:
            raise ValueError(f"patterns with {op} are not translated")
        return write(value)

    def _literal(self, value: int) -> str:
        return _escaped(value, _SYNTAX)

    def _not_literal(self, value: int) -> str:
        return f"[^{_in_class(value)}]"

    def _any(self, _: None) -> str:
        return "[^]" if self._flags & re.DOTALL else r"[^\n]"

    def _in(self, items: list) -> str:
        if len(items) == 1 and items[0][0] is codes.CATEGORY:
            return self._category(items[0][1])
        negated = items[0][0] is codes.NEGATE
        return f"[{'^' if negated else ''}{''.join(map(self._member, items[negated:]))}]"

    def _category(self, category: object) -> str:
        name = str(category).lower().removeprefix("category_")
        negated = name.startswith("not_")
        members = self._classes[name.removeprefix("not_")]
        if not negated and members in (r"\d", r"\p{Nd}"):
            return members
        return f"[{'^' if negated else ''}{members}]"

    def _member(self, item: tuple) -> str:
        op, value = item
        if op is codes.LITERAL:
            return _in_class(value)
        if op is codes.RANGE:
            return f"{_in_class(value[0])}-{_in_class(value[1])}"
        name = str(value).lower().removeprefix("category_")
        if name.startswith("not_"):
            raise ValueError(f"a class with {name} in it is not translated")
        return self._classes[name]

    def _branch(self, value: tuple) -> str:
        return "(?:" + "|".join(map(self.sequence, value[1])) + ")"

    def _subpattern(self, value: tuple) -> str:
        group, added, removed, items = value
        if added or removed:
            raise ValueError("flags inside a pattern are not translated")
        body = self.sequence(items)
        if group is not None:
            if len(items) == 1 and items[0][0] is codes.BRANCH:
                body = body[3:-1]
            return f"({body})"
        return body if _is_one(items) else f"(?:{body})"

    def _repeat(self, value: tuple, lazy: str) -> str:
        least, most, items = value
        if most > 1 and any(op is codes.SUBPATTERN and inner[0] is not None for op, inner in _walk(items)):
            raise ValueError("a group that is repeated is not translated: its captures differ")
        body = self.sequence(items)
        if (least, most, lazy) == (0, 1, "") and items.getwidth()[0] == 0:
            return f"(?:{body}|)"  # `(a|$)?` captures an empty text in Python alone
        if not _is_one(items):
            body = f"(?:{body})"
        unbounded = most is codes.MAXREPEAT
        counts = {(0, 1): "?", (0, None): "*", (1, None): "+", (1, 1): ""}
        times = counts.get((least, None if unbounded else most))
        if times is None:
            times = f"{{{least}}}" if least == most else f"{{{least},{'' if unbounded else most}}}"
        return body + times + lazy

    def _max_repeat(self, value: tuple) -> str:
        return self._repeat(value, "")

    def _min_repeat(self, value: tuple) -> str:
        return self._repeat(value, "?")

    def _assertion(self, value: tuple, sign: str) -> str:
        direction, items = value
        body = self.sequence(items)
        if len(items) == 1 and items[0][0] is codes.BRANCH:
            body = body[3:-1]
        return f"(?{'<' if direction < 0 else ''}{sign}{body})"

    def _assert(self, value: tuple) -> str:
        return self._assertion(value, "=")

    def _assert_not(self, value: tuple) -> str:
        return self._assertion(value, "!")

    def _at(self, value: object) -> str:
        word = f"[{self._classes['word']}]"
        lines = bool(self._flags & re.MULTILINE)
        return {
            codes.AT_BEGINNING: r"(?<![^\n])" if lines else "^",
            codes.AT_BEGINNING_STRING: "^",
            codes.AT_END: r"(?![^\n])" if lines else r"(?=\n?$)",
            codes.AT_END_STRING: "$",
            codes.AT_BOUNDARY: f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))",
        }[value]

    def _groupref(self, value: int) -> str:
        return f"\\{value}"


def _walk(items: parser.SubPattern):
    for op, value in items:
        yield op, value
        for part in value if isinstance(value, tuple) else ():
            for inner in part if isinstance(part, list) else (part,):
                if isinstance(inner, parser.SubPattern):
                    yield from _walk(inner)


def _is_one(items: parser.SubPattern) -> bool:
    """Whether a repetition takes all of it without brackets around it."""
    if len(items) != 1:
        return False
    op, value = items[0]
    if op is codes.SUBPATTERN:
        return value[0] is not None or _is_one(value[3])
    return op in (codes.LITERAL, codes.NOT_LITERAL, codes.IN, codes.ANY, codes.BRANCH)


def _in_class(value: int) -> str:
    return _escaped(value, frozenset("^\\]-["))


def _escaped(value: int, special: frozenset[str]) -> str:
    character = chr(value)
    if character in special:
        return "\\" + character
    if character in _NAMED:
        return _NAMED[character]
    if value < 32 or 0x7F <= value <= 0xA0 or value == 0xAD:
        return f"\\x{value:02x}"
    if value > 0xFFFF:
        return f"\\u{{{value:x}}}"
    return character if character.isprintable() else f"\\u{value:04x}"
