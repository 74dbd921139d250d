"""Voices through pipes and as text; and values of any length, which no message repeats."""

import base64
import os
import shlex
import shutil
import subprocess
import sys
import textwrap

import pytest

from command_line import error_of, read_wav
from recordings import encoded, hum

posix = pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="no /dev/fd on this system")
FIXED = ("--eos-threshold", "-1e9", "--frames-after-eos", "0", "--seed", "1", "-t", "Hello.")


@pytest.fixture
def model(tiny):
    return ("--config", tiny / "config.yaml")


@pytest.fixture
def expected(run, model, tiny):
    """What the recording gives as a file."""
    return run("generate", *model, "--voice", tiny / "prompt.wav", *FIXED, "--stream").out


# --- pipes -----------------------------------------------------------------------------------------


@posix
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize("voice", ["<(cat {})", "<(tail -c +1 {})"])
def test_the_output_of_a_command(model, tiny, expected, voice):
    words = [sys.executable, "-m", "pocket_fast", "generate", *map(str, model), *FIXED, "--stream"]
    command = f"{shlex.join(words)} --voice {voice.format(shlex.quote(str(tiny / 'prompt.wav')))}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected


@posix
@pytest.mark.parametrize("voice", ["/dev/stdin", "/dev/fd/0", "-"])
@pytest.mark.parametrize("through", ["a pipe", "a file"])
def test_standard_input(start, model, tiny, expected, voice, through):
    words = ("generate", *model, *FIXED, "--stream", "--voice", voice)
    recording = (tiny / "prompt.wav").read_bytes()
    if through == "a pipe":
        process = start(*words, stdin=-1)
        out, err = process.communicate(recording, timeout=120)
    else:
        with open(tiny / "prompt.wav", "rb") as source:
            process = start(*words, stdin=source)
            out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert out == expected


def test_standard_input_in_this_process(run, model, tiny, expected):
    recording = (tiny / "prompt.wav").read_bytes()
    assert run("generate", *model, *FIXED, "--stream", "-v", "-", stdin=recording).out == expected
    assert run("export-voice", "-", "new/", *model, "-q", stdin=recording).code == 0
    assert run("generate", *model, *FIXED, "--stream", "-v", "new/voice.safetensors").out == expected
    with open("new/voice.safetensors", "rb") as state:
        assert run("generate", *model, *FIXED, "--stream", "-v", "-", stdin=state.read()).out == expected
    assert run("quantize", model[1], "small", "-v", "-", stdin=recording).code == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "standard input: nothing came from it"),
        (b"<html>", "not an audio file but a web page"),
        (b"\0\0\0\x20ftypM4A " + bytes(900), "ffmpeg -i"),
    ],
)
def test_what_is_no_recording_on_standard_input(run, model, data, message):
    assert message in error_of(run("generate", *model, *FIXED, "-q", "-o", "a.wav", "-v", "-", stdin=data))
    assert os.listdir() == []


def test_standard_input_is_one_thing(run, model):
    result = run("generate", *model, "-v", "-", "-t", "-", "-q", stdin=b"Hello.")
    assert "--text and --voice are both standard input" in error_of(result)


@posix
def test_standard_input_is_one_thing_by_its_path_too(start, model):
    process = start("generate", *model, "-v", "/dev/stdin", "-t", "-", stdin=-1)
    assert b"--text and --voice are both standard input" in process.communicate(b"Hello.", timeout=120)[1]


@posix
def test_several_processes_cannot_read_it(start, model):
    process = start("serve", *model, "--voice", "/dev/stdin", "--workers", "2", stdin=-1)
    assert b"for several processes" in process.communicate(b"RIFF", timeout=120)[1]
    assert process.returncode == 1


# --- base64 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [None, 64, 76])
@pytest.mark.parametrize("head", ["", "data:audio/wav;base64,"])
def test_base64_with_line_breaks(run, model, tiny, expected, width, head):
    text = base64.b64encode((tiny / "prompt.wav").read_bytes()).decode()
    text = text if width is None else "\n".join(textwrap.wrap(text, width)) + "\n"
    assert run("generate", *model, *FIXED, "--stream", "--voice", head + text).out == expected


def test_a_state_in_base64(run, model, tiny, expected):
    assert run("export-voice", tiny / "prompt.wav", "me.safetensors", *model, "-q").code == 0
    with open("me.safetensors", "rb") as file:
        text = base64.encodebytes(file.read()).decode()
    assert run("generate", *model, *FIXED, "--stream", "--voice", text).out == expected


# --- values that are long --------------------------------------------------------------------------

LONG = {
    "base64 in lines": base64.encodebytes(encoded(hum(1.0))).decode()[:-3],
    "words": " ".join(f"word{n}" for n in range(9000)),
    "a URL": "https://127.0.0.1:9/" + "".join(f"{n}" for n in range(3000)),
}
OPTIONS = [
    ("generate", "--voice"),
    ("generate", "--model"),
    ("generate", "--language"),
    ("generate", "--config"),
    ("generate", "--checkpoint"),
    ("generate", "--variant"),
    ("generate", "--format"),
    ("generate", "--output"),
    ("generate", "--device"),
    ("generate", "--compute-type"),
    ("generate", "--threads"),
    ("generate", "--temperature"),
    ("generate", "--instruct"),
    ("generate", "--seed"),
    ("generate", "--voice-text"),
    ("generate", "--voices"),
    ("generate", "--voice-cache"),
    ("export-voice",),
    ("export-voice", "alba"),
    ("quantize",),
    ("quantize", "builtin"),
    ("voices", "--model"),
    ("info", "--model"),
    ("info", "--config"),
    ("serve", "--port"),
    ("serve", "--default-voice"),
    ("serve", "--model"),
    ("serve", "--cors-origin"),
    (),
]


@pytest.mark.parametrize("words", OPTIONS, ids=" ".join)
@pytest.mark.parametrize("value", LONG.values(), ids=LONG)
def test_no_message_repeats_a_long_value(run, tiny, monkeypatch, words, value):
    """Whatever it is given for, and whether or not it is an error there."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("pocket_fast.weights.download._open", _no_network)
    last = {"export-voice": ["out.safetensors"], "quantize": ["out"]}.get("".join(words[:1]), [])
    needed = ["--text", "Hi."] if words[:1] == ("generate",) else []
    if words in (("generate", "--output"), ("generate", "--voice-cache")):
        needed += ["--config", tiny / "config.yaml", "--voice", tiny / "prompt.wav"]
    result = run(*words, value, *(last if len(words) == 1 else []), *needed)
    assert result.code in (1, 2)
    assert len(result.err) < 2500
    assert value[:400] not in result.err
    assert value.strip()[-200:] not in result.err


def _no_network(url, offset, validator):
    from pocket_fast.weights.reach import FetchError

    raise FetchError(f"{url}: no network", "missing")


def test_a_long_value_that_is_fine_is_not_repeated_either(run, model, tiny):
    text = "Hello there. " * 400
    result = run("generate", *model, "-v", tiny / "prompt.wav", *FIXED[:-2], "-t", text, "-o", "a.wav")
    assert result.code == 0
    assert len(result.err) < 1000
    assert read_wav("a.wav").any()
