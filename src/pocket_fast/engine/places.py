"""Who is computed for, who waits for that, and who rests because there is nothing to compute.

A place is held only while something is computed: not by who waits for more text, or has a reader who does not read.
They keep what they have, and get a place again in turn. Everything here happens under the engine's lock.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain

from pocket_fast.engine import turns
from pocket_fast.engine.speech import Speech, Standing
from pocket_fast.errors import BusyError, IdleError

MAX_STREAMS = 64
MAX_QUEUE = 256
IDLE_BYTES = 1 << 30
POLL = 0.05  # seconds between looks at the stop events and deadlines of those who are not computed for
_LONGEST_REST = 1.0  # seconds between looks at who rests for too long


class Places:
    """The speeches of an engine that have not ended, at a sample rate; tell: of events, see engine.Engine.

    max_streams: most that are computed for at once; max_queue: most that wait for it, beyond whom newcomers are
    refused. idle_seconds: after so long without text or a reader one is ended. idle_bytes: what those without a place
    may keep in all; beyond it the one who rested longest is ended, or, where idle_seconds ends nobody, newcomers wait.
    """

    def __init__(self, rate: int, tell: Callable[[str, float], None]):
        self.max_streams = MAX_STREAMS
        self.max_queue = MAX_QUEUE
        self.idle_seconds = math.inf
        self.idle_bytes = IDLE_BYTES
        self.running: list[Speech] = []
        self.kept = 0  # bytes, of those without a place
        self._new: deque[Speech] = deque()  # who waits to be computed for the first time, in turn
        self._back: deque[Speech] = deque()  # who waits for it again, in turn
        self._resting: dict[Speech, None] = {}  # by when they came to rest
        self._left: deque[Speech] = deque()  # appended to without the lock
        self._rate = rate
        self._tell = tell
        self._looked = 0.0

    # --- who is there --------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many wait to be computed for."""
        return sum(not speech.ended for speech in chain(self._new, self._back))

    @property
    def resting(self) -> int:
        """How many have nothing to compute, because they wait for text or have a reader who does not read; also those
        whose place the next turn takes for that."""
        idle = (speech for speech in self.running if not turns.wants(speech, self._rate))
        return sum(not speech.ended for speech in chain(self._resting, idle))

    @property
    def computed_for(self) -> int:
        """How many hold a place and need it."""
        return sum(turns.wants(speech, self._rate) for speech in self.running)

    def refusal(self, now: float) -> BusyError | None:
        """Why one more may not even wait, if that is so."""
        running, waiting = self.computed_for, self.waiting
        free = self.max_streams - running if self._has_room(now) else 0  # for some of those who wait
        if waiting - free < self.max_queue:
            return None
        slow = not turns.keeps_up(self.running, now, self._rate)
        return BusyError(
            f"{running} listeners are being spoken to and {waiting} are waiting, which is the limit"
            f"{' while sound is not made faster than it is heard' if slow else ''}; "
            "try again later, or raise max_streams or max_queue",
            self.retry_after(),
        )

    def retry_after(self) -> float:
        """A guess at when it may be worth trying again: a few seconds for every round of listeners ahead."""
        return float(min(60, max(1, math.ceil(5 * self.waiting / self.max_streams))))

    def next_look(self, now: float) -> float | None:
        """Seconds until sort_out() has to be called although nothing happened; None: it has not."""
        if any(s.stop is not None for s in self._resting) or self._new or self._back:
            return POLL
        if not self._resting or self.idle_seconds == math.inf:
            return None
        first = min(speech.touched for speech in self._resting)
        return max(POLL, min(_LONGEST_REST, first + self.idle_seconds - now))

    # --- coming and going ----------------------------------------------------------------------

    def come(self, speech: Speech) -> None:
        """A new one, which needs no place before it has something to say."""
        self._resting[speech] = None

    def stirred(self, speech: Speech) -> None:
        """Something happened to one that is not computed for."""
        if speech.ended:
            self._leave(speech)
        elif speech.standing is Standing.RESTING and turns.wants(speech, self._rate):
            self._line_up(speech)

    def end(self, error: BaseException | None) -> None:
        """Everyone has to leave; error: what happened, None: nobody is to listen any more."""
        for speech in [*self.running, *self._new, *self._back, *self._resting]:
            if error is None:
                speech.drop()
            else:
                speech.break_off(error)
            self._leave(speech)

    def leave_later(self, speech: Speech) -> None:
        """Nobody listens to it any more. May be called without the lock, in the middle of anything."""
        self._left.append(speech)

    def rest(self, speech: Speech, now: float) -> None:
        """There is nothing to compute for one that was computed for."""
        if speech.ended:
            self._leave(speech)
            return
        self._give_place_up(speech)
        speech.standing = Standing.RESTING
        speech.touched = now
        speech.in_sound = speech.live and bool(speech.parts)
        self._resting[speech] = None
        while self.kept > self.idle_bytes and self.idle_seconds < math.inf:
            keeping = [s for s in self._resting if s.kept]
            if not keeping:
                return
            longest = min(keeping, key=lambda s: s.touched)
            longest.give_up(
                IdleError(
                    f"ended after {now - longest.touched:.1f} s without being read or written to: its memory was "
                    f"needed for others (idle_bytes {self.idle_bytes})"
                )
            )

    def sort_out(self, now: float) -> None:
        """Let go of who is done or gone, refuse who waited too long, and give places to those whose turn it is."""
        while self._left:
            self._left.popleft().drop()
        for speech in _stopped(self.running):
            speech.drop()
        for speech in [s for s in self.running if s.ended]:
            self._leave(speech)
        if look := now - self._looked >= POLL:
            self._looked = now
            for speech in _stopped(chain(self._new, self._back, self._resting)):
                speech.drop()
        self._admit(now)
        if look:
            self._refuse_late(now)
            self._end_idle(now)

    def _refuse_late(self, now: float) -> None:
        for speech in [s for s in self._new if s.patience is not None and now > s.lined_up + s.patience]:
            speech.break_off(
                BusyError("the deadline passed before it was this text's turn", self.retry_after())
            )

    def _end_idle(self, now: float) -> None:
        if self.idle_seconds == math.inf:
            return
        for speech in [s for s in self._resting if now - s.touched >= self.idle_seconds]:
            waited = "its listener took no sound" if speech.parts else "no text came"
            speech.give_up(
                IdleError(
                    f"ended because {waited} for {self.idle_seconds:g} s, which is the limit (idle_seconds)"
                )
            )

    def _line_up(self, speech: Speech) -> None:
        now = time.monotonic()
        if not speech.admitted and (busy := self.refusal(now)) is not None:
            speech.break_off(busy)
            return
        del self._resting[speech]
        self._wait(speech, now)

    def _wait(self, speech: Speech, now: float) -> None:
        speech.standing = Standing.WAITING
        speech.lined_up = now
        speech.in_sound = speech.in_sound and speech.slack(now) > 0
        (self._back if speech.admitted else self._new).append(speech)

    def _admit(self, now: float) -> None:
        while self._back or self._new:
            if (dry := turns.runs_dry(self._back, now)) is not None:
                if not self._is_free():
                    other = turns.has_plenty(self.running, now)
                    if other is None:
                        return
                    self._give_place_up(other)
                    other.in_sound = other.live
                    self._wait(other, now)
                self._back.remove(dry)
                self._run(dry)
                continue
            if not self._is_free():
                return
            new = self._new[0] if self._new and self._has_room(now) else None
            back = self._back[0] if self._back else None
            if back is not None and (new is None or back.lined_up <= new.lined_up):
                self._run(self._back.popleft())
            elif new is not None:
                self._run(self._new.popleft())
                self._tell("wait", now - new.lined_up)
            else:
                return

    def _is_free(self) -> bool:
        return len(self.running) < self.max_streams

    def _has_room(self, now: float) -> bool:
        """Whether one more newcomer could be let in, if there were a place."""
        if not turns.keeps_up(self.running, now, self._rate):
            return False
        if self.kept <= self.idle_bytes:
            return True
        keeping = sum(speech.kept > 0 for speech in chain(self._back, self._resting))
        return len(self.running) + keeping < self.max_streams

    def _run(self, speech: Speech) -> None:
        self._forget_kept(speech)
        speech.standing = Standing.RUNNING
        speech.admitted = True
        self.running.append(speech)

    def _give_place_up(self, speech: Speech) -> None:
        self.running.remove(speech)
        speech.kept = speech.nbytes
        self.kept += speech.kept

    def _forget_kept(self, speech: Speech) -> None:
        self.kept -= speech.kept
        speech.kept = 0

    def _leave(self, speech: Speech) -> None:
        if speech.standing is Standing.RUNNING:
            self.running.remove(speech)
        elif speech.standing is Standing.WAITING:
            (self._back if speech.admitted else self._new).remove(speech)
        elif speech.standing is Standing.RESTING:
            del self._resting[speech]
        else:
            return
        self._forget_kept(speech)
        speech.standing = Standing.GONE
        error = speech.error
        outcome = "cancelled" if speech.cut_off else "finished"
        if error is not None:
            kinds = {BusyError: "refused", IdleError: "abandoned"}
            outcome = kinds.get(type(error), "failed")
        self._tell(outcome, 1.0)


def _stopped(speeches: Iterable[Speech]) -> list[Speech]:
    return [s for s in speeches if s.stop is not None and s.stop.is_set()]
