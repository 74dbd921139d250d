"""Voices given as text, and what is said when the hub gives nothing."""

import base64

import pytest

from pocket_fast.cli import _parser
from pocket_fast.cli.arguments import model_choice
from pocket_fast.cli.model import _ways_out, voice_source
from pocket_fast.errors import DownloadError, VoiceError
from pocket_fast.models.pocket.voices import VOICES
from pocket_fast.weights.hub import FetchError

AUDIO = bytes(range(256))
TEXT = base64.b64encode(AUDIO).decode()


def choice(*words):
    return model_choice(_parser().parse_args(["generate", *words]))


@pytest.mark.parametrize("given", [TEXT, f"data:audio/wav;base64,{TEXT}", f"data:;base64,{TEXT}"])
def test_base64_becomes_a_file_for_a_while(given):
    with voice_source(given, choice()) as path:
        assert path.read_bytes() == AUDIO
    assert not path.parent.exists()


def test_a_file_whose_name_looks_like_base64(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "a" * 120
    (tmp_path / name).touch()
    with voice_source(name, choice()) as voice:
        assert voice == name


def test_short_text_is_a_name():
    with pytest.raises(VoiceError, match="no voice is called"), voice_source(TEXT[:100], choice()):
        pass


def test_names_and_urls_stay():
    for given in ("alba", "hf://a/b/c.wav", "https://host/" + "a" * 200):
        with voice_source(given, choice()) as voice:
            assert voice == given


def test_the_default_voice(tmp_path):
    with voice_source(None, choice("--language", "german")) as voice:
        assert voice == "juergen"
    (tmp_path / "a.pt").touch()
    with voice_source(None, choice("--checkpoint", str(tmp_path / "a.pt"))) as voice:
        assert voice == VOICES["alba"]


@pytest.mark.parametrize("reason", ["offline", "gated", "missing", "network"])
def test_the_ways_out(reason):
    with (
        pytest.raises(DownloadError, match=r"^no luck: hf://x: why\nWays out:\n  - connect .*\n  - pray$"),
        _ways_out("no luck", ["pray"]),
    ):
        raise FetchError("hf://x: why", reason)


@pytest.mark.parametrize(
    ("problem", "reason"), [("no luck", "disk"), ("no luck", "truncated"), (None, "offline")]
)
def test_no_ways_out_where_they_do_not_help(problem, reason):
    with pytest.raises(FetchError, match=r"^hf://x: why$"), _ways_out(problem, []):
        raise FetchError("hf://x: why", reason)
