"""What a model computes on: the CPU or a GPU, with a compute type. Backends are imported here, on demand."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.errors import ConfigError, UnsupportedError, shown


@dataclass(frozen=True)
class Machine:
    """device: "cpu", or "cuda:0" and so on. compute_type, threads: as they were asked for."""

    device: str
    compute_type: str
    threads: int | None

    def stages(self, family: str, config: Any, weights: Mapping[str, np.ndarray], **options: Any) -> Any:
        """The stages of a family's model; raises what its backend's load_stages raises. options: what both take."""
        from pocket_fast.weights.tensors import forget_pages

        backend, own = "cpu", {"threads": self.threads}
        if self.device != "cpu":
            backend, own = "cuda", {"device": self.device}
        module = importlib.import_module(f"pocket_fast.{backend}.{family}.backend")
        return module.load_stages(
            config, weights, compute_type=self.compute_type, release=forget_pages, **own, **options
        )


def machine_for(device: Any, compute_type: str, threads: int | None) -> Machine:
    """What these arguments ask for, checked before anything is fetched.

    device: "cpu", "cuda", "cuda:1", or anything that writes itself so. Raises UnsupportedError for a device that is not
    there and for a compute type that it has not, ConfigError for threads.
    """
    name = str(device)
    if name == "cpu":
        from pocket_fast.cpu._threads import resolve_threads
        from pocket_fast.cpu.compute_types import resolve_compute_type

        resolve_threads(threads)
        resolve_compute_type(compute_type)
        return Machine(name, compute_type, threads)
    if not name.startswith("cuda"):
        raise UnsupportedError(
            f"device {shown(name)}: expected 'cpu', 'cuda', or 'cuda:1' for the second GPU"
        )
    from pocket_fast.cuda import compute_types, devices

    compute_types.resolve_compute_type(compute_type)
    _, number = devices.find(name)
    return Machine(f"cuda:{number}", compute_type, threads)


def asked_for(compute_type: str, quantize: bool) -> str:
    """The compute type, where `quantize` is another way to ask for "int8". Raises ConfigError if both say different."""
    if not quantize or str(compute_type).startswith("int8"):
        return compute_type
    if compute_type != "auto":
        raise ConfigError(
            f"quantize means compute_type 'int8', but {shown(compute_type)} was asked for as well"
        )
    return "int8"
