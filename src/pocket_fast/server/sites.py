"""Which web pages may use the server: those that it serves itself, by a name that it is known to have, and sites that
were allowed.

A browser runs the scripts of every page that its reader opens, in front of every server that its reader can reach.
What it says of a page can be believed, as long as two things are looked at: where the page is from (Origin), and
what it believes this server to be called (Host). A page of evil.example whose name suddenly means 127.0.0.1 is of one
origin with us, in its browser's eyes: only Host tells. (DNS rebinding.)
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pocket_fast.server.answers import Refusal, answer
from pocket_fast.server.names import Names
from pocket_fast.server.requests import log

ASKED_FOR = "pocket_fast.hosts"
"""In a scope: all that was said of what the server is called, where a proxy's word (X-Forwarded-Host) came beside or
in the place of Host."""

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SCHEMES = {"ws": "http", "wss": "https"}  # a WebSocket's origin is its page's
_FOR_MONITORS = ("/health",)  # who look after a server call it what they like
_DENIAL = "websocket.http.response"  # the extension of ASGI: an answer instead of a WebSocket

Origin = tuple[str, str, int]  # scheme, host, port


class Site:
    """Middleware that answers only to the server's names, whatever is asked for but /health.

    To be put around everything else that answers.
    """

    def __init__(self, app: ASGIApp, names: Names):
        self._app = app
        self._names = names
        self._told = False  # the log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in _FOR_MONITORS:
            return await self._app(scope, receive, send)
        for host in scope.get(ASKED_FOR) or Headers(scope=scope).getlist("host"):
            if host and not self._names.know(host, scope.get("server")):
                return await self._refuse(host, scope, receive, send)
        await self._app(scope, receive, send)

    async def _refuse(self, host: str, scope: Scope, receive: Receive, send: Send) -> None:
        message = (
            f"this server is not known by the name {host[:100]!r}; if that is its name, or that of a proxy in front of "
            "it, start it with the option --allowed-host NAME"
        )
        if not self._told:
            self._told = True
            log.warning("A request was refused: %s", message)
        if scope["type"] == "websocket" and _DENIAL not in scope.get("extensions", {}):
            return await send({"type": "websocket.close", "code": 1008, "reason": message[:123]})
        await answer(scope["path"], Refusal(421, message, code="host"))(scope, receive, send)


def is_foreign(headers: Headers, scheme: str, allowed: tuple[str, ...]) -> bool:
    """Whether a browser sends this for a page of another site, which may then neither read nor cause anything.

    Any page can make its reader's browser post a form to a server on the same machine. A page is our own if its
    origin, scheme, host and port, is what the server was asked by. Over https and to this machine browsers say it
    themselves (Sec-Fetch-Site), and know it better where a proxy has changed the name; what is of the same site only
    is a neighbour: another port here, another name below a domain.
    """
    origin = headers.get("origin")
    site = headers.get("sec-fetch-site")
    if "*" in allowed or (origin is not None and origin in allowed):
        return False
    if site is not None:
        return site not in ("same-origin", "none")
    if origin is None:
        return False
    ours = _origin(f"{scheme}://{headers.get('host', '')}")
    return ours is None or _origin(origin) != ours


def foreign(headers: Headers) -> str:
    """Why such a request is refused."""
    return (
        f"this server, {headers.get('host', '')[:100]}, takes no requests from pages of other web sites, such as "
        f"{headers.get('origin', 'the one that this came from')[:100]}; a proxy in front of it has to pass on Host "
        "with its port (or X-Forwarded-Host, X-Forwarded-Port), and X-Forwarded-Proto"
    )


def _origin(url: str) -> Origin | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None or parts.path:
        return None
    port = _PORTS[parts.scheme] if port is None else port
    return _SCHEMES.get(parts.scheme, parts.scheme), parts.hostname.removesuffix("."), port
