"""Programs that people let speak through such a server, run as they are; tools/install_clients.sh gets them."""

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pocket_fast.server.options import Options

PROGRAMS = Path(__file__).resolve().parents[2] / "clients"
CLIENTS = os.environ.get("POCKET_FAST_CLIENTS", "")
TEXT = "Hello there. How are you today?"


def skip(name):
    pytest.skip(f"no {name}: tools/install_clients.sh DIR {name}, and POCKET_FAST_CLIENTS=DIR")


@pytest.fixture(scope="module")
def steady(start):
    """A server that says the same at every request: clients give no seed."""
    with start(Options(settings={"temperature": 0.0})) as site:
        yield site


@pytest.fixture
def expected(said):
    """expected(text) -> what such a server says, 16-bit samples"""
    return lambda text: said(text, temp=0.0).tobytes()


def python_with(name, module):
    """An interpreter that has the client: this one, or that of its environment below CLIENTS."""
    with contextlib.suppress(ModuleNotFoundError):  # of what the module is in
        if importlib.util.find_spec(module) is not None:
            return sys.executable
    python = Path(CLIENTS, name, "bin", "python")
    if not CLIENTS or not python.exists():
        skip(name)
    return python


def run(*words):
    """What a program prints on stdout and on stderr."""
    result = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout, result.stderr


def test_pipecat(steady, expected, tmp_path):
    python = python_with("pipecat", "pipecat")
    texts = (TEXT, "And again.")
    run(python, PROGRAMS / "with_pipecat.py", steady.url, tmp_path / "sound", *texts)
    assert (tmp_path / "sound").read_bytes() == b"".join(map(expected, texts))


@pytest.mark.parametrize("model", ["tts-1", "gpt-4o-mini-tts"])  # it asks for audio, and for events
def test_livekit(steady, expected, tmp_path, model):
    python = python_with("livekit", "livekit.plugins.openai")
    said, warned = run(python, PROGRAMS / "with_livekit.py", steady.url, tmp_path / "sound", TEXT, model)
    sound = (tmp_path / "sound").read_bytes()
    assert sound.startswith(expected(TEXT))
    assert not any(sound[len(expected(TEXT)) :])  # what it fills its last frame with
    assert re.fullmatch(r"(req_[0-9a-f]{32}\n)\1*", said)
    assert "request_id" not in warned


def test_wyoming_openai(steady, expected, tmp_path):
    python = python_with("wyoming-openai", "wyoming_openai")
    said, _ = run(python, PROGRAMS / "with_wyoming_openai.py", steady.url, tmp_path / "sound", TEXT)
    assert (tmp_path / "sound").read_bytes() == expected(TEXT)
    assert said.startswith("['default']\n")
    warnings = [line for line in said.splitlines() if "WARNING" in line and "No ASR models" not in line]
    assert warnings == []


@pytest.mark.parametrize(
    ("format", "media_type"),
    [("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("opus", "audio/ogg"), ("flac", "audio/flac")],
)
def test_ai_sdk(steady, expected, tmp_path, format, media_type):
    folder = Path(CLIENTS, "ai-sdk")
    if not CLIENTS or not (folder / "node_modules" / "ai").exists() or shutil.which("node") is None:
        skip("ai-sdk")
    said, _ = run("node", PROGRAMS / "with_ai_sdk.mjs", folder, steady.url, tmp_path / "sound", TEXT, format)
    assert said == f"{media_type}\n"
    sound = (tmp_path / "sound").read_bytes()
    assert len(sound) > 1000
    if format == "wav":
        assert sound[44:] == expected(TEXT)
