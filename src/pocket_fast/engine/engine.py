"""The engine: one thread that drives every utterance of a model, alone or among many.

Listeners join and leave between steps. What one hears does not depend on the others (models/contract.py).
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import math
import os
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.engine import turns
from pocket_fast.engine.schedule import Crew
from pocket_fast.engine.speech import Part, Speech
from pocket_fast.errors import BusyError
from pocket_fast.models.contract import Frame, SpeechModel, Utterance

_log = logging.getLogger("pocket_fast")

MAX_STREAMS = 64
MAX_QUEUE = 256
_SLICE = 0.04  # seconds of a newcomer's prompt between two steps of the others
_LEAST_ROWS = 8
_ALL_ROWS = 1 << 30
_POLL = 0.05  # seconds between looks at stop events when there is nothing to compute

Observer = Callable[[str, float], None]


@dataclass(frozen=True)
class Load:
    """How busy an engine is: speeches being spoken and waiting, and the most of each."""

    running: int
    waiting: int
    max_streams: int
    max_queue: int


class Engine:
    """The streams in flight of one model. Its thread starts with the first speech.

    observer: told of events and their values, from the engine's thread and quickly: first_audio (seconds since
    submit), wait (seconds in the queue), step (seconds), batch (frames in that step), late (seconds a live
    frame came after its time), audio (seconds of sound made), finished, cancelled, refused, failed (1).
    """

    def __init__(self, model: SpeechModel, schedule: str = "auto"):
        self.max_streams = MAX_STREAMS
        self.max_queue = MAX_QUEUE
        self.observers: list[Observer] = []
        self._model = model
        self._rate = model.sample_rate
        self._schedule = schedule
        self._lock = threading.Lock()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()  # its put() may interrupt anything
        self._idle = False  # whoever changes something has to ring
        self._running: list[Speech] = []
        self._waiting: deque[Speech] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._news: deque[tuple[str, float]] = deque()
        self._row_seconds = 0.0  # a prompt's row, as measured; 0 is not known yet
        _engines.add(self)

    # --- callers -------------------------------------------------------------------------------

    def submit(self, **options: Any) -> Speech:
        """A Speech (its options) that is spoken as parts are added. Raises BusyError when the queue is full."""
        threads = self._model.thread_limit()
        speech = Speech(self._lock, self._wake, self._rate, threads=threads, **options)
        with self._lock:
            if self._closed:
                raise RuntimeError("this model was closed: load it again")
            running, waiting = _unended(self._running), _unended(self._waiting)
            room = turns.keeps_up(self._running, time.monotonic(), self._rate)
            places = self.max_streams - running if room else 0  # for some of those who wait
            refused = waiting - places >= self.max_queue
            if not refused:
                self._waiting.append(speech)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pocket_fast engine", daemon=True)
                self._thread.start()
        if refused:
            self._tell("refused", 1.0)
        self._wake()
        if refused:
            raise BusyError(
                f"{running} listeners are being spoken to and {waiting} are waiting, which is the limit"
                f"{'' if room else ' while sound is not made faster than it is heard'}; "
                "try again later, or raise max_streams or max_queue",
                self._patience(),
            )
        return speech

    def load(self) -> Load:
        """How busy the engine is now."""
        with self._lock:
            return Load(_unended(self._running), _unended(self._waiting), self.max_streams, self.max_queue)

    def limit(self, max_streams: int | None, max_queue: int | None) -> None:
        """Change how many may be spoken to and wait; None: unchanged."""
        if max_streams is not None:
            self.max_streams = max_streams
        if max_queue is not None:
            self.max_queue = max_queue
        self._wake()

    def close(self) -> None:
        """End everything, within one frame. Nothing can be submitted any more. Takes no lock, like Speech.cancel."""
        self._closed = True
        self._wake()

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended, after close()."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _wake(self) -> None:
        if self._idle:
            self._bell.put(None)

    def _tell(self, event: str, value: float) -> None:
        self._news.append((event, value))

    def _report(self) -> None:
        """Tell the observers, without the lock: they may ask for the load, or wait for locks of their own."""
        while self._news:
            news = self._news.popleft()
            for observer in list(self.observers):
                try:
                    observer(*news)
                except Exception:
                    self.observers.remove(observer)
                    _log.exception("An observer of the engine failed at %s; it is told no more", news)

    def _patience(self) -> float:
        """A guess at when it may be worth trying again: a few seconds for every round of listeners ahead."""
        return float(min(60, max(1, math.ceil(5 * len(self._waiting) / self.max_streams))))

    # --- the engine's thread -------------------------------------------------------------------

    def _run(self) -> None:
        crew = Crew(self._model, self._schedule, self._deliver, self._fail)
        problem = None
        try:
            while self._take_turn(crew):
                pass
        except BaseException as error:  # ours: nobody may wait for ever; the next speech starts a new thread
            problem = error
        crew.close()
        with self._lock:
            for speech in [*self._running, *self._waiting]:
                if problem is None:
                    speech.drop()
                else:
                    speech.break_off(problem)
            self._running.clear()
            self._waiting.clear()
            if problem is not None:
                self._thread = None

    def _take_turn(self, crew: Crew) -> bool:
        turn = self._next_turn(crew)
        if turn is None:
            return False
        self._prompt(turn)
        self._step(turn, crew)
        self._report()
        return True

    def _next_turn(self, crew: Crew) -> turns.Turn | None:
        """What to do now; waits until there is something. None when the engine was closed."""
        while not self._closed:
            with self._lock:
                self._idle = True  # before looking: what changes from now on is rung for
                now = time.monotonic()
                self._sort_out(now)
                turn = turns.choose(self._running, now, self._rate, self._most_parts())
                if turn or crew.busy:
                    self._idle = False
                    return turn
                polled = any(
                    s.stop is not None or s.deadline is not None for s in (*self._running, *self._waiting)
                )
            crew.rest()
            self._report()
            self._sleep(_POLL if polled else None)
        return None

    def _most_parts(self) -> int:
        """Leave memory for newcomers, but let a single text fill a batch."""
        return max(turns.MOST_TOGETHER, 3 * self.max_streams // 4)

    def _sleep(self, timeout: float | None) -> None:
        if not self._closed:
            with contextlib.suppress(queue.Empty):
                self._bell.get(timeout=timeout)
        while not self._bell.empty():
            self._bell.get()

    def _sort_out(self, now: float) -> None:
        """Let go of who is done or gone, admit who fits, refuse who waited too long."""
        for speech in [*self._running, *self._waiting]:
            if speech.cancelled or (speech.stop is not None and speech.stop.is_set()):
                speech.drop()
        for group in (self._running, self._waiting):
            for speech in [s for s in group if s.ended]:
                group.remove(speech)
                outcome = "failed" if speech.error else "cancelled" if speech.cut_off else "finished"
                self._tell(outcome, 1.0)
        while (
            self._waiting
            and len(self._running) < self.max_streams
            and turns.keeps_up(self._running, now, self._rate)
        ):
            speech = self._waiting.popleft()
            self._running.append(speech)
            self._tell("wait", now - speech.submitted)
        for speech in [s for s in self._waiting if s.deadline is not None and now > s.deadline]:
            self._waiting.remove(speech)
            speech.break_off(
                BusyError("the deadline passed before it was this text's turn", self._patience())
            )
            self._tell("refused", 1.0)

    def _prompt(self, turn: turns.Turn) -> None:
        """Take in prompts: whole if nobody is in the middle of a sentence, else for about half a frame."""
        parts = []
        for part in turn.prompt:
            if part.utterance is None:
                try:
                    part.utterance = part.begin()
                except BaseException as error:  # only this one's fault
                    self._fail({0: part}, error)
                    continue
            parts.append(part)
        waiting = [u for part in parts if (u := part.utterance) is not None]
        if not waiting:
            return
        rows = _ALL_ROWS
        if turn.step:
            rows = max(_LEAST_ROWS, int(_SLICE / self._row_seconds)) if self._row_seconds else _LEAST_ROWS
        before, start = sum(u.prompt_left for u in waiting), time.perf_counter()
        try:
            self._model.prompt(waiting, rows, _threads(parts))
        except BaseException as error:
            self._fail(dict(enumerate(parts)), error)
            return
        taken = before - sum(u.prompt_left for u in waiting)
        if taken >= _LEAST_ROWS:
            self._row_seconds = (time.perf_counter() - start) / taken

    def _step(self, turn: turns.Turn, crew: Crew) -> None:
        pairs = [(u, part) for part in turn.step if (u := part.utterance) is not None]
        if not pairs:
            crew.finish()
            return
        who = {id(u): part for u, part in pairs}
        steady = len(pairs) == 1 and not turn.prompt and pairs[0][1].speech.first_sound is not None
        start = time.perf_counter()
        try:
            crew.step(who, [u for u, _ in pairs], _threads(who.values()), steady=steady)
        except BaseException as error:  # they hear of it; the others go on
            self._fail(who, error)
        self._tell("step", time.perf_counter() - start)
        self._tell("batch", len(pairs))

    def _deliver(
        self,
        who: dict[int, Part],
        frames: Sequence[Frame],
        sound: Sequence[np.ndarray],
        ended: Sequence[Utterance],
    ) -> None:
        """Hand the sound of a step to its listeners, and end the utterances that were over with it."""
        with self._lock:
            for frame, samples in zip(frames, sound, strict=True):
                self._hand_on(who[id(frame.utterance)], samples)
        for utterance in ended:
            part, problem = who[id(utterance)], None
            try:
                if not part.speech.ended:
                    part.speech.finished(utterance)
            except BaseException as error:
                problem = error
            with self._lock:
                part.speech.finish(part, problem)

    def _hand_on(self, part: Part, samples: np.ndarray) -> None:
        now, speech = time.monotonic(), part.speech
        slack, first = speech.slack(now), speech.first_sound is None
        speech.arrive(part, samples)
        if first and speech.first_sound is not None:
            self._tell("first_audio", now - speech.submitted)
        elif speech.live and not first:
            self._tell("late", max(0.0, -slack))
        self._tell("audio", len(samples) / self._rate)

    def _fail(self, who: dict[int, Part], error: BaseException) -> None:
        with self._lock:
            for part in who.values():
                part.speech.break_off(error)


def _unended(speeches: Iterable[Speech]) -> int:
    return sum(not speech.ended for speech in speeches)


def _threads(parts: Iterable[Part]) -> int:
    """The least that any of those who share a call set as their most; 0 if none did."""
    return min((part.speech.threads for part in parts if part.speech.threads), default=0)


class Engines:
    """The engine of a model in each process that uses it: a forked child has none of its parent's threads.

    They end when nobody holds this any more.
    """

    def __init__(self, model: SpeechModel, schedule: str):
        self._model = model
        self._schedule = schedule
        self._by_process: dict[int, Engine] = {}

    def here(self) -> Engine:
        """This process's engine."""
        process = os.getpid()
        if process not in self._by_process:
            engine = self._by_process.setdefault(process, Engine(self._model, self._schedule))
            weakref.finalize(self, engine.close)
        return self._by_process[process]


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """No thread may be computing while the interpreter goes away."""
    for engine in list(_engines):
        engine.close()
    for engine in list(_engines):
        engine.join(5.0)


if hasattr(
    os, "register_at_fork"
):  # a child has none of its parent's threads, and must not wait for their locks
    os.register_at_fork(after_in_child=_engines.clear)
