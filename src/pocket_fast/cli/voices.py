"""List the predefined voices and the models, by language."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pocket_fast.cli.console import Interrupts
from pocket_fast.cli.voice_folder import add_voices_option, default_in, given_folder
from pocket_fast.models import catalog
from pocket_fast.models.contract import Choice

if TYPE_CHECKING:
    from pocket_fast.api.voice_folder import VoiceFolder


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `voices` takes."""
    parser.add_argument(
        "--model",
        "--language",
        metavar="NAME",
        help="only the voice names, the default of this model first, one per line",
    )
    add_voices_option(parser, "; only the voice names, these first, one per line")


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Prints to standard output. Raises NotFoundError for an unknown model, and as given_folder."""
    choice = None if options.model is None else catalog.choose({"model": options.model})
    folder = given_folder(options.voices, choice)
    if choice is not None or folder is not None:
        for name in _names(choice, folder):
            print(name)
        return 0
    for n, family in enumerate(catalog.families()):
        listing = family.listing()
        print("\n" * (n > 0) + f"Language    Default voice  Models ({listing.option})")
        for language, default, models in listing.rows:
            _print_wrapped(f"{language:<12}{default:<15}", models)
        print()
        for whose, names in listing.voices:
            _print_wrapped(f"{whose}: ", names)
    return 0


def _names(choice: Choice | None, folder: VoiceFolder | None) -> list[str]:
    """The default first if there is a model; of voices with one name, the folder's."""
    own = [] if folder is None else folder.names()
    if choice is None:
        return own
    first = choice.default_voice if folder is None else default_in(folder, choice) or choice.default_voice
    names = {name.lower(): name for name in (*choice.voice_names, *own)}
    others = [name for name in (*own, *choice.voice_names) if names.get(name.lower()) == name != first]
    return [*([] if first is None else [f"{first} (default)"]), *others]


def _print_wrapped(title: str, names: Iterable[str]) -> None:
    indent = " " * 27
    print(textwrap.fill(title + ", ".join(names), 100, subsequent_indent=indent, break_on_hyphens=False))
