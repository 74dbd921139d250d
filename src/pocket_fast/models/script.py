"""From passages of text to the parts of a speech: what scripts of all families have in common (contract.Script)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

from pocket_fast.errors import TextError
from pocket_fast.text.pauses import Silence


class PlannedScript:
    """A contract.Script of a family that says what a passage is made of, and how one of its chunks begins.

    seed: None, or what makes chunk i draw the same numbers every time.
    """

    sequential = False

    def __init__(self, seed: int | None):
        self._seed = seed
        self._numbers = count()
        self.passages: dict[Callable[[], Any], str] = {}

    def plan(self, text: str) -> Iterable[Any]:
        """The chunks and silences (text.pauses.Silence) of a passage, in order, as they are found. Raises TextError."""
        raise NotImplementedError

    def begin(self, chunk: Any, seed: tuple[int, int] | None) -> Any:
        """An utterance of the chunk, not computed yet. seed: for its random generator, of this chunk alone."""
        raise NotImplementedError

    def finished(self, utterance: Any) -> None:
        """See contract.Script."""
        raise NotImplementedError

    def parts(self, text: str) -> list[Callable[[], Any] | int]:
        """See contract.Script. Raises as plan()."""
        return [part for piece in self.pieces(text) for part in piece]

    def pieces(self, text: str) -> Iterator[list[Callable[[], Any] | int]]:
        """See contract.Script. Raises as plan()."""
        piece: list[Callable[[], Any] | int] = []
        is_first = True
        for planned in self.plan(text):
            if isinstance(planned, Silence):
                piece.append(planned.samples)  # speech fades into what comes with it
                continue
            if piece:
                yield piece
            piece = [self._part(planned)]
            if is_first:
                self.passages[piece[0]] = text
                is_first = False
        if piece:
            yield piece

    def whole(self, text: str) -> list[Callable[[], Any] | int]:
        """See contract.Script."""
        if not (parts := self.parts(text)):
            raise TextError("the text is blank to this model: it has no words for any of its characters")
        return parts

    def _part(self, chunk: Any) -> Callable[[], Any]:
        number = next(self._numbers)
        seed = None if self._seed is None else (self._seed, number)
        return lambda: self.begin(chunk, seed)
