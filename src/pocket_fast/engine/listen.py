"""Listening to a speech, and feeding it text that is still being written; for event loops see alisten.py."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from pocket_fast.engine.speech import Begin, Speech
from pocket_fast.errors import TextError

Parts = Callable[[str], Iterable[Sequence[Begin | int]]]  # of a passage, a few at a time
Passages = Callable[[Iterable[str]], Iterable[str]]

MOST_WAITING = 64  # parts added but not spoken: a writer who is faster has to wait
POLL = 0.05  # seconds between looks at how many there are
_BUSY = 0.002  # seconds of planning after which others get their turn,
_PAUSE = 0.0005  # for so long at least

P = TypeVar("P")
# what only Python computes: more threads at it would be no faster, but stand in the way
_planning = threading.Lock()


def _forget() -> None:
    global _planning
    _planning = threading.Lock()


if hasattr(os, "register_at_fork"):  # whoever plans in the parent is not there in a child
    os.register_at_fork(after_in_child=_forget)


def listen(speech: Speech) -> Iterator[np.ndarray]:
    """Its sound as it is made; leaving early cancels it."""
    process = os.getpid()
    try:
        while (sound := speech.take()) is not None:
            yield sound
            if os.getpid() != process:
                raise RuntimeError(
                    "this stream was begun in the parent process: a forked child has to begin its own"
                )
    finally:
        speech.cancel()


def feed(speech: Speech, pieces: Iterable[str], passages: Passages, parts: Parts) -> None:
    """Give `speech` the parts of each of the `passages` that `pieces` make up, as they come, in a thread of its
    own: they may wait for their writer, and much text takes long to plan. What they raise ends the speech, after what
    came before."""

    def run() -> None:
        said = False
        try:
            for passage in passages(_while_heard(speech, pieces)):
                while speech.is_full(MOST_WAITING):
                    time.sleep(POLL)
                for given in _in_turns(parts(passage)):
                    speech.add(given)
                    said = said or bool(given)
                    if speech.ended:
                        return
            end(speech, said)
        except BaseException as error:
            speech.fail(error)

    thread = threading.Thread(target=run, name="pocket_fast text", daemon=True)
    try:
        thread.start()
    except BaseException:
        speech.cancel()
        raise


def _in_turns(planned: Iterable[P]) -> Iterator[P]:
    """What is planned, by one thread at a time for a short time each. Python lets one thread compute at once, and of
    many that want to, the engine's and the event loop's would be but two."""
    left, spent = iter(planned), 0.0
    while True:
        with _planning:
            since = time.perf_counter()
            one = next(left, None)
            spent += time.perf_counter() - since
        if one is None:
            return
        yield one
        if spent > _BUSY:
            time.sleep(_PAUSE)
            spent = 0.0


def _while_heard(speech: Speech, pieces: Iterable[str]) -> Iterator[str]:
    for piece in pieces:
        if speech.ended:
            return
        speech.touch()
        yield piece


def end(speech: Speech, said: bool) -> None:
    """Nothing more will be said. Raises TextError if nothing was."""
    if not said:
        raise TextError("the text is blank: nothing came that can be spoken")
    speech.close()
