"""Make a wheel that was built on Linux one for every Linux that can run it.

    python tools/repair_wheel.py WHEEL FOLDER [OPTIONS OF `auditwheel repair`]

auditwheel names the oldest systems that have what the wheel needs, and puts the libraries that they lack into it:
GNU OpenMP. Beside it goes its licence, from tools/licences. A library without one there is an error. Needs auditwheel
and patchelf. pyproject.toml has cibuildwheel use this; tools/build_wheels.py does.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

LICENCES = Path(__file__).resolve().parent / "licences"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("folder", type=Path)
    arguments, options = parser.parse_known_args()
    print(repair(arguments.wheel, arguments.folder, *options))


def repair(wheel: Path, folder: Path, *options: str, env: dict[str, str] | None = None) -> Path:
    """The repaired wheel, in `folder`. env: of auditwheel."""
    with tempfile.TemporaryDirectory() as work:
        command = ["auditwheel", "repair", *options, "--wheel-dir", work, str(wheel)]
        subprocess.run(command, check=True, env={**os.environ, **(env or {})})
        (repaired,) = Path(work).glob("*.whl")
        folder.mkdir(parents=True, exist_ok=True)
        return add_licences(repaired, folder / repaired.name)


def add_licences(wheel: Path, target: Path) -> Path:
    """Copy the wheel, with the licences of the libraries in NAME.libs/ beside them."""
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        names = source.namelist()
        added = licences_for(names)
        for name in names:
            content = source.read(name)
            if name.endswith(".dist-info/RECORD"):
                content += b"".join(record(*item) for item in added.items())
            copy.writestr(source.getinfo(name), content, zipfile.ZIP_DEFLATED)
        for name, content in added.items():
            copy.writestr(name, content)
    return target


def licences_for(names: list[str]) -> dict[str, bytes]:
    """{name in the wheel: text} for the files of a wheel. Ends the program if there is a library without a licence."""
    added = {}
    for name in names:
        if bundled := re.fullmatch(r"(\w+\.libs/)(\w+)[-.].*", name):
            text = LICENCES / f"{bundled[2]}.txt"
            if not text.exists():
                sys.exit(
                    f"{name}: no licence at {text}; find out what it is, and whether it may be given away"
                )
            added[f"{bundled[1]}{bundled[2]}-licence.txt"] = text.read_bytes()
    return added


def record(name: str, content: bytes) -> bytes:
    """A line of the wheel's list of files."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n".encode()


if __name__ == "__main__":
    main()
