"""Which request an answer, an error or a line of the log speaks of: the header X-Request-Id."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

HEADER = "x-request-id"
LONGEST = 128
_UNSAFE = re.compile(r"[^A-Za-z0-9._:/+=@-]+")

_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def begin_request(given: str | None) -> str:
    """The id of the request that this task answers from here on: what its client calls it, else a new one.

    Of what is given, only letters, digits and ._:/+=@- count, and LONGEST of them: it is sent back and logged.
    """
    identity = _UNSAFE.sub("", given or "")[:LONGEST] or f"req_{uuid.uuid4().hex}"
    _current.set(identity)
    return identity


def request_id() -> str | None:
    """Of the request that is being answered; None outside of any."""
    return _current.get()


class RequestLog(logging.LoggerAdapter):
    """Lines that end with the id of the request they speak of."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        identity = request_id()
        return (msg if identity is None else f"{msg} (request {identity})"), kwargs


log = RequestLog(logging.getLogger("pocket_fast"), {})
