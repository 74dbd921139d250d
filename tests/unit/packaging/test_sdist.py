"""The source distribution: all that is tracked but the files of the repository itself, and nothing else.
tools/check_wheel.py builds the wheel from it."""

import shutil
import subprocess
import sys
import tarfile

import pytest

from tracked import ROOT, tracked_files

OF_THE_REPOSITORY = (".ci/", ".github/", ".gitignore")
JUNK = [
    *(
        "notes.txt",
        "models/english/weights.bin",
        ".env",
        ".venv/bin/python",
        "tts_output.wav",
        "dist/old.whl",
    ),
    *("build/dev/cpu/x.o", "src/pocket_fast/cpu/packing.cpython-311-x86_64-linux-gnu.so"),
    *(
        "src/pocket_fast/__pycache__/errors.cpython-311.pyc",
        "tests/.pytest_cache/README.md",
        "csrc/.ruff_cache/x",
    ),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """(folder, the tracked files copied into it), with files lying about as they do where people work."""
    folder, names = tmp_path_factory.mktemp("tree"), tracked_files()
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in JUNK:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("junk")
    return folder, names


@pytest.fixture(scope="module")
def archive(tree, tmp_path_factory):
    return sdist(tree[0], tmp_path_factory.mktemp("sdist"))


def sdist(folder, into):
    """The archive that the build backend makes of a folder."""
    pytest.importorskip(
        "scikit_build_core", reason="the build backend is not installed: pip install scikit-build-core"
    )
    code = "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, into], cwd=folder, check=True, capture_output=True)
    (archive,) = into.glob("*.tar.gz")
    return archive


def files(archive):
    """{name: mode} of what is in it, below its one folder."""
    with tarfile.open(archive) as tar:
        return {m.name.partition("/")[2]: m.mode for m in tar.getmembers() if m.isfile()}


def test_everything_and_nothing_else(tree, archive):
    packed = set(files(archive))
    wanted = {name for name in tree[1] if not name.startswith(OF_THE_REPOSITORY)}
    assert {"csrc/pf_isa.c", "LICENSE", "ref.wav"} <= wanted
    assert {"missing": wanted - packed, "stray": packed - wanted} == {"missing": set(), "stray": {"PKG-INFO"}}


def test_one_made_of_one_is_the_same(archive, tmp_path):
    """Nothing depends on git, or on what only the repository has."""
    shutil.unpack_archive(archive, tmp_path)
    (unpacked,) = (folder for folder in tmp_path.iterdir())
    assert files(sdist(unpacked, tmp_path)) == files(archive)
