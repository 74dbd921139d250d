"""What every request passes through: keys, limits and origins on the way in, headers and counts on the way out."""

from __future__ import annotations

import asyncio
import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pocket_fast.server.answers import Refusal, answer, refusal_of
from pocket_fast.server.connection import is_crowded
from pocket_fast.server.line import FOR_MONITORS
from pocket_fast.server.metrics import Metrics
from pocket_fast.server.options import Options
from pocket_fast.server.requests import HEADER, begin_request, log
from pocket_fast.server.sites import foreign, is_foreign
from pocket_fast.weights.reach import stated_length

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
CONVERSATION = "/v1/audio/stream"
_OPEN = ("/", "/health", "/favicon.ico", CONVERSATION)
"""Paths that need no key: they make nothing and tell nothing about anyone. (The WebSocket asks for it by itself.)"""

_DENIAL = "websocket.http.response"  # the extension of ASGI: an answer instead of a WebSocket
_BODIES = 4  # of the largest kind that are kept at once
_SMALL = 1 << 18  # bytes of a body that always finds room


class Shell:
    """Around all that answers: headers for every answer, a count of it, and one where something unexpected happened."""

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        status = 0
        identity = begin_request(Headers(scope=scope).get(HEADER))

        async def send_on(message: Message) -> None:
            nonlocal status
            kind = message["type"]
            if kind in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                MutableHeaders(scope=message).update({**_HEADERS, HEADER: identity})
            elif kind == "websocket.accept":
                status = 101
                MutableHeaders(scope=message)[HEADER] = identity
            elif kind == "websocket.close" and status == 0 and _DENIAL in scope.get("extensions", {}):
                refusal = Refusal(403, message["reason"]) if message.get("reason") else _no_socket()
                return await answer(scope["path"], refusal)(scope, receive, send_on)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except asyncio.CancelledError:  # the server has waited for this long enough; nothing comes after it
            log.warning("Cut off %r: the server stops", scope["path"])
        except ClientDisconnect:  # in the middle of its request
            pass
        except Exception as error:
            refusal = refusal_of(error)
            if status == 0 and scope["type"] == "http":
                await answer(scope["path"], refusal)(scope, receive, send_on)
        finally:
            route = getattr(scope.get("route"), "path", None) or "other"
            method = scope["method"] if scope["type"] == "http" else "WEBSOCKET"
            known = method if method in ("GET", "POST", "OPTIONS", "WEBSOCKET") else "other"
            self._metrics.answered(route, known, status or 499)  # 499: the client left first


class Guard:
    """Asks for the key, turns away what other sites' pages send, and bounds bodies as they come in: each, and what is
    kept of all of them until they are answered."""

    def __init__(self, app: ASGIApp, options: Options):
        self._app = app
        self._options = options
        self._kept = 0  # bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if is_crowded(scope) and scope["path"] not in FOR_MONITORS:
            return await answer(scope["path"], _crowded("too many are connected"))(scope, receive, send)
        if scope["type"] == "websocket":
            return await self._app(scope, receive, send)
        headers, path, limit = Headers(scope=scope), scope["path"], self._options.max_body
        try:
            if not (path in _OPEN or path.startswith("/page/") or has_key(headers, self._options.api_key)):
                raise unauthorized()
            if scope["method"] != "GET" and is_foreign(headers, scope["scheme"], self._options.cors_origins):
                raise Refusal(403, foreign(headers), code="origin")
            if (stated_length(headers.get("content-length")) or 0) > limit:
                raise _too_large(limit)
        except Refusal as refusal:
            return await answer(path, refusal)(scope, receive, send)
        taken = 0

        async def receive_some() -> Message:
            nonlocal taken
            message = await receive()
            size = len(message.get("body", b""))
            taken += size
            self._kept += size
            if taken > limit:
                raise _too_large(limit)
            if self._kept > _BODIES * limit and taken > _SMALL:
                raise _crowded("too many large requests are coming in")
            return message

        async def send_on(message: Message) -> None:
            give_back()
            await send(message)

        def give_back() -> None:
            nonlocal taken
            self._kept -= taken
            taken = 0

        try:
            await self._app(scope, receive_some, send_on)
        finally:
            give_back()


def has_key(headers: Headers, key: str | None) -> bool:
    """Whether a request has the key, if one is needed."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return key is None or (scheme.lower() == "bearer" and same(given.strip().encode("latin-1"), key))


def same(given: bytes | str, key: str) -> bool:
    """Compares in a time that does not depend on where they differ. given: as bytes, in UTF-8."""
    if isinstance(given, str):
        given = given.encode("utf-8", "surrogatepass")
    return hmac.compare_digest(given, key.encode("utf-8", "surrogateescape"))


def unauthorized() -> Refusal:
    """Where the key is missing or wrong."""
    message = "this server asks for a key: send the header Authorization: Bearer KEY"
    return Refusal(401, message, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})


def _no_socket() -> Refusal:
    return Refusal(404, f"no WebSocket is here; the one there is is {CONVERSATION}")


def _crowded(why: str) -> Refusal:
    how = {"Retry-After": "5", "Connection": "close"}
    return Refusal(503, f"the server is busy: {why}", code="busy", headers=how)


def _too_large(limit: int) -> Refusal:
    return Refusal(
        413, f"a body of more than {limit} bytes, which is the limit", headers={"Connection": "close"}
    )
