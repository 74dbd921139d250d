"""Build a wheel for Linux that runs on old systems too, and try it with every Python that can be had.

    python tools/build_wheels.py [--out wheels] [--try SUITE:PYTHON ...]

The wheel is made of the source distribution, for this Python; from 3.11 on it is for every later one as well. It is
compiled by this machine's gcc, but against the C library of Debian 11 (glibc 2.31), whose OpenMP goes into it with its
licence (tools/repair_wheel.py): nothing of a newer system gets in, and what the dependencies' own wheels ask for
(glibc 2.27 or 2.28) is enough. That is checked twice: auditwheel reads the versions of all symbols, and Debian 11's
own loader loads every module. Then the wheel is installed and tried without a compiler (tools/check_wheel.py) with this
Python and with those of newer Debians, by default 3.13, 3.14 and 3.15, each in a root of its own.

Needs root, build, auditwheel and patchelf; on Debian, with debootstrap and gcc. FOLDER (build/wheels) is kept.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

import check_wheel
import debian
import repair_wheel

ROOT = Path(__file__).resolve().parents[1]
OLDEST = "bullseye"
LIBRARY = ["libc6", "libc6-dev", "linux-libc-dev", "libgomp1"]
PYTHONS = ["trixie:python3.13", "forky:python3.14", "forky:python3.15"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=ROOT / "wheels", help="folder of the wheel (default wheels)"
    )
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "wheels", help="(default build/wheels)"
    )
    words = {"metavar": "SUITE:PYTHON", "default": PYTHONS, "nargs": "*", "dest": "pythons"}
    parser.add_argument("--try", **words, help=f"of which Debian (default: {' '.join(PYTHONS)})")
    arguments = parser.parse_args()
    os.environ["PATH"] = (
        f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # auditwheel, patchelf
    )
    if missing := debian.missing("debootstrap", "gcc", "auditwheel", "patchelf"):
        sys.exit(f"needs {', '.join(missing)}: no wheel was built")
    folder = arguments.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    wheel, source = build(folder, arguments.out.absolute())
    load_all(wheel, folder / OLDEST)
    with tempfile.TemporaryDirectory() as work:
        check_wheel.check_contents(wheel)
        check_wheel.try_wheel(wheel, Path(sys.executable), Path(work))
    print(f"{wheel.name}: works with {platform.python_version()}", flush=True)
    for place in arguments.pythons:
        print(
            f"{wheel.name}: works with {try_in_root(wheel, source, folder, *place.split(':'))} of {place}",
            flush=True,
        )


def build(folder: Path, out: Path) -> tuple[Path, Path]:
    """The wheel and the source distribution that it is made of, both in `out`."""
    root = folder / OLDEST
    debian.unpack(root, OLDEST, LIBRARY)
    with tempfile.TemporaryDirectory() as work:
        old = f"--sysroot={root}"
        compiler = {"CC": "gcc", "CFLAGS": old, "LDFLAGS": old}
        made = check_wheel.build_wheel(Path(work), {**os.environ, **compiler})
        where = os.pathsep.join(map(str, libraries(root)))
        wheel = repair_wheel.repair(made, out, env={"AUDITWHEEL_LD_LIBRARY_PATH": where})
        (source,) = made.parent.glob("*.tar.gz")
        return wheel, Path(shutil.copy(source, out))


def libraries(root: Path) -> list[Path]:
    multiarch = sysconfig.get_config_var("MULTIARCH")
    return [root / "lib" / multiarch, root / "usr" / "lib" / multiarch]


def load_all(wheel: Path, root: Path) -> None:
    """Every library of the wheel, by the old system's own loader: it names versions of symbols that are missing."""
    (loader,) = (path for place in libraries(root) for path in place.glob("ld-linux*.so.*"))
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(wheel).extractall(folder)
        files = [path for path in Path(folder).rglob("*.so*") if path.is_file()]
        for path in files:
            places = os.pathsep.join(map(str, libraries(root)))
            said = debian.run(loader, "--library-path", places, "--list", path)
            if "not found" in said:
                sys.exit(f"{path.relative_to(folder)} does not load on {OLDEST}:\n{said}")
    print(f"{wheel.name}: {len(files)} libraries load on {OLDEST}")


def try_in_root(wheel: Path, source: Path, folder: Path, suite: str, python: str) -> str:
    """Installed and tried in a Debian of that suite, which has no compiler. Returns the version of its Python."""
    root = folder / f"{suite}-{python}"
    debian.make_root(root, suite, [f"{python}-venv"])
    shutil.rmtree(root / "try", ignore_errors=True)
    shutil.unpack_archive(source, root / "try")
    shutil.copy(wheel, root / "try")
    (tool,) = (root / "try").glob("*/tools/check_wheel.py")
    inside = f"/{tool.relative_to(root)}"
    subprocess.run(["chroot", str(root), python, inside, "--wheel", f"/try/{wheel.name}"], check=True)
    return debian.run("chroot", root, python, "--version").split()[-1]


if __name__ == "__main__":
    main()
