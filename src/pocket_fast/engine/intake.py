"""Taking in prompts a slice at a time, so that nobody waits for long because somebody else's is long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from pocket_fast.engine.speech import Part
from pocket_fast.models.contract import SpeechModel

SLICE = 0.04  # seconds of prompts, or of other work, between two steps: half of what a frame sounds
_LEAST_ROWS = 8  # of a prompt in one call: fewer take as long
_MOST_ROWS = 256
_WORTH = 1.4  # times as many rows a second: what twice as many in a call must give to be taken beyond a slice
_IN_TURN = 4  # of so many slices one goes to who has waited for longest, however long its prompt is

Failed = Callable[[dict[int, Part], BaseException], None]


class Intake:
    """Begins utterances and takes in their prompts; failed: told of parts whose own fault an error is."""

    def __init__(self, model: SpeechModel, failed: Failed):
        self._model = model
        self._failed = failed
        self._speed = 0.0  # rows a second in a whole slice, as measured; 0 is not known yet
        self._fewest = _LEAST_ROWS  # in one call, however long they take
        self._before = 0.0  # rows a second of half as many
        self._settled = False  # that twice as many are not worth it
        self._slices = 0

    def begin(self, parts: Sequence[Part]) -> None:
        """As many of them as there is time for."""
        until = time.perf_counter() + SLICE
        for part in parts:
            try:
                part.utterance = part.begin()
            except BaseException as error:
                self._failed({0: part}, error)
            if time.perf_counter() > until:
                return

    def take_in(self, parts: Sequence[Part]) -> None:
        """A slice of these prompts, the first ones first; what is taken in to its end is not kept waiting by more."""
        most = min(_MOST_ROWS, max(self._fewest, int(SLICE * self._speed)))
        self._slices += 1
        if self._slices % _IN_TURN == 0:
            now = time.monotonic()
            parts = [min(parts, key=lambda part: part.speech.slack(now)), *parts]
        taking: list[Part] = []
        rows = 0
        for part in parts:
            utterance = part.utterance
            if utterance is None or part in taking:  # its listener has left meanwhile
                continue
            if taking and rows + utterance.prompt_left > most:
                break
            taking.append(part)
            rows += utterance.prompt_left
        if not taking:
            return
        start = time.perf_counter()
        try:
            self._call(taking, most)
        except BaseException as error:
            if len(taking) == 1:
                self._failed({0: taking[0]}, error)
            else:  # whose fault is it?
                for part in taking:
                    self._alone(part, most)
            return
        self._learn(min(rows, most), most, time.perf_counter() - start)

    def _call(self, parts: Sequence[Part], rows: int) -> None:
        utterances = [u for part in parts if (u := part.utterance) is not None and u.prompt_left]
        if utterances:
            self._model.prompt(utterances, rows, least_threads(parts))

    def _alone(self, part: Part, rows: int) -> None:
        try:
            self._call([part], rows)
        except BaseException as error:
            self._failed({0: part}, error)

    def _learn(self, taken: int, most: int, seconds: float) -> None:
        """The speed of this slice, unless it was small: those are slower for every row, and cost little."""
        speed = taken / max(seconds, 1e-9)
        if taken == most or seconds > SLICE or speed > self._speed:
            self._speed = speed
        if taken == most == self._fewest and seconds > SLICE and not self._settled:
            self._widen(speed)

    def _widen(self, speed: float) -> None:
        """Even the fewest rows take longer than a slice. If that is because every call reads all the weights of a big
        model, more rows take hardly longer, and a prompt in many slices would read them many times."""
        if speed > _WORTH * self._before:
            self._before, self._fewest = speed, min(2 * self._fewest, _MOST_ROWS)
        else:
            self._settled, self._fewest = True, max(self._fewest // 2, _LEAST_ROWS)


def least_threads(parts: Iterable[Part]) -> int:
    """The least that any of those who share a call set as their most; 0 if none did."""
    return min((part.speech.threads for part in parts if part.speech.threads), default=0)
