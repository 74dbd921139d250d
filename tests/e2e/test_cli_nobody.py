"""Every command for a user that nobody knows: no HOME, no entry in the list of users."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from command_line import read_wav

NOBODY = 54321
# Somebody else, who may read what root may (this interpreter lies anywhere), and write nothing.
BECOME = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
BECOME += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


@pytest.fixture(scope="module", autouse=True)
def somebody_else():
    try:
        done = subprocess.run([*BECOME, sys.executable, "-c", "pass"], capture_output=True, check=False)
    except OSError as error:
        pytest.skip(f"setpriv cannot be run: {error}")
    if done.returncode:
        pytest.skip(f"nobody can be somebody else here: {done.stderr.decode().strip()[-200:]}")


@pytest.fixture
def folder(tiny):
    """A folder of nobody's, with the tiny model in it."""
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(tiny, Path(name, "model"))
        for path in (Path(name), *Path(name).rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        yield Path(name)


@pytest.fixture
def as_nobody(folder):
    """as_nobody(*words, HOME=...) -> CompletedProcess of the command line, with hardly any environment."""

    def as_nobody(*words, stdin=b"", **environment):
        kept = {
            name: os.environ[name] for name in ("PATH", "PYTHONPATH", "VIRTUAL_ENV") if name in os.environ
        }
        kept |= {"HF_ENDPOINT": "http://127.0.0.1:9", "TMPDIR": str(folder), "LANG": "C.UTF-8"}
        return subprocess.run(
            [*BECOME, sys.executable, "-m", "pocket_fast", *map(str, words)],
            env={**kept, **environment},
            cwd=folder,
            input=stdin,
            capture_output=True,
            timeout=300,
            check=False,
        )

    return as_nobody


COMMANDS = [
    ("--version",),
    ("info",),
    ("info", "--model", "model"),
    ("voices",),
    ("generate", "--language", "builtin", "-t", "Hi.", "-o", "out.wav"),
    ("generate", "-t", "Hi.", "-o", "out.wav"),  # the hub is not asked in vain
    (
        "generate",
        "--model",
        "model",
        "-v",
        "model/prompt.wav",
        "-t",
        "Hi.",
        "--voice-cache",
        "kept",
        "-o",
        "out.wav",
    ),
    ("export-voice", "model/prompt.wav", "new/", "--model", "model"),
    ("quantize", "model", "small"),
]


@pytest.mark.parametrize(
    ("words", "home"),
    [
        *((words, {}) for words in COMMANDS),
        *((words, {"HOME": "/nonexistent"}) for words in COMMANDS[1:10:4]),
    ],
    ids=lambda item: " ".join(item),
)
def test_every_command_works(as_nobody, folder, words, home):
    done = as_nobody(*words, **home)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert not (folder / "~").exists()
    if "out.wav" in words:
        assert len(read_wav(folder / "out.wav")) > 4800


def test_where_the_cache_is(as_nobody, folder):
    lines = dict(line.split(":", 1) for line in as_nobody("info").stdout.decode().splitlines() if ":" in line)
    assert lines["cache"].strip() == str(folder / f"pocket_fast-{NOBODY}")
    assert lines["hub cache"].strip() == str(folder / f"pocket_fast-{NOBODY}" / "hub")
    assert (folder / f"pocket_fast-{NOBODY}").stat().st_mode & 0o777 == 0o700


def test_a_tilde_without_a_home(as_nobody):
    done = as_nobody("generate", "--config", "~/config.yaml", "-t", "Hi.")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"error: ~/config.yaml: no such file\n"
    done = as_nobody("generate", "--language", "builtin", "-v", "~/me.wav", "-t", "Hi.")
    assert b"error: ~/me.wav: no such file" in done.stderr
