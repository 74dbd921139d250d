"""What is computed beside speech: the voice of a recording, slice by slice, so that it neither stops speech nor is
stopped by it, and can be given up at any time."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from pocket_fast.engine.intake import SLICE
from pocket_fast.errors import StoppedError
from pocket_fast.models.contract import Slices

_POLL = 0.05  # seconds between looks at a caller's stop event
_PATIENCE = 0.25  # seconds without a slice, while speech needs all the time there is


class Work:
    """One such thing: whoever asked for it waits in a thread of its own; stop: when set, it is given up."""

    def __init__(self, slices: Slices[Any], stop: threading.Event | None = None):
        self._slices = slices
        self._stop = stop
        self._over = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None
        self._left = False

    @property
    def given_up(self) -> bool:
        """Nobody waits for it any more."""
        return self._left or (self._stop is not None and self._stop.is_set())

    def wait(self) -> Any:
        """What was made. Raises what went wrong with it, StoppedError."""
        try:
            while not self._over.wait(None if self._stop is None else _POLL):
                if self.given_up:
                    raise StoppedError("given up before it was made: stop was set")
        finally:
            self._left = True  # an interrupt, too, ends the computing
        if self._error is not None:
            raise self._error
        return self._result

    def go_on(self, until: float) -> bool:
        """Compute until that time, time.perf_counter(). False: it is over."""
        try:
            while not self.given_up:
                next(self._slices)
                if time.perf_counter() >= until:
                    return True
            self._slices.close()
            self.fail(StoppedError("given up before it was made: stop was set"))
        except StopIteration as end:
            self._result = end.value
        except BaseException as error:  # whoever waits hears of it
            self._error = error
        self._over.set()
        return False

    def fail(self, error: BaseException) -> None:
        """It will not be made."""
        self._error = error
        self._over.set()


class Works:
    """Those under way in an engine, each in turn. Changed under its lock, computed in its thread."""

    def __init__(self) -> None:
        self._under_way: deque[Work] = deque()
        self._computed = 0.0

    def __bool__(self) -> bool:
        return bool(self._under_way)

    def add(self, work: Work) -> None:
        """One more."""
        self._under_way.append(work)

    def take_turn(self, busy: bool) -> None:
        """A slice of one of them. busy: speech needs all the time there is, so that this has to wait, but not for
        ever."""
        now = time.perf_counter()
        if busy and now - self._computed < _PATIENCE:
            return
        work = self._under_way.popleft()
        if work.go_on(now + SLICE):
            self._under_way.append(work)
        self._computed = time.perf_counter()

    def end(self, error: BaseException) -> None:
        """None of them will be made."""
        while self._under_way:
            self._under_way.popleft().fail(error)
