"""A tiny random model, and the command line run on it: in this process, or in one of its own."""

import io
import os
import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import pytest

from command_line import REF_WAV, ROOT
from pocket_fast.cli import main


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The folder of a tiny model and prompt.wav, a voice of one second. Not to be changed."""
    folder = tmp_path_factory.mktemp("tiny")
    tool = ROOT / "tools" / "make_synthetic_model.py"
    subprocess.run([sys.executable, tool, folder, "--model", "tiny"], check=True, capture_output=True)
    with wave.open(str(REF_WAV)) as source, wave.open(str(folder / "prompt.wav"), "wb") as prompt:
        prompt.setparams(source.getparams())
        prompt.writeframes(source.readframes(24000))
    return folder


@pytest.fixture(scope="session")
def prototype():
    """The folder of a small checkpoint that really speaks, where there is one."""
    data = Path(os.environ.get("POCKET_FAST_SHARED_DATA") or ROOT.parent / "shared" / "data")
    folder = data / "voice-prototype"
    if not folder.is_dir():
        pytest.skip(f"no prototype checkpoint at {folder}; set POCKET_FAST_SHARED_DATA")
    return folder


@dataclass
class Result:
    code: int
    out: bytes
    err: str


@pytest.fixture
def run(monkeypatch, tmp_path):
    """run(*words, stdin=b"") -> Result: pocket-fast in this process, from within an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POCKET_FAST_THREADS", "1")  # a tiny model on a busy machine only loses by more

    def run(*words, stdin=b""):
        streams = {name: io.TextIOWrapper(io.BytesIO(), "utf-8") for name in ("stdout", "stderr")}
        streams["stdin"] = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
        with monkeypatch.context() as patch:
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            try:
                code = main([str(word) for word in words])
            except SystemExit as exit:
                code = exit.code
        for name in ("stdout", "stderr"):
            streams[name].flush()
        out, err = (streams[name].buffer.getvalue() for name in ("stdout", "stderr"))
        return Result(code, out, err.decode())

    return run


@pytest.fixture
def speak(run, tiny):
    """run, for `generate` with the tiny model; unless told otherwise each chunk ends after exactly 6 frames."""
    model = ("--config", tiny / "config.yaml", "--eos-threshold", "-1e9", "--frames-after-eos", 0)

    def speak(*words, stdin=b"", voice=None, text="Hello."):
        voice = ("--voice", voice or tiny / "prompt.wav")
        return run("generate", *model, *voice, "--text", text, *words, stdin=stdin)

    return speak


@pytest.fixture
def start(tmp_path):
    """start(*words, **Popen's) -> Popen: pocket-fast in its own process, with caches and hub out of reach."""
    environment = {
        **os.environ,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": "http://127.0.0.1:9",  # discard: nobody listens
        "POCKET_FAST_CACHE": str(tmp_path / "cache"),
    }
    for name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "POCKET_FAST_DEBUG", "PYTHONUNBUFFERED"):
        environment.pop(name, None)
    started = []

    def start(*words, env=None, **how):
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": tmp_path, **how}
        words = [sys.executable, "-m", "pocket_fast", *map(str, words)]
        started.append(subprocess.Popen(words, env={**environment, **(env or {})}, **how))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
