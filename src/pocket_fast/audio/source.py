"""Where recordings come from: files, and pipes that can be read only once; and views of parts of them."""

from __future__ import annotations

import io
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pocket_fast.audio.kinds import ENOUGH, empty, foreign, is_safetensors
from pocket_fast.errors import AudioError, NotFoundError

MOST_PIPED = 1 << 30  # bytes; a recording is a few millions
_BLOCK = 1 << 18


@contextmanager
def open_source(path: Path) -> Iterator[BinaryIO]:
    """The file at `path`, open for reading and seeking; a pipe, a device or a socket is read to its end first.

    Says plainly what libsndfile would call a system error. Raises NotFoundError, AudioError.
    """
    try:
        info = os.stat(path)
    except FileNotFoundError:
        raise NotFoundError(f"audio file {path} does not exist; check the path") from None
    except (OSError, ValueError) as error:  # ValueError: NUL in the name
        raise AudioError(f"{path}: cannot be opened ({getattr(error, 'strerror', error)})") from error
    if stat.S_ISDIR(info.st_mode):
        raise AudioError(f"{path} is a directory; give the path of an audio file")
    if not os.access(path, os.R_OK):
        raise AudioError(f"{path}: no permission to read it")
    with _opened(path) as file:
        if stat.S_ISREG(info.st_mode):
            if info.st_size == 0:
                raise AudioError(f"{path}: the file is empty; expected speech")
            yield file
            return
        with drained(file, str(path)) as copy:
            yield copy


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path that can be opened as often as one likes: itself, or for a pipe a file with what it gives.

    That file is named .safetensors if it is one. Raises as open_source.
    """
    if not is_pipe(path):
        yield path
        return
    with open_source(path) as file, kept(file, path.name) as copy:
        yield copy


@contextmanager
def kept(file: BinaryIO, name: str) -> Iterator[Path]:
    """A file of that name with the content of `file`, for a while; named .safetensors, too, if it is one."""
    file.seek(0)
    suffix = ".safetensors" if is_safetensors(file.read(9)) else ""
    with tempfile.TemporaryDirectory(prefix="pocket_fast-") as folder:
        path = Path(folder, name + suffix)
        file.seek(0)
        with open(path, "wb") as copy:
            while block := file.read(_BLOCK):
                copy.write(block)
        yield path


def is_pipe(path: Path) -> bool:
    """Whether it is there, and neither a file nor a folder."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = open(path, "rb")  # noqa: SIM115  closed below
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror or error})") from error
    with file:
        yield file


@contextmanager
def drained(pipe: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """A file with all that a pipe gives. Raises AudioError for a terminal, nothing, too much, or what is no recording
    by its first bytes: some pipes never end."""
    if pipe.isatty():
        raise AudioError(f"{name} is a terminal; send a recording into it")
    with tempfile.TemporaryFile() as copy:
        size = 0
        while block := pipe.read(_BLOCK if size else ENOUGH):
            reason = None if size or is_safetensors(block) else foreign(block) or empty(block)
            if reason is not None:
                raise AudioError(f"{name}: {reason}")
            size += len(block)
            copy.write(block)
            if size > MOST_PIPED:
                raise AudioError(f"{name}: more than {MOST_PIPED >> 20} MiB; expected a recording of seconds")
        if size == 0:
            raise AudioError(f"{name}: nothing came from it; expected speech")
        yield copy


class View(io.RawIOBase):
    """A file made of pieces: bytes, and stretches (start, stop) of another file. For reading; not thread-safe."""

    def __init__(self, file: BinaryIO, pieces: Sequence[bytes | tuple[int, int]]):
        self._file = file
        self._pieces = [
            piece for piece in pieces if (len(piece) if isinstance(piece, bytes) else piece[1] > piece[0])
        ]
        self._at = 0
        self.size = sum(map(_length, self._pieces))

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Bytes before the next one."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """See io.IOBase."""
        self._at = max(0, offset + (0, self._at, self.size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        """See io.RawIOBase; less than asked for only at the end."""
        wanted = memoryview(buffer)
        got = 0
        begin = 0
        for piece in self._pieces:
            end = begin + _length(piece)
            if self._at < end and got < len(wanted):
                skip, count = self._at - begin, min(end - self._at, len(wanted) - got)
                if isinstance(piece, bytes):
                    data = piece[skip : skip + count]
                else:
                    self._file.seek(piece[0] + skip)
                    data = self._file.read(count)
                wanted[got : got + len(data)] = data
                got += len(data)
                self._at += len(data)
                if len(data) < count:  # the file became shorter
                    break
            begin = end
        return got


def _length(piece: bytes | tuple[int, int]) -> int:
    return len(piece) if isinstance(piece, bytes) else piece[1] - piece[0]
