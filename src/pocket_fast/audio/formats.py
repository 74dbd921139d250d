"""The names of the audio formats that can be written, and how a file name chooses one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pocket_fast.errors import AudioError, named, shown


@dataclass(frozen=True)
class Format:
    """One way of writing samples. `container`: libsndfile's major format, None where it is not needed."""

    name: str
    container: str | None = None
    subtype: str = "PCM_16"
    streams: bool = False  # valid without going back to patch what is written: can be sent down a pipe


_PATCHED = ("aiff", "au", "caf", "w64", "rf64", "wavex", "nist", "voc", "avr")
_PATCHED += ("svx", "ircam", "paf", "pvf", "mpc2k", "sds", "mat4", "mat5")


def _named(*formats: Format) -> dict[str, Format]:
    return {item.name: item for item in formats}


# What libsndfile 1.2 writes and reads back, less the formats that cannot state 24000 Hz (htk, wve, xi)
# or need two files (sd2).
FORMATS = _named(
    Format("wav", streams=True),
    Format("raw", streams=True),
    Format("flac", "FLAC", streams=True),
    Format("mp3", "MP3", "MPEG_LAYER_III", streams=True),
    Format("ogg", "OGG", "VORBIS", streams=True),
    Format("opus", "OGG", "OPUS", streams=True),
    Format("aac", streams=True),
    *(Format(name, name.upper()) for name in _PATCHED),
)
"""By name. All hold 16-bit samples except mp3, ogg (Vorbis), opus (in Ogg) and aac (in ADTS; not of libsndfile).
raw: s16le, no header."""

_ALIASES = {
    "wave": "wav",
    "pcm": "raw",
    "s16le": "raw",
    "oga": "ogg",
    "vorbis": "ogg",
    "aif": "aiff",
    "snd": "au",
    "sph": "nist",
    "mat": "mat5",
}


def find_format(target: Any, name: str | None = None) -> Format:
    """The format called `name` (with or without a dot, any case), else that of the target's suffix.

    WAV when neither says anything: no suffix, "-", a file object. AudioError names the formats there are.
    """
    asked = name
    if asked is None:
        asked = PurePath(target).suffix if isinstance(target, (str, PurePath)) else ""
    key = asked.lower().lstrip(".")
    if not key and name is None:
        return FORMATS["wav"]
    found = FORMATS.get(_ALIASES.get(key, key))
    if found is None:
        what = f"audio format {shown(name)} is unknown"
        if name is None:
            what = f"{named(target)}: unknown suffix {shown(asked)}"
        raise AudioError(f"{what}; choose one of: {' '.join(FORMATS)}")
    return found
