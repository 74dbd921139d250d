"""The built-in model: by its name, and in the place of the default one where the hub does not give that."""

import numpy as np
import pytest

from command_line import TAIL, error_of, read_wav
from fake_hub import Trouble
from pocket_fast.models.pocket import builtin, catalog
from pocket_fast.models.pocket.config_file import load_config
from pocket_fast.models.pocket.voices import voice_state_location
from pocket_fast.weights.hub import parse_hub_location

NOBODY = "http://127.0.0.1:9"  # discard: nobody listens
SPEAKS = "the small built-in voice speaks"


@pytest.fixture
def unreachable(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", NOBODY)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        NOBODY + "/{repo_id}/resolve/{revision}/{filename}",
    )


def on_the_hub(location):
    file = parse_hub_location(location)
    return f"{file.repo}/{file.revision}/{file.path}"


@pytest.fixture
def weights():
    """Where the two weight files of the default model lie."""
    config = catalog.shipped_config("english")
    return [on_the_hub(at) for at in (config.weights_path, config.weights_path_without_voice_cloning)]


@pytest.fixture
def tiny_english(tiny, monkeypatch):
    """The default model is a tiny one on this machine; its voice lies on the hub."""
    shipped = catalog.shipped_config
    monkeypatch.setattr(
        catalog,
        "shipped_config",
        lambda name: load_config(tiny / "config.yaml") if name == "english" else shipped(name),
    )


def sound_of(run, *words):
    result = run("generate", "--stream", "--seed", 1, *words)
    assert result.code == 0, result.err
    return result.out


def assert_it_speaks_instead(run, expected, why):
    result = run("generate", "--stream", "--seed", 1)
    assert (result.code, result.out) == (0, expected)
    (line,) = result.err.splitlines()
    assert line.startswith(f"WARNING: {why}: {SPEAKS}. ")
    assert line.endswith("(see --language english)")


# --- by its name -----------------------------------------------------------------------------------


def test_it_speaks_without_a_network(run, unreachable, tmp_path):
    result = run("generate", "--language", "builtin", "-o", "hello.wav")
    assert (result.code, "WARNING" in result.err) == (0, False)
    samples = read_wav(tmp_path / "hello.wav")
    assert 2 < (len(samples) - TAIL) / 24000 < 15
    assert 300 < samples.std() < 10_000


def test_every_voice_speaks(run, unreachable):
    for name in builtin.voices():
        sound = sound_of(run, "--language", "builtin", "--voice", name, "--text", "Hello there, bad old dog.")
        samples = np.frombuffer(sound, "<i2").astype(int)
        assert len(samples) > 24000
        assert 3000 < np.abs(samples).max() < 32767  # not clipped


def test_a_sentence_of_120_characters_is_one_chunk(run):
    text = (
        "This is a long sentence, and it has commas, and it goes on, and nobody but its writer knows "
        "what it is about at the end."
    )
    assert len(text) == 120
    words = ("--language", "builtin", "--text", text)
    whole = sound_of(run, *words)
    assert sound_of(run, *words, "--max-tokens", 130) == whole
    assert sound_of(run, *words, "--max-tokens", 100) != whole


def test_numbers_are_spelled_out(run):
    assert sound_of(run, "--language", "builtin", "--text", "I see 3 cats.") == sound_of(
        run, "--language", "builtin", "--text", "I see three cats."
    )


@pytest.mark.parametrize("type_", ["float32", "int8"])
def test_in_8_bits_it_stays_what_it_is(run, unreachable, type_):
    assert run("quantize", "builtin", "small", "-q").code == 0
    words = ("--voice", "ada", "--text", "I see 3 cats.")
    small = sound_of(run, "--config", "small/config.yaml", *words)
    assert (sound_of(run, "--language", "builtin", "--compute-type", type_, *words) == small) == (
        type_ == "int8"
    )


def test_voices_of_released_models_are_not_its_own(run):
    assert "'alba'; known: abel, ada," in error_of(
        run("generate", "--language", "builtin", "--voice", "alba")
    )


# --- in the place of another -----------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("--quiet",)])
def test_without_a_hub_it_speaks_and_says_so_quiet_or_not(run, unreachable, tmp_path, words):
    expected = sound_of(run, "--language", "builtin")
    result = run("generate", *words, "--seed", 1)
    assert result.code == 0
    first, *others = result.err.splitlines()
    assert first.startswith(
        f"WARNING: the hub cannot be reached: {SPEAKS}. For the real one connect to the network"
    )
    assert len(others) == (not words)
    assert read_wav(tmp_path / "tts_output.wav").tobytes() == expected + bytes(2 * TAIL)
    assert_it_speaks_instead(run, expected, "the hub cannot be reached")


def test_what_was_to_be_said_is_said(run, unreachable):
    text = ("--text", "It is so.")
    assert run("generate", "--stream", "--seed", 1, *text).out == sound_of(
        run, "--language", "builtin", *text
    )


def test_without_a_login_it_speaks(run, hub, weights):
    for place in weights:
        hub.files[place] = b"weights"
        hub.trouble[place] = Trouble(status=401, code="GatedRepo")
    assert_it_speaks_instead(run, sound_of(run, "--language", "builtin"), "the hub denies access")


def test_offline_by_choice(run, hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert_it_speaks_instead(run, sound_of(run, "--language", "builtin"), "the hub cannot be reached")


def test_when_only_the_voice_cannot_be_had(run, unreachable, tiny_english):
    assert_it_speaks_instead(run, sound_of(run, "--language", "builtin"), "the hub cannot be reached")


def test_the_default_model_speaks_if_it_can(run, hub, tiny, tiny_english, tmp_path):
    assert (
        run("export-voice", tiny / "prompt.wav", "v.safetensors", "--config", tiny / "config.yaml").code == 0
    )
    hub.files[on_the_hub(voice_state_location("english", "alba"))] = (tmp_path / "v.safetensors").read_bytes()
    words = ("generate", "--stream", "--seed", 1)
    named, unnamed = run(*words, "--language", "english"), run(*words)
    assert (unnamed.code, unnamed.err, unnamed.out) == (0, "", named.out)


@pytest.mark.parametrize(
    "words",
    [
        ("--language", "english"),
        ("--variant", "english"),
        ("--language", "german"),
        ("--voice", "alba"),
        ("--voice", "hf://a/b/c.wav"),
        ("--checkpoint", "step.pt"),
    ],
)
def test_what_was_named_is_not_replaced(run, unreachable, tmp_path, words):
    (tmp_path / "step.pt").write_bytes(b"no checkpoint")
    result = run("generate", *words)
    assert result.code == 1
    assert result.err.startswith("error: ")
    assert SPEAKS not in result.err
    assert not (tmp_path / "tts_output.wav").exists()


def test_a_config_is_not_replaced(run, unreachable, tiny):
    result = run("generate", "--config", tiny / "config.yaml")
    assert result.code == 1
    assert "no --voice was given, and the default one cannot be fetched" in result.err
    assert "--language builtin" in result.err


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (Trouble(status=404), "no such repository, revision or file"),
        (Trouble(status=503), "the hub failed (503)"),
        (Trouble(cut_at=3), "the download ends early"),
        (Trouble(), "the server sent something else: not a safetensors file"),
    ],
)
def test_what_is_broken_is_an_error(run, hub, weights, trouble, message):
    hub.files[weights[0]] = b"nonsense"
    hub.trouble[weights[0]] = trouble
    hub.files[weights[1]] = b"nonsense"
    hub.trouble[weights[1]] = trouble
    result = run("generate")
    assert result.code == 1
    assert message in result.err
    assert SPEAKS not in result.err


@pytest.fixture
def served(monkeypatch):
    """served(*words) -> the service behind the application that `serve` would run."""
    from pocket_fast.cli import _parser
    from pocket_fast.cli.serve import _app

    models = []

    def served(*words):
        service = _app(_parser().parse_args(["serve", "--threads", "1", *words])).state.service
        models.append(service.model)
        return service

    yield served
    for model in models:
        model.close()


def test_serve_does_the_same(served, unreachable, capsys):
    from pocket_fast.errors import DownloadError

    service = served()
    assert capsys.readouterr().err.startswith(f"WARNING: the hub cannot be reached: {SPEAKS}")
    assert service.name == "builtin"
    assert service.voices.names[0] == builtin.DEFAULT_VOICE
    assert sorted(service.voices.names) == sorted(builtin.voices())
    with pytest.raises(DownloadError, match="--language builtin"):
        served("--language", "english")
    with pytest.raises(DownloadError):
        served("--default-voice", "alba")


def test_served_by_its_name_it_has_voices_for_the_clients_of_openai(served, unreachable, capsys):
    from pocket_fast.models.pocket.voices import OPENAI_VOICES

    service = served("--language", "builtin", "--default-voice", "carl")
    assert capsys.readouterr().err == ""
    assert service.voices.names[0] == "carl"
    assert service.voices.aliases.keys() == OPENAI_VOICES.keys()
    assert set(service.voices.aliases.values()) == set(builtin.voices())


# --- the very first run ----------------------------------------------------------------------------


def test_the_first_run(start, tmp_path):
    process = start("generate")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, b"")
    assert SPEAKS in err.decode()
    assert np.abs(read_wav(tmp_path / "tts_output.wav")).max() > 1000
