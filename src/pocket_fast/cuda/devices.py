"""Which GPUs there are, and what is said where there is none. CuPy is imported here, and only when it is asked for."""

from __future__ import annotations

import re
from typing import Any

from pocket_fast.errors import UnsupportedError, shown

_NAME = re.compile(r"cuda(?::(\d{1,4}))?")
_INSTALL = "install it with `pip install 'pocket-fast[cuda]'`"


def number_of(device: str) -> int:
    """Which one it names. Raises UnsupportedError for what names none."""
    found = _NAME.fullmatch(device)
    if found is None:
        raise UnsupportedError(
            f"device {shown(device)}: expected 'cpu', 'cuda', or 'cuda:1' for the second GPU"
        )
    return int(found[1] or 0)


def import_cupy() -> Any:
    """CuPy. Raises UnsupportedError where it is missing or broken."""
    try:
        import cupy
    except ModuleNotFoundError as error:
        if error.name != "cupy":
            raise UnsupportedError(f"CuPy could not be imported ({error}); {_INSTALL}") from None
        raise UnsupportedError(f"device 'cuda' needs CuPy, which is not installed; {_INSTALL}") from None
    except ImportError as error:  # its libraries
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
        raise UnsupportedError(f"CuPy could not be imported ({reason}); {_INSTALL}") from None
    return cupy


def count(cupy: Any) -> int:
    """How many GPUs there are. Raises UnsupportedError where there is no driver."""
    try:
        return int(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise UnsupportedError(
            f"no GPU can be used ({_reason(error)}): NVIDIA's driver is missing, too old, or sees no device; "
            "`nvidia-smi` says which; use device 'cpu'"
        ) from None


def find(device: str) -> tuple[Any, int]:
    """CuPy and the number of the GPU that is named. Raises UnsupportedError if there is none."""
    number = number_of(device)
    cupy = import_cupy()
    found = count(cupy)
    if number >= found:
        have = "there is none" if not found else f"there are {found}, from cuda:0 to cuda:{found - 1}"
        raise UnsupportedError(f"device {shown(device)}: {have if found != 1 else 'there is one, cuda:0'}")
    return cupy, number


def listing() -> dict[str, str]:
    """For `info`: the GPUs with their names and memory, or why none can be used."""
    try:
        cupy = import_cupy()
        found = {}
        for number in range(count(cupy)):
            facts = cupy.cuda.runtime.getDeviceProperties(number)
            memory = facts["totalGlobalMem"] / 2**30
            name = facts["name"].decode()
            found[f"cuda:{number}"] = f"{name}, {memory:.0f} GiB, sm_{facts['major']}{facts['minor']}"
    except UnsupportedError as error:
        return {"cuda": f"none: {error}"}
    return found or {"cuda": "none: the driver sees no GPU"}


def _reason(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
