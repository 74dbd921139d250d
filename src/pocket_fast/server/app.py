"""The application: everything a server answers, over one loaded model."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from pocket_fast import __version__
from pocket_fast.api.speaking import Speaking
from pocket_fast.server import native, openai, pages, websocket
from pocket_fast.server.answers import add_handlers
from pocket_fast.server.drain import Drain
from pocket_fast.server.fields import IGNORED
from pocket_fast.server.front import Front
from pocket_fast.server.line import Line
from pocket_fast.server.names import Names
from pocket_fast.server.options import Options
from pocket_fast.server.service import Service
from pocket_fast.server.shell import Guard, Shell
from pocket_fast.server.sites import Site


def create_app(model: Speaking, default_voice: Any, options: Options | None = None) -> FastAPI:
    """An ASGI application that speaks with `model`, by default in the voice `default_voice` (a state).

    The model is closed when the application ends.
    """
    options = options or Options()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        model.close()

    app = FastAPI(
        title="pocket_fast",
        version=__version__,
        openapi_url=None,  # pages has it
        docs_url=None,
        redoc_url=None,
        servers=[{"url": ".", "description": "Where this description lies, behind whatever proxy and path"}],
        lifespan=lifespan,
    )
    app.state.service = service = Service(model, options, default_voice)
    add_handlers(app)
    for router in (
        native.router(service.forms),
        openai.router(service.forms),
        pages.router,
        websocket.router,
    ):
        app.include_router(router)
    pages.describe(app)
    app.add_middleware(Guard, options=options)
    if options.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=options.cors_origins,
            # whatever they send: clients have headers of their own, and proxies in front of us cookies
            allow_methods=("*",),
            allow_headers=("*",),
            allow_credentials="*" not in options.cors_origins,
            allow_private_network=True,
            expose_headers=("X-Sample-Rate", "X-Request-Id", IGNORED, "Retry-After", "Content-Disposition"),
        )
    app.add_middleware(Site, names=Names(options.host, options.allowed_hosts))
    app.add_middleware(Shell, metrics=service.metrics)
    app.add_middleware(Drain, most=2 * options.max_body)
    app.add_middleware(Front, trusted=options.forwarded_allow_ips)
    app.add_middleware(Line)  # the last one added is the outermost
    return app
