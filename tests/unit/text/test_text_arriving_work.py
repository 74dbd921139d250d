"""Text in many small pieces, and runs of signs without an end: work that grows with the text and no faster."""

import pytest

from pocket_fast.text import arriving as module
from pocket_fast.text.arriving import Arriving, passages


class Counted:
    """A pattern that counts the characters that it looks at."""

    def __init__(self, pattern):
        self._pattern = pattern
        self.looked_at = 0

    def _with(self, match, text, at):
        self.looked_at += (len(text) if match is None else match.end()) - at + 1
        return match

    def search(self, text, at):
        return self._with(self._pattern.search(text, at), text, at)

    def match(self, text, at):
        return self._with(self._pattern.match(text, at), text, at)

    def fullmatch(self, text, at=0):
        return self._with(self._pattern.fullmatch(text, at), text, at)


PATTERNS = ("_CANDIDATE", "_CLOSERS", "_OPENERS", "_FEW_BLANKS", "PART_OF_MARKER", "_DIGITS")


@pytest.mark.parametrize("begins", ["", "Hello", "Hello.", "Hello. ", "Hello [pause:", "Hello. [pause:1"])
@pytest.mark.parametrize(
    "bit",
    [
        *".!…,;–—。、)\"'([{*» \n\t\u00a0",
        " »",
        ". ",
        ".)",
        ") (",
        "- ",
        "1",
        "9",
        "1.",
        "a.",
        "[",
        "[pause:",
        "[p",
    ],
)
def test_many_small_pieces_are_as_much_work_as_the_text_is_long(monkeypatch, begins, bit):
    def work(count):
        patterns = {name: Counted(getattr(module, name)) for name in PATTERNS}
        with monkeypatch.context() as patch:
            for name, pattern in patterns.items():
                patch.setattr(module, name, pattern)
            arriving = Arriving()
            arriving.push(begins)
            for _ in range(count):
                arriving.push(bit)
        return sum(pattern.looked_at for pattern in patterns.values())

    assert work(4000) <= 2.5 * work(2000) + 1000


@pytest.mark.parametrize("signs", [*".!,)( »", " »", ". ", "!?"])
def test_endless_runs_end_where_they_end_in_one_piece(signs):
    text = f"Hello{signs * 500} World is here. {signs * 70}\nNext one, {signs * 65}. And on. "
    expected = list(passages([text]))
    assert list(passages(text)) == expected
    assert list(passages(text[i : i + 63] for i in range(0, len(text), 63))) == expected
    assert "".join("".join(expected).split()) == "".join(text.split())
