"""--voices DIR on the command line: generate, serve and voices, with models of both families."""

import shutil

import numpy as np
import pytest

from recordings import hum
from serving import wav_of

BASE, CUSTOM = "qwen3-tiny-base", "qwen3-tiny-customvoice"
MODEL = ("--eos-threshold", "-1e9", "--frames-after-eos", 0, "--seed", 1, "--text", "Hello.")


@pytest.fixture
def own(tmp_path, tiny, run):
    """The folder `own`, within the empty one that commands run in: Anna.wav, and bob, which was exported."""
    (tmp_path / "own").mkdir()
    shutil.copy(tiny / "prompt.wav", tmp_path / "own" / "Anna.wav")
    (tmp_path / "bob.wav").write_bytes(wav_of(hum(0.8)))
    words = ("--config", tiny / "config.yaml", "bob.wav", "own/bob.safetensors")
    assert run("export-voice", "-q", *words).code == 0
    return tmp_path / "own"


@pytest.fixture
def heard(run, tiny, tmp_path):
    """heard(*words) -> what `generate` says with these, bytes."""

    def heard(*words):
        result = run("generate", "-q", "--config", tiny / "config.yaml", *MODEL, "-o", "out.wav", *words)
        assert (result.code, result.err) == (0, "")
        return (tmp_path / "out.wav").read_bytes()

    return heard


def test_voices_by_the_names_of_their_files(heard, own):
    for name, file in (("Anna", "own/Anna.wav"), ("ANNA", "own/Anna.wav"), ("bob", "own/bob.safetensors")):
        assert heard("--voices", own, "--voice", name) == heard("--voice", file)
    assert heard("--voices", "own", "--voice", "bob.wav") == heard("--voice", "bob.wav")  # a path, as ever
    assert heard("--voices", "own") == heard("--voice", "own/Anna.wav")  # a config has no voice of its own


def test_which_one_speaks_is_said(run, own, tiny):
    result = run("generate", "--config", tiny / "config.yaml", *MODEL, "--voices", "own")
    assert result.code == 0
    assert "No --voice was given: Anna of own speaks" in result.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--voices", "own", "--voice", "carl"), "no voice is called 'carl', in own or of "),
        (("--voices", "own", "--voice", "carl"), "there are: Anna, bob"),
        (("--voices", "own", "--voice", "../secret"), "../secret: no such file"),
        (("--voices", "nowhere", "--voice", "anna"), "nowhere: no such folder of voices"),
        (("--voices", "bob.wav", "--voice", "anna"), "bob.wav: not a folder"),
    ],
)
def test_what_is_wrong(run, own, tiny, tmp_path, words, message):
    result = run("generate", "--config", tiny / "config.yaml", *MODEL, "-o", "out.wav", *words)
    assert result.code == 1
    assert message in result.err
    assert len(result.err.splitlines()) == 1
    assert not (tmp_path / "out.wav").exists()


def test_the_list_of_voices(run, own, tiny):
    assert run("voices", "--voices", "own").out.decode().splitlines() == ["Anna", "bob"]
    config = run("voices", "--voices", "own", "--model", tiny / "config.yaml")
    assert config.out.decode().splitlines() == ["Anna (default)", "bob"]
    (own / "ABEL.wav").write_bytes(b"")  # which the built-in model has too
    builtin = run("voices", "--voices", "own", "--model", "builtin").out.decode().splitlines()
    assert builtin == ["ada (default)", "ABEL", "Anna", "bob", "bert", "bess", "carl", "cora"]
    (own / "Ada.wav").write_bytes(b"")
    builtin = run("voices", "--voices", "own", "--model", "builtin").out.decode().splitlines()
    assert builtin == ["Ada (default)", "ABEL", "Anna", "bob", "bert", "bess", "carl", "cora"]
    assert run("voices", "--voices", "nowhere").code == 1


@pytest.fixture
def said(run, tiny_qwen3, tmp_path):
    """said(*words) -> what a base model of the second family says."""

    def said(*words):
        how = ("--max-new-tokens", 9, "--seed", 1, "--text", "Hello.", "-o", "out.wav")
        result = run("generate", "-q", "--model", tiny_qwen3(BASE), *how, *words)
        assert result.code == 0, result.err
        return (tmp_path / "out.wav").read_bytes()

    return said


def test_the_second_family_goes_by_the_words_beside_a_recording(said, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "me.wav").write_bytes(wav_of(hum(1.2)))
    plain, spoken = (
        said("--voice", "own/me.wav"),
        said("--voice", "own/me.wav", "--voice-text", "What I say."),
    )
    assert plain != spoken
    assert said("--voices", "own", "--voice", "me") == plain
    (tmp_path / "own" / "me.txt").write_text("What I say.\n")
    assert said("--voices", "own", "--voice", "Me") == said("--voices", "own") == spoken
    other = said("--voices", "own", "--voice", "me", "--voice-text", "Something else.")
    assert other == said("--voice", "own/me.wav", "--voice-text", "Something else.")


def test_a_model_that_takes_no_recordings(run, own, tiny_qwen3):
    result = run(
        "generate", "--model", tiny_qwen3(CUSTOM), "--text", "Hi.", "--voices", "own", "--voice", "ryan"
    )
    assert result.code == 1
    assert "takes no recordings" in result.err


def test_names_of_voices_in_any_case(run, tmp_path):
    for name in ("abel", "Abel", "ABEL"):
        words = ("--language", "builtin", "--text", "Yes.", "--seed", 1, "--voice", name, "-o", f"{name}.wav")
        assert run("generate", "-q", *words).code == 0
    assert len({(tmp_path / f"{name}.wav").read_bytes() for name in ("abel", "Abel", "ABEL")}) == 1
    (tmp_path / "Abel").write_bytes(wav_of(np.zeros(24000)))  # a file of that name is meant as before
    assert run("generate", "-q", *words[:-3], "Abel", "-o", "again.wav").out == b""
    assert (tmp_path / "again.wav").read_bytes() != (tmp_path / "abel.wav").read_bytes()


def test_a_file_with_the_name_of_the_default_voice_speaks_for_it(run, own, tmp_path):
    words = ("generate", "-q", "--language", "builtin", "--text", "Yes.", "--seed", 1)
    assert run(*words, "--voices", "own", "-o", "before.wav").code == 0
    shutil.copy(own / "Anna.wav", own / "Ada.wav")
    assert run(*words, "--voices", "own", "-o", "after.wav").code == 0
    assert run(*words, "--voice", own / "Anna.wav", "-o", "anna.wav").code == 0
    before, after, anna = ((tmp_path / f"{name}.wav").read_bytes() for name in ("before", "after", "anna"))
    assert before != after == anna
