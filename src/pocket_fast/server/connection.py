"""The connection below an answer, for what ASGI has no words for: that a broken answer must not look complete.

In HTTP/1.1 a body without a stated length ends with a mark. In HTTP/1.0, which nginx speaks to the servers behind it
unless told otherwise, it ends with the connection, whatever ended that: only a reset is a bad end.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_TRANSPORT = "pocket_fast.transport"  # in the state of a request
_LINGER = "hh" if sys.platform == "win32" else "ii"  # struct linger: on or off, seconds


class Connection(H11Protocol):
    """uvicorn's own, with a way from a request to its transport.

    Its other one, over httptools, sends chunks to clients of HTTP/1.0, who do not know them.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, _TRANSPORT: transport}


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
