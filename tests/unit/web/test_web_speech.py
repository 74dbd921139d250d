"""The JavaScript package in Node, with both builds, on both threads: the sound, the voices and the errors of Python."""

from __future__ import annotations

import base64
import json
import subprocess

import numpy as np
import pytest

import pocket_fast
from node import ROOT, WEB, needs, node, run_script, runs
from pocket_fast.cli import main

TEXT = "Hello there. [pause:300ms] It is 9:30, and all is well."
LONG = "One and two and three and four and five and six and seven and eight and nine and ten."
BUILDS = ("simd128", "relaxed")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The built-in model as a page loads it."""
    path = tmp_path_factory.mktemp("web") / "builtin.pfweb"
    assert main(["export-web", "builtin", str(path), "-q"]) == 0
    return path


@pytest.fixture(scope="module")
def native():
    return pocket_fast.load("builtin")


@pytest.fixture(scope="module")
def ada(native):
    return native.get_state_for_audio_prompt("ada")


@pytest.fixture
def asked(bundle):
    """asked([method, ...], ..., engine="worker", build="simd128") -> the answers of one model."""

    def asked(*questions, engine="worker", build="simd128"):
        needs(build)
        return run_script("speak.mjs", WEB, bundle, engine, build, lines=questions)

    return asked


def samples(answer):
    assert isinstance(answer, str), answer
    return np.frombuffer(base64.b64decode(answer), dtype=np.float32)


def close(sound, expected):
    assert sound.shape == expected.shape
    assert np.abs(sound - expected).max() < 1e-4


@pytest.mark.parametrize("build", BUILDS)
def test_four_bits_speak_a_text(tmp_path, build):
    """Roundings differ from native ones, and from there on the sound: it is as long, and as loud."""
    needs(build)
    path = tmp_path / "builtin.pfweb"
    assert main(["export-web", "builtin", str(path), "--compute-type", "int4", "-q"]) == 0
    (sound,) = run_script("speak.mjs", WEB, path, "main", build, lines=[["generate", TEXT, {"seed": 1}]])
    model = pocket_fast.load("builtin", compute_type="int4_float32")
    expected = model.generate_audio(model.get_state_for_audio_prompt("ada"), TEXT, seed=1)
    found = samples(sound)
    assert 0.7 < len(found) / len(expected) < 1.4
    assert 0.7 < found.std() / expected.std() < 1.4


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("engine", ["worker", "main"])
def test_it_sounds_as_it_does_in_python(asked, native, ada, engine, build):
    about, sound, noisy = asked(
        ["about"],
        ["generate", TEXT, {"seed": 1}],
        ["generate", "Hello. Well.", {"seed": 2**40 + 3, "temperature": 0.6, "pauses": True, "steps": 1}],
        engine=engine,
        build=build,
    )
    assert about == {"ready": True, "rate": 24000, "voices": ["ada"], "voice": "ada"}
    close(samples(sound), native.generate_audio(ada, TEXT, seed=1))
    native.temp = 0.6
    try:
        expected = native.generate_audio(ada, "Hello. Well.", seed=2**40 + 3, natural_pauses=True)
    finally:
        native.temp = native.config.default_temperature
    close(samples(noisy), expected)


def test_speech_fades_before_a_pause(asked, native, ada):
    """Cut where it is loud, so that it can be heard."""
    text = "Hello there. [pause:100ms] All is well."
    (sound,) = asked(["generate", text, {"framesAfterEos": 0, "eosThreshold": -12}])
    native.eos_threshold = -12
    try:
        expected = native.generate_audio(ada, text, frames_after_eos=0)
    finally:
        native.eos_threshold = native.config.default_eos_threshold
    close(samples(sound), expected)


def test_a_stream_is_the_same_frame_by_frame(asked):
    whole, streamed, pieces, wav = asked(
        ["generate", TEXT],
        ["stream", TEXT],
        ["stream", [TEXT[i : i + 5] for i in range(0, len(TEXT), 5)]],
        ["wav", TEXT, {}],
    )
    assert set(streamed["lengths"]) <= {1920, 7200 % 1920}
    assert np.array_equal(samples(streamed["sound"]), samples(whole))
    assert len(samples(pieces["sound"])) > 24000
    data = base64.b64decode(wav["bytes"])
    assert wav["type"] == "audio/wav"
    assert data[:4] == b"RIFF"
    expected = (np.clip(samples(whole), -1, 1) * np.float32(32767)).astype(np.int16)
    assert np.array_equal(np.frombuffer(data[44:], dtype="<i2"), expected)


@pytest.mark.parametrize("how", ["leave", "abort"])
def test_leaving_ends_the_computing_within_a_frame(asked, how):
    """And what is asked next is what it always is."""
    left, sound, whole = asked(
        ["leave", LONG * 20, 3, how], ["generate", "Hello."], ["generate", "Hello."], engine="main"
    )
    assert left["heard"] == 3
    assert left["how"] == ("AbortError" if how == "abort" else "leave")
    assert left["more"] <= 1
    assert sound == whole


def test_what_was_made_but_not_heard_is_aborted_too(asked):
    """It must not look like the text's end."""
    assert asked(["abortLate", "Hello."]) == [["AbortError", "AbortError"]]


@pytest.mark.parametrize("engine", ["worker", "main"])
def test_what_is_left_or_closed_is_told(asked, engine):
    """The writer of a text that nobody hears any more, and whoever waits for a model that was closed."""
    abandoned, closed = asked(["abandon"], ["closed"], engine=engine)
    assert abandoned is True
    assert closed == ["this model was closed; load it again"] * 2 + [False, True]


def test_several_at_once_take_turns(asked):
    one, two, both = asked(
        ["generate", "Hello."], ["generate", "Good night."], ["both", "Hello.", "Good night."]
    )
    assert both == [one, two]


def test_pulling(asked):
    (answer,) = asked(["pull", LONG, 5000])
    assert answer["first"] == answer["one"]["samples"] == 1920
    assert answer["merged"] == answer["stats"]["samples"] == 5760
    assert answer["stats"]["chunksMerged"] == 3
    assert answer["stats"]["computeMs"] > 0
    assert answer["after"] is None


def test_stats(asked):
    before, _, after = asked(["stats"], ["generate", "Hello there."], ["stats"])
    assert before["last"] is None
    assert after["build"] == "simd128"
    assert after["engine"] == "worker"
    assert after["memory"] > 8_000_000
    last = after["last"]
    assert last["frames"] * 0.08 == pytest.approx(last["seconds"])
    assert 0 < last["firstSound"] < last["elapsed"]
    assert last["cutOff"] == 0


def test_a_voice_of_a_recording(asked, native):
    """Heard as Python hears it, and the same once it was exported and loaded again."""
    reference = ROOT / "ref.wav"
    heard, sound, size, again, same, gone = asked(
        ["voice", str(reference)],
        ["generate", "Hello there."],
        ["exportVoice"],
        ["exportedVoice"],
        ["generate", "Hello there."],
        ["forget"],
    )
    voice = native.get_state_for_audio_prompt(reference)
    assert heard == again == voice.length
    assert size > 4 * 2 * 6 * 192 * heard
    assert gone == {"voice": None, "error": "this voice was forgotten; load it again"}
    close(samples(sound), native.generate_audio(voice, "Hello there."))
    assert same == sound


def test_a_voice_of_the_bundle_comes_again(asked):
    """After it was forgotten."""
    before, gone, after = asked(["generate", "Hello."], ["forget"], ["generate", "Hello.", {"voice": "ada"}])
    assert gone["voice"] is None
    assert before == after


def test_the_voice_of_another_model_is_left_alone(asked):
    """Both number their voices from 1."""
    before, said, after = asked(["generate", "Hello."], ["strangers"], ["generate", "Hello."])
    assert said == ["this voice was loaded by another model; load it with this one"] * 2
    assert before == after


def test_a_voice_that_python_exported(asked, native, tmp_path):
    voice = native.get_state_for_audio_prompt("cora")
    path = tmp_path / "cora.safetensors"
    pocket_fast.export_model_state(voice, path)
    positions, sound = asked(["voice", str(path)], ["generate", "Hello there."])
    assert positions == voice.length
    close(samples(sound), native.generate_audio(voice, "Hello there."))


@pytest.mark.parametrize(
    ("rate", "width", "channels"),
    [(16000, "PCM_16", 1), (44100, "PCM_24", 2), (48000, "FLOAT", 2), (8000, "PCM_U8", 1)],
)
def test_recordings_are_read_as_in_python(asked, native, tmp_path, rate, width, channels):
    soundfile = pytest.importorskip("soundfile")
    from pocket_fast.audio.resample import resample

    pcm, own = soundfile.read(ROOT / "ref.wav", dtype="float32")
    pcm = resample(np.ascontiguousarray(pcm[: 3 * own]), own, rate)
    two = np.stack([pcm, np.zeros_like(pcm)], axis=1) if channels == 2 else pcm
    path = tmp_path / "voice.wav"
    soundfile.write(path, two, rate, subtype=width)
    positions, sound = asked(["voice", str(path)], ["generate", "Hello there."])
    voice = native.get_state_for_audio_prompt(path)
    assert positions == voice.length
    expected = native.generate_audio(voice, "Hello there.")
    heard = samples(sound)
    assert heard.shape == expected.shape
    assert np.abs(heard - expected).max() < 2e-3  # resampled in float64 there, in float32 here


def test_errors(asked, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    foreign = tmp_path / "foreign.safetensors"
    header = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    foreign.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    questions = [
        (["generate", " "], "TextError", "blank"),
        (["generate", "\ud800"], "TextError", "lone surrogate"),
        (["generate", 5], "TextError", "must be a string"),
        (["generate", None], "TextError", "must be a string"),
        (["stream", ["Good. ", "!!!"]], "Error", "the writer failed"),
        (
            ["generate", "a", {"temperature": -1}],
            "SettingError",
            "temperature: expected a number of at least 0, got -1",
        ),
        (["generate", "a", {"steps": 1.5}], "SettingError", "a whole number"),
        (["generate", "a", {"seed": -1}], "ConfigError", "seed"),
        (["generate", "a", {"volume": 3}], "ConfigError", "volume"),
        (["generate", "a", {"voice": "nobody"}], "VoiceError", "it has ada"),
        (["voice", None], "ConfigError", "expected an address"),
        (["voice", str(broken)], "AudioError", "without samples"),
        (["voice", str(foreign)], "VoiceError", "not a voice state"),
        (["voice", str(tmp_path / "nowhere.safetensors")], "DownloadError", "cannot be read"),
        (["stranger"], "VoiceError", "another model"),
        (["load", "bytes", 40], "WeightsError", "too short"),
        (["load", "bytes", 100_000], "WeightsError", "cut short"),
        (["load", "nothing", None], "DownloadError", "cannot be read"),
        (["load", "bytes", None, "no room to show it"], "Error", "no room to show it"),
        (["load", "stream of text", None], "ConfigError", "a stream of bytes was expected"),
        (["load", "read", None], "DownloadError", "was read before"),
        (["load", "no content", None], "DownloadError", "has nothing to read"),
    ]
    answers = asked(*(question for question, _, _ in questions), ["generate", "Hello."])
    for (question, kind, says), answer in zip(questions, answers, strict=False):
        assert answer["error"] == kind, (question, answer)
        assert says in answer["message"], (question, answer)
    assert len(samples(answers[-1])) > 0  # and it goes on


@pytest.mark.parametrize("kind", ["bytes", "response", "blob", "stream"])
def test_a_model_comes_from_anywhere(asked, bundle, kind):
    (answer,) = asked(["load", kind, None])
    size = bundle.stat().st_size
    assert answer["last"] == [size, size]
    assert answer["first"][0] <= answer["last"][0]
    assert answer["ready"] is False  # closed


def test_the_best_build_is_chosen():
    """By asking the engine, not by its name."""
    script = f"import('{(WEB / 'wasm.js').as_uri()}').then((m) => console.log(m.bestBuild()))"
    done = subprocess.run([node(), "-e", script], capture_output=True, text=True, check=True)
    expected = "relaxed" if runs("relaxed") else "simd128"
    assert done.stdout.strip() == expected
