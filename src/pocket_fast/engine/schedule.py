"""How one step runs: language model, then codec, each on all threads; or side by side, each on its share.

Side by side, the codec makes the sound of frame n while the language model draws frame n + 1: one waits for
memory, the other for arithmetic. It helps a single stream where memory is slow; batches keep both busy alone.
The sound is the same, so the faster one is found by trying, and tried again now and then, because machines change.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pocket_fast.errors import ConfigError, shown
from pocket_fast.models.contract import Frame, SpeechModel, Utterance

SCHEDULES = ("auto", "sequence", "side_by_side")
_TRIAL = 8  # steps of each before a decision
_TERM = 500  # steps until the next

# who was told to step, then the frames, their sound, and the utterances that ended
Deliver = Callable[[Any, Sequence[Frame], Sequence[np.ndarray], Sequence[Utterance]], None]


def resolve_schedule(schedule: str | None = None) -> str:
    """The argument, else POCKET_FAST_SCHEDULE, else "auto". Raises ConfigError for an unknown name."""
    name = (os.environ.get("POCKET_FAST_SCHEDULE") or "auto") if schedule is None else schedule
    if not isinstance(name, str) or name not in SCHEDULES:
        raise ConfigError(f"schedule {shown(name)}: expected one of {', '.join(SCHEDULES)}")
    return name


class Choice:
    """Which schedule the next step of a single stream uses, by the best of each trial's times."""

    def __init__(self, schedule: str):
        self._schedule = schedule
        self._best = {False: float("inf"), True: float("inf")}
        self._steps = 0

    def side_by_side(self) -> bool:
        """True if the language model and the codec should run at the same time."""
        if self._schedule != "auto":
            return self._schedule == "side_by_side"
        if self._steps < 2 * _TRIAL:
            return self._steps >= _TRIAL
        return self._best[True] < self._best[False]

    def took(self, side_by_side: bool, seconds: float) -> None:
        """Learn from a step."""
        if self._steps == 0:
            self._best = dict.fromkeys(self._best, float("inf"))
        if self._steps < 2 * _TRIAL:
            self._best[side_by_side] = min(self._best[side_by_side], seconds)
        self._steps = (self._steps + 1) % _TERM


class Crew:
    """Runs the steps of a model.

    deliver: told what came out of each, with the `who` its step was given; failed: told instead of `who` and
    the error, where decoding failed beside a later step.
    """

    def __init__(
        self,
        model: SpeechModel,
        schedule: str,
        deliver: Deliver,
        failed: Callable[[Any, BaseException], None],
    ):
        self._model = model
        self._deliver = deliver
        self._failed = failed
        self._choice = Choice(schedule)
        self._worker: threading.Thread | None = None
        self._orders: queue.SimpleQueue = queue.SimpleQueue()
        self._results: queue.SimpleQueue = queue.SimpleQueue()
        self._pending: tuple[Any, Sequence[Frame], Sequence[Utterance]] | None = None
        self._last: tuple[bool, float] | None = None  # the schedule of the step before and when it ended

    @property
    def busy(self) -> bool:
        """A frame is still being decoded."""
        return self._pending is not None

    def step(self, who: Any, utterances: Sequence[Utterance], threads: int = 0, *, steady: bool) -> None:
        """One frame of each, on at most `threads` (0: all of the model's).

        steady: one stream in the middle of its speech, more of it wanted at once.
        """
        most = min(threads or self._model.threads, self._model.threads)
        side = steady and most > 1 and self._choice.side_by_side()
        if side:
            frames = self._model.predict(utterances, most // 2)
            self.finish()
            self._start(who, frames, [u for u in utterances if u.done], most - most // 2)
        else:
            self.finish()
            frames = self._model.predict(utterances, threads)
            sound = self._model.decode(frames, threads) if frames else []
            self._deliver(who, frames, sound, [u for u in utterances if u.done])
        now = time.perf_counter()
        if steady and self._last is not None and self._last[0] == side:
            self._choice.took(side, now - self._last[1])
        self._last = (side, now) if steady else None

    def rest(self) -> None:
        """The next step does not follow at once: its time says nothing."""
        self._last = None

    def finish(self) -> None:
        """Wait for what is being decoded, if anything is, and deliver it."""
        if self._pending is None:
            return
        (who, frames, ended), self._pending = self._pending, None
        sound = self._results.get() if frames else []
        if isinstance(sound, BaseException):
            self._failed(who, sound)
        else:
            self._deliver(who, frames, sound, ended)

    def close(self) -> None:
        """End the worker thread, if there is one."""
        if self._worker is not None:
            self._orders.put(None)
            self._worker.join()

    def _start(self, who: Any, frames: Sequence[Frame], ended: Sequence[Utterance], threads: int) -> None:
        if self._worker is None:
            worker = threading.Thread(target=self._decode, name="pocket_fast codec", daemon=True)
            worker.start()  # or nothing has changed, and it is tried again
            self._worker = worker
        self._pending = (who, frames, ended)
        if frames:
            self._orders.put((frames, threads))

    def _decode(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                self._results.put(self._model.decode(*order))
            except BaseException as error:
                self._results.put(error)
            del order  # or its frames would live until the next one
