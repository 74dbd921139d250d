"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, blob: bytes) -> None:
    """Write `blob` beside `path`, then put it in its place. Raises OSError; nothing else is left behind."""
    partial = path.parent / f".{path.name}.{os.getpid()}.{threading.get_ident()}"
    try:
        if path.exists() and not path.is_file():
            raise OSError(0, "it is not a regular file")  # os.replace would take the place of a device
        partial.write_bytes(blob)
        os.replace(partial, path)
    finally:  # an interruption too; after the replacement there is nothing to remove
        with suppress(OSError):
            partial.unlink()
