"""Listening to a speech, in a thread or in an event loop, and feeding it text that is still being written."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import numpy as np

from pocket_fast.engine.speech import Begin, Speech
from pocket_fast.errors import TextError

Parts = Callable[[str], Iterable[Begin | int]]
Passages = Callable[[Iterable[str]], Iterable[str]]
APassages = Callable[[AsyncIterable[str]], AsyncIterable[str]]

_MOST_WAITING = 64  # parts added but not spoken: a writer who is faster has to wait
_POLL = 0.05  # seconds between looks at how many there are


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
    own: they may wait for their writer. What they raise ends the speech, after what came before."""

    def run() -> None:
        said = False
        try:
            for passage in passages(_while_heard(speech, pieces)):
                while speech.is_full(_MOST_WAITING):
                    time.sleep(_POLL)
                speech.add(parts(passage))
                said = True
            _end(speech, said)
        except BaseException as error:
            speech.fail(error)

    threading.Thread(target=run, name="pocket_fast text", daemon=True).start()


async def afeed(speech: Speech, pieces: AsyncIterable[str], passages: APassages, parts: Parts) -> None:
    """feed() for pieces that come in an event loop; planning a passage is quick enough to be done there."""
    said = False
    try:
        async for passage in passages(pieces):
            while speech.is_full(_MOST_WAITING):
                await asyncio.sleep(_POLL)
            speech.add(parts(passage))
            said = True
        _end(speech, said)
    except BaseException as error:
        speech.fail(error)
        if not isinstance(error, Exception):
            raise


def _while_heard(speech: Speech, pieces: Iterable[str]) -> Iterator[str]:
    for piece in pieces:
        if speech.ended:
            return
        yield piece


def _end(speech: Speech, said: bool) -> None:
    if not said:
        raise TextError("the text is blank: nothing came that can be spoken")
    speech.close()


class Bell:
    """Wakes an event loop when there is something to take."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """From any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self) -> None:
        await self._rung.wait()
        self._rung.clear()


class _Leaving:
    """Cancels a speech when its listener is forgotten: a loop that was closed early ends no generator."""

    def __init__(self, speech: Speech):
        self.now = speech.cancel

    def __del__(self) -> None:
        self.now()


async def alisten(speech: Speech, bell: Bell, feeding: Any = None) -> AsyncIterator[np.ndarray]:
    """Its sound as it is made, without blocking the loop; leaving early, or a cancelled task, cancels it.

    bell: rung by the speech (its option `notify`); feeding: a coroutine to run meanwhile, that gives it text.
    """
    leaving = _Leaving(speech)
    task = None if feeding is None else asyncio.ensure_future(feeding)
    try:
        while True:
            try:
                sound = speech.take(0)
            except TimeoutError:
                await bell.wait()
                continue
            if sound is None:
                return
            yield sound
            await asyncio.sleep(0)  # much may be there already, and others want their turn too
    finally:
        leaving.now()
        if task is not None:
            task.cancel()
