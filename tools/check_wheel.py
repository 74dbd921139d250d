"""Build the wheel and try it as a stranger would: a clean environment, no compiler, outside the tree.

    python tools/check_wheel.py [--keep-wheel DIR]

Makes a tiny synthetic model, speaks with it from the command line and from Python, and with the built-in one as on
a machine without a network, and prints how long the import takes. Exit code 0 if all of it works.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
import wave
import zipfile
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
    parser.add_argument("--keep-wheel", type=Path, help="folder to copy the wheel to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", work, ROOT)
        (wheel,) = work.glob("*.whl")
        check_contents(wheel)
        if arguments.keep_wheel:
            arguments.keep_wheel.mkdir(parents=True, exist_ok=True)
            shutil.copy(wheel, arguments.keep_wheel)
        venv.create(work / "venv", with_pip=True)
        binaries = work / "venv" / ("Scripts" if os.name == "nt" else "bin")
        python = binaries / "python"
        # no compiler to be found, neither by name nor by variable
        bare = {**os.environ, "PATH": str(binaries), "CC": "no-compiler", "CXX": "no-compiler"}
        bare.pop("PYTHONPATH", None)
        run(python, "-m", "pip", "install", "-q", wheel, env=bare)
        run(python, ROOT / "tools" / "make_synthetic_model.py", work / "tiny", "--model", "tiny", env=bare)
        config = work / "tiny" / "config.yaml"
        run(python, "-c", INSIDE, config, ROOT / "ref.wav", env=bare, cwd=work)
        command = [binaries / "pocket-fast", "generate", "--config", config, "--voice", ROOT / "ref.wav"]
        run(*command, "--text", "Hello world.", "-o", work / "hello.wav", "-q", env=bare, cwd=work)
        nowhere = {**bare, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(work / "hf")}  # nobody listens
        run(binaries / "pocket-fast", "generate", "-o", work / "builtin.wav", env=nowhere, cwd=work)
        for name in ("hello", "builtin"):
            with wave.open(str(work / f"{name}.wav")) as sound:
                assert sound.getframerate() == 24000
                assert sound.getnframes() > 10 * 1920
        run(python, "-c", IMPORT_TIME, env=bare, cwd=work)
    print("wheel: works in a clean environment without a compiler")


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
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB, {len(names)} files")


def run(*command: object, **options) -> None:
    subprocess.run([str(c) for c in command], check=True, **options)


if __name__ == "__main__":
    main()
