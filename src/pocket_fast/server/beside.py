"""What takes milliseconds is done beside the event loop, which has everyone else to look after meanwhile."""

from __future__ import annotations

import asyncio
import contextvars
import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

P = TypeVar("P")
T = TypeVar("T")

_TURN = 0.004  # seconds after which other streams' pieces come
_MOST_THREADS = 4  # and no more than half of the cores, which have speech to compute


async def beside(work: Callable[..., T], *given: object) -> T:
    """work(*given) in a thread: pieces of a few milliseconds, of which each waits for the one before of its stream.

    Cancelled, a piece that has begun is done, and nobody gets what it gives. What takes longer, or waits for anything,
    had better not come here but to asyncio.to_thread: these threads are few, and all sound goes through them.
    """
    here = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_threads(), partial(here.run, work, *given))


async def beside_each(work: Callable[[P], T], pieces: Iterable[P]) -> list[T]:
    """work() of each piece: as many in one go as a turn has time for, since every one has its price in the loop."""
    left = deque(pieces)
    done: list[T] = []
    while left:
        done += await beside(_a_turn, work, left)
    return done


def _a_turn(work: Callable[[P], T], left: deque[P]) -> list[T]:
    over = time.perf_counter() + _TURN
    done = [work(left.popleft())]
    while left and time.perf_counter() < over:
        done.append(work(left.popleft()))
    return done


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(
        min(_MOST_THREADS, (os.cpu_count() or 2) // 2 or 1), thread_name_prefix="pocket_fast sound"
    )
