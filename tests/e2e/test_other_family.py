"""The seam between families and everything else: one that only a line of the catalog's table knows, end to end."""

import contextlib
import io
import json

import numpy as np
import pytest

import pocket_fast
from command_line import TAIL, error_of, read_wav
from other_family import RampSpeaking
from pocket_fast.errors import ConfigError, NotFoundError
from pocket_fast.models import catalog
from ramp_model import FRAME


@pytest.fixture(autouse=True)
def listed(monkeypatch):
    """Beside the first one, so that nothing here changes with what else there is."""
    monkeypatch.setattr(catalog, "FAMILIES", (catalog.FAMILIES[0], "other_family"))


@pytest.fixture
def said(run, tmp_path):
    """said(*words of generate) -> (level, frames) of what is said."""

    def said(*words):
        result = run("generate", *words, "-q", "-o", "out.wav")
        assert (result.code, result.err) == (0, "")
        samples = read_wav(tmp_path / "out.wav")[:-TAIL]
        assert len(samples) % FRAME == 0
        return round(float(np.median(samples)) / 32767, 3), len(samples) // FRAME

    return said


# --- Python ----------------------------------------------------------------------------------------


def test_load_makes_the_right_class():
    model = pocket_fast.load("ramp_plain", threads=3)
    assert type(model) is RampSpeaking
    assert model.options == {"threads": 3}
    voice = model.find_voice("high")
    sound = np.concatenate(list(model.speak(voice, "one two [pause:80ms] three", {"loud": True})))
    assert sound.shape == (4 * FRAME,)
    assert np.median(sound[: 2 * FRAME]) == 1.0
    with pytest.raises(ConfigError, match="no such setting; it has temperature, loud, times, language"):
        next(model.speak(voice, "one", {"steps": 3}))
    assert type(pocket_fast.load("builtin", threads=1)) is pocket_fast.TTSModel
    with pytest.raises(NotFoundError, match="did you mean ramp_plain"):
        pocket_fast.load("ramp_plan")
    model.close()


# --- the command line ------------------------------------------------------------------------------


def test_generate_with_everything_that_only_this_family_takes(said):
    assert said("--model", "ramp_plain") == (0.25, 3)
    assert said("--model", "ramp_plain", "--voice", "high", "--text", "hi") == (0.5, 1)
    assert said("--model", "ramp_plain", "--loud", "true", "--times", "2") == (0.5, 6)
    assert said("--model", "ramp_plain", "--language", "German") == (0.312, 3)
    assert said("--model", "ramp_designed", "--instruct", "a deep old man") == (0.139, 3)
    assert said("--slope", "plain") == (0.25, 3)
    words = ("--voice", "me.wav", "--voice-text", "ten words!", "--instruct", "loudly")
    assert said("--model", "ramp_cloning", *words) == (0.106, 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--language", "english", "--instruct", "x"), "english takes no --instruct; leave it out"),
        (("--instruct", "x"), "english takes no --instruct"),
        (("--language", "builtin", "--voice-text", "x"), "builtin takes no --voice-text"),
        (("--model", "builtin", "--language", "german"), "--model builtin and --language german were given"),
        (("--model", "ramp_plain", "--instruct", "x"), "ramp_plain takes no --instruct"),
        (("--model", "ramp_plain", "--voice-text", "x"), "ramp_plain takes no --voice-text"),
        (("--model", "ramp_plain", "--max-tokens", "9"), "ramp_plain takes no --max-tokens"),
        (("--model", "ramp_plain", "--config", "a.yaml"), "--config a.yaml: Ramps takes no --config"),
        (("--model", "ramp_plain", "--language", "klingon"), "language: expected one of auto, german, got "),
        (
            ("--model", "ramp_plain", "--temperature", "3"),
            "temperature: expected a number from -5 to 2, got 3",
        ),
        (("--language", "english", "--temperature", "-1"), "temperature: expected a number of at least 0"),
        (("--model", "ramp_plain", "--voice", "nobody"), "no voice is called 'nobody'"),
        (("--model", "ramp_cloning"), "give a recording"),
        (("--model", "ramp_designed"), "needs to be told"),
        (("--model", "ramp_designed", "--instruct", "x", "--voice", "low"), "takes no voice"),
        (("--model", "ramp_designed", "--instruct", "x" * 21), "text of at most 20 characters"),
        (("--model", "ramp_plan"), "did you mean ramp_plain"),
    ],
)
def test_what_a_model_does_not_take_is_refused(run, words, message, tmp_path):
    result = run("generate", *words)
    if message == "text of at most 20 characters":  # so much no model takes
        assert result.code == 2
        assert message in result.err
    else:
        assert message in error_of(result)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("--loud", "very"), ("--times", "0"), ("--temperature", "-6")])
def test_what_no_model_takes_is_wrong_usage(run, words):
    assert run("generate", "--model", "ramp_plain", *words).code == 2


def test_help_names_what_every_family_takes(run):
    text = " ".join(run("generate", "--help").out.decode().split())
    for words in (
        "--voice-text TEXT what the recording",
        "--instruct TEXT how to speak",
        "--loud true|false twice as loud",
        "--times N how often, 100 %",
        "--slope NAME the end of",
        "--temperature X variance of the noise (default: the model's); Ramps: of another kind",
        "(default english; see `voices`); with --model: spoken",
    ):
        assert words in text
    assert "--voice-text" in run("export-voice", "--help").out.decode()


def test_lists_and_facts(run):
    text = run("voices").out.decode()
    assert (
        "\n\nLanguage    Default voice  Models (--model)\nany         low            ramp_plain, ramp_cloning"
        in text
    )
    assert text.endswith("\nVoices of ramp_plain: low, high\n")
    assert run("voices", "--model", "ramp_plain").out.decode() == "low (default)\nhigh\n"
    assert run("voices", "--model", "ramp_designed").out == b""
    facts = json.loads(run("info", "--json", "--model", "ramp_plain").out)["model"]
    assert (facts["name"], facts["words a second"]) == ("ramp_plain", 12.5)
    assert facts["files"]["itself"]["here"] is True


def test_quantize_and_export_voice(run, tmp_path, said):
    result = run("quantize", "ramp_plain", "small", "--voice", "high")
    assert result.code == 0
    voices = "(Level(value=0.5), Level(value=0.5))"
    assert result.out.decode() == f"['ones', 'ones_scale'] ['ramp_plain', 'ramp_plain'] {voices}\n"
    assert (tmp_path / "small" / "ramp.safetensors").read_bytes() == b"\x7f" * 32
    assert said("--model", "small") == (0.25, 3)
    assert run("quantize", "ramp_plain", "alone.safetensors", "-q").code == 0
    assert (tmp_path / "alone.safetensors").read_bytes() == b"\x7f" * 32
    words = ("--model", "ramp_cloning", "--voice-text", "ten words!")
    result = run("export-voice", "me.wav", "me.safetensors", *words)
    assert result.err == "INFO: me.safetensors: a level of 0.1, 0 kB\n"
    (tmp_path / "folder").mkdir()
    assert "what one recording says" in error_of(run("export-voice", "folder", "out", *words))


# --- the server ------------------------------------------------------------------------------------


@pytest.fixture
def serving():
    """serving(*words of serve) -> context manager of a client of the application."""
    from starlette.testclient import TestClient

    from pocket_fast.cli import _parser
    from pocket_fast.cli.serve import _app

    @contextlib.contextmanager
    def serving(*words):
        with TestClient(_app(_parser().parse_args(["serve", "-q", *words]))) as client:
            yield client

    return serving


def level(answer):
    assert answer.status_code == 200, answer.text
    return round(float(np.median(np.frombuffer(answer.content, "<i2"))) / 32767, 3)


def test_requests_have_the_fields_of_the_model_that_is_loaded(serving):
    with serving("--model", "ramp_plain") as client:
        assert client.get("/health").json()["takes"] == ["voice", "temperature", "loud", "times", "language"]
        form = client.get("/openapi.json").json()["paths"]["/stream"]["post"]["requestBody"]["content"]
        fields = form["application/json"]["schema"]["properties"]
        assert list(fields) == [
            *("voice", "temperature", "loud", "times", "language"),
            *("seed", "natural_pauses", "speed", "text"),
        ]
        assert fields["language"]["anyOf"][0]["enum"] == ["auto", "german"]
        assert fields["times"]["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 3}

        def ask(**fields):
            return client.post("/stream", json={"text": "one two", **fields})

        assert level(ask()) == 0.25
        assert level(ask(voice="high", loud=True)) == 1.0
        assert level(ask(voice="alloy")) == 0.5
        assert level(ask(language="German")) == 0.312
        assert level(ask(instruct="no such field here")) == 0.25
        assert len(ask(often=2).content) == 2 * 4 * FRAME
        for fields in ({"times": 4}, {"language": "klingon"}, {"loud": "very"}, {"temperature": 3}):
            answer = ask(**fields)
            assert answer.status_code == 422
            assert answer.json()["error"].startswith(next(iter(fields)))
        speech = {"model": "m", "input": "one", "response_format": "pcm", "instructions": "Loudly."}
        refused = client.post("/v1/audio/speech", json=speech)
        assert (refused.status_code, refused.headers["x-ignored-fields"]) == (200, "instructions")


def test_instructions_are_for_models_that_take_them(serving):
    with serving("--model", "ramp_designed", "--instruct", "a deep old man") as client:
        assert client.get("/health").json()["takes"] == ["instruct"]
        assert client.get("/v1/audio/voices").json() == {"voices": [], "default": None, "aliases": {}}
        speech = {"model": "m", "input": "one", "response_format": "pcm"}

        def ask(**fields):
            return client.post("/v1/audio/speech", json={**speech, **fields})

        assert level(ask()) == 0.139
        assert level(ask(instructions="a child")) == 0.132
        assert level(ask(instruct="a child")) == 0.132
        too_long = ask(instructions="x" * 21)
        assert (too_long.status_code, too_long.json()["error"]["param"]) == (400, "instructions")


def test_a_server_may_leave_to_requests_what_it_cannot_choose(serving, tiny):
    with serving("--model", "ramp_designed") as client:
        assert level(client.post("/stream", json={"text": "one", "instruct": "a child"})) == 0.132
    with serving("--model", "ramp_cloning") as client:
        assert client.get("/health").json()["takes"][0] == "voice_wav"
        with (tiny / "prompt.wav").open("rb") as file:
            answer = client.post(
                "/stream", data={"text": "one", "voice_text": "Five."}, files={"voice_wav": file}
            )
        assert level(answer) == 0.05


def test_recordings_come_with_their_words(serving, tiny):
    recording = (tiny / "prompt.wav").read_bytes()
    with serving("--model", "ramp_cloning", "--voice", "me.wav", "--voice-text", "ten words!") as client:
        assert client.get("/health").json()["takes"] == [
            *("voice", "voice_wav", "temperature", "instruct", "voice_text")
        ]

        def ask(**fields):
            files = {"voice_wav": ("a.wav", io.BytesIO(recording))}
            return client.post("/stream", data={"text": "one", **fields}, files=files)

        assert level(client.post("/stream", json={"text": "one"})) == 0.1
        assert level(ask(voice_text="Twenty characters...")) == 0.2
        assert level(ask(voice_text="Five.")) == 0.05  # not the voice that the same recording was before
        answer = client.post("/stream", json={"text": "one", "voice_text": "Words."})
        assert answer.status_code == 400
        assert "without the recording" in answer.json()["error"]
