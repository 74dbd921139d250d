"""The connection below an answer, for what ASGI has no words for: that a broken answer must not look complete, and that
a request has to come in reasonable time.

In HTTP/1.1 a body without a stated length ends with a mark. In HTTP/1.0, which nginx speaks to the servers behind it
unless told otherwise, it ends with the connection, whatever ended that: only a reset is a bad end.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import Any

import h11
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from pocket_fast.server.crowd import ANSWER, BODY, HEAD, crowd_of
from pocket_fast.server.options import Options

_TRANSPORT = "pocket_fast.transport"  # in the state of a request
_CROWD = "pocket_fast.crowd"
# Bytes that are read at once. The smallest chunk has six, the smallest message too, and each takes its 20 microseconds.
_OF_HEADS, _OF_CHUNKS, _OF_MESSAGES, _OF_BODIES = 4096, 2048, 1024, 1 << 18
# Bytes that the system keeps of what was sent. Linux alone would keep four million: more than a minute of speech, which
# is computed before it can be seen that nobody takes it.
_OF_SOUND = 1 << 17
_LINGER = "hh" if sys.platform == "win32" else "ii"  # struct linger: on or off, seconds


class Connection(H11Protocol):
    """uvicorn's own, with a way from a request to its transport, and an end to waiting for one (see crowd.Crowd).

    Its other one, over httptools, sends chunks to clients of HTTP/1.0, who do not know them.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if (connection := transport.get_extra_info("socket")) is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _OF_SOUND)
        service = getattr(getattr(self.app, "state", None), "service", None)
        crowd = crowd_of(self.server_state, Options() if service is None else service.options)
        self.app_state = {**self.app_state, _TRANSPORT: transport, _CROWD: crowd}
        self._wait(HEAD)
        crowd.enter(self)

    def data_received(self, data: bytes) -> None:
        if self.phase == HEAD and not self.received:
            # a connection may rest between requests for as long as uvicorn lets it
            self.since = self.loop.time()
        self.received += len(data)
        super().data_received(data)

    def handle_events(self) -> None:
        super().handle_events()
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            phase = HEAD
        else:
            phase = BODY if cycle.more_body and not cycle.response_started else ANSWER
        if phase != self.phase:
            self._wait(phase)

    def on_response_complete(self) -> None:
        self._wait(HEAD)
        super().on_response_complete()

    @property
    def rests(self) -> bool:
        """Whether it is between two requests: uvicorn ends that (timeout_keep_alive)."""
        return self.phase == HEAD and self.cycle is not None and not self.received

    def time_out(self) -> None:
        """What was waited for did not come: say so to who has begun to ask, and end the connection."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.received and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")]
            said = (
                h11.Response(status_code=408, headers=headers, reason=b"Request Timeout"),
                h11.Data(data=b"the request took too long to come"),
                h11.EndOfMessage(),
            )
            self.transport.write(b"".join(self.conn.send(part) or b"" for part in said))
        self.transport.close()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._read_at_most(_OF_MESSAGES)
        super().handle_websocket_upgrade(event)

    def _wait(self, phase: str) -> None:
        self.phase = phase
        if phase == HEAD:
            self._read_at_most(_OF_HEADS)
        elif phase == BODY:
            in_chunks = any(name == b"transfer-encoding" for name, _ in self.headers)
            self._read_at_most(_OF_CHUNKS if in_chunks else _OF_BODIES)
        self.since = self.loop.time()
        if phase == HEAD:
            self.received = len(self.conn.trailing_data[0])

    def _read_at_most(self, size: int) -> None:
        """Have the event loop take in no more in one go: all of it is looked at before anyone else's turn."""
        if hasattr(self.transport, "max_size"):  # asyncio's own; others have a size of their own
            self.transport.max_size = size


def is_crowded(scope: Scope) -> bool:
    """Whether there are so many connections that this one cannot be served."""
    crowd = scope.get("state", {}).get(_CROWD)
    return crowd is not None and crowd.is_full


def cut(scope: Scope) -> None:
    """End the connection of a request now, although not all that was sent has been taken."""
    transport = scope.get("state", {}).get(_TRANSPORT)
    if transport is not None:
        transport.abort()


class OpenEnd:
    """A body of HTTP/1.0 that is sent as it is made: until it is complete, any end of the connection is a reset.

    The system itself sends the reset, so that even a killed process leaves no answer that looks whole.
    """

    def __init__(self, transport: asyncio.Transport):
        self._transport = transport

    @classmethod
    def of(cls, scope: Scope) -> OpenEnd | None:
        """None where a reset is impossible: Unix sockets have none, and other servers than ours show no transport."""
        transport = scope.get("state", {}).get(_TRANSPORT)
        connection = None if transport is None else transport.get_extra_info("socket")
        if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
            return None
        return cls(transport)

    def begin(self) -> None:
        """Before the first byte. From here on a sender waits until the system has what it sent before."""
        self._transport.set_write_buffer_limits(high=0)
        self._linger(True)

    def complete(self) -> None:
        """Everything was sent and the system has it: the connection may end well."""
        self._linger(False)

    def _linger(self, reset: bool) -> None:
        if self._transport.is_closing():
            return
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, reset, 0))
