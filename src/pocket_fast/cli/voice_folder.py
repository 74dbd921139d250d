"""--voices: a folder of voices, and whose voice --voice means beside it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocket_fast.errors import VoiceError
from pocket_fast.models.contract import Choice

if TYPE_CHECKING:
    from pocket_fast.api.voice_folder import VoiceFolder

_log = logging.getLogger("pocket_fast")


def add_voices_option(group: Any, help: str = "") -> None:
    """--voices: read back with given_folder. help: what else it does."""
    group.add_argument(
        "--voices",
        metavar="DIR",
        help="a folder: its recordings and exported voices are voices by the names of their files, without suffix; "
        f"NAME.txt beside NAME.wav is what the recording says, for models that take that{help}",
    )


def given_folder(path: str | None, choice: Choice | None = None) -> VoiceFolder | None:
    """The folder of --voices, if one was given. Raises NotFoundError, ConfigError; VoiceError if the model that was
    chosen takes neither recordings nor exported voices."""
    if path is None:
        return None
    from pocket_fast.api.voice_folder import VoiceFolder

    folder = VoiceFolder(path)
    if choice is not None:
        choice.check(folder.path, None, {}, complete=False)  # as for any file in it
    return folder


def whose_voice(
    given: str | None, folder: VoiceFolder | None, choice: Choice, words: str | None
) -> tuple[str | Path | None, str | None]:
    """(voice, words) as voice_source and Speaking.find_voice take them, of what was given as --voice and --voice-text.

    A voice of the folder goes before one of the model with the same name. Where none is given, see default_in.
    Raises VoiceError for a name that neither has.
    """
    if folder is None:
        return given, words
    if given is None:
        given = default_in(folder, choice)
        if given is None:
            return None, words
        _log.info("No --voice was given: %s of %s speaks", given, folder.path)
    file = folder.find(given)
    if file is not None:
        return file, folder.words(file) if words is None and choice.takes_words else words
    is_name = not (given == "-" or "/" in given or "." in given or len(given) > 100 or os.path.exists(given))
    if is_name and given.lower() not in map(str.lower, choice.voice_names):
        there = ", ".join([*folder.names(), *choice.voice_names]) or "none"
        raise VoiceError(
            f"no voice is called {given!r}, in {folder.path} or of {choice.title}; there are: {there}"
        )
    return given, words


def default_in(folder: VoiceFolder, choice: Choice) -> str | None:
    """The voice of the folder that speaks when nobody says which: the one with the name of the model's default voice,
    or the first where the model has none by name; None where its default voice speaks."""
    from pocket_fast.api.voice_folder import name_of

    if not choice.voice_names:
        return next(iter(folder.names()), None)
    file = folder.find(choice.default_voice or "")
    return None if file is None else name_of(file)
