"""Listening to a speech, in a thread or in an event loop, and feeding it text that is still being written."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import numpy as np

from pocket_fast.engine.speech import Begin, Speech

Parts = Callable[[str], Iterable[Begin | int]]


def listen(speech: Speech) -> Iterator[np.ndarray]:
    """Its sound as it is made; leaving early cancels it."""
    try:
        while (sound := speech.take()) is not None:
            yield sound
    finally:
        speech.cancel()


def feed(speech: Speech, passages: Iterable[str], parts: Parts) -> None:
    """Give `speech` the parts of each passage as it comes, in a thread of its own: passages may wait for their
    writer. What they raise ends the speech."""

    def run() -> None:
        try:
            for passage in passages:
                if speech.ended:
                    return
                speech.add(parts(passage))
            speech.close()
        except BaseException as error:
            speech.fail(error)

    threading.Thread(target=run, name="pocket_fast text", daemon=True).start()


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


async def alisten(speech: Speech, bell: Bell, feeding: Any = None) -> AsyncIterator[np.ndarray]:
    """Its sound as it is made, without blocking the loop; leaving early, or a cancelled task, cancels it.

    bell: rung by the speech (its option `notify`); feeding: a coroutine to run meanwhile, that gives it text.
    """
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
    finally:
        speech.cancel()
        if task is not None:
            task.cancel()


async def afeed(speech: Speech, passages: AsyncIterator[str], parts: Parts) -> None:
    """feed() for passages that come in an event loop; planning a passage is quick enough to be done there."""
    try:
        async for passage in passages:
            speech.add(parts(passage))
        speech.close()
    except Exception as error:
        speech.fail(error)
