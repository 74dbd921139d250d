"""Store a model with its language model in 8 or 4 bits: a smaller file that loads without any conversion."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pocket_fast.cli.arguments import add_thread_option
from pocket_fast.cli.console import Interrupts, stderr_is_terminal
from pocket_fast.cli.model import load_model, load_voice, load_weights, voice_source
from pocket_fast.cli.targets import inputs_of, is_folder, refuse_inputs
from pocket_fast.errors import ConfigError, NotFoundError, PocketFastError, WeightsError, named
from pocket_fast.models import catalog
from pocket_fast.models.contract import Choice, Quantize, StoredModel

if TYPE_CHECKING:
    from pocket_fast.weights.tensors import Tensor

_BITS = {"int8": 8, "int4": 4}

_log = logging.getLogger("pocket_fast")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `quantize` takes."""
    add = parser.add_argument
    add(
        "source",
        metavar="IN",
        help="a model by name (see `voices`), or in any other form that --model takes",
    )
    add(
        "target",
        metavar="OUT",
        help="a folder to make, with all in it that loading needs; or the name of a .safetensors file, for the "
        "weights alone",
    )
    add(
        "-v",
        "--voice",
        help="measure with this voice, in any form that `generate` takes (default: with none)",
    )
    add(
        "--compute-type",
        choices=tuple(_BITS),
        default="int8",
        help="how the language model is stored (default: %(default)s; what int4 costs: README)",
    )
    add("-q", "--quiet", action="store_true", help="errors only; measure nothing")
    add_thread_option(parser)


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Writes all or nothing, then prints to standard output how near the result stays to IN."""
    show = not options.quiet and stderr_is_terminal()
    choice = catalog.choose({"model": options.source}, progress=show)
    target = Path(options.target)
    alone = target.suffix == ".safetensors" and not is_folder(options.target)
    _check_target(target, alone)
    refuse_inputs(target, inputs_of(choice, sys.stdin if options.voice == "-" else options.voice))
    report: list[str] = []
    with voice_source(options.voice, choice) if options.voice else contextlib.nullcontext() as voice:
        stored = load_weights(choice, progress=show)
        refuse_inputs(target, (("a file of the model", file) for file in stored.files))
        if stored.bits is not None:
            raise ConfigError(f"{options.source}: its weights are in {stored.bits} bits already")
        bits = _BITS[options.compute_type]
        tensors = stored.quantized(quantizer(options.threads), bits)
        with _written_whole(target, stored.main_file if alone else None) as folder:
            stored.write(folder, tensors)
            if not options.quiet:
                report = _report(folder, choice, stored, tensors, voice, options)
    _log.info("%s: %s in %s bits", target, options.source, bits)
    if report:
        print("\n".join(report))
    return 0


def _check_target(target: Path, alone: bool) -> None:
    if not os.path.isdir(target.parent):
        parent = named(target.parent)
        raise NotFoundError(f"cannot write {named(target)}: there is no folder {parent}; create it")
    if alone and os.path.exists(target) and not os.path.isfile(target):
        raise ConfigError(f"{target} is not a file; OUT is a .safetensors file or a folder to make")
    if not alone and os.path.exists(target) and (not os.path.isdir(target) or any(target.iterdir())):
        raise ConfigError(f"{target} exists already; OUT is a folder to make, or a .safetensors file")


def quantizer(threads: int | None) -> Quantize:
    """What makes 8 or 4 bits of a matrix, on so many threads."""
    from pocket_fast.cpu._threads import resolve_threads
    from pocket_fast.cpu.integers import quantize, quantize_int4

    most = resolve_threads(threads)
    return lambda matrix, bits: (quantize_int4 if bits == 4 else quantize)(matrix, threads=most)


@contextlib.contextmanager
def _written_whole(target: Path, file: str | None) -> Iterator[Path]:
    """A folder that becomes the target, or of which that file does, unless anything goes wrong before."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as work:
            folder = Path(work, "model")
            folder.mkdir()
            yield folder
            if target.is_dir():  # empty: checked before. Windows lets no folder be replaced
                target.rmdir()
            os.replace(folder if file is None else folder / file, target)
    except PocketFastError:
        raise
    except OSError as error:
        raise WeightsError(f"cannot write {named(target)}: {error.strerror or error}") from None


def _report(
    folder: Path,
    choice: Choice,
    stored: StoredModel,
    tensors: Mapping[str, Tensor],
    voice: str | Path | None,
    options: argparse.Namespace,
) -> list[str]:
    """The weights as they were and are; what was written, read back and made to speak beside the original."""
    from pocket_fast.api import load

    exact = load_model(choice, compute_type="float32", threads=options.threads)
    near = load(folder, compute_type=f"{options.compute_type}_float32", threads=options.threads)
    voices = [load_voice(choice, model, voice, truncate=True) for model in (exact, near)]
    return stored.report(tensors, (exact, near), tuple(voices))
