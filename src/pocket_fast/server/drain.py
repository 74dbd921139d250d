"""Answers that come before all of their request has: it is taken in all the same, and thrown away.

A connection that is closed while there is something in it to read is reset, and its client may never see the answer.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pocket_fast.weights.reach import stated_length

_SECONDS = 5.0


class Drain:
    """Takes in `most` bytes of a body that is not wanted, for a few seconds, before an answer that ends the connection.

    Others need it not: uvicorn takes in the rest before the next request.
    """

    def __init__(self, app: ASGIApp, most: int):
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(headers := Headers(scope=scope)):
            return await self._app(scope, receive, send)
        is_all = False

        async def receive_on() -> Message:
            nonlocal is_all
            message = await receive()
            is_all = is_all or not message.get("more_body")
            return message

        async def drain() -> None:
            left = self._most
            while left > 0 and not is_all:
                left -= len((await receive_on()).get("body", b""))

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start" and not is_all and _ends(scope, headers, message):
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(drain(), _SECONDS)
            await send(message)

        await self._app(scope, receive_on, send_on)


def _has_body(headers: Headers) -> bool:
    return "expect" not in headers and (
        bool(stated_length(headers.get("content-length"))) or "transfer-encoding" in headers
    )


def _ends(scope: Scope, headers: Headers, answer: Message) -> bool:
    said = (headers.get("connection", ""), Headers(raw=list(answer.get("headers", ()))).get("connection", ""))
    return scope["http_version"] == "1.0" or any("close" in words.lower() for words in said)
