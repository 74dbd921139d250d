"""uvicorn's server, which takes connections in a few at a time."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence

import uvicorn

BACKLOG = 16
"""For uvicorn's configuration. asyncio takes in as many at once as may wait in the system's queue, before anything can
look at one of them: a burst would take all file handles there are."""

_QUEUE = 2048  # that may wait in the system's queue


class Listening(uvicorn.Server):
    """Has the system keep many who come at once, which are taken in BACKLOG at a time."""

    async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:
        await super().startup(sockets)  # type: ignore[arg-type]
        for server in getattr(self, "servers", ()):
            for listening in server.sockets:
                with contextlib.suppress(OSError), socket.socket(fileno=os.dup(listening.fileno())) as same:
                    same.listen(_QUEUE)
