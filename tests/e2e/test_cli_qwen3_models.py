"""Qwen3-TTS models as the other commands see them: voices, info, quantize, serve; and commands that are cut off."""

import json
import os
import re
import shutil
import signal
from pathlib import Path

import httpx
import pytest
import soundfile

from command_line import FRAME, TAIL, default_signals, error_of, read_wav
from fake_hub import COMMIT
from recordings import hum
from serving import wait_until

CUSTOM, DESIGN, BASE = "qwen3-tiny-customvoice-wide", "qwen3-tiny-voicedesign", "qwen3-tiny-base"
SPEECH = ("--text", "Hello there.", "--max-new-tokens", "9", "--seed", "3", "--stream")

posix = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


# --- lists and facts -----------------------------------------------------------------------------


def test_voices_names_the_released_models_and_their_speakers(run):
    text = " ".join(run("voices").out.decode().split())
    for model in ("0.6b-base", "0.6b-customvoice", "1.7b-base", "1.7b-customvoice", "1.7b-voicedesign"):
        assert f"qwen3-tts-{model}" in text
    assert "Models (--model) ten ryan qwen3-tts-0.6b-customvoice" in text
    assert "aiden, dylan, eric, ono_anna, ryan, serena, sohee, uncle_fu, vivian" in text


def test_voices_of_a_model(run, tiny_qwen3, qwen3):
    first, *others = run("voices", "--model", tiny_qwen3(CUSTOM)).out.decode().splitlines()
    assert first == "ryan (default)"
    assert sorted(["ryan", *others]) == sorted(qwen3(CUSTOM).voice_names)
    for model in (DESIGN, BASE):
        result = run("voices", "--model", tiny_qwen3(model))
        assert (result.code, result.out, result.err) == (0, b"", "")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (CUSTOM, {"kind": "custom_voice", "takes instructions": True, "width": 56}),
        (DESIGN, {"kind": "voice_design", "takes instructions": True, "speakers": "none"}),
        (BASE, {"kind": "base", "takes instructions": False, "width": 40, "sample rate": 24000}),
    ],
)
def test_info(run, tiny_qwen3, model, expected):
    result = run("info", "--json", "--model", tiny_qwen3(model))
    assert (result.code, result.err) == (0, "")
    facts = json.loads(result.out)["model"]
    assert expected.items() <= facts.items()
    assert facts["name"] == str(tiny_qwen3(model))
    assert facts["parameters"] > facts["parameters of the codec"] > 100_000
    weights, codec = facts["files"].values()
    assert (weights["here"], weights["8-bit"], codec["here"]) == (True, False, True)
    lines = {
        line.partition(":")[0].strip(): line.partition(":")[2].strip()
        for line in run("info", "--model", tiny_qwen3(model)).out.decode().splitlines()
    }
    assert lines["kind"] == expected["kind"]
    assert lines["takes instructions"] == ("yes" if expected["takes instructions"] else "no")


@pytest.mark.parametrize("command", ["generate", "serve"])
def test_help_says_which_options_are_whose(run, command):
    text = run(command, "--help").out.decode()
    starts = [
        text.index(title) for title in ("\nspeech:\n", "\nspeech: Pocket TTS:\n", "\nspeech: Qwen3-TTS:\n")
    ]
    options = ("--temperature ", "--noise-clamp ", "--instruct ")
    assert starts == sorted(starts)
    for option, start, end in zip(options, starts, [*starts[1:], len(text)], strict=True):
        assert option in text[start:end]
        assert text.count(f"\n  {option}") == 1
    assert text.count("where requests give none") == (3 if command == "serve" else 0)


# --- quantize ------------------------------------------------------------------------------------


@pytest.fixture
def sound(run):
    """sound(folder, *words of generate) -> raw samples of what its model says."""

    def sound(folder, *words):
        result = run("generate", "--model", folder, *SPEECH, *words)
        assert (result.code, result.err) == (0, "")
        return result.out

    return sound


@pytest.fixture
def recording(tmp_path):
    soundfile.write(tmp_path / "me.wav", hum(1.0), 24000)
    return tmp_path / "me.wav"


def test_models_on_the_hub(run, sound, hub, tiny_qwen3):
    repo, name = "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice", "qwen3-tts-0.6b-customvoice"
    folder = tiny_qwen3("qwen3-tiny-customvoice")
    for path in filter(Path.is_file, folder.rglob("*")):
        for revision in ("main", COMMIT):
            hub.files[f"{repo}/{revision}/{path.relative_to(folder)}"] = path.read_bytes()
    assert run("voices", "--model", name).out.startswith(b"ryan (default)\n")
    assert hub.count("GET", ".safetensors") == 0
    expected = sound(folder, "--voice", "serena")
    for model in (name, repo, repo.lower().replace("qwen", "Qwen"), f"hf://{repo}"):
        assert sound(model, "--voice", "serena") == expected
    facts = json.loads(run("info", "--json", "--model", repo).out)["model"]
    assert facts["name"] == name
    assert facts["files"]["weights"]["here"] is True
    assert hub.count("GET", "/model.safetensors") == 2  # its own and the codec's, once
    assert "hf://Qwen/Gone/config.json@main" in error_of(run("generate", "--model", "Qwen/Gone"))


@pytest.mark.parametrize("model", [CUSTOM, DESIGN, BASE])
def test_a_folder_in_8_bits_sounds_as_quantised_at_load(run, sound, tiny_qwen3, tmp_path, recording, model):
    original, small = tiny_qwen3(model), tmp_path / "small"
    assert run("quantize", original, small, "-q").code == 0
    voice = ("--voice", recording, "--voice-text", "Words.") if model == BASE else ()
    assert sound(small, *voice) == sound(small, "--quantize", *voice) == sound(original, "--quantize", *voice)
    assert sound(small, *voice) != sound(original, *voice)
    assert json.loads(run("info", "--json", "--model", small).out)["model"]["files"]["weights"]["8-bit"]
    shutil.move(small, tmp_path / "elsewhere")
    assert sound(tmp_path / "elsewhere", *voice) == sound(original, "--quantize", *voice)


def test_a_folder_in_4_bits_sounds_as_quantised_at_load(run, sound, tiny_qwen3, tmp_path):
    original, small, four = tiny_qwen3(CUSTOM), tmp_path / "small", ("--compute-type", "int4")
    assert run("quantize", original, small, "-q", *four).code == 0
    assert sound(small) == sound(small, *four) == sound(original, *four)
    assert sound(small) not in (sound(original), sound(original, "--quantize"))
    assert json.loads(run("info", "--json", "--model", small).out)["model"]["files"]["weights"]["4-bit"]


def test_the_report_of_quantize(run, tiny_qwen3, tmp_path):
    result = run("quantize", tiny_qwen3(CUSTOM), "small", "--voice", "eric")
    assert (result.code, result.err) == (0, f"INFO: small: {tiny_qwen3(CUSTOM)} in 8 bits\n")
    lines = result.out.decode().splitlines()
    table = lines[: lines.index("")]
    assert len(set(map(len, table))) == 1  # one column below the other
    assert any(line.startswith("talker.code_predictor.model.layers.*.self_attn.q_proj ") for line in table)
    assert any(line.startswith("first codes that are the same") for line in lines)


def test_the_weights_alone_in_8_bits(run, sound, tiny_qwen3, tmp_path):
    shutil.copytree(tiny_qwen3(CUSTOM), tmp_path / "copy")
    weights = tmp_path / "copy" / "model.safetensors"
    assert run("quantize", tiny_qwen3(CUSTOM), weights, "-q").code == 0
    assert sound(tmp_path / "copy") == sound(tiny_qwen3(CUSTOM), "--quantize")


def test_what_quantize_refuses(run, tiny_qwen3, tmp_path):
    assert run("quantize", tiny_qwen3(CUSTOM), "small", "-q").code == 0
    before = sorted(tmp_path.rglob("*"))
    for words, message in (
        (("small", "smaller"), "its weights are in 8 bits already"),
        ((tiny_qwen3(CUSTOM), "small"), "small exists already"),
        ((tiny_qwen3(CUSTOM), "new", "--voice", "rian"), "did you mean ryan"),
        ((tiny_qwen3(BASE), "new", "--voice", "gone.wav"), "no such file"),
        (("gone", "new"), "no model is called 'gone'"),
    ):
        assert message in error_of(run("quantize", *words))
    words = ("--model", "small", "--text", "Hi.", "--compute-type", "float32")
    assert "these weights are stored in 8 bits" in error_of(run("generate", *words))
    assert sorted(tmp_path.rglob("*")) == before


# --- serve ---------------------------------------------------------------------------------------


@pytest.fixture
def serve(start, tiny_qwen3):
    """serve(model, *words) -> (process, its address, what it said until it was ready)"""

    def serve(model, *words):
        process = start("serve", "--model", tiny_qwen3(model), "--port", "0", "--threads", "1", *words)
        said = [""]
        wait_until(lambda: said.append(process.stderr.readline().decode()) or "running on" in said[-1])
        return process, re.search(r"http://[\w.:]+", said[-1])[0], "".join(said)

    return serve


def test_a_server_of_a_model(serve, sound, tiny_qwen3, recording):
    words = ("--voice", recording, "--voice-text", "Words.", "--max-new-tokens", "9")
    process, url, _ = serve(BASE, *words, "--prewarm-voices", f"{recording}, gone.wav")
    said = httpx.post(f"{url}/stream", json={"text": "Hello there.", "seed": 3}, timeout=60)
    assert said.content == sound(tiny_qwen3(BASE), *words[:4])
    assert "me.wav" not in httpx.get(f"{url}/v1/audio/voices").text
    process.terminate()
    assert process.wait(60) == 0


def test_voices_that_are_made_ready(serve):
    _, _, said = serve(CUSTOM, "--prewarm-voices", "eric, Serena, rian")
    assert said.count("WARNING: --prewarm-voices:") == 1
    assert "did you mean ryan" in said


# --- cut off -------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_said_until_an_interrupt_is_kept(start, tiny_qwen3, tmp_path, number):
    (tmp_path / "out").mkdir()
    (tmp_path / "text").write_text("The ferry left the harbour before sunrise. " * 20_000)
    with open(tmp_path / "text", "rb") as text:
        words = ("--model", tiny_qwen3(CUSTOM), "--text", "-", "-o", tmp_path / "out" / "a.wav")
        process = start("generate", *words, stdin=text, preexec_fn=default_signals)
    wait_until(lambda: any(path.stat().st_size > 48_000 for path in (tmp_path / "out").glob(".*.part")))
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.wav"]
    samples = len(read_wav(tmp_path / "out" / "a.wav")) - TAIL
    assert samples % FRAME == 0
    message = (
        f"error: interrupted after {samples / 24000:.2f} s of audio, kept in {tmp_path / 'out' / 'a.wav'}"
    )
    assert err.decode().splitlines()[-1] == message


@pytest.fixture
def interrupted(monkeypatch):
    """interrupted(name): a SIGINT whenever this function is called."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda name: monkeypatch.setattr(name, lambda *_, **__: signal.raise_signal(signal.SIGINT))
    signal.signal(signal.SIGINT, before)


@posix
@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("pocket_fast.models.qwen3.loading.load", ("generate", "--voice", "me.wav", "-o", "a.wav")),
        ("pocket_fast.models.qwen3.voice.item_from_audio", ("generate", "--voice", "me.wav", "-o", "a.wav")),
        ("pocket_fast.models.qwen3.voice.item_from_audio", ("export-voice", "me.wav", "a.safetensors")),
        ("pocket_fast.weights.whole.os.replace", ("export-voice", "me.wav", "a.safetensors")),
    ],
)
def test_an_interrupt_before_there_is_a_result_leaves_nothing(
    run, tiny_qwen3, recording, interrupted, tmp_path, where, words
):
    interrupted(where)
    assert error_of(run(*words, "--model", tiny_qwen3(BASE))) == "error: interrupted\n"
    assert [path.name for path in tmp_path.iterdir()] == ["me.wav"]


@posix
def test_an_interrupt_while_quantizing_leaves_nothing(run, tiny_qwen3, interrupted, tmp_path):
    interrupted("pocket_fast.models.qwen3.quantize.shutil.copyfile")
    assert error_of(run("quantize", tiny_qwen3(CUSTOM), "small")) == "error: interrupted\n"
    assert list(tmp_path.iterdir()) == []
