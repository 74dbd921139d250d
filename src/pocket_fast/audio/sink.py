"""Where encoded bytes go: a file that appears when it is complete, standard output, a file object."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from pocket_fast.errors import AudioError, NotFoundError, named


class Sink:
    """Bytes in order, and corrections of earlier ones where the target can seek.

    `size` counts the bytes written; positions are relative to where the target stood at the start, so
    that something may precede us in it. A caller's file object is flushed, never closed, and its errors
    pass unchanged.
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self.seekable = _can_go_back(file)
        self._start = file.tell() if self.seekable else 0
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append `data` and flush: whoever plays the sound while it is made must not wait for a buffer."""
        with self._explained():
            while data:
                n = self._file.write(data)
                if n == 0:
                    raise OSError("the target accepts no more bytes")
                n = len(data) if n is None else n  # file objects outside io return nothing
                self.size += n
                data = data[n:]
            self._flush()

    def patch(self, position: int, data: bytes) -> None:
        """Overwrite earlier bytes; dropped where the target cannot seek."""
        if not self.seekable:
            return
        with self._explained():
            self._file.seek(self._start + position)
            self._file.write(data)
            self._file.seek(self._start + self.size)
            self._flush()

    def commit(self) -> None:
        """Everything is written."""

    def discard(self) -> None:
        """Something failed: take back what can be taken back. Never raises OSError."""

    def _flush(self) -> None:
        flush = getattr(self._file, "flush", None)
        if flush is not None:
            flush()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        yield


class Outbox:
    """A file object that cannot seek; what is written waits to be taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(data)
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class StdoutSink(Sink):
    """Standard output. A closed pipe is BrokenPipeError, for the caller to take as the end."""

    def __init__(self) -> None:
        file = getattr(sys.stdout, "buffer", None)
        if file is None:
            raise AudioError("standard output takes no bytes here; write to a file")
        super().__init__(file)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with _explain("standard output"):
            yield


class PathSink(Sink):
    """A file written under a temporary name beside its target and renamed when complete.

    Until then the target is untouched, and a failure leaves nothing. Devices and named pipes are written
    directly. A symbolic link is followed, an existing file's permissions are kept.
    Raises NotFoundError for a missing folder, AudioError when the target cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._where = str(path)
        self._temporary: Path | None = None
        with self._explained():
            try:
                mode = path.stat().st_mode
            except FileNotFoundError:
                mode = None
            if mode is not None and stat.S_ISDIR(mode):
                raise AudioError(f"{path} is a directory; give the name of a file in it")
            if mode is not None and not os.access(path, os.W_OK):
                raise AudioError(f"cannot write {path}: it is write-protected; choose another name")
            if mode is not None and not stat.S_ISREG(mode):
                super().__init__(open(path, "wb"))  # noqa: SIM115  closed by commit or discard
                return
            self._target = Path(os.path.realpath(path))
            if not self._target.parent.is_dir():
                raise NotFoundError(
                    f"cannot write {named(path)}: there is no folder {named(self._target.parent)}; create it"
                )
            temporary = self._target.with_name(f".{os.urandom(8).hex()}.part")
            super().__init__(open(temporary, "xb"))  # noqa: SIM115  closed by commit or discard
            self._temporary = temporary
            if mode is not None:
                with suppress(OSError):  # file systems without permissions
                    os.chmod(temporary, stat.S_IMODE(mode))

    def commit(self) -> None:
        with self._explained():
            self._file.close()
            if self._temporary is not None:
                os.replace(self._temporary, self._target)
                self._temporary = None

    def discard(self) -> None:
        with suppress(OSError):  # the disk may be full: closing flushes again
            self._file.close()
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with _explain(self._where):
            yield


def open_sink(target: str | Path | BinaryIO) -> Sink:
    """The sink for a path, "-" (standard output) or a binary file object."""
    if hasattr(target, "write"):
        return Sink(target)
    if target == "-":
        return StdoutSink()
    return PathSink(Path(target))


def _can_go_back(file: Any) -> bool:
    """Whether earlier bytes can be overwritten. Not in a file opened with >>, although it seeks."""
    try:
        if not file.seekable():
            return False
        file.tell()
    except (AttributeError, OSError, ValueError):
        return False
    try:
        import fcntl

        return not fcntl.fcntl(file.fileno(), fcntl.F_GETFL) & os.O_APPEND
    except (ImportError, AttributeError, OSError, ValueError):  # not POSIX, or no descriptor behind it
        return True


@contextmanager
def _explain(where: str) -> Iterator[None]:
    try:
        yield
    except (BrokenPipeError, NotFoundError):
        raise
    except OSError as error:
        raise AudioError(f"cannot write {named(where)}: {error.strerror or error}") from error
