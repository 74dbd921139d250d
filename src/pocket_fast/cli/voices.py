"""List the predefined voices and the models, by language."""

from __future__ import annotations

import argparse

from pocket_fast.cli.console import Interrupts


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `voices` takes."""
    parser.add_argument(
        "--language",
        metavar="NAME",
        help="only the voice names, the default of this model first, one per line",
    )


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Prints to standard output. Raises NotFoundError for an unknown language."""
    from pocket_fast.models.pocket import builtin
    from pocket_fast.models.pocket.catalog import MODELS, canonical_name, shipped_config
    from pocket_fast.models.pocket.voices import VOICES, default_voice, voice_names

    if options.language is not None:
        shipped_config(options.language)
        model = canonical_name(options.language)
        default = default_voice(model, custom=False)
        print("\n".join([f"{default} (default)", *(name for name in voice_names(model) if name != default)]))
        return 0
    print("Language    Default voice  Models (--language)")
    for language in dict.fromkeys(model.split("_")[0] for model in MODELS):
        models = [model for model in MODELS if model.split("_")[0] == language]
        _print_wrapped(f"{language:<12}{default_voice(language, custom=False):<15}", models)
    print()
    _print_wrapped("Voices (--voice), all of them for every released model: ", VOICES)
    _print_wrapped(f"Voices of {builtin.NAME}, which is in the package: ", voice_names(builtin.NAME))
    return 0


def _print_wrapped(title: str, names) -> None:
    import textwrap

    indent = " " * 27
    print(textwrap.fill(title + ", ".join(names), 100, subsequent_indent=indent, break_on_hyphens=False))
