"""A folder whose recordings and exported voices are voices by the names of their files."""

from __future__ import annotations

import logging
import os
import re
import threading
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocket_fast.errors import ConfigError, NotFoundError, VoiceError, named

if TYPE_CHECKING:
    from pocket_fast.api.speaking import Speaking

EXPORTED = ".safetensors"
RESERVED = "default"  # whoever speaks when nobody is named
_RECORDINGS = "wav wave flac mp3 ogg oga opus aif aiff aifc au snd caf w64 rf64 wavex nist sph voc"
_SUFFIXES = (
    EXPORTED,
    *(f".{name}" for name in _RECORDINGS.split()),
)  # of one name, the first of these counts
_WORDS = ".txt"  # what a recording says, beside it, for models that are told so
_SAFE = re.compile(r"\w(?:[\w &.'()+-]{0,62}[\w.')+-])?")
_MOST_WORDS = 1 << 16  # bytes; models take less

_log = logging.getLogger("pocket_fast")


class VoiceFolder:
    """The folder as it is at every call: what is added, changed or removed counts at once.

    Of a file that is a voice, the name without the suffix is the voice's: letters, digits, blanks and some marks, at
    most 64 of them, in any case. Hidden files and folders in it do not count; where several files have one name, an
    exported voice does, which is ready sooner than the recording.
    """

    def __init__(self, path: str | Path):
        """Raises NotFoundError, ConfigError if it is no folder."""
        self.path = Path(os.path.expanduser(path))
        if not os.path.exists(self.path):
            raise NotFoundError(f"{named(path)}: no such folder of voices")
        if not os.path.isdir(self.path):
            raise ConfigError(
                f"{named(path)}: not a folder; its recordings and exported voices are to be voices"
            )

    def names(self, recordings: bool = True) -> list[str]:
        """Of all voices, sorted; recordings: whether these count, which a model may be unable to take."""
        files = self._files().values()
        found = (name_of(file) for file in files if recordings or file.suffix.lower() == EXPORTED)
        return sorted(found, key=str.casefold)

    def find(self, name: str) -> Path | None:
        """The file of a voice by its name, in any case; None if there is none."""
        return self._files().get(_key(name))

    def words(self, file: Path) -> str | None:
        """What is said in a recording, if a file beside it says so. Raises VoiceError if that is unreadable."""
        beside = file.with_suffix(_WORDS)
        if file.suffix.lower() == EXPORTED or not beside.is_file():
            return None
        try:
            with beside.open("rb") as opened:
                return opened.read(_MOST_WORDS).decode("utf-8-sig").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise VoiceError(f"{beside}: the words of a recording cannot be read ({error})") from None

    def load(
        self, model: Speaking, name: str, words: str | None = None, stop: threading.Event | None = None
    ) -> Any:
        """The voice, ready to speak, of the first 30 s of its recording; made anew only if the file has changed.

        words: what is said in the recording, instead of what the file beside it says. stop: set it to give up. Raises
        VoiceError for a name that is not there, and as Speaking.find_voice.
        """
        file = self.find(name)
        if file is None:
            raise VoiceError(f"no voice is called {name!r:.60} in {self.path}")
        if file.suffix.lower() != EXPORTED:  # the model itself knows a recording again
            if words is None and model.takes_words:
                words = self.words(file)
            return model.find_voice(file, words=words, truncate=True, stop=stop)
        if words is not None:
            return model.find_voice(file, words=words, stop=stop)  # which says what is wrong with that
        about = file.stat()
        key = ("exported", str(file), about.st_mtime_ns, about.st_size)
        return model.voice_cache.get(key, lambda: model.find_voice(file, stop=stop))

    def check(self, recordings: bool = True) -> None:
        """Tell the log, once, how many voices there are, and which files are none although they look like it."""
        kept = set(self._files().values())
        left = [file.name for file in self._listed() if file not in kept and file.suffix.lower() != _WORDS]
        useless = 0 if recordings else len(self.names()) - len(self.names(recordings=False))
        _log.info("%d voices in %s", len(self.names(recordings)), self.path)
        if left:
            _log.warning(
                "No voices, by their suffix or name, or because another file has it: %s", _some(sorted(left))
            )
        if useless:
            _log.warning("%d recordings cannot be voices: these weights clone none", useless)

    def _files(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for file in self._listed():
            name = name_of(file)
            if file.suffix.lower() in _SUFFIXES and _SAFE.fullmatch(name) and _key(name) != RESERVED:
                known = found.setdefault(_key(name), file)
                if _SUFFIXES.index(file.suffix.lower()) < _SUFFIXES.index(known.suffix.lower()):
                    found[_key(name)] = file
        return found

    def _listed(self) -> list[Path]:
        try:
            with os.scandir(self.path) as entries:
                names = [entry.name for entry in entries if entry.name[0] != "." and entry.is_file()]
        except OSError as error:
            _log.error("The folder of voices cannot be read: %s", error)
            return []
        return [self.path / name for name in sorted(names)]


def name_of(file: Path) -> str:
    """What a voice is called whose file this is."""
    return unicodedata.normalize("NFC", file.stem)


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(f"{name!r}" for name in names[:5]) + more
