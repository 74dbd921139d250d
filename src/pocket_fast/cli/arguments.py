"""Parsing: values that begin with a dash, numbers with bounds, and the choice of a model."""

from __future__ import annotations

import argparse
import functools
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pocket_fast.errors import ConfigError

if TYPE_CHECKING:
    from pocket_fast.models.pocket.config import ModelConfig

DEFAULT_MODEL = "english"


class Parser(argparse.ArgumentParser):
    """Takes the word after an option as its value even if it begins with a dash, unless it is an option.

    argparse alone refuses `--eos-threshold -1e-3` and `--text "-quick"`.
    """

    def __init__(self, **how: Any) -> None:
        super().__init__(**how, allow_abbrev=False)
        self.set_defaults(quiet=False)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(self._with_values_attached(words), namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\nSee `{self.prog} --help`.\n")

    def _with_values_attached(self, words: list[str]) -> list[str]:
        actions = self._option_string_actions
        attached: list[str] = []
        for word in words:
            option = attached[-1] if attached else ""
            takes_value = option in actions and actions[option].nargs is None
            is_option = word in ("-", "--") or word.split("=")[0] in actions
            if takes_value and word.startswith("-") and not is_option:
                attached[-1] = f"{option}={word}"
            else:
                attached.append(word)
        return attached


def whole(least: int, most: float = float("inf")) -> Callable[[str], int]:
    """An argparse type: a whole number of at least `least`, and at most `most`."""
    expected = (
        f"a whole number of at least {least}"
        if most == float("inf")
        else f"a whole number from {least} to {most}"
    )

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
        return value

    return parse


def number(least: float = -math.inf, above: float = -math.inf) -> Callable[[str], float]:
    """An argparse type: a finite number, at least `least` and greater than `above`."""
    wanted = "a number"
    if least > -math.inf:
        wanted += f" of at least {least:g}"
    if above > -math.inf:
        wanted += f" above {above:g}"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= least and value > above):
            raise argparse.ArgumentTypeError(f"expected {wanted}, got {text!r}")
        return value

    return parse


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Which model: read back with model_choice."""
    group = parser.add_argument_group("model")
    add = group.add_argument
    add("--language", metavar="NAME", help=f"a model by name (default {DEFAULT_MODEL}; see `voices`)")
    add("--config", metavar="YAML", help="instead: a config of your own, as path, https:// or hf:// URL")
    add("--variant", metavar="NAME", help="another spelling of --language")
    add("--checkpoint", metavar="FILE", help="a training checkpoint (.pt) in place of the config's weights")


def add_thread_option(parser: Any) -> None:
    """--threads, in a parser or a group of one."""
    parser.add_argument(
        "--threads", type=whole(1), metavar="N", help="most threads to use (default: what the machine allows)"
    )


@dataclass(frozen=True)
class ModelChoice:
    """The model that was asked for; settings come from the shipped configs or the user's YAML.

    named: whether the user said which.
    """

    language: str | None
    config: str | None
    checkpoint: Path | None
    settings: ModelConfig
    quiet: bool
    named: bool = True

    @functools.cached_property
    def released(self) -> str | None:
        """The model of ours that this is, weights included; None for a config or checkpoint of the user's."""
        from pocket_fast.cli.console import stderr_is_terminal
        from pocket_fast.models.pocket.loading import released_model

        if self.checkpoint is not None or self.config is None:
            return self.language if self.checkpoint is None else None
        show = not self.quiet and stderr_is_terminal()
        return released_model(self.settings, self.folder, progress=show)

    @property
    def speaks(self) -> str | None:
        """The model of ours by which a text and a voice are chosen where none were given."""
        return self.language or self.released

    @property
    def folder(self) -> Path | None:
        """Where the config's relative paths start; None unless it is a file of the user's."""
        if self.config is None or "://" in self.config:
            return None
        return Path(self.config).expanduser().parent


def model_choice(options: argparse.Namespace) -> ModelChoice:
    """What add_model_options collected, with the config read and checked.

    Raises ConfigError (a contradiction, a bad YAML file), NotFoundError (no such model, with the nearest
    names; no such file), DownloadError.
    """
    from pocket_fast.models.pocket import catalog
    from pocket_fast.models.pocket.config_file import load_config
    from pocket_fast.models.pocket.loading import fetch_config
    from pocket_fast.weights.hub import fetch

    given = {
        f"--{key} {value}": value
        for key in ("language", "variant", "config")
        if (value := getattr(options, key)) is not None
    }
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} were given; choose the model with one of them")
    checkpoint = None if options.checkpoint is None else fetch(options.checkpoint)
    if options.config is not None:
        settings = load_config(fetch_config(options.config))
        return ModelChoice(None, options.config, checkpoint, settings, options.quiet)
    name = catalog.canonical_name(options.language or options.variant or DEFAULT_MODEL)
    named = bool(given) or checkpoint is not None
    return ModelChoice(name, None, checkpoint, catalog.shipped_config(name), options.quiet, named)
