"""Keep a busy machine from making many threads slower than one.

A stage's threads meet at barriers, so with another process on the same cores the slowest decides. Results do
not depend on the number of threads; so where calls take much longer than they can, one thread is tried, and
kept for a while if it is faster.
"""

from __future__ import annotations

from pocket_fast.cpu._threads import threads_for

DISTURBED = 1.5  # times the best time seen: a quiet machine stays under 1.3
PROBE_CALLS = 4
_FIRST_PATIENCE, _MOST_PATIENCE = 32, 256  # calls on one thread before all are tried again


class _Record:
    """What is known of calls of one size."""

    def __init__(self) -> None:
        self.best = float("inf")  # seconds on all threads; forgotten slowly, because machines change
        self.together = 0.0  # running mean on all threads
        self.alone: float | None = None  # running mean on one thread
        self.solo_calls = 0  # still to be made on one thread
        self.trial_calls = 0  # on all threads, before the next decision
        self.patience = _FIRST_PATIENCE


class Pace:
    """Chooses the threads of every call of one stage: choose(), run, took()."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._records: dict[int, _Record] = {}

    def choose(self, rows: int, macs: float, most: int = 0) -> int:
        """Threads for a call of `rows` rows and `macs` multiply-adds; at most `most`, if the caller sets it.

        A call with `most` set shares the cores with another stage's, so its time teaches nothing: do not report it.
        """
        if most:
            return threads_for(min(most, self.threads), macs)
        threads = threads_for(self.threads, macs)
        record = self._records.get(_size(rows))
        return 1 if record is not None and record.solo_calls else threads

    def took(self, rows: int, threads: int, seconds: float) -> None:
        """Learn from a finished call. Calls too small for several threads need not be reported."""
        record = self._records.setdefault(_size(rows), _Record())
        seconds /= max(rows, 1)
        if threads == 1:
            if record.solo_calls:
                record.alone = seconds if record.alone is None else 0.7 * record.alone + 0.3 * seconds
                record.solo_calls -= 1
                if not record.solo_calls:
                    record.trial_calls, record.together = PROBE_CALLS, 0.0
            return
        record.best = min(record.best * 1.002, seconds)
        record.together = 0.7 * record.together + 0.3 * seconds if record.together else seconds
        if record.trial_calls > 1:
            record.trial_calls -= 1
        elif record.together < DISTURBED * record.best:
            record.patience, record.alone = _FIRST_PATIENCE, None
        elif record.alone is None:
            record.solo_calls = PROBE_CALLS
        elif record.alone < record.together:
            record.solo_calls, record.alone = record.patience, None
            record.patience = min(2 * record.patience, _MOST_PATIENCE)
        else:
            record.alone = None


def _size(rows: int) -> int:
    """Sizes that may be compared, row by row: few rows cost what their weights cost, many what they compute."""
    return rows if rows <= 8 else 16 if rows <= 32 else 64
