"""Whether a file that was fetched is what its name says: a server answers 200 to what it does not have, with a page.

A download is kept for ever, so this comes first. The name tells what to expect; sound is known by whoever reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pocket_fast.errors import PocketFastError, WeightsError
from pocket_fast.weights.reach import FetchError
from pocket_fast.weights.tensors import TensorFile

Check = Callable[[Path], None]  # raises a PocketFastError that names the path

_START = 1024  # bytes that are looked at
_MOST_TEXT = 64 << 20  # bytes of a text that is parsed: tokenizers have 10 MB of JSON
_LAYOUT = "\t\n\r\f\v"
_BINARY = (
    *(".pt", ".pth", ".ckpt", ".model"),
    *(
        ".wav",
        ".wave",
        ".mp3",
        ".flac",
        ".ogg",
        ".oga",
        ".opus",
        ".m4a",
        ".mp4",
        ".aac",
        ".aiff",
        ".aif",
        ".au",
        ".caf",
    ),
)


def examine(path: Path, location: str, check: Check | None = None) -> None:
    """Raises FetchError ("wrong") for a file at `path` that cannot be what the location names, and what check raises.

    Messages name the location in the place of the path.
    """
    try:
        problem = _problem(path, _suffix(location))
        if problem is None and check is not None:
            check(path)
    except WeightsError as error:
        problem = str(error).removeprefix(f"{path}: ")
    except PocketFastError as error:
        raise type(error)(str(error).replace(str(path), location)) from None
    if problem is not None:
        raise FetchError(f"{location}: the server sent something else: {problem}", "wrong")


def _suffix(location: str) -> str:
    path = location.rsplit("@", 1)[0] if location.startswith("hf://") else urlsplit(location).path
    return PurePosixPath(path).suffix.lower()


def _problem(path: Path, suffix: str) -> str | None:
    """In words, or as a WeightsError."""
    with open(path, "rb") as file:
        start = file.read(_START)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return "a web page"
    if suffix == ".safetensors":
        TensorFile(path).close()
    elif suffix in (".json", ".yaml", ".yml"):
        return _unreadable(path, suffix)
    elif suffix in _BINARY and _is_text(start):
        return f"text ({start[:40].decode(errors='replace')!r})"
    return None


def _unreadable(path: Path, suffix: str) -> str | None:
    """What is wrong with JSON, or with YAML, which any line of text would be: it has to have keys."""
    if path.stat().st_size > _MOST_TEXT:
        return f"more than {_MOST_TEXT >> 20} MB of text"
    try:
        text = path.read_text(encoding="utf-8")
        if suffix == ".json":
            json.loads(text)
            return None
        import yaml

        return None if isinstance(yaml.safe_load(text), dict) else "text without keys and values"
    except (ValueError, RecursionError) as error:
        return f"no {suffix[1:].upper()} ({error!s:.100})"
    except Exception as error:  # yaml's
        return f"no YAML ({' '.join(str(error).split()):.100})"


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # not just a character that is cut off
            return False
        text = start[: error.start].decode()
    return all(character.isprintable() or character in _LAYOUT for character in text)
