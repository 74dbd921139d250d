"""Compile the kernels with the host's C++ compiler, into a library with an entry for each (see cuda.h)."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_NAMES = re.compile(r"^PF_(?:KERNEL void|PRODUCT\()\s*\(?(\w+)", re.MULTILINE)
_FLAGS = (
    "-std=c++17",
    "-shared",
    "-fPIC",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-unused-function",
    "-ffp-contract=off",
)


def compiler() -> str | None:
    """The C++ compiler, if there is one that has what cuda.h needs."""
    return os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")


def kernel_names(source: str) -> list[str]:
    """Of all kernels of a text."""
    return [name for name in _NAMES.findall(source) if name != "name"]


def program(source: str) -> str:
    """The text that is compiled: the kernels between what they need and what calls them."""
    table = "\n".join(
        f'    if (!strcmp(name, "{name}")) {{ if (arguments) fibres::launch({name}, arguments, grid, threads, order); '
        f"return fibres::signature({name}); }}"
        for name in kernel_names(source)
    )
    return f"""#include "{_HERE / "cuda.h"}"
{source}
extern "C" const char *pf_launch(const char *name, void **arguments, unsigned x, unsigned y, unsigned z, int threads,
                                 unsigned order) {{
    const dim3 grid = {{x, y, z}};
    (void)grid; (void)threads; (void)order;
{table}
    return nullptr;
}}
"""


@functools.cache
def library(source: str, flags: tuple[str, ...] = ("-O2",)) -> ctypes.CDLL:
    """The kernels, compiled: kept for as long as the machine keeps temporary files."""
    text = program(source)
    command = [str(compiler()), *_FLAGS, *flags]
    mark = hashlib.sha256("\n".join([*command, text, (_HERE / "cuda.h").read_text()]).encode()).hexdigest()[
        :24
    ]
    folder = Path(tempfile.gettempdir()) / f"pocket_fast_cuda_on_cpu_{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    made = folder / f"{mark}.so"
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=folder) as work:
            code, out = Path(work) / "kernels.cpp", Path(work) / "kernels.so"
            code.write_text(text)
            done = subprocess.run([*command, str(code), "-o", str(out)], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"the kernels do not compile:\n{done.stderr}")
            out.replace(made)
    lib = ctypes.CDLL(str(made))
    lib.pf_launch.restype = ctypes.c_char_p
    lib.pf_launch.argtypes = [
        ctypes.c_char_p,
        ctypes.POINTER(ctypes.c_void_p),
        *[ctypes.c_uint] * 3,
        ctypes.c_int,
        ctypes.c_uint,
    ]
    return lib
