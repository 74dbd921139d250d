"""How words become options."""

import argparse
import dataclasses

import pytest

from pocket_fast.cli import _parser
from pocket_fast.cli.arguments import ModelChoice, Parser, model_choice, number, whole
from pocket_fast.cli.model import voice_source
from pocket_fast.errors import ConfigError, NotFoundError
from pocket_fast.models.pocket.catalog import shipped_config
from pocket_fast.models.pocket.voices import VOICES
from pocket_fast.weights.int8 import write_int8

SPELLINGS = [
    ("text", "hello", ["-t", "--text"]),
    ("voice", "anna", ["-v", "--voice"]),
    ("output", "a.wav", ["-o", "--output", "--output-path"]),
    ("format", "flac", ["--format"]),
    ("language", "french", ["--language"]),
    ("config", "a.yaml", ["--config"]),
    ("variant", "b6369a24", ["--variant"]),
    ("checkpoint", "a.pt", ["--checkpoint"]),
    ("temperature", 0.7, ["--temperature"]),
    ("sampler_decode_steps", 2, ["--sampler-decode-steps"]),
    ("lsd_decode_steps", 3, ["--lsd-decode-steps"]),
    ("noise_clamp", 1.5, ["--noise-clamp"]),
    ("eos_threshold", -4.0, ["--eos-threshold"]),
    ("frames_after_eos", 0, ["--frames-after-eos"]),
    ("max_tokens", 30, ["--max-tokens"]),
    ("seed", 7, ["--seed"]),
    ("device", "cpu", ["--device"]),
    ("compute_type", "float32", ["--compute-type"]),
    ("threads", 2, ["--threads"]),
]
FLAGS = [
    ("stream", ["--stream"]),
    ("quiet", ["-q", "--quiet"]),
    ("use_metal", ["--use-metal"]),
    ("quantize", ["--quantize", "--quantized"]),
    ("natural_pauses", ["--natural-pauses"]),
    ("truncate", ["--truncate"]),
    ("no_progress", ["--no-progress"]),
]


def parse(*words):
    return _parser().parse_args(["generate", *words])


@pytest.mark.parametrize(("name", "value", "spellings"), SPELLINGS, ids=lambda item: str(item))
def test_every_spelling_of_an_option(name, value, spellings):
    assert getattr(parse(), name) != value or name == "device"
    for spelling in spellings:
        assert getattr(parse(spelling, str(value)), name) == value
        assert getattr(parse(f"{spelling}={value}"), name) == value


@pytest.mark.parametrize(("name", "spellings"), FLAGS)
def test_every_spelling_of_a_flag(name, spellings):
    assert getattr(parse(), name) is False
    for spelling in spellings:
        assert getattr(parse(spelling), name) is True


@pytest.mark.parametrize("value", ["-3.0", "-3", "-.5", "-1e-3", "-2E1"])
def test_negative_numbers_in_every_form(value):
    assert parse("--eos-threshold", value).eos_threshold == float(value)
    assert parse(f"--eos-threshold={value}").eos_threshold == float(value)


@pytest.mark.parametrize("text", ["-", "-5 degrees", "-quick", "- one\n- two", "--not-an-option", "a=-b"])
def test_values_may_begin_with_a_dash(text):
    for spelling in ("-t", "--text"):
        options = parse(spelling, text, "-q")
        assert (options.text, options.quiet) == (text, True)


@pytest.mark.parametrize("following", ["-q", "--quiet", "--voice=anna", "-v", "--"])
def test_an_option_is_not_taken_for_a_value(following, capsys):
    with pytest.raises(SystemExit) as exit:
        parse("--text", following, "x")
    assert exit.value.code == 2
    assert "expected one argument" in capsys.readouterr().err


def test_flags_take_no_value():
    parser = Parser(prog="x")
    parser.add_argument("--flag", action="store_true")
    parser.add_argument("rest", nargs="*")
    assert parser.parse_args(["--flag", "word"]).rest == ["word"]


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("12", 12)])
def test_whole_numbers(text, value):
    assert whole(0)(text) == value


@pytest.mark.parametrize("text", ["", "x", "-1", "1.0", "1e3", "nan"])
def test_not_whole_numbers(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number of at least 0"):
        whole(0)(text)


def test_numbers_and_their_bounds():
    assert number()("-1e3") == -1000
    assert number(least=0)("0") == 0
    for parse_number, text in (
        (number(), "inf"),
        (number(least=0), "-0.1"),
        (number(above=0), "0"),
        (number(), "x"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match="expected a number"):
            parse_number(text)


def test_the_model_is_english_unless_told_otherwise():
    choice = model_choice(parse())
    assert (choice.language, choice.config, choice.checkpoint) == ("english", None, None)
    assert choice.released == "english"
    assert choice.settings.flow_lm.transformer.d_model == 1024


def test_variants_are_languages_by_another_name():
    assert model_choice(parse("--variant", "b6369a24")).language == "english_2026-01"
    assert model_choice(parse("--variant", "german")).language == "german"


def test_a_checkpoint_makes_a_released_model_ones_own(tmp_path):
    path = tmp_path / "a.pt"
    path.touch()
    choice = model_choice(parse("--language", "german", "--checkpoint", str(path)))
    assert (choice.language, choice.checkpoint, choice.released) == ("german", path, None)


@pytest.mark.parametrize(
    ("model", "language", "voice"),
    [("german", "german", "juergen"), ("another", None, VOICES["alba"]), (None, None, VOICES["alba"])],
)
def test_a_config_of_weights_made_from_a_released_model(tmp_path, model, language, voice):
    write_int8(tmp_path / "w.safetensors", {}, voice_cloning=True, model=model)
    changes = {"weights_path": "w.safetensors", "weights_path_without_voice_cloning": None}
    settings = dataclasses.replace(shipped_config("french"), **changes)
    choice = ModelChoice(None, str(tmp_path / "config.yaml"), None, settings, quiet=True)
    assert (choice.released, choice.speaks) == (language, language)
    with voice_source(None, choice) as default:
        assert default == voice
    trained = dataclasses.replace(choice, checkpoint=tmp_path / "step.pt")
    assert trained.released is None
    parts = dataclasses.replace(settings.mimi, weights_path="codec.safetensors")
    assert dataclasses.replace(choice, settings=dataclasses.replace(settings, mimi=parts)).released is None


def test_a_config_that_names_the_weights_of_a_released_model():
    settings = dataclasses.replace(shipped_config("german"), default_temperature=0.1)
    assert ModelChoice(None, "my.yaml", None, settings, quiet=True).released == "german"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--language", "german", "--config", "a.yaml"), ConfigError),
        (("--language", "german", "--variant", "german"), ConfigError),
        (("--language", "germann"), NotFoundError),
        (("--config", "gone.yaml"), NotFoundError),
        (("--checkpoint", "gone.pt"), NotFoundError),
    ],
)
def test_impossible_choices(words, error):
    with pytest.raises(error):
        model_choice(parse(*words))


@pytest.mark.parametrize("text", ["-1", "65536", "1e9", "port"])
def test_a_number_between_two_limits(text):
    port = whole(0, 65535)
    assert port("8000") == 8000
    with pytest.raises(argparse.ArgumentTypeError, match="from 0 to 65535"):
        port(text)
