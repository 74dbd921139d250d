"""Where in the sound each passage of a text begins."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pocket_fast.api import TTSModel
from pocket_fast.server.speech import check_pauses


@dataclass(frozen=True)
class Mark:
    """A passage begins `samples` after the beginning, before any change of speed."""

    samples: int
    text: str


class Marks:
    """Listens to what the engine does with one text. Use `speaker` in place of the model it was made from.

    A passage's first sound is handed out only when everything before it is over, and then its length is known.
    """

    def __init__(self, model: TTSModel):
        self.speaker = copy.copy(model)
        self._lock = threading.Lock()
        self._passages: list[tuple[str, int]] = []  # and its first part
        self._lengths: list[int | None] = []  # samples of each part; None: not spoken to its end yet
        self._given = 0
        self._silence = 0
        frame = model.stages.decoder.samples_per_frame
        write = model._script
        self.speaker._script = lambda *arguments: _Noted(write(*arguments), self, frame)

    def until(self, samples: int) -> list[Mark]:
        """The new marks before this place."""
        marks = []
        with self._lock:
            while self._given < len(self._passages):
                text, part = self._passages[self._given]
                before = self._lengths[:part]
                if None in before or (start := sum(before)) >= samples:  # type: ignore[arg-type]
                    break
                marks.append(Mark(start, text))
                self._given += 1
        return marks

    def planned(self, text: str, parts: list[Any]) -> int:
        """A passage was cut into parts; the number of the first one. Raises TextError for absurd pauses."""
        self._silence += sum(part for part in parts if isinstance(part, int))
        check_pauses(self._silence, self.speaker.sample_rate)
        with self._lock:
            first = len(self._lengths)
            self._passages.append((text, first))
            self._lengths += [part if isinstance(part, int) else None for part in parts]
            return first

    def spoken(self, part: int, samples: int) -> None:
        """A part is over."""
        with self._lock:
            self._lengths[part] = samples


class _Noted:
    """A Script that tells what happens to it."""

    def __init__(self, script: Any, marks: Marks, frame: int):
        self._script = script
        self._marks = marks
        self._frame = frame
        self._numbers: dict[int, int] = {}  # id of an utterance -> its part

    def parts(self, text: str) -> list[Any]:
        parts = self._script.parts(text)
        first = self._marks.planned(text, parts)
        return [
            part if isinstance(part, int) else self._begin(part, first + i) for i, part in enumerate(parts)
        ]

    def _begin(self, begin: Callable[[], Any], number: int) -> Callable[[], Any]:
        def noted() -> Any:
            utterance = begin()
            self._numbers[id(utterance)] = number
            return utterance

        return noted

    def finished(self, utterance: Any) -> None:
        self._script.finished(utterance)
        self._marks.spoken(self._numbers.pop(id(utterance)), utterance.frames * self._frame)
