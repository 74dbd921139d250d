"""The web page, the description of the API, and the numbers."""

from __future__ import annotations

import html
import json
from functools import cache
from importlib import resources

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse, Response

from pocket_fast.server.answers import Refusal
from pocket_fast.server.metrics import MEDIA_TYPE
from pocket_fast.server.service import Service

router = APIRouter(include_in_schema=False)

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}


@router.get("/")
async def page() -> Response:
    """The page that speaks."""
    return _file("index.html")


@router.get("/page/{name}")
async def page_file(name: str) -> Response:
    """What it is made of."""
    return _file(name)


@router.get("/favicon.ico")
async def favicon() -> Response:
    """What browsers ask for beside anything that names no icon."""
    return _file("icon.svg")


@router.get("/openapi.json")
async def description(request: Request) -> Response:
    """Of the API."""
    return Response(request.app.state.description, media_type="application/json")


@router.get("/docs")
async def docs(request: Request) -> Response:
    """A list of what /openapi.json describes, without scripts from elsewhere."""
    return HTMLResponse(request.app.state.docs)


def describe(app: FastAPI) -> None:
    """Write the description, once: it takes longer than one answer may."""
    described = app.openapi()
    app.state.description = json.dumps(described, separators=(",", ":")).encode()
    rows = [
        f"<tr><td>{method.upper()}</td><td>{html.escape(path)}</td><td>{html.escape(about['description'])}</td></tr>"
        for path, methods in described["paths"].items()
        for method, about in methods.items()
    ]
    app.state.docs = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>pocket_fast: HTTP</title>'
        '<link rel="icon" href="page/icon.svg" type="image/svg+xml"><link rel="stylesheet" href="page/style.css">'
        '<main class="ready"><h1>HTTP interface</h1>'
        '<p>In full: <a href="openapi.json">openapi.json</a>. Besides: WebSocket /v1/audio/stream, GET /metrics.</p>'
        f"<table>{''.join(rows)}</table></main></html>"
    )


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """For Prometheus."""
    return Response(Service.of(request).metrics.text(), media_type=MEDIA_TYPE)


def _file(name: str) -> Response:
    files = _files()
    if name not in files:
        raise Refusal(404, "Not Found")
    data, media_type = files[name]
    return Response(data, media_type=media_type, headers={"Cache-Control": "no-cache"})


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """The page's files by name, and those of the player, which it shares with pages that compute for themselves;
    nothing else can be asked for."""
    package = resources.files("pocket_fast")
    found = [*(package / "server" / "page").iterdir(), *(package / "web" / "sound").iterdir()]
    return {
        file.name: (file.read_bytes(), _TYPES[suffix])
        for file in found
        if file.is_file() and (suffix := file.name.rpartition(".")[2]) in _TYPES
    }
