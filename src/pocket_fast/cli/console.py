"""What the user sees and sends while a command runs: log lines, progress, interruptions."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from pocket_fast.errors import shortened

_log = logging.getLogger("pocket_fast")


def say(message: str) -> None:
    """A line on standard error, if there is one."""
    with contextlib.suppress(OSError):
        if sys.stderr is not None:
            print(message, file=sys.stderr, flush=True)


def stderr_is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


class _Lines(logging.Formatter):
    """Without values that are longer than anybody wants to read."""

    def format(self, record: logging.LogRecord) -> str:
        return shortened(super().format(record))


@contextlib.contextmanager
def logging_to_stderr(level: int) -> Iterator[None]:
    """The package's log records from `level` on, and Python's warnings, as `LEVEL: message` lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines("%(levelname)s: %(message)s"))
    before = _log.level, warnings.showwarning
    _log.addHandler(handler)
    _log.setLevel(level)
    warnings.showwarning = lambda message, *_, **__: _log.warning("%s", message)
    try:
        yield
    finally:
        warnings.showwarning = before[1]
        _log.setLevel(before[0])
        _log.removeHandler(handler)


@contextlib.contextmanager
def progress(shown: bool) -> Iterator[Callable[[float], Any]]:
    """A live line that counts the seconds of audio it is told of; log lines pass above it."""
    if not shown:
        yield lambda seconds: None
        return
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    layout = "{n:.1f} s of audio in {elapsed_s:.1f} s"
    with logging_redirect_tqdm([_log]), tqdm(bar_format=layout, leave=False) as bar:
        yield bar.update


class Interrupts:
    """SIGINT and SIGTERM, while used as a context manager.

    Within gently(), the first one only sets the event. Any other is a KeyboardInterrupt. Signals that our
    parent wants ignored stay ignored.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._listening = False
        self._before: dict[int, Any] = {}

    @contextlib.contextmanager
    def gently(self) -> Iterator[threading.Event]:
        self._listening = True
        try:
            yield self._stop
        finally:
            self._listening = False

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():  # Python allows it nowhere else
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._listening and not self._stop.is_set():
            self._stop.set()
            return
        raise KeyboardInterrupt
