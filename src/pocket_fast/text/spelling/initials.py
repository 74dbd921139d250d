"""Letters in words, for a model that knows letters only as parts of words: `U.S.`, `J. R. R.`, vitamin C."""

from __future__ import annotations

import re

from .spoken import END, START, ends_sentence, said, table

LETTERS = table("""
    A: ay; B: bee; C: see; D: dee; E: ee; F: eff; G: gee; H: aitch; I: eye; J: jay; K: kay; L: ell; M: em; N: en;
    O: oh; P: pee; Q: cue; R: ar; S: ess; T: tee; U: you; V: vee; W: double-you; X: ex; Y: why; Z: zee
    """)

_DOTTED = re.compile(r"(?<![A-Za-z\d.'])[A-Za-z]\.[A-Za-z](?:\.[A-Za-z])*(?![A-Za-z\d])\.?")
_INITIAL = re.compile(r"(?<![A-Za-z.'\-])([A-Z])\. ?(?=[A-Z])")
_INITIAL_BEFORE = re.compile(r"(?<![A-Za-z])[A-HJ-Z]\. ?\Z")
_THING_BEFORE = re.compile(
    r"(?<![A-Za-z])(?:an|plan|vitamin|grade|type|class|section|option|team|group|hepatitis|part|point|appendix|item"
    r"|exhibit|gate|size|phase|step|room) \Z",
    re.IGNORECASE,
)
_AFTER_LETTER = re.compile(",|-[a-z]| (?:(?:to|TO) )?[B-HJ-Z](?![A-Za-z'])")


def say_initials(text: str) -> str:
    return _INITIAL.sub(_initial, _DOTTED.sub(_dotted, text))


def letters(word: str) -> str:
    return " ".join(LETTERS[letter] for letter in word.upper())


def single_letter(found: re.Match[str], is_at_mark: bool) -> str:
    """One letter on its own, group 1, with 's or not, group 2: a word if it is one, else its name."""
    letter, suffix = found[1], found[2]
    text, start, end = found.string, found.start(), found.end()
    named = bool(suffix) or is_glued(found)
    if letter in "Ii" and not named:
        return "I"
    if letter == "a" and not named:
        return letter
    if letter == "A" and not named:  # an article stands before a word, and not after "vitamin"
        is_last = end == len(text) and (is_at_mark or start > 0)
        is_thing = _THING_BEFORE.search(text[max(0, start - 12) : start])
        if not (is_last or is_thing or _AFTER_LETTER.match(text, end)):
            return "a" if text[max(0, start - 2) : start].strip() else letter
    return said(LETTERS[letter.upper()] + (suffix or "").lower())


def is_glued(found: re.Match[str]) -> bool:
    """Whether a number or a sign follows or precedes without a blank, as in A4, Q&A."""
    text = found.string
    return (
        text[found.start() - 1 : found.start()] in (END, START)
        or text[found.end() : found.end() + 1] == START
    )


def _dotted(found: re.Match[str]) -> str:
    stop = found[0].endswith(".") and ends_sentence(found.string, found.end())
    return said(letters(found[0].replace(".", ""))) + ("." if stop else "")


def _initial(found: re.Match[str]) -> str:
    text = found.string
    before = text[max(0, found.start() - 12) : found.start()]
    if ends_sentence(text, found.start() + 2) or _THING_BEFORE.search(before):
        return found[0]
    if found[1] == "I" and not _INITIAL_BEFORE.search(before):
        return found[0]  # "so did I. Bob left"
    return said(letters(found[1])) + " "
