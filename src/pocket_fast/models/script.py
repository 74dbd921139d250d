"""From passages of text to the parts of a speech: what scripts of all families have in common (contract.Script)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

from pocket_fast.errors import TextError
from pocket_fast.text.pauses import Silence


class PlannedScript(ABC):
    """A contract.Script of a family that says what a passage is made of, and how one of its chunks begins.

    seed: None, or what makes chunk i draw the same numbers every time.
    """

    sequential = False

    def __init__(self, seed: int | None):
        self._seed = seed
        self._numbers = count()
        self.passages: dict[Callable[[], Any], str] = {}

    @abstractmethod
    def plan(self, text: str) -> Iterable[Any]:
        """The chunks and silences (text.pauses.Silence) of a passage, in order, as they are found. Raises TextError."""

    @abstractmethod
    def begin(self, chunk: Any, seed: tuple[int, int] | None) -> Any:
        """An utterance of the chunk, not computed yet. seed: for its random generator, of this chunk alone."""

    @abstractmethod
    def finished(self, utterance: Any) -> None:
        """See contract.Script."""

    def parts(self, text: str) -> Iterator[list[Callable[[], Any] | int]]:
        """See contract.Script. Raises as plan()."""
        few: list[Callable[[], Any] | int] = []
        is_first = True
        for planned in self.plan(text):
            if isinstance(planned, Silence):
                few.append(planned.samples)  # speech fades into what comes with it
                continue
            if few:
                yield few
            few = [self._part(planned)]
            if is_first:
                self.passages[few[0]] = text
                is_first = False
        if few:
            yield few

    def whole(self, text: str) -> list[Callable[[], Any] | int]:
        """See contract.Script."""
        if not (parts := [part for few in self.parts(text) for part in few]):
            raise TextError("the text is blank to this model: it has no words for any of its characters")
        return parts

    def _part(self, chunk: Any) -> Callable[[], Any]:
        number = next(self._numbers)
        seed = None if self._seed is None else (self._seed, number)
        return lambda: self.begin(chunk, seed)
