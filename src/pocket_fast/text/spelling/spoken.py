"""What the steps of spelling out share: how their words stand in the text, and where a sentence ends."""

from __future__ import annotations

import re

# Around words made here: the last step puts the blanks and the capitals that are missing.
START, END = "\x02", "\x03"


def word_set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


def table(listed: str) -> dict[str, str]:
    """`Mr: Mister; Mrs: Missus`, on as many lines as it takes."""
    return dict(" ".join(entry.split()).split(": ", 1) for entry in listed.split(";"))


# Capitalised words that hardly ever follow a name, so that "in the U.S. The" is two sentences and "U.S. Army" none.
_OPENERS = word_set("""
    A An And Are As At But By Can Come Could Did Do Does For From Give Go Had Has Have He Her Here His How However I
    I'd I'll I'm I've If In Is It Its It's Let Let's Many May Maybe Most My No Not Nothing Now Of On Once One Or Our
    Perhaps Please Shall She Should Since So Some Soon Still That That's The Their Then There There's These They This
    Those Though Thus To Today Tomorrow Two Was We Well Were What When Where Which While Who Whose Why Will With Would
    Yes Yet You Your
    """)
_NEXT = re.compile(r"[\"')\]\x03]{0,4}( ?)[\"'(\[]{0,4}([A-Za-z][A-Za-z']{0,20})?(.?)")


def said(words: str) -> str:
    """Words in place of something else, kept apart from letters next to them."""
    return f"{START}{words}{END}"


def ends_sentence(text: str, at: int, *, any_capital: bool = False) -> bool:
    """Whether a period in front of `at`, after an abbreviation, is also a full stop.

    It is at the end of the text and before a word that likely opens a sentence: with `any_capital` one that
    is written with a capital.
    """
    blank, word, after = _NEXT.match(text, at).groups()
    if not word:
        return not after
    if not (blank and word[0].isupper()):
        return False
    initial = after == "." and len(word) == 1
    return any_capital or (word in _OPENERS and not initial)
