"""Text that arrives piece by piece, as a language model emits it -> passages that may be spoken already.

What a passage is depends on the characters alone, not on how they were cut into pieces. It ends

- at a pause marker or a blank line, whatever its length;
- at the end of a sentence, if it is not too short to be spoken well on its own: a mark (`. ! ? …` and those of
  other scripts) with its closing quotes and brackets, then a blank and the beginning of something, or a newline.
  A mark at the very end of what has arrived is not sure yet: `3.` may become `3.14`. Periods after abbreviations,
  initials and ordinals and before digits end nothing; before a small letter a mark ends a clause at most
  (`"Why?" she asked`). A newline without a mark ends a heading or an item, not a line of wrapped prose;
- at the end of a clause (`, ; :` and dashes), once it is so long that a listener should not wait for more;
- at the last clause, or else between two words, when no mark comes for too long.

Never inside a word, a number or a pause marker. The first passage may be short, so that speech starts early;
the next ones are two and three times as long, which sounds better: a language model that writes twice as fast as
people speak (15 characters a second) has written each while the one before is heard.

Each passage is planned like a text of its own. A clause then gets a capital and a final period in place of its
comma, as pieces of overlong sentences always do: the models learnt whole utterances, and after a comma they do
not end reliably.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from ..errors import TextError
from .pauses import MARKER, PART_OF_MARKER, has_words, is_spoken, milliseconds
from .prepare import check_text

_GROWTH = 3  # of the sizes, from the first passage to the third
_PATIENCE = 60  # characters without any mark, after a clause could have ended
_SLICE = 10_000
_QUICK = 1000  # characters that are judged within a millisecond
_WRAPPED = 50  # characters: a line of prose that was wrapped has more, headings and items mostly less

_ENDS = ".!?…‽؟۔।॥።։"
_CLAUSES = ",;:،؛–-"
_TIGHT_ENDS = "。！？｡"  # nothing need follow these
_TIGHT_CLAUSES = "，、；：—"
_MARKS = _ENDS + _TIGHT_ENDS + _CLAUSES.rstrip("-–") + _TIGHT_CLAUSES.rstrip("—")
# Of the same signs one after the other this many count as one: who sends a thousand, each by itself, had all of them
# looked at again for each.
_RUN = 64
_CANDIDATE = re.compile(
    rf"\s{{1,{_RUN}}}|\[|"
    + "|".join(rf"[{signs}]{{1,{_RUN}}}" for signs in (_ENDS, _TIGHT_ENDS, _CLAUSES, _TIGHT_CLAUSES))
)
# A closing guillemet may stand apart from its mark, in front of a blank or another mark.
_CLOSERS = re.compile(rf"""(?:["'”’“)\]}}»«›‹*_`」』）】]|[ \u00a0\u202f][»›](?=[\s.,;:!?…)])){{0,{_RUN}}}""")
_OPENERS = re.compile(rf"""["'“”„‘’«»‹›({{¿¡*_`]{{0,{_RUN}}}""")
_BLANKS = re.compile(r"\s*")
_FEW_BLANKS = re.compile(rf"\s{{0,{_RUN}}}")
_DIGITS = re.compile(r"[0-9]+")
_LAST_WORD = re.compile(r"[^\s\"'“„‘’«»(\[{/*_–—-]*\Z")
_ROMAN = re.compile(r"[IVXLC]+")

# Those that are followed by a capital; before small letters and digits no period ends a sentence anyway.
_KNOWN = """
Mr Mrs Ms Mx Dr Prof Rev Hon Gen Col Maj Capt Cpt Lt Sgt Cpl Adm Gov Sen Rep Pres St Mt Ft Jr Sr
Inc Ltd Co Corp Bros Dept Univ vs cf ca approx incl excl resp al
Hr Hrn Fr Dipl Ing Mio Mrd Tsd Str Abs bzw bspw bzgl evtl ggf inkl sog vgl zzgl v.Chr n.Chr
MM Mme Mmes Mlle Me Mgr Ste env ex
Sra Srta Sres Dra Dña Ud Uds Vd Lic Gral Av Avda EE ej aprox
Sig Sigg Sig.ra Sig.na Dott Dott.ssa Prof.ssa Avv Arch Geom Rag On cfr
Profa Exmo Exma Exa Eng
dhr Dhr mevr Mevr mw Mw dr drs ir ing mr prof bijv bv evt zgn
MR MRS MS DR PROF REV GEN COL CAPT LT SGT GOV SEN REP ST MT FT JR SR VS
"""
_ABBREVIATIONS = frozenset(_KNOWN.split())

# What ends at a place: a word, a clause, a sentence, a paragraph; the later ones end the earlier ones too.
_NOTHING, SPACE, CLAUSE, SENTENCE, PARAGRAPH, _PAUSE = range(6)


class Arriving:
    """Gathers the pieces of one text; see the top of this file for where passages end.

    least: characters of the shortest sentence, or sentences, spoken on their own. clause: characters after which
    the end of a clause will do. Both hold for the first passage; for the second they double, from the third on they
    are three times as large: what is cut there, wherever it is, mostly fits the 50 tokens spoken in one go.
    """

    def __init__(self, *, least: int = 12, clause: int = 40):
        self._least = least
        self._clause = clause
        self._begin()

    def push(self, piece: str | None) -> list[str]:
        """The passages that are complete now, in order, stripped. None, which clients of language models give where
        there is no text, is none. Raises TextError when `piece` is anything else but a usable str."""
        if piece is None:
            return []
        check_text(piece)
        passages = []
        for start in range(0, len(piece), _SLICE):  # a book in one piece is not copied for every passage
            part = piece[start : start + _SLICE]
            self._text += part
            if self._is_number and _DIGITS.fullmatch(part):
                continue
            if self._at == 0:
                self._drop(0)
            while cut := self._find_cut():
                passages.append(self._text[:cut].strip())
                self._is_first = False
                self._drop(cut)
                self._growth = min(self._growth + 1, _GROWTH)
        return passages

    def finish(self) -> list[str]:
        """What is left: one passage, or none if nothing in it can be spoken (a quote, a bracket, a lone mark) and
        other passages came before it.

        What is pushed later begins a new text, with a short first passage: the listener was kept waiting.
        """
        rest, is_all = self._text.strip(), self._is_first
        self._begin()
        words = MARKER.sub("", rest)
        return [rest] if has_words(words) or (is_all and words.strip()) else []

    def break_off(self) -> list[str]:
        """As finish, for a text whose writer failed: only what is whole of the rest, up to the end of a sentence."""
        ends = [at for at, kind in places(self._text + "\n") if kind >= SENTENCE]
        self._text = self._text[: max(ends, default=0)]
        return self.finish()

    def _begin(self) -> None:
        self._text = ""  # from the beginning of the next passage
        self._column = 0  # of that beginning, in its line
        self._growth = 1
        self._is_first = True  # nothing was said before
        self._drop(0)

    def _drop(self, cut: int) -> None:
        """Begin the next passage after `cut` and the blanks there."""
        cut = _BLANKS.match(self._text, cut).end()
        self._column = _column(self._text, cut, self._column)
        self._text = self._text[cut:]
        self._at = 0  # what is before has been judged
        self._speaks = False  # whether it holds anything to say
        self._last_clause = 0  # where it could be cut if need be
        self._is_number = False  # whether more digits at its end tell nothing: of a pause, however long

    def _find_cut(self) -> int:
        """The end of the first passage, or 0 if that has not arrived yet."""
        self._is_number = False
        least, clause = self._least * self._growth, self._clause * self._growth
        enough = {SPACE: clause + _PATIENCE, CLAUSE: clause, SENTENCE: least, PARAGRAPH: 0}
        while found := _CANDIDATE.search(self._text, self._at):
            start = found.start()
            self._speaks = self._speaks or any(map(is_spoken, self._text[self._at : start]))
            self._at = start
            judged = _judge(self._text, found, self._column)
            if judged is None:
                self._is_number = self._text[-1] in "0123456789"
                return 0
            kind, self._at = judged
            if kind == _PAUSE:
                return self._at
            if kind == _NOTHING or not self._speaks:
                continue
            if self._at >= enough[kind]:
                return self._last_clause or self._at if kind == SPACE else self._at
            if kind == CLAUSE and self._at >= least:
                self._last_clause = self._at
        self._speaks = self._speaks or any(map(is_spoken, self._text[self._at :]))
        self._at = len(self._text)
        return 0


def passages(pieces: Iterable[str | None]) -> Iterator[str]:
    """The passages of a text that arrives in `pieces`, each as soon as it is complete.

    What the pieces raise, or a piece that is no text, is raised after the sentences that were whole before it.
    """
    arriving = Arriving()
    try:
        for piece in pieces:
            yield from arriving.push(piece)
    except Exception:
        yield from arriving.break_off()
        raise
    yield from arriving.finish()


async def apassages(pieces: AsyncIterable[str | None] | Iterable[str | None]) -> AsyncIterator[str]:
    """The same in an event loop, where others get their turn; an ordinary iterable had better not block."""
    import asyncio  # takes long to import

    arriving = Arriving()
    try:
        async for piece in pieces if isinstance(pieces, AsyncIterable) else _one_by_one(pieces):
            long = isinstance(piece, str) and len(piece) > _QUICK
            for part in _cut(check_text(piece)) if long else (piece,):
                for passage in arriving.push(part):
                    yield passage
                if long:
                    await asyncio.sleep(0)
    except Exception:
        for passage in arriving.break_off():
            yield passage
        raise
    for passage in arriving.finish():
        yield passage


def places(text: str) -> Iterator[tuple[int, int]]:
    """Where a text that is all there may be cut: (index, SPACE, CLAUSE, SENTENCE or PARAGRAPH), in order.

    By the rules at the top of this file, without the lengths; nothing is cut at the very end.
    """
    at = 0
    while found := _CANDIDATE.search(text, at):
        judged = _judge(text, found, 0)
        if judged is None:  # only what follows the end of the text could tell
            return
        kind, at = judged
        if SPACE <= kind <= PARAGRAPH:
            yield at, kind


def _cut(text: str) -> Iterator[str]:
    return (text[start : start + _QUICK] for start in range(0, len(text), _QUICK))


async def _one_by_one(pieces: Iterable[str | None]) -> AsyncIterator[str | None]:
    for piece in pieces:
        yield piece


def _judge(text: str, found: re.Match[str], first_column: int) -> tuple[int, int] | None:
    """What ends at a candidate, and where exactly; None while that depends on what comes next."""
    if found[0] == "[":
        return _judge_bracket(text, found.start())
    if not found[0].isspace():
        return _judge_mark(text, found)
    return _judge_blank(text, found, first_column)


def _judge_bracket(text: str, start: int) -> tuple[int, int] | None:
    if marker := MARKER.match(text, start):
        return (_PAUSE if _lasts(marker) else _NOTHING), marker.end()
    return None if _may_become_marker(text, start) else (_NOTHING, start + 1)


def _column(text: str, place: int, first: int) -> int:
    """Characters before `place` in its line, if there are `first` before `text`."""
    newline = text.rfind("\n", 0, place)
    return first + place if newline < 0 else place - newline - 1


def _judge_blank(text: str, found: re.Match[str], first_column: int) -> tuple[int, int] | None:
    blank, start, end = found[0], found.start(), found.end()
    if blank.count("\n") > 1:
        return PARAGRAPH, end
    if end == len(text):
        return None
    before, after = text[start - 1], text[end]
    if after == "[":
        return _before_bracket(text, end, SENTENCE if "\n" in blank else _NOTHING, end)
    if "\n" in blank and not after.islower():
        is_wrapped = after.isalnum() and _column(text, start, first_column) >= _WRAPPED
        if not is_wrapped:
            return SENTENCE, end
    between_words = before.isalnum() and after.isalnum() and not (before.isdigit() and after.isdigit())
    return (SPACE if between_words and blank.strip("\u00a0\u202f") else _NOTHING), end


def _judge_mark(text: str, found: re.Match[str]) -> tuple[int, int] | None:
    mark, start = found[0], found.start()
    end = _CLOSERS.match(text, found.end()).end()
    blank_end = _FEW_BLANKS.match(text, end).end()
    letter = _OPENERS.match(text, blank_end).end()
    newline = "\n" in text[end:blank_end]
    if letter == len(text) and not newline:
        return None
    is_tight = mark[0] in _TIGHT_ENDS + _TIGHT_CLAUSES
    is_dash = not mark.strip("-–—")
    kind = SENTENCE if mark[0] in _ENDS + _TIGHT_ENDS else CLAUSE
    if (
        (end == blank_end and not is_tight)
        or (mark == "." and _is_abbreviation(text, start))
        or (is_dash and not is_tight and not text[start - 1 : start].isspace())  # `Vor- und Nachteile`
    ):
        return _NOTHING, end
    if newline:
        return kind, end
    if text[blank_end] == "[":
        return _before_bracket(text, blank_end, kind, end)
    after = text[letter]
    if (
        text[blank_end] in _MARKS  # `. . .`, `? !`
        or (mark == "." and (after.isdigit() or _is_ordinal(text, start)))
        or (is_dash and after.isdigit())
    ):
        return _NOTHING, end
    if after.islower() and not is_tight:
        kind = CLAUSE
    return kind, end


def _before_bracket(text: str, bracket: int, kind: int, end: int) -> tuple[int, int] | None:
    """A pause belongs to what it follows: speech fades out before it."""
    if marker := MARKER.match(text, bracket):
        return (_NOTHING if _lasts(marker) else kind), end
    return None if _may_become_marker(text, bracket) else (kind, end)


def _may_become_marker(text: str, start: int) -> bool:
    return "[pause:".startswith(text[start : start + 8]) or bool(PART_OF_MARKER.fullmatch(text, start))


def _lasts(marker: re.Match[str]) -> bool:
    try:
        return milliseconds(marker) > 0
    except TextError:  # absurdly long; whoever plans the passage says so
        return True


def _is_abbreviation(text: str, period: int) -> bool:
    """Whether the word before `period` is known as one, an initial, or of the form `U.S` and `z.B`."""
    word = _word_before(text, period)
    if word in _ABBREVIATIONS:
        return True
    parts = word.split(".")
    return all(part.isalpha() for part in parts) and len(max(parts, key=len)) <= min(len(parts), 2)


def _is_ordinal(text: str, period: int) -> bool:
    word = _word_before(text, period)
    return (word.isdigit() and len(word) <= 2) or bool(_ROMAN.fullmatch(word))


def _word_before(text: str, end: int) -> str:
    return _LAST_WORD.search(text[max(0, end - 24) : end])[0]  # no abbreviation is longer
