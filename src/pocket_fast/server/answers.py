"""Refusals: which status an error has, and the form that each API's clients expect it in."""

from __future__ import annotations

import errno
import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from pocket_fast.errors import (
    AudioError,
    BusyError,
    ConfigError,
    DownloadError,
    IdleError,
    PocketFastError,
    SettingError,
    TextError,
    VoiceError,
    WordsError,
)
from pocket_fast.server.requests import log, request_id

_CALLERS_FAULT = (TextError, VoiceError, AudioError, ConfigError)
_TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)
_FIELDS = {TextError: "input", VoiceError: "voice", AudioError: "voice", WordsError: "voice_text"}


class Refusal(HTTPException):
    """A request that cannot be met. param: which field is to blame; code: a word for programs."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ):
        super().__init__(status, message, headers)
        self.param = param
        self.code = code


class JSON(Response):
    """JSON in ASCII: text that came in broken (lone surrogates) can still be quoted."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def refusal_of(error: Exception) -> Refusal:
    """The Refusal that an exception means. Nothing that a stranger should not know is in it; the log has the rest."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException):
        return Refusal(error.status_code, str(error.detail), headers=dict(error.headers or {}))
    if isinstance(error, BusyError):
        wait = {"Retry-After": str(max(1, round(error.retry_after)))}
        return Refusal(503, f"the server is busy: {error}", code="busy", headers=wait)
    if isinstance(error, IdleError):
        return Refusal(408, str(error), code="idle")
    if isinstance(error, OSError) and error.errno in _TOO_MANY_FILES:
        log.error("No more files can be opened: %s", error)
        return Refusal(
            503, "the server is busy: it has too many files open", code="busy", headers={"Retry-After": "5"}
        )
    if isinstance(error, _CALLERS_FAULT):
        param = _FIELDS.get(type(error))
        if isinstance(error, SettingError):
            param = error.name
        return Refusal(400, str(error), param)
    if isinstance(error, DownloadError):
        log.error("A voice could not be fetched: %s", error)
        return Refusal(502, f"the voice could not be fetched{_see_log()}", "voice")
    log.error("Unexpected: %r", error, exc_info=None if isinstance(error, PocketFastError) else error)
    return Refusal(500, f"the server failed{_see_log()}", code="internal_error")


def _see_log() -> str:
    identity = request_id()
    return "; its log says why" + (f" (request {identity})" if identity is not None else "")


def answer(path: str, refusal: Refusal) -> Response:
    """In OpenAI's form below /v1, else in FastAPI's and the Rust port's together."""
    message, status = str(refusal.detail), refusal.status_code
    if path.startswith("/v1/"):
        kind = "invalid_request_error" if status < 500 else "server_error"
        body: Any = {"message": message, "type": kind, "param": refusal.param, "code": refusal.code}
        return JSON({"error": body}, status, refusal.headers)
    return JSON({"detail": message, "error": message}, status, refusal.headers)


def described(openai: bool) -> dict[int | str, dict[str, Any]]:
    """Refusals for OpenAPI, in the form of one API or the other."""
    if openai:
        words = {"type": ["string", "null"]}
        error = {
            "type": "object",
            "properties": {"message": {"type": "string"}, "type": words, "param": words, "code": words},
            "required": ["message", "type", "param", "code"],
        }
        schema: dict[str, Any] = {"type": "object", "properties": {"error": error}, "required": ["error"]}
    else:
        properties = {"detail": {"type": ["string", "array"]}, "error": {"type": "string"}}
        schema = {"type": "object", "properties": properties, "required": ["detail", "error"]}
    content = {"application/json": {"schema": schema}}
    whose = {"4XX": "The request cannot be met as it is.", "5XX": "The server is busy (503), or failed."}
    return {status: {"description": why, "content": content} for status, why in whose.items()}


def add_handlers(app: FastAPI) -> None:
    """Have the app answer errors in these forms."""

    async def refuse(request: Request, error: Exception) -> Response:
        return answer(request.url.path, refusal_of(error))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = [
            {"type": p["type"], "loc": list(p["loc"]), "msg": p["msg"], "input": None} for p in error.errors()
        ]
        first = problems[0]
        where = [str(place) for place in first["loc"] if place != "body"]
        message = f"{'.'.join(where) or 'body'}: {first['msg']}"
        if request.url.path.startswith("/v1/"):
            return answer(
                request.url.path, Refusal(400, message, where[0] if where else None, str(first["type"]))
            )
        return JSON({"detail": problems, "error": message}, 422)

    app.add_exception_handler(RequestValidationError, invalid)
    for kind in (HTTPException, PocketFastError):
        app.add_exception_handler(kind, refuse)
