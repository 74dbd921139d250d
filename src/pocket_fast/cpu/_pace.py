"""Keep a busy machine from making many threads slower than one.

A stage's threads meet at barriers, so with another process on the same cores the slowest decides. Results do
not depend on the number of threads; so where calls take much longer than they can, one thread is tried, and
kept for a while if it is faster. Medians decide: a single late call means nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from statistics import median

from pocket_fast.cpu._threads import threads_for

DISTURBED = 1.5  # times the best time seen: a quiet machine stays under 1.3
RECENT = 8  # calls on all threads before a judgement
PROBE_CALLS = 4  # on one thread, to compare
_STALE = 1.0  # seconds without a call: what was seen before says little
_FIRST_PATIENCE, _MOST_PATIENCE = 0.25, 4.0  # seconds that a verdict holds


class _Record:
    """What is known of calls of one size, in seconds."""

    def __init__(self) -> None:
        self.best = float("inf")  # on all threads; forgotten slowly, because machines change
        self.together: deque[float] = deque(maxlen=RECENT)
        self.alone: list[float] = []
        self.probing = False
        self.one_is_faster = False  # the verdict
        self.holds_until = float("-inf")
        self.patience = _FIRST_PATIENCE
        self.last = float("-inf")

    def forget(self) -> None:
        """Start to look again."""
        self.probing = False
        self.alone.clear()
        self.together.clear()


class Pace:
    """Chooses the threads of every call of one stage: choose(), run, took()."""

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.threads = threads
        self._clock = clock
        self._records: dict[int, _Record] = {}

    def choose(self, rows: int, macs: float, most: int = 0) -> int:
        """Threads for a call of `rows` rows and `macs` multiply-adds; at most `most`, if the caller sets it.

        A call with `most` set shares the cores with another stage's, so its time teaches nothing: do not report it.
        """
        if most:
            return threads_for(min(most, self.threads), macs)
        record = self._records.get(_size(rows))
        if record is not None:
            now = self._clock()
            if now - record.last > _STALE:
                record.forget()
            if record.probing or (record.one_is_faster and now < record.holds_until):
                return 1
        return threads_for(self.threads, macs)

    def took(self, rows: int, threads: int, seconds: float) -> None:
        """Learn from a finished call. Calls too small for several threads need not be reported."""
        record = self._records.setdefault(_size(rows), _Record())
        seconds /= max(rows, 1)
        record.last = self._clock()
        if threads > 1:
            record.best = min(record.best * 1.002, seconds)
            record.together.append(seconds)
            if len(record.together) < RECENT:
                return
            disturbed = median(record.together) > DISTURBED * record.best
            record.probing = disturbed and self._clock() >= record.holds_until
            if not disturbed:
                record.patience = _FIRST_PATIENCE
        elif record.probing:
            record.alone.append(seconds)
            if len(record.alone) == PROBE_CALLS:
                self._judge(record)

    def _judge(self, record: _Record) -> None:
        record.one_is_faster = median(record.alone) < median(record.together)
        record.holds_until = self._clock() + record.patience
        record.patience = min(2 * record.patience, _MOST_PATIENCE)
        record.forget()


def _size(rows: int) -> int:
    """Sizes that may be compared, row by row: few rows cost what their weights cost, many what they compute."""
    return rows if rows <= 8 else 16 if rows <= 32 else 64
