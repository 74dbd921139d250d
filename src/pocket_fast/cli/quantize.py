"""Store a model with its language model in 8 bits: a smaller file that loads without any conversion."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocket_fast.cli.arguments import ModelChoice, add_thread_option, model_choice
from pocket_fast.cli.console import Interrupts, stderr_is_terminal
from pocket_fast.cli.model import load_model, load_voice, load_weights, voice_source
from pocket_fast.errors import ConfigError, NotFoundError, PocketFastError, WeightsError

if TYPE_CHECKING:
    from pocket_fast.models.pocket.loading import Loaded
    from pocket_fast.weights.tensors import Tensor

_WEIGHTS, _CONFIG = "model.safetensors", "config.yaml"
_FRAMES = 50  # spoken for the report: 4 s

_log = logging.getLogger("pocket_fast")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `quantize` takes."""
    add = parser.add_argument
    add(
        "source",
        metavar="IN",
        help="a model by name (see `voices`), or a config as path, https:// or hf:// URL",
    )
    add(
        "target",
        metavar="OUT",
        help=f"a folder to make, with {_CONFIG}, {_WEIGHTS} and the tokenizer in it; or the name of a .safetensors "
        "file, for the weights alone",
    )
    add(
        "-v",
        "--voice",
        help="measure with this voice, in any form that `generate` takes (default: with none)",
    )
    add("-q", "--quiet", action="store_true", help="errors only; measure nothing")
    add_thread_option(parser)


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Writes all or nothing, then prints to standard output how near the result stays to IN."""
    choice = _choice(options.source, options.quiet)
    target = Path(options.target)
    alone = target.suffix == ".safetensors"
    _check_target(target, alone)
    report: list[str] = []
    with voice_source(options.voice, choice) if options.voice else contextlib.nullcontext() as voice:
        loaded = load_weights(choice, progress=not options.quiet and stderr_is_terminal())
        if alone and target.exists() and any(target.samefile(file) for file in loaded.files):
            raise ConfigError(f"{target} holds the weights of {options.source}; give OUT another name")
        if any(array.dtype == "int8" for array in loaded.weights.values()):
            raise ConfigError(f"{options.source}: its weights are in 8 bits already")
        tensors = _in_8_bits(choice, loaded, options.threads)
        with _written_whole(target, alone) as folder:
            _write(folder, choice, loaded, tensors)
            if not options.quiet:
                report = _report(folder, choice, loaded, tensors, voice, options.threads)
    _log.info("%s: %s in 8 bits", target, options.source)
    if report:
        print("\n".join(report))
    return 0


def _choice(source: str, quiet: bool) -> ModelChoice:
    is_config = "." in source or "/" in source  # no released model has one in its name
    return model_choice(
        argparse.Namespace(
            language=None if is_config else source,
            config=source if is_config else None,
            variant=None,
            checkpoint=None,
            quiet=quiet,
        )
    )


def _check_target(target: Path, alone: bool) -> None:
    if not target.parent.is_dir():
        raise NotFoundError(f"cannot write {target}: there is no folder {target.parent}; create it")
    if alone and target.exists() and not target.is_file():
        raise ConfigError(f"{target} is not a file; OUT is a .safetensors file or a folder to make")
    if not alone and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f"{target} exists already; OUT is a folder to make, or a .safetensors file")


def _as_stored(loaded: Loaded) -> dict[str, Tensor]:
    from pocket_fast.weights.tensors import Tensor

    types = {"float32": "F32", "float16": "F16", "uint16": "BF16"}
    return {name: Tensor(array, types[array.dtype.name]) for name, array in loaded.weights.items()}


def _in_8_bits(choice: ModelChoice, loaded: Loaded, threads: int | None) -> dict[str, Tensor]:
    from pocket_fast.cpu._threads import resolve_threads
    from pocket_fast.cpu.packing import quantize
    from pocket_fast.models.pocket.names import int8_matrices
    from pocket_fast.weights.int8 import scale_name
    from pocket_fast.weights.tensors import Tensor

    threads, tensors = resolve_threads(threads), _as_stored(loaded)
    for name in int8_matrices(choice.settings):
        integers, scales = quantize(tensors[name].array, threads)
        tensors[name] = Tensor(integers, "I8")
        tensors[scale_name(name)] = Tensor(scales, "F32")
    return tensors


@contextlib.contextmanager
def _written_whole(target: Path, alone: bool) -> Iterator[Path]:
    """A folder that becomes the target, or whose weights do, unless anything goes wrong before."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as work:
            folder = Path(work, "model")
            folder.mkdir()
            yield folder
            os.replace(folder / _WEIGHTS if alone else folder, target)
    except PocketFastError:
        raise
    except OSError as error:
        raise WeightsError(f"cannot write {target}: {error.strerror or error}") from None


def _write(folder: Path, choice: ModelChoice, loaded: Loaded, tensors: Mapping[str, Tensor]) -> None:
    import yaml

    from pocket_fast.models.pocket.config_file import resolve_location
    from pocket_fast.weights.hub import fetch
    from pocket_fast.weights.int8 import write_int8

    write_int8(folder / _WEIGHTS, tensors, voice_cloning=loaded.has_voice_cloning, model=choice.released)
    table = choice.settings.flow_lm.lookup_table
    tokenizer = "tokenizer.json" if table.tokenizer_kind == "tokenizers" else "tokenizer.model"
    original = fetch(resolve_location(table.tokenizer_path, choice.folder))
    (folder / tokenizer).write_bytes(original.read_bytes())
    config: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(choice.settings)))  # YAML has no tuples
    config["weights_path"] = _WEIGHTS
    config["weights_path_without_voice_cloning"] = None
    config["flow_lm"]["weights_path"] = config["mimi"]["weights_path"] = None
    config["flow_lm"]["lookup_table"]["tokenizer_path"] = tokenizer
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    (folder / _CONFIG).write_text(text, encoding="utf-8")


def _report(
    folder: Path,
    choice: ModelChoice,
    loaded: Loaded,
    tensors: Mapping[str, Tensor],
    voice: str | Path | None,
    threads: int | None,
) -> list[str]:
    """The weights as they were and are; what was written, read back and made to speak beside the original."""
    import numpy as np

    from pocket_fast.api import TTSModel
    from pocket_fast.cli.fidelity import speech_report, weights_report
    from pocket_fast.models.pocket.flow import NoiseSource
    from pocket_fast.models.pocket.prompt import plan, text_rules
    from pocket_fast.models.pocket.voices import default_text, locate_voice

    exact = load_model(choice, compute_type="float32", threads=threads)
    near = TTSModel.load_model(config=folder / _CONFIG, compute_type="int8_float32", threads=threads)
    prefixes = [None, None]
    if voice is not None:
        source = locate_voice(voice, choice.released) if isinstance(voice, str) else voice
        prefixes = [load_voice(model, source, truncate=True).prefix for model in (exact, near)]
    rules = text_rules(choice.settings, choice.speaks)
    chunk = plan(default_text(choice.speaks), loaded.tokenizer, choice.settings, rules=rules)[0]
    noise = np.empty((_FRAMES, exact.stages.flow_head.latent_dim), dtype=np.float32)
    NoiseSource(0, choice.settings.default_temperature).draw(noise.reshape(-1))
    return [
        *weights_report(_as_stored(loaded), tensors),
        "",
        *speech_report(exact.stages, near.stages, prefixes, chunk.tokens, noise),
    ]
