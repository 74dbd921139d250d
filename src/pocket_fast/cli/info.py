"""Tell what this copy can do on this machine, and the facts of a model."""

from __future__ import annotations

import argparse
import contextlib
import math
import platform
from typing import Any

from pocket_fast import __version__
from pocket_fast.cli.arguments import ModelChoice, add_model_options, model_choice
from pocket_fast.cli.console import Interrupts
from pocket_fast.errors import WeightsError

Facts = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `info` takes."""
    add_model_options(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Prints to standard output; loads and downloads no weights."""
    facts = machine_facts()
    if any((options.language, options.variant, options.config, options.checkpoint)):
        facts["model"] = model_facts(model_choice(options))
    if options.json:
        import json

        print(json.dumps(facts, indent=2))
    else:
        _print(facts)
    return 0


def machine_facts() -> Facts:
    """Versions, instruction sets, threads and folders."""
    import numpy
    from huggingface_hub import constants

    from pocket_fast.cpu import _dispatch
    from pocket_fast.cpu._team import has_openmp
    from pocket_fast.cpu._threads import resolve_threads
    from pocket_fast.cpu.compute_types import COMPUTE_TYPES
    from pocket_fast.weights.download import cache_folder

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
        "hub cache": constants.HF_HUB_CACHE,
        "cache": str(cache_folder()),
    }


def model_facts(choice: ModelChoice) -> Facts:
    """What the config says, and which of its files are on this machine."""
    from pocket_fast.models.pocket.names import expected_tensors

    settings = choice.settings
    lm, codec = settings.flow_lm, settings.mimi
    t, table = lm.transformer, lm.lookup_table
    sizes = {name: math.prod(shape) for name, shape in expected_tensors(settings).items()}
    return {
        "name": choice.language or choice.config,
        "parameters": sum(sizes.values()),
        "parameters of the language model": sum(
            n for name, n in sizes.items() if name.startswith("flow_lm.")
        ),
        "layers": t.num_layers,
        "width": t.d_model,
        "heads": f"{t.num_heads} of {t.head_dim} ({t.kv_heads} for keys and values)",
        "feed-forward width": t.ffn_dim,
        "sampler": f"{lm.flow.type}, {lm.flow.depth} blocks of {lm.flow.dim}",
        "vocabulary": table.n_bins,
        "temperature": settings.default_temperature,
        "end of speech threshold": settings.default_eos_threshold,
        "codec layers": codec.decoding_transformer.num_layers,
        "codec width": codec.decoding_transformer.d_model,
        "sample rate": codec.sample_rate,
        "frame rate": codec.frame_rate,
        "files": _files(choice),
    }


def _files(choice: ModelChoice) -> dict[str, Facts]:
    from pocket_fast.models.pocket.config_file import resolve_location

    settings = choice.settings
    named = {
        "weights": settings.weights_path,
        "weights without voice cloning": settings.weights_path_without_voice_cloning,
        "language model weights": settings.flow_lm.weights_path,
        "codec weights": settings.mimi.weights_path,
        "tokenizer": settings.flow_lm.lookup_table.tokenizer_path,
    }
    if choice.checkpoint is not None:
        named["checkpoint"] = str(choice.checkpoint)
    return {
        what: _file(resolve_location(where, choice.folder))
        for what, where in named.items()
        if where is not None
    }


def _file(location: str) -> Facts:
    from pocket_fast.weights.hub import find_cached
    from pocket_fast.weights.int8 import is_int8
    from pocket_fast.weights.tensors import TensorFile

    path = find_cached(location)
    facts: Facts = {"at": location, "here": path is not None}
    if path is not None and path.suffix == ".safetensors":
        with contextlib.suppress(WeightsError), TensorFile(path) as file:  # loading will complain
            facts["8-bit"] = is_int8(file)
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
