"""Everyone who is connected: how many there may be, and how long each may keep the server waiting.

A connection costs a file handle for as long as its peer likes, so there are only so many, and who has asked nothing
yet gives way to who comes: the room for newcomers, /health among them, cannot be taken by waiting.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from weakref import WeakKeyDictionary

from pocket_fast.server.handles import room_for
from pocket_fast.server.options import Options

SLOWEST_BODY = 4096  # bytes a second, once its time is over
_BEYOND = 16  # connections beyond the limit, to be told so
_UNREAD_SECONDS = 60.0  # that a peer may leave the rest of what was said to it
_LEAST_READ = 4096  # bytes in that time
_YOUNG_SECONDS = 3.0  # bodies that have come for this long may give way
_TICK = 1.0
_LOOKS = 16  # connections that are looked after before others have a turn; all of them may be over

HEAD, BODY, ANSWER = "head", "body", "answer"
"""What is waited for: a request, the rest of its body, us."""

_log = logging.getLogger("pocket_fast")


class Crowd:
    """The connections of one server: uvicorn's set of protocols.

    Those of connection.Connection tell their phase (HEAD, BODY or ANSWER), since when, in the loop's time, how many
    bytes of the request have come, and whether they rest between two; they can be told that their time is over
    (time_out). Others, of WebSockets, only answer.
    """

    def __init__(self, connections: set[Any], options: Options):
        self._all = connections
        self._seconds = options.request_seconds
        self.limit = room_for(options.max_connections)
        if self.limit < options.max_connections:
            _log.warning(
                "Room for %d connections, not %d: this process may open no more files (ulimit -n)",
                self.limit,
                options.max_connections,
            )
        self._unread: WeakKeyDictionary[Any, tuple[float, int]] = WeakKeyDictionary()  # since when, how much
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_full(self) -> bool:
        """Whether there are more than may ask for anything but how the server is."""
        return len(self._all) > self.limit and sum(not _is_gone(one) for one in self._all) > self.limit

    def enter(self, newcomer: Any) -> None:
        """Make room for a connection, which is in the set already; at the worst it is its own that is ended."""
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK, self._tick)
        if not self.is_full:
            return
        now = self._loop.time()
        ranks = {one: self._rank(one, now) for one in self._all if one is not newcomer}
        waiting = [one for one, rank in ranks.items() if rank is not None]
        if waiting:
            min(waiting, key=ranks.__getitem__).transport.abort()
        elif len(self._all) > self.limit + _BEYOND:
            newcomer.transport.abort()

    def _rank(self, one: Any, now: float) -> tuple[int, float] | None:
        """Who gives way first, the least of all; None for who does not."""
        since = getattr(one, "since", 0.0)
        if one.transport.is_closing():
            return None if _is_gone(one) else (2, since)
        phase = getattr(one, "phase", ANSWER)
        if phase == HEAD:
            return 0, since
        return (1, since) if phase == BODY and now - since > _YOUNG_SECONDS else None

    def _tick(self) -> None:
        """Look after everyone, a few at a time. Runs while there is anyone."""
        self._look_on(list(self._all))

    def _look_on(self, unseen: list[Any]) -> None:
        now = self._loop.time()
        for one in unseen[-_LOOKS:]:
            self._look_after(one, now)
        del unseen[-_LOOKS:]
        if unseen:
            self._loop.call_soon(self._look_on, unseen)
        else:
            self._timer = self._loop.call_later(_TICK, self._tick) if self._all else None

    def _look_after(self, one: Any, now: float) -> None:
        transport = one.transport
        if transport.is_closing():
            unread = transport.get_write_buffer_size()
            since, before = self._unread.setdefault(transport, (now, unread))
            if before - unread >= _LEAST_READ:
                self._unread[transport] = (now, unread)
            elif now - since > _UNREAD_SECONDS:
                transport.abort()
            return
        phase = getattr(one, "phase", ANSWER)
        if phase == ANSWER or one.rests:
            return
        late = now - one.since - self._seconds
        if late > (one.received / SLOWEST_BODY if phase == BODY else 0):
            one.time_out()


def _is_gone(one: Any) -> bool:
    """Whether it is only to be taken off the list."""
    return one.transport.is_closing() and not one.transport.get_write_buffer_size()


_crowds: WeakKeyDictionary[Any, Crowd] = WeakKeyDictionary()


def crowd_of(server_state: Any, options: Options) -> Crowd:
    """The crowd of a server, which uvicorn's protocols know by its state."""
    if server_state not in _crowds:
        _crowds[server_state] = Crowd(server_state.connections, options)
    return _crowds[server_state]
