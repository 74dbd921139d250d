"""Tell what this copy can do on this machine, and the facts of a model."""

from __future__ import annotations

import argparse
import contextlib
import platform
from typing import Any

from pocket_fast import __version__
from pocket_fast.cli.arguments import add_model_options, asks_for_a_model, model_choice
from pocket_fast.cli.console import Interrupts
from pocket_fast.errors import WeightsError
from pocket_fast.models.contract import Choice

Facts = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `info` takes."""
    add_model_options(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Prints to standard output; loads and downloads no weights."""
    facts = machine_facts()
    if asks_for_a_model(options):
        facts["model"] = model_facts(model_choice(options))
    if options.json:
        import json

        print(json.dumps(facts, indent=2))
    else:
        _print(facts)
    return 0


def machine_facts() -> Facts:
    """Versions, instruction sets, threads, devices and folders."""
    import numpy

    from pocket_fast.cpu import _dispatch
    from pocket_fast.cpu._team import has_openmp
    from pocket_fast.cpu._threads import resolve_threads
    from pocket_fast.cpu.compute_types import COMPUTE_TYPES
    from pocket_fast.cuda import devices
    from pocket_fast.weights.caches import cache_folder, hub_caches

    return {
        "pocket_fast": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "instruction set": _dispatch.isa(),
        "instruction sets": dict(_dispatch.isas()),
        "threads": resolve_threads(),
        "OpenMP": has_openmp(),
        "compute types": [name for name in COMPUTE_TYPES if _is_built_in(name)],
        "GPUs": devices.listing(),
        "hub cache": str(hub_caches()[0]),
        "cache": str(cache_folder()),
    }


def model_facts(choice: Choice) -> Facts:
    """What the config says, and which of its files are on this machine."""
    files = {what: _file(where) for what, where in choice.files().items()}
    return {"name": choice.title, **choice.facts(), "files": files}


def _file(location: str) -> Facts:
    from pocket_fast.weights.hub import find_cached
    from pocket_fast.weights.integers import stored_bits
    from pocket_fast.weights.tensors import TensorFile

    path = find_cached(location)
    facts: Facts = {"at": location, "here": path is not None}
    if path is not None and path.suffix == ".safetensors":
        with contextlib.suppress(WeightsError), TensorFile(path) as file:  # loading will complain
            bits = stored_bits(file)
            facts.update({"8-bit": bits == 8, "4-bit": bits == 4})
    return facts


def _is_built_in(compute_type: str) -> bool:
    from pocket_fast.cpu.compute_types import resolve_compute_type
    from pocket_fast.errors import UnsupportedError

    try:
        resolve_compute_type(compute_type)
    except UnsupportedError:
        return False
    return True


def _print(facts: Facts, indent: str = "") -> None:
    width = max(map(len, facts)) + 2
    for key, value in facts.items():
        if isinstance(value, dict):
            print(f"{indent}{key}:")
            _print(value, indent + "  ")
        else:
            print(f"{indent}{key + ':':<{width}}{_plain(value)}")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, list) else str(value)
