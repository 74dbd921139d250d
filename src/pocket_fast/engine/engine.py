"""The engine: one thread that drives every utterance of a model, alone or among many.

Listeners join and leave between steps. What one hears does not depend on the others (models/contract.py).
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.engine import turns
from pocket_fast.engine.intake import Intake, least_threads
from pocket_fast.engine.places import Places
from pocket_fast.engine.schedule import Crew
from pocket_fast.engine.speech import Part, Speech
from pocket_fast.engine.work import Work, Works
from pocket_fast.models.contract import Frame, Slices, SpeechModel, T, Utterance

_log = logging.getLogger("pocket_fast")

Observer = Callable[[str, float], None]


@dataclass(frozen=True)
class Load:
    """How busy an engine is: speeches that something is computed for, that wait for it, and the most of each; and
    those that rest, because they wait for text or have a reader who does not read; with the bytes that all without
    a place keep.
    """

    running: int
    waiting: int
    max_streams: int
    max_queue: int
    resting: int = 0
    resting_bytes: int = 0


class Engine:
    """The streams in flight of one model. Its thread starts with the first speech.

    observer: told of events and their values, from the engine's thread and quickly: first_audio (seconds since
    the text came), wait (seconds in the queue), step (seconds), batch (frames in that step), late (seconds a live
    frame came after its time), audio (seconds of sound made), finished, cancelled, refused, abandoned, failed (1).
    """

    def __init__(self, model: SpeechModel, schedule: str = "auto"):
        self.observers: list[Observer] = []
        self._model = model
        self._rate = model.sample_rate
        self._schedule = schedule
        self._lock = threading.Lock()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()  # its put() may interrupt anything
        self._idle = False  # whoever changes something has to ring
        self._places = Places(self._rate, self._tell)
        self._works = Works()
        self._intake = Intake(model, self._fail)
        self._thread: threading.Thread | None = None
        self._closed = False
        self._news: deque[tuple[str, float]] = deque()
        _engines.add(self)

    # --- callers -------------------------------------------------------------------------------

    def submit(self, **options: Any) -> Speech:
        """A Speech (its options) that is spoken as parts are added. Raises BusyError when the queue is full."""
        threads = self._model.thread_limit()
        speech = Speech(self._lock, self._stirred, self._left, self._rate, threads=threads, **options)
        with self._lock:
            self._begin()
            busy = self._places.refusal(time.monotonic())
            if busy is None:
                self._places.come(speech)
        if busy is not None:
            self._tell("refused", 1.0)
        self._wake()
        if busy is not None:
            raise busy
        return speech

    def compute(self, begin: Callable[[int], Slices[T]], stop: threading.Event | None = None) -> T:
        """What the slices that `begin` gives return in the end, computed beside speech; waits for it.

        begin: told the most threads to use, 0 for all. stop: set it to give up. Raises StoppedError, and what the
        slices raise.
        """
        slices = begin(self._model.thread_limit())
        work = Work(slices, stop)
        with self._lock:
            self._begin()
            self._works.add(work)
        self._wake()
        return work.wait()

    def load(self) -> Load:
        """How busy the engine is now."""
        with self._lock:
            places = self._places
            return Load(
                places.computed_for,
                places.waiting,
                places.max_streams,
                places.max_queue,
                places.resting,
                places.kept,
            )

    def limit(
        self,
        max_streams: int | None = None,
        max_queue: int | None = None,
        idle_seconds: float | None = None,
        idle_bytes: int | None = None,
    ) -> None:
        """Change the limits of engine.places.Places; None: unchanged."""
        given = {
            "max_streams": max_streams,
            "max_queue": max_queue,
            "idle_seconds": idle_seconds,
            "idle_bytes": idle_bytes,
        }
        with self._lock:
            for name, value in given.items():
                if value is not None:
                    setattr(self._places, name, value)
        self._wake()

    def close(self) -> None:
        """End everything, within one frame. Nothing can be submitted any more. Takes no lock, like Speech.cancel."""
        self._closed = True
        self._wake()

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended, after close()."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _begin(self) -> None:
        """Have the thread running, under the lock. Raises what keeps it from starting; then nothing has changed."""
        if self._closed:
            raise RuntimeError("this model was closed: load it again")
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="pocket_fast engine", daemon=True)
            thread.start()
            self._thread = thread

    def _stirred(self, speech: Speech) -> None:
        """Under the lock: something happened to a speech that is not computed for."""
        before = speech.standing
        self._places.stirred(speech)
        if speech.standing is not before:
            self._wake()

    def _left(self, speech: Speech) -> None:
        """Nobody listens to it any more. Takes no lock."""
        self._places.leave_later(speech)
        self._wake()

    def _wake(self) -> None:
        if self._idle:
            self._bell.put(None)

    def _tell(self, event: str, value: float) -> None:
        if self.observers:
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
            if problem is not None:
                self._thread = None
            self._works.end(problem or RuntimeError("this model was closed"))
            self._places.end(problem)

    def _take_turn(self, crew: Crew) -> bool:
        turn = self._next_turn(crew)
        if turn is None:
            return False
        if turn.begin:
            self._intake.begin(turn.begin)
            with self._lock:
                turn = self._choose(time.monotonic())
        self._step(turn, crew)
        if turn.prompt:
            self._intake.take_in(turn.prompt)
        if self._works:
            self._works.take_turn(busy=turn.urgent or bool(turn.prompt))
        self._report()
        return True

    def _next_turn(self, crew: Crew) -> turns.Turn | None:
        """What to do now; waits until there is something. None when the engine was closed."""
        while not self._closed:
            with self._lock:
                self._idle = True  # before looking: what changes from now on is rung for
                now = time.monotonic()
                self._places.sort_out(now)
                turn = self._choose(now)
                if turn or crew.busy or self._works:
                    self._idle = False
                    return turn
                if turn.idle and self._places.waiting:
                    continue  # the places they held are free now
                next_look = self._places.next_look(now)
            crew.rest()
            self._report()
            self._sleep(next_look)
        return None

    def _choose(self, now: float) -> turns.Turn:
        turn = turns.choose(
            self._places.running, now, self._rate, self._most_parts(), self._model.most_together
        )
        for speech in turn.idle:
            self._places.rest(speech, now)
        return turn

    def _most_parts(self) -> int:
        """Leave memory for newcomers, but let a single text fill a batch."""
        return max(self._model.most_together, 3 * self._places.max_streams // 4)

    def _sleep(self, timeout: float | None) -> None:
        if not self._closed:
            with contextlib.suppress(queue.Empty):
                self._bell.get(timeout=timeout)
        while not self._bell.empty():
            self._bell.get()

    def _step(self, turn: turns.Turn, crew: Crew) -> None:
        pairs = [(u, part) for part in turn.step if (u := part.utterance) is not None]
        if not pairs:
            crew.finish()
            return
        who = {id(u): part for u, part in pairs}
        alone = len(pairs) == 1 and not turn.prompt and not self._works
        steady = alone and pairs[0][1].speech.first_sound is not None
        start = time.perf_counter()
        try:
            utterances, threads = [u for u, _ in pairs], least_threads(who.values())
            crew.step(who, utterances, threads, steady=steady, can_wait=turn.can_wait)
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
            self._tell("first_audio", now - speech.asked)
        elif speech.live and not first:
            self._tell("late", max(0.0, -slack))
        self._tell("audio", len(samples) / self._rate)

    def _fail(self, who: dict[int, Part], error: BaseException) -> None:
        with self._lock:
            for part in who.values():
                part.speech.break_off(error)


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


# a child has none of its parent's threads, and must not wait for their locks
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_engines.clear)
