"""Build the WebAssembly modules of the package from csrc/web and the kernels.

    pip install ziglang==0.17.1
    python tools/build_wasm.py            writes src/pocket_fast/web/*.wasm, built twice and compared
    python tools/build_wasm.py --check    builds once and compares with what is there

Two modules of one source: `relaxed` takes fused multiply-adds, which not every engine has; `simd128` runs wherever
there is SIMD. Neither imports anything. The same bytes come out on every machine.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import gzip
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CSRC = ROOT / "csrc"
TARGET = ROOT / "src" / "pocket_fast" / "web"
ZIG = "0.17.1"
MODULES = {"simd128": ["-msimd128"], "relaxed": ["-msimd128", "-mrelaxed-simd"]}
FLAGS = ["-target", "wasm32-wasi", "-std=gnu11", "-g0", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the package's differ")
    options = parser.parse_args()
    version = zig("version").strip()
    if version != ZIG:
        sys.exit(f"ziglang {version}, expected {ZIG}: pip install ziglang=={ZIG}")
    built = build_all()
    if options.check:
        differ = [name for name, data in built.items() if not is_there(name, data)]
        if differ:
            sys.exit(f"not what the source gives: {', '.join(differ)}; run python tools/build_wasm.py")
        print("the modules of the package are what the source gives")
        return 0
    with tempfile.TemporaryDirectory() as cache:  # nothing of the first build is found again
        if build_all({"ZIG_LOCAL_CACHE_DIR": cache}) != built:
            sys.exit("two builds differ: nothing was written")
    TARGET.mkdir(exist_ok=True)
    for name, data in built.items():
        (TARGET / f"{name}.wasm").write_bytes(data)
        print(f"{name}.wasm: {len(data)} bytes, {len(gzip.compress(data, 9))} compressed")
    return 0


def build_all(environment: dict[str, str] | None = None) -> dict[str, bytes]:
    """{name of a module: its bytes}"""
    return {name: build(name, flags, environment or {}) for name, flags in MODULES.items()}


def build(name: str, flags: list[str], environment: dict[str, str]) -> bytes:
    """The kernels for speed, everything else for size: a page waits for both."""
    sources = sorted((CSRC / "web").glob("*.c"))
    with tempfile.TemporaryDirectory() as folder:
        common = [*FLAGS, *flags, f"-I{CSRC}", f"-DPF_ISA={name}", "-DPF_WEB", "-c"]
        jobs = [["-Os", str(source), "-o", f"{folder}/{source.stem}.o"] for source in sources]
        jobs.append(["-O3", "-Wno-unused-function", str(CSRC / "pf_table.c"), "-o", f"{folder}/kernels.o"])
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda job: zig("cc", *common, *job, environment=environment), jobs))
        objects = [job[-1] for job in jobs]
        exports = [f"-Wl,--export={name}" for name in exported()]
        wasm = Path(folder, "module.wasm")
        link = ["-target", "wasm32-wasi", "-mexec-model=reactor", "-O2", "-g0", "-s", "-Wl,--no-entry"]
        link.append("-Wl,-z,stack-size=262144")  # of the 16 MB that are usual a page would pay for every byte
        zig("cc", *link, "-o", str(wasm), *objects, *exports, environment=environment)
        return wasm.read_bytes()


def exported() -> list[str]:
    """The functions that csrc/web/pocket_web.h declares."""
    header = re.sub(
        r"/\*.*?\*/", "", (CSRC / "web" / "pocket_web.h").read_text(encoding="utf-8"), flags=re.DOTALL
    )
    return re.findall(r"^[\w ]+[ *](pw_\w+)\(", header, re.MULTILINE)


def zig(*arguments: str, environment: dict[str, str] | None = None) -> str:
    command = [sys.executable, "-m", "ziglang", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def is_there(name: str, data: bytes) -> bool:
    path = TARGET / f"{name}.wasm"
    return path.exists() and path.read_bytes() == data


if __name__ == "__main__":
    sys.exit(main())
