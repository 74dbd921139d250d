"""From passages of text to the parts of a speech: what scripts of all families have in common (contract.Script)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    def plan(self, text: str) -> Sequence[Any]:
        """The chunks and silences (text.pauses.Silence) of a passage, in order. Raises TextError."""
        raise NotImplementedError

    def begin(self, chunk: Any, seed: tuple[int, int] | None) -> Any:
        """An utterance of the chunk, not computed yet. seed: for its random generator, of this chunk alone."""
        raise NotImplementedError

    def finished(self, utterance: Any) -> None:
        """See contract.Script."""
        raise NotImplementedError

    def parts(self, text: str) -> list[Callable[[], Any] | int]:
        """See contract.Script. Raises as plan()."""
        parts = [p.samples if isinstance(p, Silence) else self._part(p) for p in self.plan(text)]
        first = next((part for part in parts if not isinstance(part, int)), None)
        if first is not None:
            self.passages[first] = text
        return parts

    def whole(self, text: str) -> list[Callable[[], Any] | int]:
        """See contract.Script."""
        if not (parts := self.parts(text)):
            raise TextError("the text is blank to this model: it has no words for any of its characters")
        return parts

    def _part(self, chunk: Any) -> Callable[[], Any]:
        number = next(self._numbers)
        seed = None if self._seed is None else (self._seed, number)
        return lambda: self.begin(chunk, seed)
