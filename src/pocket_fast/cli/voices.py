"""List the predefined voices and the models, by language."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable

from pocket_fast.cli.console import Interrupts
from pocket_fast.models import catalog


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `voices` takes."""
    parser.add_argument(
        "--model",
        "--language",
        metavar="NAME",
        help="only the voice names, the default of this model first, one per line",
    )


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Prints to standard output. Raises NotFoundError for an unknown model."""
    if options.model is not None:
        choice = catalog.choose({"model": options.model})
        first = choice.default_voice
        if first is not None:
            print(f"{first} (default)")
        for name in choice.voice_names:
            if name != first:
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


def _print_wrapped(title: str, names: Iterable[str]) -> None:
    indent = " " * 27
    print(textwrap.fill(title + ", ".join(names), 100, subsequent_indent=indent, break_on_hyphens=False))
