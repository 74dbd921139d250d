"""Build the wheel and try it as a stranger would: a clean environment, no compiler, outside the tree.

    python tools/check_wheel.py [--keep-wheel DIR]     # by way of the source distribution; needs `build`
    python tools/check_wheel.py --wheel FILE.whl       # one that is there
    python tools/check_wheel.py --installed            # what is installed for this Python, as cibuildwheel does

Makes a tiny synthetic model, speaks with it from the command line and from Python, and with the built-in one as on
a machine without a network, and prints how long the import takes. Exit code 0 if all of it works.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import wave
import zipfile
from collections.abc import Collection
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

INSIDE = """
import sys
import numpy as np
import pocket_fast
from pocket_fast.cpu import _dispatch
assert "torch" not in sys.modules and "site-packages" in pocket_fast.__file__, pocket_fast.__file__
model = pocket_fast.TTSModel.load_model(config=sys.argv[1])
voice = model.get_state_for_audio_prompt(sys.argv[2])
frames = list(model.generate_audio_stream(voice, "Hello world.", seed=1))
assert len(frames) >= 10 and all(f.dtype == np.float32 and len(f) == 1920 for f in frames)
assert np.isfinite(np.concatenate(frames)).all()
print("instruction set", _dispatch.isa(), "threads", model.stages.threads, "frames", len(frames))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--keep-wheel", type=Path, metavar="DIR", help="folder to copy the wheel to")
    which.add_argument("--wheel", type=Path, metavar="FILE", help="try this one")
    which.add_argument("--installed", action="store_true", help="try the package of this Python")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if arguments.installed:
            try_package(Path(sys.executable), work)
            return
        wheel = arguments.wheel or build_wheel(work)
        check_contents(wheel)
        if arguments.keep_wheel:
            arguments.keep_wheel.mkdir(parents=True, exist_ok=True)
            shutil.copy(wheel, arguments.keep_wheel)
        try_wheel(wheel, Path(sys.executable), work)
    print("wheel: works in a clean environment without a compiler")


def build_wheel(work: Path, env: dict[str, str] | None = None) -> Path:
    """Of the source distribution of the tree, so that this is whole as well. env: of the compiler."""
    run(sys.executable, "-m", "build", ROOT, "--outdir", work / "dist", env=env)
    (wheel,) = (work / "dist").glob("*.whl")
    return wheel


def try_wheel(wheel: Path, python: Path, work: Path) -> None:
    """Installed for this Python in an environment of its own."""
    run(python, "-m", "venv", work / "venv")
    installed = binaries(work / "venv") / "python"
    run(installed, "-m", "pip", "install", "-q", wheel, env=bare(installed))
    try_package(installed, work)


def try_package(python: Path, work: Path) -> None:
    """The package that is installed for this Python. Writes into the folder `work`."""
    env = bare(python)
    run(python, ROOT / "tools" / "make_synthetic_model.py", work / "tiny", "--model", "tiny", env=env)
    config = work / "tiny" / "config.yaml"
    run(python, "-c", INSIDE, config, ROOT / "ref.wav", env=env, cwd=work)
    program = python.with_name("pocket-fast")
    command = [program, "generate", "--config", config, "--voice", ROOT / "ref.wav"]
    run(*command, "--text", "Hello world.", "-o", work / "hello.wav", "-q", env=env, cwd=work)
    nowhere = {**env, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(work / "hf")}  # nobody listens
    run(program, "generate", "-o", work / "builtin.wav", env=nowhere, cwd=work)
    for name in ("hello", "builtin"):
        with wave.open(str(work / f"{name}.wav")) as sound:
            assert sound.getframerate() == 24000
            assert sound.getnframes() > 10 * 1920
    run(python, "-c", IMPORT_TIME, env=env, cwd=work)


def binaries(environment: Path) -> Path:
    return environment / ("Scripts" if os.name == "nt" else "bin")


def bare(python: Path) -> dict[str, str]:
    """No compiler to be found, neither by name nor by variable; nothing of the tree on the path."""
    hidden = {"PATH": str(python.parent), "CC": "no-compiler", "CXX": "no-compiler"}
    return {**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **hidden}


IMPORT_TIME = """
import time
import numpy
start = time.perf_counter()
import pocket_fast
print(f"import pocket_fast after numpy: {(time.perf_counter() - start) * 1e3:.0f} ms")
"""


def check_contents(wheel: Path) -> None:
    """Compiled modules, the built-in model and the licence are in; sources of the build, tests and tools are not."""
    names = zipfile.ZipFile(wheel).namelist()
    modules = [n for n in names if n.startswith("pocket_fast/cpu/") and n.endswith((".so", ".pyd"))]
    assert len(modules) >= 8, modules
    source = ROOT / "src"
    model = [
        str(f.relative_to(source)) for f in (source / "pocket_fast" / "builtin").rglob("*") if f.is_file()
    ]
    assert set(model) <= set(names), f"not in the wheel: {set(model) - set(names)}"
    assert any(n.endswith("licenses/LICENSE") for n in names), "no licence in the wheel"
    strays = [
        n for n in names if n.endswith((".pyx", ".pxd", ".c", ".h")) or n.startswith(("tests", "tools"))
    ]
    assert not strays, strays
    assert not unlicensed(names), f"without a licence beside them: {unlicensed(names)}"
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB, {len(names)} files")


def unlicensed(names: Collection[str]) -> list[str]:
    """Libraries that were put into the wheel, without their licence (tools/repair_wheel.py)."""
    libraries = [n for n in names if n.partition("/")[0].endswith(".libs") and not n.endswith(("/", ".txt"))]
    return [n for n in libraries if re.sub(r"[-.][^/]*$", "-licence.txt", n) not in names]


def run(*command: object, **options) -> None:
    subprocess.run([str(c) for c in command], check=True, **options)


if __name__ == "__main__":
    main()
