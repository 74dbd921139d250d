"""What proxies, tools and half-right addresses make of a request, put right before anything else sees it."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

OPENAI = "/v1"
_OF_OPENAI = ("audio", "models", "voices")  # what is below it
_SLASHES = re.compile("//+")
_REPEATED = re.compile(rf"^(?:{OPENAI})+(?=/)")
_HOST = re.compile(r"[\w.-]+(:\d+)?|\[[\da-fA-F:.]+\](:\d+)?", re.ASCII)


class Front(ProxyHeadersMiddleware):
    """Takes from trusted proxies whom they speak for, answers HEAD as GET without its body, finds what is meant by a
    path.

    trusted: addresses and networks of proxies, separated by commas, as uvicorn's forwarded-allow-ips; "*" is all.
    From them come scheme and client (X-Forwarded-Proto, -For), which uvicorn's middleware takes, and host
    (X-Forwarded-Host), which it does not.
    """

    def __init__(self, app: ASGIApp, trusted: str):
        super().__init__(app, trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        scope = dict(scope)
        client = scope.get("client")
        if (client[0] if client else None) in self.trusted_hosts:
            _take_host(scope)
        if (path := meant(scope["path"], scope.get("method"))) != scope["path"]:
            scope["path"] = path
            scope.pop("raw_path", None)
        if scope.get("method") == "HEAD":
            scope["method"], send = "GET", _without_body(send)
        await super().__call__(scope, receive, send)


def meant(path: str, method: str | None = None) -> str:
    """The path without doubled slashes, and with /v1 once in front of what is below it: clients join addresses.

    Where nobody looks at the answer in a browser, without a slash at the end too.
    """
    path = _SLASHES.sub("/", path)
    if path[1:].partition("/")[0] in _OF_OPENAI:
        path = OPENAI + path
    path = _REPEATED.sub(OPENAI, path)
    if method == "POST" or path.startswith(f"{OPENAI}/"):
        path = path.rstrip("/") or "/"
    return path


def _take_host(scope: Scope) -> None:
    """X-Forwarded-Host in the place of Host: of several proxies, what the first one was asked for."""
    host = Headers(scope=scope).get("x-forwarded-host", "").split(",")[0].strip()
    if _HOST.fullmatch(host):
        headers = [pair for pair in scope["headers"] if pair[0] != b"host"]
        scope["headers"] = [*headers, (b"host", host.encode())]


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head
