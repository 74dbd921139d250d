"""Whose voice a request asks for, made ready once and shared by everyone who asks for it again."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from pocket_fast.api.speaking import Samples, Speaking
from pocket_fast.api.voice_folder import RESERVED
from pocket_fast.audio.embedded import embedded_audio
from pocket_fast.errors import (
    AudioError,
    BusyError,
    NotFoundError,
    StoppedError,
    VoiceError,
    WeightsError,
    WordsError,
)
from pocket_fast.server.options import Options
from pocket_fast.server.requests import log
from pocket_fast.server.urls import MOST_FETCHES, fetch_public, hub_url

OPENAI_VOICES = frozenset(
    (
        "alloy",
        "ash",
        "ballad",
        "cedar",
        "coral",
        "echo",
        "fable",
        "marin",
        "nova",
        "onyx",
        "sage",
        "shimmer",
        "verse",
    )
)
"""What OpenAI's clients send, who have to name a voice: the default one where a model has none by name."""
MAX_RATE = 384_000  # Hz; nobody records a voice at more, and the seconds of a recording do not bound its samples else
_AT_A_TIME = 2  # recordings that are made voices at once: each keeps all cores busy
_THREADS = 8  # for those whose recordings are read, and wait for their turn
_MOST_NAMES = 32  # that are waited for at once, each in a thread
_MOST_LINKS = 4 * MOST_FETCHES  # that are fetched, or wait for that
_LOOK_SECONDS = 0.2  # between looks whether anybody waits
_LONGEST_NAME = 100  # what is longer is a recording, or an address
_BLOCK = 1 << 18
_Make = Callable[[Any, str | None, threading.Event], Any]  # a source, its words, and what ends it


class Voices:
    """The voices of a model. default: the state for requests that name none."""

    def __init__(self, model: Speaking, options: Options, default: Any):
        self._model = model
        self._options = options
        self._default = default
        # apart from each other, and from asyncio's own: who waits in one of them keeps nobody else waiting
        self._uploads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pocket_fast voice")
        self._links = ThreadPoolExecutor(MOST_FETCHES, thread_name_prefix="pocket_fast link")
        self._names = ThreadPoolExecutor(_MOST_NAMES, thread_name_prefix="pocket_fast name")
        self._making = threading.BoundedSemaphore(_AT_A_TIME)
        self._linking = 0
        self._by_name: dict[str, asyncio.Future[Any]] = {}  # voices that are being looked for

    @property
    def default(self) -> str | None:
        """How the voice is called that speaks for requests that name none; None if there is none."""
        return None if self._default is None else self._options.default_voice

    @property
    def names(self) -> list[str]:
        """What a request may name: the default voice first, then those of the folder, then the model's."""
        first = [] if self.default is None else [self.default]
        found: dict[str, str] = {}
        for name in (*first, *self._own(), *self._model.voice_names):
            found.setdefault(name.casefold(), name)
        return list(found.values())

    @property
    def aliases(self) -> dict[str, str]:
        """OpenAI's names for them, as far as no voice of the folder has one of these."""
        own = set(map(str.casefold, self._own()))
        given = self._model.voice_aliases
        if not given and self.default is not None:
            given = dict.fromkeys(sorted(OPENAI_VOICES), self.default)
        return {name: who for name, who in given.items() if name not in own}

    def _own(self) -> list[str]:
        folder = self._options.voices
        return [] if folder is None else folder.names(recordings=self._model.clones)

    async def find(
        self, voice: str | None, recording: IO[bytes] | None = None, words: str | None = None
    ) -> Any:
        """The state of a named, embedded or linked voice, or of an uploaded recording; both is an error.

        words: what the recording says. Raises VoiceError, AudioError, DownloadError; their messages name no place on
        this machine.
        """
        if recording is not None:
            if voice:
                raise VoiceError("a voice and a recording (voice_wav) were given; give one of them")
            return await self._made(self._uploads, self._from_file, recording, words)
        if voice and "://" in voice[:8]:
            return await self._linked(voice, words)
        if voice and (len(voice) > _LONGEST_NAME or voice[:5].lower() == "data:"):
            return await self._made(self._uploads, self._from_text, voice, words)
        if self._options.voices is None:
            voice, is_own = self._meant(voice), False
        else:  # on a disk that may be slow
            voice, is_own = await asyncio.to_thread(self._looked_up, voice)
        if is_own:
            return await self._made(self._names, self._from_folder, voice, words)
        if voice.lower() == self._options.default_voice.lower():
            if words is not None:
                raise WordsError("the words of a recording (voice_text) were given without the recording")
            return self._default
        return await self._named(self._name(voice), words)

    def _meant(self, voice: str | None) -> str:
        """The name that a name stands for: the default voice's where none is given, and as OpenAI's do."""
        name = (voice or RESERVED).lower()
        if name == RESERVED or (name in OPENAI_VOICES and not self._model.voice_names):
            return self._options.default_voice
        return self._model.voice_aliases.get(name, voice or "")

    def _looked_up(self, voice: str | None) -> tuple[str, bool]:
        """The voice that is meant, and whether it is one of the folder; whose names stand for nobody else."""
        folder = self._options.voices
        assert folder is not None
        if voice and folder.find(voice) is not None:
            return voice, True
        meant = self._meant(voice)
        return meant, folder.find(meant) is not None

    def _name(self, voice: str) -> str:
        """A name of the model's, in any case. Raises VoiceError, also if it has none."""
        names = {name.lower(): name for name in self._model.voice_names}
        if not names and not self._own():
            recording = " or a recording" if self._model.clones else ""
            raise VoiceError(
                f"no voice is called {voice[:40]!r}: this model has no voices by name; leave it out, or give "
                f"{RESERVED!r}{recording}"
            )
        name = names.get(voice.lower())
        if name is None:
            raise VoiceError(f"no voice is called {voice[:40]!r}; /v1/audio/voices lists those that are")
        return name

    async def _linked(self, url: str, words: str | None) -> Any:
        if self._linking >= _MOST_LINKS:
            raise BusyError(f"{self._linking} voices are being fetched already", 10.0)
        self._linking += 1
        try:
            return await self._made(self._links, self._from_url, url, words)
        finally:
            self._linking -= 1

    async def _named(self, name: str, words: str | None) -> Any:
        """A voice of the model's, looked for once for all who ask at the same time: each name waits in one thread."""
        if words is not None:
            return await self._made(self._names, self._model_voice, name, words)
        if name not in self._by_name:
            found = asyncio.ensure_future(self._made(self._names, self._model_voice, name, None))
            self._by_name[name] = found
            found.add_done_callback(lambda _: self._by_name.pop(name, None))
            # looked at here too, since everybody may have left
            found.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(self._by_name[name])

    async def _made(self, threads: ThreadPoolExecutor, make: _Make, source: Any, words: str | None) -> Any:
        """In a thread, which ends when nobody waits for it any more."""
        stop, here = threading.Event(), contextvars.copy_context()  # whose request it is, for the log
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(threads, here.run, make, source, words, stop)
        finally:
            stop.set()

    @contextlib.contextmanager
    def _in_turn(self, stop: threading.Event) -> Iterator[None]:
        """Make a voice of a recording now, or after others. Raises StoppedError."""
        while not self._making.acquire(timeout=_LOOK_SECONDS):
            if stop.is_set():
                raise StoppedError("nobody waits for this voice any more")
        try:
            yield
        finally:
            self._making.release()

    def _model_voice(self, name: str, words: str | None, stop: threading.Event) -> Any:
        return self._model.find_voice(name, words=words, stop=stop)

    def _from_folder(self, name: str, words: str | None, stop: threading.Event) -> Any:
        """A voice of the folder; anew if its file has changed."""
        folder = self._options.voices
        assert folder is not None
        try:
            return folder.load(self._model, name, words, stop)
        except WordsError as error:
            raise WordsError(_without_places(error, folder.path)) from None
        except (AudioError, VoiceError, WeightsError, NotFoundError, OSError) as error:
            log.error("The voice %r cannot be used: %s", name, error)
            raise VoiceError(
                f"the voice {name[:40]!r} cannot be used: {_without_places(error, folder.path)}"
            ) from None

    def _from_text(self, text: str, words: str | None, stop: threading.Event) -> Any:
        """A recording in base64, or else a name that is too long for one."""
        data = embedded_audio(text)
        return self._name(text) if data is None else self._from_bytes(data, words, stop)

    def _from_bytes(self, data: bytes, words: str | None, stop: threading.Event) -> Any:
        if len(data) > self._options.max_upload:
            raise AudioError(
                f"a recording of {len(data)} bytes; this server takes {self._options.max_upload}"
            )
        with tempfile.TemporaryFile() as file:
            file.write(data)
            return self._from_file(file, words, stop)

    def _from_url(self, url: str, words: str | None, stop: threading.Event) -> Any:
        if not self._options.allow_voice_urls:
            raise VoiceError("this server fetches no voices from URLs; upload the recording instead")
        if url.startswith("hf://"):
            url = hub_url(url)

        def fetch() -> Any:
            return self._from_bytes(fetch_public(url, self._options.max_upload, stop=stop), words, stop)

        return self._model.voice_cache.get(("url", url, words), fetch)

    def _from_file(self, file: IO[bytes], words: str | None, stop: threading.Event) -> Any:
        """A recording, or a voice state that export-voice wrote; known again by its content."""
        digest = hashlib.sha256()
        file.seek(0)
        while block := file.read(_BLOCK):
            digest.update(block)
        key = ("content", digest.digest(), words)
        return self._model.voice_cache.get(key, lambda: self._make(file, words, stop))

    def _make(self, file: IO[bytes], words: str | None, stop: threading.Event) -> Any:
        file.seek(0)
        is_state = file.read(9)[8:] == b"{"  # after the length of its header, in .safetensors
        file.seek(0)
        with tempfile.TemporaryDirectory(prefix="pocket_fast-") as folder:
            path = Path(folder, "voice.safetensors" if is_state else "recording")
            with open(path, "wb") as copy:
                shutil.copyfileobj(file, copy)
            try:
                with self._in_turn(stop):
                    return self._find(path, is_state, words, stop)
            except WordsError:
                raise
            except (AudioError, VoiceError, WeightsError) as error:
                message = str(error).replace(str(path), "the recording")
                raise VoiceError(message) from None

    def _find(self, path: Path, is_state: bool, words: str | None, stop: threading.Event) -> Any:
        if is_state:
            most = self._options.max_upload_seconds
            return self._model.find_voice(path, words=words, most_seconds=most, stop=stop)
        return self._model.find_voice(self._samples(path), words=words, stop=stop)

    def _samples(self, path: Path) -> Samples:
        """As they are: each family has its own way of resampling, and from a file they would be the same."""
        from pocket_fast.audio.read import read_audio

        return read_audio(path, max_seconds=self._options.max_upload_seconds, max_rate=MAX_RATE)


def _without_places(error: Exception, folder: Path) -> str:
    return str(error).replace(f"{folder.resolve()}{os.sep}", "").replace(f"{folder}{os.sep}", "")
