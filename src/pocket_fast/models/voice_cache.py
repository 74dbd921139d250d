"""Voices already made, of any family: in memory up to a number of bytes, and in a folder if one is given."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from copy import copy
from pathlib import Path
from typing import Any

from pocket_fast.errors import PocketFastError, VoiceError

_log = logging.getLogger("pocket_fast")


class VoiceCache:
    """max_bytes, max_voices: beyond them the least recently used states go; folder: keep those of recordings there too.

    model: what tells this model's states from another's (see fingerprint). hits, misses: how often a state was
    there, or had to be made. Safe to use from several threads.
    """

    def __init__(self, max_bytes: int = 256 << 20, folder: str | Path | None = None, model: str = ""):
        self.max_bytes = max_bytes
        self.max_voices: int | None = None
        self.hits = self.misses = 0
        self.folder = folder
        self._model = model
        self._states: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes held in memory."""
        with self._lock:
            return sum(state.nbytes for state in self._states.values())

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The voice of `key`, made if it is not held: a copy for the caller, which shares what is large."""
        with self._lock:
            if key in self._states:
                self._states.move_to_end(key)
                self.hits += 1
                return copy(self._states[key])
            self.misses += 1
        state = make()
        with self._lock:
            self._states[key] = copy(state)
            while self._is_over():
                self._states.popitem(last=False)
        return state

    def _is_over(self) -> bool:
        too_many = self.max_voices is not None and len(self._states) > self.max_voices
        return too_many or sum(state.nbytes for state in self._states.values()) > self.max_bytes

    def get_recording(
        self,
        path: Path,
        how: Hashable,
        make: Callable[[], Any],
        *,
        read: Callable[[Path], Any],
        write: Callable[[Any, Path], None],
    ) -> Any:
        """As get, for an audio file: known by its path, time and size in memory, by its content in the folder.

        how: all else that the voice depends on; its text has to tell. read, write: a voice from a file of the folder,
        and into one; what they raise as PocketFastError is worth a warning.
        """
        stat = path.stat()
        key = (str(path.resolve()), stat.st_mtime_ns, stat.st_size, how)
        return self.get(key, lambda: self._from_folder(path, how, make, read, write))

    def _from_folder(
        self,
        path: Path,
        how: Hashable,
        make: Callable[[], Any],
        read: Callable[[Path], Any],
        write: Callable[[Any, Path], None],
    ) -> Any:
        if self.folder is None:
            return make()
        folder = Path(self.folder)
        digest = hashlib.sha256(f"{self._model}|{how}|".encode() + path.read_bytes()).hexdigest()
        file = folder / f"{digest}.safetensors"
        if file.exists():
            try:
                return read(file)
            except PocketFastError as error:
                _log.warning("Making the voice again, its cached state cannot be used: %s", error)
        state = make()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            write(state, file)
        except VoiceError as error:  # a full disk is no reason not to speak
            _log.warning("The voice is not kept for the next time: %s", error)
        return state


def fingerprint(config: object, files: tuple[Path, ...], compute_type: str) -> str:
    """What a voice state depends on: the config, the weight files by name, size and time, and the arithmetic."""
    parts = [
        repr(config),
        compute_type,
        *(f"{f.resolve()}|{f.stat().st_size}|{f.stat().st_mtime_ns}" for f in files),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
