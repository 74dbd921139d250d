"""How one step runs: language model, then codec, each on all threads; or side by side, each on its share.

Side by side, the codec makes the sound of frame n while the language model draws frame n + 1: one waits for
memory, the other for arithmetic. It helps a single stream where memory is slow; batches keep both busy alone.
The sound is the same, so the faster one is found by trying, and tried again now and then, because machines change.

Where everybody has sound in hand, frames wait for those of the next step: the codec then reads its weights once for
all of them.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.errors import ConfigError, shown
from pocket_fast.models.contract import Frame, SpeechModel, Utterance

SCHEDULES = ("auto", "sequence", "side_by_side")
_TRIAL = 8  # calls of the codec in each before a decision
_TERM = 500  # of them until the next

# who was told to step, then the frames, their sound, and the utterances that ended
Who = dict[int, Any]
Deliver = Callable[[Who, Sequence[Frame], Sequence[np.ndarray], Sequence[Utterance]], None]


def resolve_schedule(schedule: str | None = None) -> str:
    """The argument, else POCKET_FAST_SCHEDULE, else "auto". Raises ConfigError for an unknown name."""
    name = (os.environ.get("POCKET_FAST_SCHEDULE") or "auto") if schedule is None else schedule
    if not isinstance(name, str) or name not in SCHEDULES:
        raise ConfigError(f"schedule {shown(name)}: expected one of {', '.join(SCHEDULES)}")
    return name


class Choice:
    """Which schedule the next step of a single stream uses, by the best of each trial's times for a frame."""

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
        """Learn from a frame."""
        if self._steps == 0:
            self._best = dict.fromkeys(self._best, float("inf"))
        if self._steps < 2 * _TRIAL:
            self._best[side_by_side] = min(self._best[side_by_side], seconds)
        self._steps = (self._steps + 1) % _TERM


@dataclass
class _Drawn:
    """Frames of one step or more that go to the codec together; who was told to, and the most threads for it."""

    who: Who
    frames: list[Frame]
    ended: list[Utterance]
    threads: int
    steps: int = 1

    def behind(self, before: _Drawn | None) -> _Drawn:
        """These and those of the steps before."""
        if before is None:
            return self
        limits = [most for most in (before.threads, self.threads) if most]
        return _Drawn(
            before.who | self.who,
            before.frames + self.frames,
            self.ended,
            min(limits, default=0),
            before.steps + self.steps,
        )


class Crew:
    """Runs the steps of a model.

    deliver: told what came out of one step or of several, with the `who` they were given; failed: told `who` and the
    error where decoding failed.
    """

    def __init__(
        self,
        model: SpeechModel,
        schedule: str,
        deliver: Deliver,
        failed: Callable[[Who, BaseException], None],
    ):
        self._model = model
        self._deliver = deliver
        self._failed = failed
        self._choice = Choice(schedule)
        self._worker: threading.Thread | None = None
        self._orders: queue.SimpleQueue = queue.SimpleQueue()
        self._results: queue.SimpleQueue = queue.SimpleQueue()
        self._held: _Drawn | None = None  # what waits for the next step
        self._pending: _Drawn | None = None  # what the worker decodes
        self._last: tuple[bool, float] | None = None  # the schedule of the step before and when it ended

    @property
    def busy(self) -> bool:
        """There are frames that have not become sound."""
        return self._pending is not None or self._held is not None

    def step(
        self, who: Who, utterances: Sequence[Utterance], threads: int = 0, *, steady: bool, can_wait: bool
    ) -> None:
        """One frame of each, on at most `threads` (0: all of the model's).

        steady: one stream in the middle of its speech, more of it wanted at once. can_wait: nobody needs these frames
        before those of the next step.
        """
        most = min(threads or self._model.threads, self._model.threads)
        side = steady and most > 1 and self._choice.side_by_side()
        if not side:
            self._collect()
        frames = list(self._model.predict(utterances, most // 2 if side else threads))
        ended = [u for u in utterances if u.done]
        drawn = _Drawn(who, frames, ended, threads).behind(self._held)
        if can_wait and not ended and drawn.steps < self._model.most_in_a_row:
            self._held = drawn
            return
        if side:
            self._collect()
            self._start(drawn, most - most // 2)
            self._held = None
        else:
            self._held = None
            self._decode(drawn)
        now = time.perf_counter()
        if steady and self._last is not None and self._last[0] == side:
            self._choice.took(side, (now - self._last[1]) / drawn.steps)
        self._last = (side, now) if steady else None

    def rest(self) -> None:
        """The next step does not follow at once: its time says nothing."""
        self._last = None

    def finish(self) -> None:
        """Decode what has been drawn, and deliver it."""
        self._collect()
        if self._held is not None:
            drawn, self._held = self._held, None
            self._decode(drawn)

    def close(self) -> None:
        """End the worker thread, if there is one."""
        if self._worker is not None:
            self._orders.put(None)
            self._worker.join()

    def _decode(self, drawn: _Drawn) -> None:
        try:
            sound = self._model.decode(drawn.frames, drawn.threads) if drawn.frames else []
        except BaseException as error:
            self._failed(drawn.who, error)
        else:
            self._deliver(drawn.who, drawn.frames, sound, drawn.ended)

    def _collect(self) -> None:
        """Wait for what the worker decodes, if it does, and deliver it."""
        if self._pending is None:
            return
        drawn, self._pending = self._pending, None
        sound = self._results.get() if drawn.frames else []
        if isinstance(sound, BaseException):
            self._failed(drawn.who, sound)
        else:
            self._deliver(drawn.who, drawn.frames, sound, drawn.ended)

    def _start(self, drawn: _Drawn, threads: int) -> None:
        if self._worker is None:
            worker = threading.Thread(target=self._work, name="pocket_fast codec", daemon=True)
            worker.start()  # or nothing has changed, and it is tried again
            self._worker = worker
        self._pending = drawn
        if drawn.frames:
            self._orders.put((drawn.frames, threads))

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                self._results.put(self._model.decode(*order))
            except BaseException as error:
                self._results.put(error)
            del order  # or its frames would live until the next one
