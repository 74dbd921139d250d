"""Node, for the tests of the JavaScript package; they are skipped where it lacks."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "src" / "pocket_fast" / "web"
SCRIPTS = Path(__file__).resolve().parent / "web"
_OLDEST = 20


def node() -> str:
    """The program. Skips the test where there is none, or one that is too old."""
    program = shutil.which("node")
    if not program:
        pytest.skip("no node found; install Node 20 or later")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < _OLDEST:
        pytest.skip(f"node is {version.strip()}, too old: Node {_OLDEST} or later is needed")
    return program


def install(folder: Path) -> None:
    """Into an empty folder: the package, from its tarball, without a network."""
    node()
    npm = shutil.which("npm") or pytest.skip("needs npm")
    pack = [npm, "pack", "--silent", "--pack-destination", folder, WEB]
    packed = subprocess.run(pack, capture_output=True, text=True, check=True).stdout.split()[-1]
    command = [npm, "install", "--offline", "--silent", "--no-audit", "--no-fund", folder / packed]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def readme_examples() -> list[str]:
    """The JavaScript of the package's README."""
    return re.findall(r"```js\n(.*?)```", (WEB / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def run_script(name: str, *arguments: object, lines: Iterable[Any] = (), timeout: float = 100) -> list[Any]:
    """What a script of tests/web writes, JSON by line, given such lines."""
    given = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(
        [node(), str(SCRIPTS / name), *map(str, arguments)],
        input=given,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.split("\n") if line]


@functools.cache
def runs(build: str) -> bool:
    """Whether this Node takes that build of the module."""
    file = json.dumps(str(WEB / f"{build}.wasm"))
    script = f"console.log(WebAssembly.validate(require('fs').readFileSync({file})))"
    return (
        subprocess.run([node(), "-e", script], capture_output=True, text=True, check=True).stdout == "true\n"
    )


def needs(build: str) -> None:
    """Skips the test where it does not."""
    if not runs(build):
        pytest.skip(f"this Node does not run {build}.wasm; Node 24 runs both")
