"""What Windows and macOS lack is not needed: every module imports and the commands work without it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fake_hub import FakeHub
from fresh_python import run_python
from proxies import free_port

ROOT = Path(__file__).resolve().parents[3]
START = "import elsewhere; elsewhere.pretend()\n"
PRETENCE = {
    "PYTHONPATH": str(ROOT / "tests"),
    "PYTHONWARNDEFAULTENCODING": "1",
    "PYTHONIOENCODING": "cp1252",  # the letters that streams know there
}

IMPORT_ALL = """
import importlib, pkgutil, sys, pocket_fast
for module in pkgutil.walk_packages(pocket_fast.__path__, "pocket_fast."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(sum(name.startswith("pocket_fast.") for name in sys.modules))
"""

COMMANDS = """
import json, sys
from pocket_fast.cli import main
for words in json.loads(sys.argv[1]):
    code = main(words)
    assert code == 0, (words, code)
"""

# A recording and a voice state, uploaded to a server that is then told to stop.
SERVE = """
import signal, sys, threading, time
import httpx
from pocket_fast.cli import main

config, recording, state, port = sys.argv[1:]
answers, stopped = [], False

def ask():
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            while not stopped:
                try:
                    assert client.get("/health").status_code == 200
                    break
                except httpx.ConnectError:
                    time.sleep(0.1)
            for path in (recording, state):
                with open(path, "rb") as file:
                    answers.append(client.post("/generate", data={"text": "Hi."}, files={"voice_wav": file}))
            answers.append(client.get("/metrics"))
    finally:
        signal.raise_signal(signal.SIGINT)

asking = threading.Thread(target=ask)
asking.start()
code = main(["serve", "--config", config, "--port", port, "--warmup", "false", "--voice", recording])
stopped = True
asking.join()
for answer in answers:
    assert answer.status_code == 200, answer.text
assert len(answers) == 3 and code == 0, (len(answers), code)
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    tool = ROOT / "tools" / "make_synthetic_model.py"
    subprocess.run([sys.executable, tool, folder, "--model", "tiny"], check=True, capture_output=True)
    return folder


def elsewhere(code, *arguments):
    """Output of this code in a Python that is nearly not on Linux."""
    result = run_python(
        START + code,
        argv=[str(a) for a in arguments],
        env={
            **PRETENCE,
            "POCKET_FAST_THREADS": "1",
            "HF_ENDPOINT": "http://127.0.0.1:9",  # nobody listens
        },
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def commands(*lines):
    return elsewhere(COMMANDS, json.dumps([[str(word) for word in line] for line in lines]))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import fcntl", "ModuleNotFoundError"),
        ("import os; os.sched_getaffinity(0)", "AttributeError"),
        ("from signal import SIGHUP", "ImportError"),
        ("from socket import AF_UNIX", "ImportError"),
        ("import tempfile; tempfile.NamedTemporaryFile()", "AttributeError"),
        ("import mmap; mmap.mmap(-1, 10).madvise", "AttributeError"),
        ("open('/proc/cpuinfo')", "FileNotFoundError"),
        ("from pathlib import Path; Path(__file__).read_text()", "EncodingWarning"),
        ("import os; f = open('x', 'w', encoding='utf-8'); os.remove('x')", "PermissionError"),
        ("import os; f = open('x', 'w', encoding='utf-8'); os.replace('x', 'y')", "PermissionError"),
        (
            "import os; os.mkdir('a'); f = open('a/x', 'w', encoding='utf-8'); os.rename('a', 'b')",
            "PermissionError",
        ),
        ("import os; os.mkdir('a'); os.mkdir('b'); os.replace('a', 'b')", "PermissionError"),
    ],
)
def test_the_pretence_holds(tmp_path, code, error):
    names = {"__name__": "pocket_fast.x", "__file__": __file__}
    run = f"import os; os.chdir({str(tmp_path)!r})\nexec({code!r}, {names})"
    result = run_python(START + run, env=PRETENCE)
    assert f"{error}: " in result.stderr


def test_every_module_imports():
    assert int(elsewhere(IMPORT_ALL)) > 100


def test_lists():
    out = commands(["info"], ["voices"], ["voices", "--language", "builtin"])
    assert "abel" in out


def test_help():
    code = COMMANDS.replace(
        "code = main(words)", "try: main(words)\n    except SystemExit as end: code = end.code"
    )
    names = ("generate", "serve", "export-voice", "quantize", "voices", "info")
    assert elsewhere(code, json.dumps([[name, "--help"] for name in names])).count("usage:") == len(names)


def test_no_unix_socket():
    with pytest.raises(AssertionError, match=r"no Unix sockets on this system; use --host and --port"):
        commands(["serve", "--uds", "here"])


def test_speaking_over_an_older_file(tmp_path):
    target = tmp_path / "hello.wav"
    commands(*[["generate", "-o", target, "--text", "Hi.", "-q"]] * 2)
    assert target.stat().st_size > 10_000


def test_formats(tmp_path):
    targets = [tmp_path / f"hello.{suffix}" for suffix in ("flac", "mp3", "opus")]
    commands(*(["generate", "-o", target, "--text", "Hi.", "-q"] for target in targets))
    assert all(target.exists() for target in targets)


def test_a_voice_is_exported_used_and_exported_again(tiny, tmp_path):
    config, voice = ["--config", tiny / "config.yaml", "-q"], tmp_path / "voice.safetensors"
    export = ["export-voice", *config, ROOT / "ref.wav", voice]
    speak = ["generate", *config, "--voice", voice, "--text", "Hi.", "-o", tmp_path / "hi.wav"]
    commands(export, speak, export)


def test_a_voice_from_a_url(tiny, tmp_path, monkeypatch):
    with FakeHub(files={"a/voice.wav": (ROOT / "ref.wav").read_bytes()}) as hub:
        monkeypatch.setenv("POCKET_FAST_CACHE", str(tmp_path / "cache"))
        speak = [
            "generate",
            "--config",
            tiny / "config.yaml",
            "--voice",
            f"{hub.url}/a/voice.wav",
            "--text",
            "Hi.",
        ]
        commands(*[[*speak, "-o", tmp_path / "hi.wav", "-q"]] * 2)
        assert len(hub.requests) == 1


@pytest.mark.parametrize("target", ["small", "small.safetensors"])
def test_quantize(tiny, tmp_path, target):
    out = tmp_path / target
    commands(["quantize", tiny / "config.yaml", out])
    assert out.exists()


def test_quantize_into_an_empty_folder(tiny, tmp_path):
    commands(["quantize", tiny / "config.yaml", tmp_path])
    assert (tmp_path / "config.yaml").exists()


def test_the_other_family(tiny_qwen3, tmp_path):
    folder, out = (
        tiny_qwen3("qwen3-tiny-customvoice"),
        ["-o", tmp_path / "hi.wav", "-q", "--seed", "1", "--max-new-tokens", "9"],
    )
    commands(
        ["generate", "--model", folder, "--text", "Hi.", *out],
        ["quantize", folder, tmp_path / "small"],
        ["generate", "--model", tmp_path / "small", "--text", "Hi.", *out],
    )


def test_uploads(tiny, tmp_path):
    state = tmp_path / "voice.safetensors"
    commands(["export-voice", "--config", tiny / "config.yaml", "-q", ROOT / "ref.wav", state])
    elsewhere(SERVE, tiny / "config.yaml", ROOT / "ref.wav", state, free_port())
