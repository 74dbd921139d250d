"""File handles: how many connections a process has room for. Connections, uploads and files all take of the same."""

from __future__ import annotations

import contextlib
import os
import sys

SPARE = 128
"""Handles kept for everything that is no connection: uploads on their way through files, voices, fetches, look-ups."""

_FEWEST = 8  # connections; with fewer handles than these need there is no serving
_UNKNOWN = 64  # handles that are open, where the system does not tell
_LATER = 64  # handles of models, event loops and the like, which are not open yet


def allow_handles(connections: int) -> None:
    """Raise the soft limit of this process to what that many connections need, as far as the hard limit lets."""
    # Windows has none; macOS' hard limit may be a fable
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _open_handles() + _LATER + connections + SPARE
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def room_for(connections: int) -> int:
    """How many of that many connections there are handles for, besides those that are open now and some to spare."""
    try:
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    except ImportError:
        return min(connections, 500) if sys.platform == "win32" else connections  # of 512 that select() takes
    if soft == resource.RLIM_INFINITY:
        return connections
    free = soft - _open_handles()
    return min(connections, max(_FEWEST, free - min(SPARE, free // 2)))


def _open_handles() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return len(os.listdir(folder))
    return _UNKNOWN
