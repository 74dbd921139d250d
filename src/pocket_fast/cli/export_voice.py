"""Prepare a voice once: a recording in, a .safetensors state out that loads at once."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pocket_fast.cli.arguments import (
    add_model_options,
    add_thread_option,
    add_words_option,
    given_words,
    model_choice,
)
from pocket_fast.cli.console import Interrupts, say, stderr_is_terminal
from pocket_fast.cli.model import load_model, load_voice, voice_source
from pocket_fast.cli.targets import inputs_of, is_folder, made_folder, name_for, refuse_inputs
from pocket_fast.errors import NotFoundError, PocketFastError, VoiceError, named
from pocket_fast.models.contract import Choice

if TYPE_CHECKING:
    from pocket_fast.api.speaking import Speaking

_RECORDINGS = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".aiff")

_log = logging.getLogger("pocket_fast")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `export-voice` takes."""
    parser.add_argument(
        "source",
        metavar="AUDIO_PATH",
        help="the recording (best 5 to 15 s of clear speech; its first 30 s are used), in any form that "
        "`generate --voice` takes; or a folder, for every recording in it",
    )
    parser.add_argument(
        "target",
        metavar="EXPORT_PATH",
        help="the .safetensors file, or a folder for it (FOLDER/); a folder for a folder",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="errors only")
    add_words_option(parser)
    add_model_options(parser)
    add_thread_option(parser)


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Exports one voice, or those of a folder, going on after one that fails."""
    choice = model_choice(options)
    words = given_words(options, choice)
    machine = {"threads": options.threads, "progress": not options.quiet and stderr_is_terminal()}
    source, target = options.source, Path(options.target)
    if os.path.isdir(source):
        if words is not None:
            raise VoiceError(
                f"{source} is a folder; --voice-text is what one recording says: export them singly"
            )
        pairs = _pairs(Path(source), target)
        _check_folder(target.parent, target)
        inputs = [*inputs_of(choice, None), *(("one of the recordings", recording) for recording, _ in pairs)]
        for _, exported in pairs:
            refuse_inputs(exported, inputs)
        model = load_model(choice, **machine)
        target.mkdir(exist_ok=True)
        return 0 if sum([_try_to_export(choice, model, *pair) for pair in pairs]) == len(pairs) else 1
    if is_folder(options.target):
        target /= f"{name_for(source, 'voice')}.safetensors"
    elif os.path.isdir(target):
        raise VoiceError(f"{target} is a folder; give the name of a .safetensors file in it, or {target}/")
    refuse_inputs(target, inputs_of(choice, sys.stdin if source == "-" else source))
    if target.suffix != ".safetensors":
        _log.warning(
            "%s: a voice can be loaded only from a file named *.safetensors; rename it", named(target)
        )
    with contextlib.ExitStack() as stack:
        if is_folder(options.target):
            stack.enter_context(made_folder(str(target)))
        _check_folder(target.parent, target)
        voice = stack.enter_context(voice_source(source, choice, words))
        _export(choice, load_model(choice, **machine), voice, target, words)
    return 0


def _pairs(source: Path, target: Path) -> list[tuple[Path, Path]]:
    """Every recording of the folder and the file it goes to."""
    recordings = sorted(path for path in source.iterdir() if path.suffix.lower() in _RECORDINGS)
    if not recordings:
        raise NotFoundError(f"{source}: no recordings in this folder (looked for {' '.join(_RECORDINGS)})")
    if os.path.exists(target) and not os.path.isdir(target):
        raise VoiceError(f"{target} is a file; a folder of recordings needs a folder to go to")
    return [(recording, target / f"{recording.stem}.safetensors") for recording in recordings]


def _check_folder(folder: Path, target: Path) -> None:
    if not os.path.isdir(folder):
        raise NotFoundError(f"cannot write {named(target)}: there is no folder {named(folder)}; create it")
    if not os.access(folder, os.W_OK):
        raise VoiceError(f"cannot write {named(target)}: the folder {named(folder)} is write-protected")


def _try_to_export(choice: Choice, model: Speaking, source: Path, target: Path) -> bool:
    try:
        _export(choice, model, source, target)
    except PocketFastError as error:
        say(f"error: {error}")
        return False
    return True


def _export(
    choice: Choice, model: Speaking, source: str | Path | None, target: Path, words: str | None = None
) -> None:
    voice = load_voice(choice, model, source, truncate=True, words=words)
    what = model.export_voice(voice, target)
    _log.info("%s: %s, %.0f kB", target, what, target.stat().st_size / 1e3)
