"""Requests begin one after another: a crowd of them, each the work of a fraction of a millisecond, would keep everyone
waiting who is being served already, and whoever looks after the server."""

from __future__ import annotations

import asyncio
from collections import deque

from starlette.types import ASGIApp, Receive, Scope, Send

FOR_MONITORS = ("/health", "/metrics")
"""Paths that are answered however many others ask."""

_AT_A_TIME = 4  # requests that begin before everyone else has had a turn


class Line:
    """Middleware, the outermost: lets a few requests begin in each round of the event loop, first come, first served;
    monitors pass."""

    def __init__(self, app: ASGIApp):
        self._app = app
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._begun = 0  # in this round

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] not in FOR_MONITORS:
            await self._turn()
        await self._app(scope, receive, send)

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._begun:
            loop.call_soon(self._next_round)
        if self._begun >= _AT_A_TIME:
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append(turn)
            await turn
        else:
            self._begun += 1

    def _next_round(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < _AT_A_TIME:
            turn = self._waiting.popleft()
            if not turn.done():  # who was cancelled has left the line
                turn.set_result(None)
                self._begun += 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._next_round)
