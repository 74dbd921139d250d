"""listen.py for event loops, and apart from it: asyncio takes as long to import as three frames to compute."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from pocket_fast.engine.listen import MOST_WAITING, POLL, Parts, end
from pocket_fast.engine.speech import Speech

SHORT = 300  # characters that are planned within milliseconds
APassages = Callable[[AsyncIterable[str]], AsyncIterable[str]]


async def afeed(speech: Speech, pieces: AsyncIterable[str], passages: APassages, parts: Parts) -> None:
    """feed() for pieces that come in an event loop, where short passages are quick enough to be planned."""
    said = False
    try:
        async for passage in passages(_touching(speech, pieces)):
            while speech.is_full(MOST_WAITING):
                await asyncio.sleep(POLL)
            given = parts(passage)
            if len(passage) > SHORT:
                given = await asyncio.to_thread(list, given)
            for piece in given:
                speech.add(piece)
                said = said or bool(piece)
            await asyncio.sleep(0)  # many may be there at once, and others want their turn too
        end(speech, said)
    except BaseException as error:
        speech.fail(error)
        if not isinstance(error, Exception):
            raise


async def _touching(speech: Speech, pieces: AsyncIterable[str]) -> AsyncIterator[str]:
    async for piece in pieces:
        speech.touch()
        yield piece


class Bell:
    """Wakes an event loop when there is something to take."""

    def __init__(self) -> None:
        self._rings = _Rings.here()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """From any thread."""
        self._rings.add(self._rung)

    async def wait(self) -> None:
        await self._rung.wait()
        self._rung.clear()


class _Rings:
    """Those of an event loop that it has not heard yet: it is woken once for all of them.

    A step of the engine rings for everyone in its batch, and each call of a loop gives Python's lock away.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._unheard: deque[asyncio.Event] = deque()
        self._is_called = False

    @classmethod
    def here(cls) -> _Rings:
        """Of the running loop."""
        loop = asyncio.get_running_loop()
        rings = _by_loop.get(id(loop))
        if rings is None:
            _by_loop[id(loop)] = rings = cls(loop)
        return rings

    def add(self, rung: asyncio.Event) -> None:
        """From any thread."""
        self._unheard.append(rung)
        if not self._is_called:
            self._is_called = True
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._hear)

    def _hear(self) -> None:
        self._is_called = False  # before looking: who rings from now on calls again
        while self._unheard:
            self._unheard.popleft().set()


# they hold their loops, so that no other loop can have the same id; bells hold them
_by_loop: WeakValueDictionary[int, _Rings] = WeakValueDictionary()


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
