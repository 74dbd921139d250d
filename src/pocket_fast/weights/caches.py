"""Where downloads are kept: in the user's cache, or where there can be none, in a folder among the temporary ones.

Containers and services often run as somebody without a home, without an entry in the list of users, or with a home
that is not theirs to write to.
"""

from __future__ import annotations

import os
import stat
import tempfile
from functools import cache
from pathlib import Path

_OF_THE_HUB = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME")


def cache_folder() -> Path:
    """POCKET_FAST_CACHE, or pocket_fast in XDG_CACHE_HOME, or ~/.cache/pocket_fast; where that cannot be, a folder of
    this user's below the one for temporary files. It may not exist yet."""
    if own := os.environ.get("POCKET_FAST_CACHE"):
        return Path(os.path.expanduser(own))
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "pocket_fast"
    usual = Path(os.path.expanduser("~")) / ".cache" / "pocket_fast"
    return usual if _can_be(usual) else _temporary()


def hub_caches() -> list[Path]:
    """Where the hub's files are looked for; downloads go to the first.

    That is huggingface_hub's own folder, wherever its variables put it, or beside our own cache if no variable says
    anything and it cannot be in the user's home.
    """
    from huggingface_hub import constants

    usual = Path(constants.HF_HUB_CACHE)
    if any(os.environ.get(name) for name in _OF_THE_HUB) or _can_be(usual):
        return [usual]
    own = cache_folder() / "hub"
    return [own, usual] if usual.is_absolute() and usual.is_dir() else [own]


def _can_be(folder: Path) -> bool:
    """Whether it can be written to, or made."""
    if not folder.is_absolute():  # a ~ that nobody knows a home for
        return False
    while not os.path.exists(folder):
        folder = folder.parent
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


@cache
def _temporary() -> Path:
    """A folder that is this user's alone, the same in every process if nobody else has taken its name."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir(), f"pocket_fast-{user}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        is_ours = stat.S_ISDIR(found.st_mode) and found.st_mode & 0o022 == 0 and found.st_uid == user
    except OSError:
        is_ours = False
    return folder if is_ours else Path(tempfile.mkdtemp(prefix="pocket_fast-"))
