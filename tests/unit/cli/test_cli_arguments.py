"""How words become options."""

import argparse

import pytest

from pocket_fast.cli import _parser
from pocket_fast.cli.arguments import Parser, _widest, number, whole
from pocket_fast.models.settings import Setting

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


@pytest.mark.parametrize("text", ["-1", "65536", "1e9", "port"])
def test_a_number_between_two_limits(text):
    port = whole(0, 65535)
    assert port("8000") == 8000
    with pytest.raises(argparse.ArgumentTypeError, match="from 0 to 65535"):
        port(text)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"least": 0}, {"above": 0}, "a number of at least 0"),
        ({"above": 0}, {"least": 0, "most": 2}, "a number of at least 0"),
        ({"above": 0}, {"above": -1}, "a number above -1"),
        ({"least": 1}, {}, "a number"),
        ({"least": 0, "most": 1}, {"above": -1, "most": 2}, "a number above -1 and of at most 2"),
    ],
)
def test_what_several_families_take_has_the_widest_bounds(one, other, expected):
    settings = [Setting("x", float, help, "", **bounds) for help, bounds in (("one", one), ("other", other))]
    for first, second in (settings, reversed(settings)):
        widest = _widest(first, second, "Others")
        assert widest.expected == expected
        assert widest.help == f"{first.help}; Others: {second.help}"
