"""Compile the package for systems that are not at hand, and run its kernels as on them where that can be done.

    python tools/check_cross.py [--kernels] [SYSTEM ...]

SYSTEM: windows, clang-cl, macos-arm64, macos-x86_64, musl-x86_64, musl-arm64 (default: all). For each, CMakeLists.txt
is run with the clang that the package ziglang brings, which has the C headers and libraries of all of them but
Microsoft's. The kernels are built and checked by tests/c/check_kernels.c: for Windows under Wine, for musl as they are
or under qemu, for macOS not at all. Then the Cython modules are compiled, but not linked: there is no Python of that
system here. --kernels: without those. clang-cl is what Windows' wheels are made with: only the kernels, compiled.
Threads (OpenMP) are left out. What this cannot show: Microsoft's headers and Apple's compiler with the modules, and
Python on any of them.

Needs ziglang, cython, cython-cmake, ninja and cmake beside this Python; to run the kernels Debian's wine64, qemu-user.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class System:
    target: str  # as zig calls it
    cmake: str  # as CMake does
    machine: str
    runner: tuple[str, ...] = ()  # programs that run its programs; the first that there is


CLANG_CL = "x86_64-pc-windows-msvc"
SYSTEMS = {
    "clang-cl": System(CLANG_CL, "Windows", "x86_64"),
    "windows": System("x86_64-windows-gnu", "Windows", "x86_64", ("wine64", "/usr/lib/wine/wine64")),
    "macos-arm64": System("aarch64-macos", "Darwin", "arm64"),
    "macos-x86_64": System("x86_64-macos", "Darwin", "x86_64"),
    "musl-x86_64": System("x86_64-linux-musl", "Linux", "x86_64"),
    "musl-arm64": System("aarch64-linux-musl", "Linux", "aarch64", ("qemu-aarch64",)),
}

# What Python's build for Windows says of its compiler, so far as its headers ask.
WINDOWS = """
#define MS_WINDOWS 1
#define MS_WIN32 1
#define MS_WIN64 1
#define NT_THREADS 1
#define Py_ENABLE_SHARED 1
#define HAVE_SSIZE_T 1
#define HAVE_STDDEF_H 1
#define HAVE_STDINT_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_ERRNO_H 1
#define SIZEOF_SHORT 2
#define SIZEOF_INT 4
#define SIZEOF_LONG 4
#define SIZEOF_LONG_LONG 8
#define SIZEOF_FLOAT 4
#define SIZEOF_DOUBLE 8
#define SIZEOF_VOID_P 8
#define SIZEOF_SIZE_T 8
#define SIZEOF_TIME_T 8
#define SIZEOF_WCHAR_T 2
"""

# In the place of CMake's own: no Python of that system is looked for, and modules are archives of what was compiled.
FIND_PYTHON = """
set(Python_FOUND TRUE)
set(Python_EXECUTABLE "{python}")
add_executable(Python::Interpreter IMPORTED)
set_target_properties(Python::Interpreter PROPERTIES IMPORTED_LOCATION "{python}")
function(python_add_library name kind source)
  add_library(${{name}} STATIC ${{source}})
  set_target_properties(${{name}} PROPERTIES ARCHIVE_OUTPUT_DIRECTORY "${{CMAKE_BINARY_DIR}}/modules/${{name}}")
  target_include_directories(${{name}} SYSTEM PRIVATE "{headers}")
endfunction()
"""

# zig knows CPUs of arm64 by -mcpu only; unless told, it checks for undefined behaviour
COMPILER = """#!/usr/bin/env python3
import os, re, sys
words = [re.sub(r"^-march=armv8[.]2-a", "-mcpu=generic+v8_2a", word) for word in sys.argv[1:]]
os.execv({python!r}, [{python!r}, "-m", "ziglang", "cc", "-target", {target!r}, "-fno-sanitize=all", *words])
"""
TOOL = """#!/bin/sh
exec '{python}' -m ziglang {words} "$@"
"""

# For clang-cl: all that the kernels want of the C library's headers, which Microsoft alone gives away.
MATH = """
#define INFINITY __builtin_inff()
float sqrtf(float);
float fabsf(float);
long lrintf(float);
double sqrt(double);
"""
STRING = """
#include <stddef.h>
void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", help=f"{', '.join(SYSTEMS)} (default: all)")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "cross", help="(default build/cross)")
    parser.add_argument("--kernels", action="store_true", help="only these")
    arguments = parser.parse_args()
    if unknown := set(arguments.systems) - set(SYSTEMS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(SYSTEMS)}")
    missing = [name for name in ("ziglang", "cython_cmake") if importlib.util.find_spec(name) is None]
    missing += [name for name in ("cmake", "ninja", "cython") if program(name) is None]
    if missing:
        sys.exit(f"not installed for {sys.executable}: {', '.join(missing)}")
    for name in arguments.systems or SYSTEMS:
        check(name, SYSTEMS[name], arguments.folder.absolute() / name, arguments.kernels)


def check(name: str, system: System, folder: Path, kernels_only: bool) -> None:
    configure(system, folder)
    build = [program("cmake"), "--build", folder / "build"]
    run(*build, "--target", "pf_isa")
    if system.target == CLANG_CL:
        print(f"{name}: kernels compiled", flush=True)
        return
    checker = folder / "check_kernels.exe"
    flags = ["-std=gnu11", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'csrc'}"]
    sources = [ROOT / "tests" / "c" / "check_kernels.c", folder / "build" / "libpf_isa.a"]
    run(folder / "cc", *flags, *sources, "-lm", "-o", checker)
    print(f"{name}: kernels {run_checker(system, checker, folder)}", flush=True)
    if not kernels_only:
        run(*build)
        print(f"{name}: modules compiled", flush=True)


def configure(system: System, folder: Path) -> None:
    shutil.rmtree(folder / "build", ignore_errors=True)  # the compiler remembers what it compiled
    modules = folder / "modules"
    modules.mkdir(parents=True, exist_ok=True)
    write_compiler(system, folder)
    (modules / "FindPython.cmake").write_text(
        FIND_PYTHON.format(python=sys.executable, headers=headers(system, folder / "include"))
    )
    spec = importlib.util.find_spec("cython_cmake")
    values = {
        "CMAKE_SYSTEM_NAME": system.cmake,
        "CMAKE_SYSTEM_PROCESSOR": system.machine,
        "CMAKE_C_COMPILER": folder / "cc",
        "CMAKE_AR": folder / "ar",
        "CMAKE_RANLIB": folder / "ranlib",
        "CMAKE_MODULE_PATH": f"{modules};{Path(spec.origin).parent / 'cmake'}",
        "CMAKE_MAKE_PROGRAM": program("ninja"),
        "CMAKE_C_FLAGS_RELEASE": "-O0",  # the kernels have their own
        "CMAKE_BUILD_TYPE": "Release",
        "CYTHON_EXECUTABLE": program("cython"),
        "PF_OPENMP": "OFF",
        "SKBUILD_PROJECT_NAME": "pocket_fast",
    }
    if system.target == CLANG_CL:  # there is nothing to link with
        values |= {"CMAKE_TRY_COMPILE_TARGET_TYPE": "STATIC_LIBRARY", "CMAKE_LINKER": folder / "ld"}
        values |= {"CMAKE_MT": folder / "ld", "CMAKE_C_FLAGS_RELEASE": "/O2"}
    options = [f"-D{name}={value}" for name, value in values.items()]
    run(program("cmake"), "-S", ROOT, "-B", folder / "build", "-G", "Ninja", *options)


def write_compiler(system: System, folder: Path) -> None:
    python = sys.executable
    tools = {"ar": "ar", "ranlib": "ranlib"}
    if system.target == CLANG_CL:
        own, zig = (
            folder / "include",
            Path(importlib.util.find_spec("ziglang").origin).parent / "lib" / "include",
        )
        own.mkdir(exist_ok=True)
        (own / "math.h").write_text(MATH)
        (own / "string.h").write_text(STRING)
        cl = f"clang --driver-mode=cl --target={CLANG_CL} /clang:-ffreestanding -imsvc '{own}' -imsvc '{zig}'"
        tools = {"cc": cl, "ar": "lib", "ranlib": "ranlib", "ld": "lld-link"}
    else:
        write_program(folder / "cc", COMPILER.format(python=python, target=system.target))
    for name, words in tools.items():
        write_program(folder / name, TOOL.format(python=python, words=words))


def headers(system: System, folder: Path) -> Path:
    """Those of this Python: for Windows beside a configuration of its own, elsewhere types have the same sizes."""
    own = Path(sysconfig.get_paths()["include"])
    if system.cmake != "Windows":
        return own
    shutil.copytree(own, folder, dirs_exist_ok=True)
    (folder / "pyconfig.h").write_text(WINDOWS)
    return folder


def run_checker(system: System, checker: Path, folder: Path) -> str:
    runner = next((path for name in system.runner if (path := shutil.which(name))), None)
    if runner is None and (system.runner or system.cmake != "Linux" or system.machine != platform.machine()):
        return f"compiled; not run, for lack of {' or '.join(system.runner) or 'the system'}"
    env = {**os.environ, "WINEPREFIX": str(folder / "wine"), "WINEDEBUG": "-all"}
    done = subprocess.run([*([runner] if runner else []), checker], capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{done.stdout}\n{done.stderr}\nthe kernels fail on {system.target}")
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.split()[1:2] == ["results"]]
    if not rows:
        sys.exit(f"{done.stdout}\n{done.stderr}\nno kernels were checked on {system.target}")
    return f"checked: {', '.join(rows)}"


def program(name: str) -> str | None:
    """Beside this Python, or else on the path."""
    return shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def run(*words: object) -> None:
    """Says nothing unless it fails."""
    done = subprocess.run(
        [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout[-6000:]}")


if __name__ == "__main__":
    main()
