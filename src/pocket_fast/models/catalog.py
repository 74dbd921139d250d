"""Every model's name -> its family."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from pocket_fast.errors import ConfigError, NotFoundError, named, shown
from pocket_fast.models.contract import Choice, Family
from pocket_fast.models.strict import nearest

# Where the FAMILY of each lies. The first one's default model is everybody's.
FAMILIES = ("pocket_fast.models.pocket.family", "pocket_fast.models.qwen3.family")


def families() -> tuple[Family, ...]:
    """All of them."""
    return tuple(importlib.import_module(module).FAMILY for module in FAMILIES)


def find_family(model: str) -> Family:
    """Whose model this name, path or URL is. Raises NotFoundError, with the nearest names."""
    for family in families():
        if family.knows(model):
            return family
    close = nearest(model, [name for family in families() for name in family.names])
    hint = f"did you mean {' or '.join(close)}? Else " if close else ""
    forms = ", ".join(family.forms for family in families())
    raise NotFoundError(
        f"no model is called {shown(model)}; {hint}expected {forms}, or a name that `pocket-fast voices` lists"
    )


def choose(given: Mapping[str, str], *, progress: bool = False) -> Choice:
    """The model that was asked for: `model`, of any family, or values of a family's model_options, by name.

    Nothing given is the default model. progress: show download bars. Raises as find_family and Family.choose;
    ConfigError too for options of another family than the model's.
    """
    if "model" in given:
        family = find_family(given["model"])
    else:
        family = next((f for f in families() if given.keys() & _options(f)), families()[0])
    settings = {setting.spelling for setting in family.settings}
    for name in given.keys() - _options(family) - {"model"}:
        if f"--{name}" not in settings:  # an option may be the one to one family and the other to another
            raise ConfigError(
                f"--{name} {named(given[name])}: {family.title} takes no --{name}; leave it out"
            )
    own = {name: given[name] for name in given if name == "model" or name in _options(family)}
    return family.choose(own, progress=progress)


def _options(family: Family) -> set[str]:
    return {option.name for option in family.model_options}
