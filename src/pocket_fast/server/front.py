"""What proxies, tools and half-right addresses make of a request, put right before anything else sees it."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pocket_fast.server.names import HOST
from pocket_fast.server.sites import ASKED_FOR

OPENAI = "/v1"
_OF_OPENAI = ("audio", "models", "voices")  # what is below it
_SLASHES = re.compile("//+")
_REPEATED = re.compile(rf"^(?:{OPENAI})+(?=/)")
_PORT = re.compile(r"\d{1,5}", re.ASCII)


class Front(ProxyHeadersMiddleware):
    """Takes from trusted proxies whom they speak for, answers HEAD as GET without its body, finds what is meant by a
    path.

    trusted: addresses and networks of proxies, separated by commas, as uvicorn's forwarded-allow-ips; "*" is all.
    From them come scheme and client (X-Forwarded-Proto, -For), which uvicorn's middleware takes, and host and port
    (X-Forwarded-Host, -Port), which it does not.
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
    """X-Forwarded-Host in the place of Host: of several proxies, what the first one was asked for. And the port from
    X-Forwarded-Port, where neither tells one.

    A page's script can send these headers too, but not Host, and what a proxy adds comes behind: so all of them are
    kept for who has to know what the server was called.
    """
    headers = Headers(scope=scope)
    said = [host.strip() for line in headers.getlist("x-forwarded-host") for host in line.split(",")]
    host = said[0] if said and HOST.fullmatch(said[0]) else headers.get("host", "")
    port = headers.get("x-forwarded-port", "").split(",")[0].strip()
    if _PORT.fullmatch(port) and (found := HOST.fullmatch(host)) and not found[2]:
        host = f"{found[1]}:{port}"
    scope[ASKED_FOR] = [*headers.getlist("host"), *said]
    others = [pair for pair in scope["headers"] if pair[0] != b"host"]
    scope["headers"] = [*others, (b"host", host.encode("latin-1"))] if host else others


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head
