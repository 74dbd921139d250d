"""libsndfile through python-soundfile, imported on first use and driven strictly forward."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from types import ModuleType
from typing import Any

from pocket_fast.errors import UnsupportedError


def load_soundfile() -> ModuleType:
    """The `soundfile` module; UnsupportedError when it or libsndfile cannot be loaded."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the module is there, libsndfile is not
        raise UnsupportedError(
            f"this audio format needs libsndfile, which cannot be loaded here ({error}); "
            "reinstall it with: pip install --force-reinstall soundfile"
        ) from error
    return soundfile


def open_for_reading(file: Any) -> Any:
    """A SoundFile that can be read block by block and gives the samples of `soundfile.read`, to the bit.

    file: an object that reads and seeks: a path's name would count for more than what is in the file, and a macOS
    `._name` beside it for more than either.
    """
    sound = _forward_only()(file)
    if sound.format == "MP3":
        sound.seek(0)  # as soundfile.read does; without it the decoder rounds some samples differently
    return sound


def open_for_writing(file: Any, sample_rate: int, container: str, subtype: str, **options: Any) -> Any:
    """A mono SoundFile that encodes into the file object."""
    return _forward_only()(file, "w", sample_rate, 1, subtype, format=container, **options)


def shorten_ogg_pages(file: Any) -> None:
    """Opus and Vorbis pages of 60 ms instead of a second. Call it before the first samples.

    Through soundfile's private handle, which has no public way to set it; where that is gone, the pages
    stay long.
    """
    soundfile = load_soundfile()
    set_page_latency, milliseconds = 0x1302, 20.0  # of sndfile.h; less than three packets has no effect
    with suppress(AttributeError):
        value = soundfile._ffi.new("double *", milliseconds)
        soundfile._snd.sf_command(file._file, set_page_latency, value, 8)


@cache
def _forward_only() -> type:
    """SoundFile without the seek that it makes after every block.

    Its own blocks of an MP3 or an Opus file differ from the whole (by up to 0.5, heard as clicks): a decoder
    that has jumped needs frames of the past before it is right again.
    """

    class ForwardSoundFile(load_soundfile().SoundFile):
        def seekable(self) -> bool:
            return False

    return ForwardSoundFile
