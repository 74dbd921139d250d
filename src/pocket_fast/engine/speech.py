"""What one listener hears: the parts of a text in order, wherever and whenever they are made.

The engine's thread puts frames in, one listener takes sound out. Everything here happens under the engine's
lock, which `Speech` receives; only `take`, `add`, `close` and `fail` are called without it, and `cancel` anywhere.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import zip_longest
from typing import Any

import numpy as np

from pocket_fast.models.contract import Utterance

_FADES_PER_SECOND = 200  # 5 ms each
_SILENCE_BLOCK = 24000  # longest array of zeros handed out at once
_POLL = 0.05  # seconds between looks at a caller's stop event
_BYTES = 4  # of a sample

Begin = Callable[[], Any]


class Standing(Enum):
    """Where a speech is: computed for; waiting for that; resting, while there is nothing to compute; or gone."""

    RUNNING = 1
    WAITING = 2
    RESTING = 3
    GONE = 4


class Part:
    """One utterance on its way: not begun, in flight, or over."""

    __slots__ = ("begin", "error", "fades", "heard", "over", "ready", "speech", "utterance")

    def __init__(self, speech: Speech, begin: Begin, fades: bool = False):
        self.speech = speech
        self.begin = begin
        self.fades = fades  # into a silence
        self.utterance: Utterance | None = None
        self.ready: deque[np.ndarray] = deque()  # sound whose turn has not come
        self.over = False
        self.heard = False  # its first sound was handed over
        self.error: BaseException | None = None  # the listener hears of it after this part's sound


class Speech:
    """The parts of one text and their sound.

    stirred: told, under the lock, that something happened to a speech that is not RUNNING; left: told, without
    it, that nobody listens any more.
    live: a listener hears it as it comes, so the engine keeps it a little ahead of the clock and not much more;
    otherwise several parts are made at once. sequential: a part begins only when the one before it is over.
    finished: told of every utterance that was spoken to its end, before the next part begins if sequential.
    began: told of every part and of the samples before it when its first sound is taken, by who takes it.
    stop: when set, everything ends within one frame. patience: most seconds to wait until it is first computed for.
    threads: most that may work on it, 0 for all.
    """

    def __init__(
        self,
        lock: threading.Lock,
        stirred: Callable[[Speech], None],
        left: Callable[[Speech], None],
        sample_rate: int,
        *,
        live: bool = True,
        sequential: bool = False,
        finished: Callable[[Any], None] = lambda utterance: None,
        began: Callable[[Begin, int], None] = lambda begin, samples: None,
        stop: threading.Event | None = None,
        patience: float | None = None,
        threads: int = 0,
        notify: Callable[[], None] = lambda: None,
    ):
        self.live = live
        self.sequential = sequential
        self.finished = finished
        self._began = began
        self.stop = stop
        self.patience = patience
        self.threads = threads
        self.standing = Standing.RESTING
        self.asked = self.touched = time.monotonic()  # when its text came; when its writer or reader last did
        self.lined_up: float | None = None  # since when it waits, or waited last
        self.in_sound = False  # its listener had sound in hand then, with more to come
        self.admitted = False  # it was computed for before
        self.kept = 0  # bytes that count for it while it has no place
        self.first_sound: float | None = None  # when the listener could first hear something
        self.parts: deque[Part | int] = deque()  # not fully handed over yet; a number is silent samples
        self.complete = False  # no more parts will be added
        self.given = 0  # samples handed over to the listener's side, silences included
        self.unread = 0  # samples of speech handed over and not taken
        self.made_ahead = 0  # samples whose turn has not come
        self.cancelled = False  # nobody listens any more
        self.cut_off = False  # nor was everything made by then
        self.error: BaseException | None = None
        # sound, silent samples, and before its first sound which part begins and after how many samples
        self._out: deque[np.ndarray | int | tuple[Begin, int]] = deque()
        self._lock = lock
        self._arrived = threading.Condition(lock)
        self._stirred = stirred
        self._left = left
        self._notify = notify
        self._rate = sample_rate

    # --- the caller's side ---------------------------------------------------------------------

    def add(self, parts: Iterable[Begin | int]) -> None:
        """More to say: functions that begin utterances, and numbers of silent samples."""
        with self._lock:
            if self.ended:
                return
            now = time.monotonic()
            if not self.parts:  # the text was late, not its sound
                if self.first_sound is None:
                    self.asked = now
                else:
                    self.first_sound = max(self.first_sound, now - self.given / self._rate)
            self.parts.extend(self._parts(list(parts)))
            self._hand_over()
            self._stir(now)

    def _parts(self, given: list[Begin | int]) -> Iterator[Part | int]:
        for begin, after in zip_longest(given, given[1:]):
            # what is added later does not count: the sound would depend on when that is
            yield begin if isinstance(begin, int) else Part(self, begin, isinstance(after, int))

    def close(self) -> None:
        """Nothing more will be added."""
        with self._lock:
            self.complete = True
            self._hand_over()
            self._announce()
            self._stir(time.monotonic())

    def touch(self) -> None:
        """Its writer has done something, if not enough to say more."""
        self.touched = time.monotonic()

    def is_full(self, parts: int) -> bool:
        """So many parts wait to be spoken that more had better wait."""
        return len(self.parts) >= parts

    def cancel(self) -> None:
        """Forget everything: computing ends within one frame, and the listener hears no more.

        Takes no lock: the garbage collector may close a listener in the middle of anything, in any thread.
        """
        self._cut()
        self._left(self)

    def fail(self, error: BaseException) -> None:
        """Nothing more will be added, because of `error`: the listener hears of it after what was added before."""
        with self._lock:
            if not self.ended:
                end = Part(self, lambda: None)
                end.over, end.error = True, error
                self.parts.append(end)
                self.complete = True
                self._hand_over()
                self._stir(time.monotonic())

    def take(self, timeout: float | None = None) -> np.ndarray | None:
        """The next sound, (samples,) float32; None at the end. Raises what ended it, TimeoutError after `timeout`."""
        until = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            while True:
                if self.stop is not None and self.stop.is_set():
                    self.drop()
                if self.cancelled:
                    return None
                if self._out:
                    begin = self._out.popleft() if isinstance(self._out[0], tuple) else None
                    sound = self._next_sound()
                    if self.standing is not Standing.RUNNING:
                        self._stir(time.monotonic())
                    break
                if self.error is not None:
                    raise self.error
                if self.complete and not self.parts:
                    return None
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError
                if self.stop is not None:
                    left = _POLL if left is None else min(left, _POLL)
                self._arrived.wait(left)
        if begin is not None:
            self._began(*begin)  # without the lock: it is the caller's
        return sound

    def _next_sound(self) -> np.ndarray:
        sound = self._out.popleft()
        if isinstance(sound, int):
            if sound > _SILENCE_BLOCK:
                self._out.appendleft(sound - _SILENCE_BLOCK)
            return np.zeros(min(sound, _SILENCE_BLOCK), dtype=np.float32)
        self.unread -= len(sound)
        return sound

    def _stir(self, now: float) -> None:
        """Its writer or reader did something."""
        self.touched = now
        if self.standing is not Standing.RUNNING:
            self._stirred(self)

    # --- the engine's side, under the lock -----------------------------------------------------

    @property
    def ended(self) -> bool:
        """Nothing is left to compute."""
        return self.cancelled or self.error is not None or (self.complete and not self.parts)

    @property
    def nbytes(self) -> int:
        """Bytes of what it keeps: its utterances, and sound that nobody has taken."""
        total = _BYTES * (self.unread + self.made_ahead)
        for part in self.parts:
            if isinstance(part, Part) and not part.over:
                if part.utterance is None:  # nor are those behind it begun
                    break
                total += part.utterance.nbytes
        return total

    def slack(self, now: float) -> float:
        """Seconds of sound the listener has in hand; before the first sound, minus the seconds it has waited.

        What was handed over plays since the first sound, but what was not taken cannot have been heard.
        """
        if self.first_sound is None:
            return self.asked - now
        by_the_clock = self.given / self._rate - (now - self.first_sound)
        return max(by_the_clock, self.unread / self._rate) if self.unread else by_the_clock

    def arrive(self, part: Part, sound: np.ndarray) -> None:
        """A frame of a part."""
        if not self.ended:
            part.ready.append(sound)
            self.made_ahead += len(sound)
            self._hand_over()

    def finish(self, part: Part, error: BaseException | None = None) -> None:
        """No more frames will come of a part; `error`: something was wrong with how it ended."""
        part.over, part.utterance, part.error = True, None, error
        self._hand_over()
        if self.ended:
            self._announce()

    def drop(self) -> None:
        """Let go of everything."""
        self._cut()
        self._let_go()
        self._forget_sound()
        self._announce()

    def break_off(self, error: BaseException) -> None:
        """End now with `error`: the listener hears of it after the sound that was handed over."""
        if not self.cancelled:
            self.error = self.error or error
        self._let_go()
        self._announce()

    def give_up(self, error: BaseException) -> None:
        """End now with `error`, and forget what nobody took."""
        self._forget_sound()
        self.break_off(error)

    def _cut(self) -> None:
        # in this order: who sees that it was cancelled may ask at once whether that cut it off
        self.cut_off = self.cut_off or bool(self.parts) or not self.complete
        self.cancelled = True

    def _let_go(self) -> None:
        for part in self.parts:
            if isinstance(part, Part):
                part.utterance = None
        self.parts.clear()
        self.made_ahead = 0

    def _forget_sound(self) -> None:
        self._out.clear()
        self.unread = 0

    def _announce(self) -> None:
        self._arrived.notify_all()
        self._notify()
        if self.ended and self.standing is not Standing.RUNNING:
            self._stirred(self)

    def _hand_over(self) -> None:
        """Give the listener everything whose turn has come.

        Speech before a silence fades out over its last 5 ms, so that a pause never clicks: its latest frame
        waits until the next one tells whether it was the last.
        """
        before, now = self.given, time.monotonic()
        while self.parts:
            part = self.parts[0]
            if isinstance(part, int):
                if part:
                    self._out.append(part)
                self.given += part
                self.parts.popleft()
                continue
            keep = 1 if part.fades and not part.over else 0
            if part.fades and part.over and part.ready:
                _fade_out(part.ready[-1], self._rate // _FADES_PER_SECOND)
            if len(part.ready) > keep and not part.heard:
                part.heard = True
                self._out.append((part.begin, self.given))
            while len(part.ready) > keep:
                sound = part.ready.popleft()
                self._out.append(sound)
                self.given += len(sound)
                self.unread += len(sound)
                self.made_ahead -= len(sound)
            if not part.over:
                break
            self.parts.popleft()
            if part.error is not None:
                self.break_off(part.error)
        if self.given > before:
            if self.first_sound is None:
                self.first_sound = now
            elif (dry := now - self.first_sound - before / self._rate) > 0:
                self.first_sound += dry  # the listener heard a gap and goes on from here
            self._announce()


def _fade_out(sound: np.ndarray, samples: int) -> None:
    n = min(samples, len(sound))
    sound[len(sound) - n :] *= np.linspace(1, 0, n, dtype=np.float32)
