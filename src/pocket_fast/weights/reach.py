"""Reaching a server: how long to wait for it, and what to say when a file cannot be had."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from pocket_fast.errors import DownloadError, StoppedError

T = TypeVar("T")
_LOOK_SECONDS = 0.2  # between looks whether anybody waits
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)

ANSWER_SECONDS = 8.0  # until the first answer: name lookup, every address of the host, TLS, headers


class FetchError(DownloadError):
    """A file could not be had. `reason` is one of gated, missing, offline, network, truncated, wrong, disk."""

    def __init__(self, message: str, reason: str = "network") -> None:
        super().__init__(message)
        self.reason = reason


def reason_of_status(status: int) -> str:
    return {401: "gated", 403: "gated", 404: "missing", 410: "missing"}.get(status, "network")


def stated_length(header: str | None) -> int | None:
    """Bytes by a Content-Length; None where it is missing or not a few ASCII digits (`"²".isdigit()` is true)."""
    stated = (header or "").strip()
    return int(stated) if _LENGTH.fullmatch(stated) else None


def within(seconds: float, call: Callable[[], T], stop: threading.Event | None = None) -> T:
    """call(), or TimeoutError after that many seconds. Raises StoppedError soon after `stop` is set.

    Socket timeouts do not bound a name lookup, and count anew for every address of a host. The call goes on
    in a daemon thread; its late result is dropped.
    """
    outcome: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put((call(), None))
        except BaseException as error:
            outcome.put((None, error))

    threading.Thread(target=run, name="pocket_fast-fetch", daemon=True).start()
    until = time.monotonic() + seconds
    while True:
        left = max(0.0, until - time.monotonic())
        try:
            result, error = outcome.get(timeout=left if stop is None else min(left, _LOOK_SECONDS))
            break
        except queue.Empty:
            if stop is not None and stop.is_set():
                raise StoppedError("nobody waits for the answer any more") from None
            if time.monotonic() >= until:
                raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
