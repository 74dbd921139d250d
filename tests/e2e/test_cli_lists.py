"""voices, info, --version, and generate on a machine that has nothing yet."""

import json
import platform
import subprocess
import sys

import pytest

import pocket_fast
from command_line import error_of
from fake_hub import FakeHub, Trouble
from pocket_fast.models.pocket import builtin
from pocket_fast.models.pocket.catalog import MODELS
from pocket_fast.models.pocket.voices import VOICES

WEIGHTS = "kyutai/pocket-tts/db04f0e653473e5c7333c69686ac92b7460b0c1d/languages/english/model.safetensors"


def test_voices_names_every_voice_and_model(run):
    result = run("voices")
    assert (result.code, result.err) == (0, "")
    words = result.out.decode().replace(",", " ").split()
    assert {*VOICES, *builtin.voices(), *MODELS} <= set(words)
    assert "german      juergen        german, german_24l\n" in result.out.decode()


def test_voices_of_a_language(run):
    names = run("voices", "--language", "french_24l").out.decode().splitlines()
    assert names[0] == "estelle (default)"
    assert {"estelle", *names[1:]} == set(VOICES)
    assert run("voices", "--language", "a0ac5076").out.decode().startswith("alba (default)\n")
    assert "did you mean french" in error_of(run("voices", "--language", "frensh"))


def test_voices_of_the_built_in_model(run):
    first, *others = run("voices", "--language", "builtin").out.decode().splitlines()
    assert first == f"{builtin.DEFAULT_VOICE} (default)"
    assert {builtin.DEFAULT_VOICE, *others} == set(builtin.voices())


def test_info_of_the_machine(run, monkeypatch, tmp_path):
    monkeypatch.setenv("POCKET_FAST_CACHE", str(tmp_path / "cache"))
    result = run("info", "--json")
    assert (result.code, result.err) == (0, "")
    facts = json.loads(result.out)
    assert facts["pocket_fast"] == pocket_fast.__version__
    assert facts["python"] == platform.python_version()
    assert facts["instruction sets"][facts["instruction set"]] is True
    assert facts["threads"] == 1
    assert facts["compute types"][:2] == ["auto", "float32"]
    assert facts["cache"] == str(tmp_path / "cache")
    assert "model" not in facts


def test_info_of_a_released_model(run, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    model = json.loads(run("info", "--json", "--variant", "b6369a24").out)["model"]
    assert model["name"] == "english_2026-01"
    assert (model["layers"], model["width"], model["sample rate"]) == (6, 1024, 24000)
    assert 100e6 < model["parameters"] < 130e6
    assert model["files"]["weights"]["at"].startswith("hf://kyutai/pocket-tts/")
    assert model["files"]["weights"]["here"] is False


def test_info_of_the_built_in_model(run):
    model = json.loads(run("info", "--json", "--language", "builtin").out)["model"]
    assert model["name"] == "builtin"
    assert 1e6 < model["parameters"] < 10e6
    assert [file["here"] for file in model["files"].values()] == [True, True]


def test_info_of_a_config(run, tiny):
    result = run("info", "--config", tiny / "config.yaml")
    lines = {line.split(":")[0].strip(): line for line in result.out.decode().splitlines()}
    assert result.code == 0
    assert lines["sampler"].split(":")[1].strip() == "lsd, 2 blocks of 48"
    assert lines["layers"].split(":")[1].strip() == "2"
    assert str(tiny / "model.safetensors") in result.out.decode()
    assert lines["here"].endswith("yes")


def test_version(run):
    for flag in ("--version", "-V"):
        assert run(flag).out.decode() == f"pocket-fast {pocket_fast.__version__}\n"


def test_help_names_every_command_and_option(run):
    top = run("--help").out.decode()
    assert all(command in top for command in ("generate", "export-voice", "quantize", "voices", "info"))
    text = run("generate", "--help").out.decode()
    for option in ("--text", "--voice", "--output-path", "--stream", "--quantized", "--eos-threshold"):
        assert option in text


def test_the_module_runs_and_imports_nothing_heavy():
    """Start-up time is what is imported; NumPy comes with the package."""
    heavy = ["scipy", "huggingface_hub", "soundfile", "sentencepiece", "tokenizers", "yaml", "tqdm"]
    heavy += ["safetensors", "urllib.request"]
    code = f"""
import sys
from pocket_fast.cli import main
assert main(["voices"]) == 0
loaded = [name for name in {heavy} if name in sys.modules]
sys.exit(f"imported: {{loaded}}" if loaded else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


# --- what cannot be had ----------------------------------------------------------------------------


def first_run(start, *words, **environment):
    process = start("generate", *words, env=environment)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, b"")
    return err.decode()


def assert_says_the_ways_out(err):
    assert "hf auth login" in err
    assert "HF_TOKEN" in err
    assert "--language builtin" in err
    assert "--config FILE.yaml" in err
    assert "tools/make_synthetic_model.py" in err
    assert "Traceback" not in err


def test_without_a_hub(start, tmp_path):
    err = first_run(start, "--language", "english")
    assert err.startswith(
        "error: cannot fetch the model 'english': hf://kyutai/pocket-tts/languages/english/model"
    )
    assert "the hub cannot be reached" in err
    assert_says_the_ways_out(err)
    assert list(tmp_path.glob("*.wav")) == []


def test_offline_by_choice(start):
    err = first_run(start, "--language", "english", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE forbids to ask the hub" in err
    assert_says_the_ways_out(err)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "GatedRepo", "Accept the terms at https://huggingface.co/kyutai/pocket-tts"),
        (404, "", "no such"),
    ],
)
def test_a_hub_that_refuses(start, status, code, words):
    with FakeHub() as hub:
        hub.files[WEIGHTS] = b"weights"
        hub.trouble[WEIGHTS] = Trouble(status=status, code=code)
        err = first_run(start, "--language", "english", HF_ENDPOINT=hub.url)
    assert words in err
    assert_says_the_ways_out(err)


def test_only_the_default_voice_is_missing(start, tiny):
    err = first_run(start, "--config", tiny / "config.yaml")
    assert err.startswith(
        "error: no --voice was given, and the default one cannot be fetched: hf://kyutai/tts-voices/"
    )
    assert_says_the_ways_out(err)


def test_a_voice_that_was_chosen_is_not_explained_away(start, tiny):
    err = first_run(start, "--config", tiny / "config.yaml", "--voice", "hf://a/b/c.wav")
    assert len(err.splitlines()) == 1
    assert "hf://a/b/c.wav@main: the hub cannot be reached" in err
