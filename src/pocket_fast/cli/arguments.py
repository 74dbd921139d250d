"""Parsing: values that begin with a dash, numbers with bounds, the choice of a model, and what the families take."""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from pocket_fast.cli.console import stderr_is_terminal
from pocket_fast.errors import ConfigError, SettingError, shortened, shown
from pocket_fast.models import catalog
from pocket_fast.models.contract import Choice, ModelOption, Setting, check_settings

_LONG = 500  # characters of a complaint about a word of the command line

_log = logging.getLogger("pocket_fast")


class Parser(argparse.ArgumentParser):
    """Takes the word after an option as its value even if it begins with a dash, unless it is an option.

    argparse alone refuses `--number -1e-3` and `--text "-quick"`.
    """

    def __init__(self, **how: Any) -> None:
        super().__init__(**how, allow_abbrev=False)
        self.set_defaults(quiet=False)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(self._with_values_attached(words), namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {shortened(message, _LONG)}\nSee `{self.prog} --help`.\n")

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
            raise argparse.ArgumentTypeError(f"expected {expected}, got {shown(text)}")
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
            raise argparse.ArgumentTypeError(f"expected {wanted}, got {shown(text)}")
        return value

    return parse


def yes_or_no(text: str) -> bool:
    """An argparse type: true or false."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, got {shown(text)}")
    return text.lower() == "true"


def add_thread_option(parser: Any) -> None:
    """--threads, in a parser or a group of one."""
    parser.add_argument(
        "--threads", type=whole(1), metavar="N", help="most threads to use (default: what the machine allows)"
    )


def add_device_option(parser: Any) -> None:
    """--device, in a parser or a group of one."""
    parser.add_argument(
        "--device", default="cpu", metavar="NAME", help="cpu, cuda, or cuda:1 for the second GPU (see `info`)"
    )


# --- which model -----------------------------------------------------------------------------------


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Which model: read back with model_choice."""
    add = parser.add_argument_group("model").add_argument
    add(
        "--model",
        metavar="NAME",
        help="a model of any family: a name (see `voices`), a file, a folder, an id on the hub or an hf:// URL",
    )
    settings = _settings()
    for option in _model_options().values():
        also = settings.get(f"--{option.name}")
        help = option.help if also is None else f"{option.help}; with --model: {also.help}"
        add(f"--{option.name}", metavar=option.metavar, help=help)


def model_choice(options: argparse.Namespace) -> Choice:
    """What add_model_options collected, with the config read and checked. Raises as catalog.choose."""
    given = {
        name: value for name in ("model", *_model_options()) if (value := getattr(options, name)) is not None
    }
    return catalog.choose(given, progress=not options.quiet and stderr_is_terminal())


def asks_for_a_model(options: argparse.Namespace) -> bool:
    """Whether any of them was given."""
    return any(getattr(options, name) for name in ("model", *_model_options()))


def _model_options() -> dict[str, ModelOption]:
    found: dict[str, ModelOption] = {}
    for family in catalog.families():
        for option in family.model_options:
            found.setdefault(option.name, option)
    return found


# --- how it speaks ---------------------------------------------------------------------------------


def add_setting_options(parser: argparse.ArgumentParser, group: Any, *, old_too: bool = False) -> None:
    """Everything that models may be asked of their speech: read back with given_settings.

    What several families take goes into `group`, what one of them takes into a group of its own with the same
    description. old_too: deprecated spellings are as good as the others.
    """
    groups: dict[str, Any] = {}
    for spelling, setting in _settings().items():
        if spelling.removeprefix("--") in _model_options():
            continue  # the option is there already
        titles = [
            family.title for family in catalog.families() if spelling in map(_spelling, family.settings)
        ]
        where = group
        if len(titles) == 1:
            title = f"{group.title}: {titles[0]}"
            where = groups.get(title) or parser.add_argument_group(title, group.description)
            groups[title] = where
        how = {"type": _argument_type(setting), "metavar": _METAVARS[setting.type]}
        old = [setting.old_option] if setting.old_option else []
        where.add_argument(spelling, *(old if old_too else ()), **how, help=setting.help.replace("%", "%%"))
        if old and not old_too:
            where.add_argument(*old, **how, help=argparse.SUPPRESS)


def given_settings(options: argparse.Namespace, choice: Choice) -> Mapping[str, Any]:
    """What add_setting_options collected, as speak() takes it. Raises ConfigError for what the model does not take."""
    own = {setting.spelling: setting for setting in choice.settings}
    chosen_by = {f"--{option.name}" for option in choice.family.model_options}
    found: dict[str, Any] = {}
    for spelling, setting in _settings().items():
        value = getattr(options, _attribute(spelling))
        if setting.old_option and (old := getattr(options, _attribute(setting.old_option), None)) is not None:
            _log.warning("%s is deprecated, use %s", setting.old_option, spelling)
            value = old
        if value is None or spelling in chosen_by:
            continue
        if spelling not in own:
            raise ConfigError(f"{choice.title} takes no {spelling}; leave it out")
        found[own[spelling].name] = value
    return check_settings(found, choice.settings)


def add_words_option(group: Any) -> None:
    """--voice-text, if there are models that take it: read back with given_words."""
    if any(family.takes_words for family in catalog.families()):
        group.add_argument(
            "--voice-text",
            metavar="TEXT",
            help="what the recording says, for models that go on from it (without: from the sound of the voice alone)",
        )


def given_words(options: argparse.Namespace, choice: Choice) -> str | None:
    """What the recording says, if that was given. Raises ConfigError for a model that does not take it."""
    words = getattr(options, "voice_text", None)
    if words is not None and not choice.takes_words:
        raise ConfigError(f"{choice.title} takes no --voice-text; leave it out")
    return words


_METAVARS = {int: "N", float: "X", str: "TEXT", bool: "true|false"}


def _spelling(setting: Setting) -> str:
    return setting.spelling


def _settings() -> dict[str, Setting]:
    """Those of all families by spelling; where several have one, with the widest bounds: each model checks its own."""
    found: dict[str, Setting] = {}
    for family in catalog.families():
        for setting in family.settings:
            known = found.get(setting.spelling)
            found[setting.spelling] = setting if known is None else _widest(known, setting, family.title)
    return found


def _widest(one: Setting, other: Setting, title: str) -> Setting:
    """One setting for both. title: whose the other is."""

    def lower(setting: Setting) -> tuple[float, bool]:  # the bound, and whether it is itself out of bounds
        if setting.above is None:
            return (-math.inf if setting.least is None else setting.least), False
        return setting.above, True

    bound, is_out = min(lower(one), lower(other))
    return replace(
        one,
        help=one.help if one.help == other.help else f"{one.help}; {title}: {other.help}",
        least=None if is_out or bound == -math.inf else bound,
        above=bound if is_out else None,
        most=None if one.most is None or other.most is None else max(one.most, other.most),
        absurd=None if one.absurd is None or other.absurd is None else max(one.absurd, other.absurd),
        choices=one.choices if one.choices == other.choices else (),
    )


def _argument_type(setting: Setting) -> Callable[[str], Any]:
    convert = yes_or_no if setting.type is bool else setting.type

    def parse(text: str) -> Any:
        try:
            return setting.check(convert(text))
        except SettingError as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix(f"{setting.name}: ")) from None
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected {setting.expected}, got {shown(text)}") from None

    return parse


def _attribute(spelling: str) -> str:
    return spelling.removeprefix("--").replace("-", "_")
