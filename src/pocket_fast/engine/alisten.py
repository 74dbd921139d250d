"""listen.py for event loops, and apart from it: asyncio takes as long to import as three frames to compute."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any

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
