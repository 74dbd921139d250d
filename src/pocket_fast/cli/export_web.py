"""Make the one file that a web page loads: a model, its tokenizer, voices."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocket_fast.cli.arguments import add_thread_option
from pocket_fast.cli.console import Interrupts, stderr_is_terminal
from pocket_fast.cli.model import load_model, load_voice, load_weights, voice_source
from pocket_fast.cli.quantize import quantizer
from pocket_fast.cli.targets import inputs_of, name_for, refuse_inputs
from pocket_fast.errors import ConfigError, NotFoundError, VoiceError, WeightsError, named
from pocket_fast.models import catalog
from pocket_fast.models.contract import Choice

COMPUTE_TYPES = ("auto", "int8", "int4")

_log = logging.getLogger("pocket_fast")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `export-web` takes."""
    add = parser.add_argument
    add(
        "source",
        metavar="MODEL",
        help="a model by name (see `voices`), or in any other form that --model takes",
    )
    add("target", metavar="FILE", help="the file to write, such as english.pfweb")
    add_bundle_options(parser)
    add("-q", "--quiet", action="store_true", help="errors only")
    add_thread_option(parser)


def add_bundle_options(parser: argparse.ArgumentParser) -> None:
    """What goes into the file."""
    add = parser.add_argument
    add(
        "--compute-type",
        choices=COMPUTE_TYPES,
        default="auto",
        help="the language model as it is stored (auto), in 8 bits (int8): half the size, and faster, or its layers "
        "in 4 (int4): smaller and faster again, and less exact",
    )
    add(
        "-v",
        "--voice",
        action="append",
        default=[],
        help="a voice to put into the file, in any form that `generate` takes; may be given more than once, the first "
        "speaks where none is chosen (default: the model's own, where it has voices by name)",
    )
    add("--no-voice", action="store_true", help="put no voice into the file")
    add(
        "--no-cloning",
        action="store_true",
        help="leave out what only a page that clones voices needs: for small models most of the file",
    )


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Writes all or nothing, and reads it back."""
    target = Path(options.target)
    description = export(options, target)
    voices = description["voices"]
    _log.info(
        "%s: %s, compute type %s, %s, %.1f MB",
        target,
        options.source,
        description["compute_type"],
        f"voices {', '.join(voices)}" if voices else "no voice",
        target.stat().st_size / 1e6,
    )
    return 0


def export(options: argparse.Namespace, target: Path) -> dict[str, Any]:
    """Writes the file that add_bundle_options() describe. -> what it says of itself"""
    from pocket_fast.weights.bundle import read_bundle, write_bundle

    if options.no_voice and options.voice:
        raise ConfigError("--no-voice and --voice were given; leave out one of them")
    show = not options.quiet and stderr_is_terminal()
    choice = catalog.choose({"model": options.source}, progress=show)
    _check_target(target)
    sources = list(options.voice)
    if not sources and not options.no_voice and choice.voice_names and choice.default_voice:
        sources = [choice.default_voice]
    names = _names(sources)
    for source in sources:
        refuse_inputs(target, inputs_of(choice, sys.stdin if source == "-" else source))
    stored = load_weights(choice, progress=show)
    refuse_inputs(target, (("a file of the model", file) for file in stored.files))
    model = stored.for_web(options.compute_type, quantizer(options.threads), cloning=not options.no_cloning)
    voices = dict(zip(names, states(choice, sources, options.threads, show), strict=True))
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as work:
            written = Path(work, target.name)
            write_bundle(written, model, voices)
            description = read_bundle(written).description
            os.replace(written, target)
    except OSError as error:
        raise WeightsError(f"cannot write {named(target)}: {error.strerror or error}") from None
    return description


def _check_target(target: Path) -> None:
    if not os.path.isdir(target.parent):
        parent = named(target.parent)
        raise NotFoundError(f"cannot write {named(target)}: there is no folder {parent}; create it")
    if os.path.exists(target) and not os.path.isfile(target):
        raise ConfigError(f"{target} is not a file; give the name of one to write")


def _names(sources: Sequence[str]) -> list[str]:
    """What each voice is called in the file. Raises VoiceError where two would be called the same."""
    names = [name_for(source, "voice") for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise VoiceError(f"{names.count(name)} voices would be called {name!r}; rename their files")
    return names


def states(choice: Choice, sources: Sequence[str], threads: int | None, show: bool) -> list[bytes]:
    """The voices as export-voice writes them, heard by the weights as they are stored."""
    if not sources:
        return []
    states = []
    with contextlib.ExitStack() as stack:
        given = [stack.enter_context(voice_source(source, choice)) for source in sources]
        model = load_model(choice, threads=threads, progress=show)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        for i, source in enumerate(given):
            path = Path(folder, f"{i}.safetensors")
            model.export_voice(load_voice(choice, model, source, truncate=True), path)
            states.append(path.read_bytes())
    return states
