"""Voices already made, of any family: in memory up to a number of bytes, and in a folder if one is given."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from copy import copy
from pathlib import Path
from typing import Any

from pocket_fast.errors import PocketFastError, StoppedError, VoiceError

_log = logging.getLogger("pocket_fast")


class VoiceCache:
    """max_bytes, max_voices: beyond them the least recently used states go; folder: keep those of recordings there too.

    model: what tells this model's states from another's (see fingerprint). hits, misses: how often a state was
    there, or had to be made. Safe to use from several threads, and after a fork.
    """

    def __init__(self, max_bytes: int = 256 << 20, folder: str | Path | None = None, model: str = ""):
        self.max_bytes = max_bytes
        self.max_voices: int | None = None
        self.hits = self.misses = 0
        self.folder = folder
        self._model = model
        self._states: OrderedDict[Hashable, Any] = OrderedDict()
        self._forget_threads()
        _caches.add(self)

    def _forget_threads(self) -> None:
        """As in a process in which nobody uses this yet."""
        self._lock = threading.Lock()
        self._making: dict[Hashable, Future[Any]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes held in memory."""
        with self._lock:
            return sum(state.nbytes for state in self._states.values())

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The voice of `key`, made if it is not held: a copy for the caller, which shares what is large.

        Whoever asks for a voice that is being made waits for it. A PocketFastError is about the voice, so it is theirs
        as well; after any other failure (memory ran out, the maker was interrupted or gave up) the next of them tries.
        """
        while True:
            with self._lock:
                if key in self._states:
                    self._states.move_to_end(key)
                    self.hits += 1
                    return copy(self._states[key])
                others = self._making.get(key)
                if others is None:
                    self.misses += 1
                    mine = self._making[key] = Future()
            if others is None:
                return self._make(key, make, mine)
            state = others.result()
            if state is not None:
                with self._lock:
                    self.hits += 1
                return copy(state)

    def _make(self, key: Hashable, make: Callable[[], Any], done: Future[Any]) -> Any:
        """Make the voice and tell those who wait: of the voice, of what is wrong with it, or (None) to try again."""
        kept = problem = None
        try:
            state = make()
            kept = copy(state)  # nobody else's: the caller may continue its own
            return state
        except StoppedError:
            raise
        except PocketFastError as error:
            problem = error
            raise
        finally:
            try:
                with self._lock:
                    self._making.pop(key, None)  # before anybody tries again
                    if kept is not None:
                        self._keep(key, kept)
            finally:
                if problem is None:
                    done.set_result(kept)
                else:
                    done.set_exception(problem)

    def _keep(self, key: Hashable, state: Any) -> None:
        self._states[key] = state
        while self._is_over():
            self._states.popitem(last=False)

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


_caches: weakref.WeakSet[VoiceCache] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    """The parent's threads are not here: what they were making nobody finishes, and what they locked nobody unlocks."""
    for cache in _caches:
        cache._forget_threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
