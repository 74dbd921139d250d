"""Where commands write to: into folders, too, and never over what they read."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from pocket_fast.errors import ConfigError, NotFoundError, named
from pocket_fast.models.contract import Choice

Input = tuple[str, Any]  # what it is, and its path, or a file that is open


def is_folder(target: str) -> bool:
    """Whether a path is meant as one, by how it is written."""
    return target.endswith(("/", os.sep))


@contextlib.contextmanager
def made_folder(target: str) -> Iterator[None]:
    """The folder that a file is to go to, made if it does not exist; taken back where it stays empty.

    Raises NotFoundError where even the folder that it is to be in does not exist.
    """
    folder = os.path.dirname(target) or "."
    try:
        os.mkdir(folder)
    except FileExistsError:
        yield
        return
    except FileNotFoundError:
        parent = os.path.dirname(folder.rstrip("/" + os.sep))
        raise NotFoundError(
            f"cannot write {named(target)}: there is no folder {named(parent)}; create it"
        ) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # something is in it
            os.rmdir(folder)


def name_for(source: str | PurePath, otherwise: str) -> str:
    """A name for what is made of a recording: that of its file, without suffix."""
    text = str(source)
    path = urlsplit(text).path.rpartition("@")[0] or urlsplit(text).path if "://" in text else text
    stem = PurePath(path).stem
    is_name = 0 < len(stem) <= 100 and stem.isprintable() and not text.startswith(("data:", "/dev/"))
    return stem if is_name and text != "-" else otherwise


def inputs_of(choice: Choice, voice: Any) -> list[Input]:
    """What a model and a voice (a path, or an open file; None or a name for none) are read from."""
    inputs: list[Input] = [("a file of the model", path) for path in choice.inputs()]
    if voice is not None:
        inputs.append(("the voice", os.path.expanduser(voice) if isinstance(voice, (str, Path)) else voice))
    return inputs


def refuse_inputs(target: str | Path, inputs: Iterable[Input]) -> None:
    """Raises ConfigError if the target is one of the files that are read, by whatever name or link; - is standard
    output."""
    there = _stat(sys.stdout if target == "-" else target)
    if there is None or not stat.S_ISREG(there.st_mode):
        return
    for what, place in inputs:
        here = _stat(place)
        if here is not None and os.path.samestat(there, here):
            where = "standard output" if target == "-" else named(target)
            same = (
                ""
                if not isinstance(place, (str, Path)) or str(place) == str(target)
                else f" ({named(place)})"
            )
            raise ConfigError(f"{where} is {what}{same}, which is read: write to another file")


def is_same(one: Any, other: Any) -> bool:
    """Whether two paths, or files that are open, are one file or pipe."""
    stats = _stat(one), _stat(other)
    return None not in stats and os.path.samestat(*stats)


def _stat(place: Any) -> os.stat_result | None:
    try:
        return os.stat(place) if isinstance(place, (str, Path)) else os.fstat(place.fileno())
    except (OSError, ValueError, AttributeError, io.UnsupportedOperation):  # not there, or no file at all
        return None
