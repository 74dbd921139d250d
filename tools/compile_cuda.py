"""Compile the CUDA kernels for every kind of GPU that is meant, warnings as errors, and say what they take.

    python tools/compile_cuda.py            # a table of registers, shared memory and spills, for docs/gpu.md

Needs nvcc (CUDA 12.8 or later for sm_100), and no GPU. A spill, which makes a kernel slow, is an error too.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "src"))  # the installed package comes first

from pocket_fast.cuda.device import OPTIONS, kernel_source  # noqa: E402

ARCHITECTURES = ("80", "90", "100")
_KERNEL = re.compile(
    r"Function properties for (\w+)\n.*?(\d+) bytes spill stores, (\d+) bytes spill loads\n.*?Used (\d+) registers"
    r"(?:.*?(\d+) bytes smem)?[^\n]*",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nvcc", default="nvcc")
    parser.add_argument("--architectures", nargs="+", default=ARCHITECTURES, metavar="SM")
    arguments = parser.parse_args()
    found = {sm: compiled(arguments.nvcc, sm) for sm in arguments.architectures}
    names = list(next(iter(found.values())))
    print("| kernel | shared bytes | " + " | ".join(f"sm_{sm} registers" for sm in found) + " |")
    print("|---|---|" + "---|" * len(found))
    for name in sorted(names):
        shared = next(iter(found.values()))[name]["shared"]
        registers = " | ".join(str(kernels[name]["registers"]) for kernels in found.values())
        print(f"| {name} | {shared} | {registers} |")
    spills = [
        f"{name} (sm_{sm})" for sm, kernels in found.items() for name, k in kernels.items() if k["spills"]
    ]
    if spills:
        sys.exit(f"spills: {', '.join(spills)}")


def compiled(nvcc: str, sm: str) -> dict[str, dict[str, int]]:
    """{kernel: its registers, shared bytes and spilled bytes} for one architecture. Ends the program on a warning."""
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder) / "kernels.cu"
        code.write_text(kernel_source())
        command = [nvcc, *OPTIONS, f"-arch=sm_{sm}", "-cubin", "-Werror", "all-warnings", "-Xptxas", "-v"]
        done = subprocess.run([*command, "-o", f"{code}bin", str(code)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return {
        name: {"spills": int(stores) + int(loads), "registers": int(registers), "shared": int(shared or 0)}
        for name, stores, loads, registers, shared in _KERNEL.findall(done.stderr)
    }


if __name__ == "__main__":
    main()
