"""Bad input to a Qwen3-TTS model: an error of one or two lines, exit code 1, and nothing left behind."""

import json
import shutil
import struct

import numpy as np
import pytest
import soundfile

from command_line import error_of
from recordings import hum
from reference.qwen3 import make_qwen3_model
from reference.synthetic import make_model

CUSTOM, SMALL = "qwen3-tiny-customvoice-wide", "qwen3-tiny-customvoice"
DESIGN, BASE, WIDE = "qwen3-tiny-voicedesign", "qwen3-tiny-base", "qwen3-tiny-base-wide"
BRIEF = ("--max-new-tokens", 9, "-q", "-o", "out.wav")


@pytest.fixture
def refused(run, tiny_qwen3, tmp_path):
    """refused(model, *words of generate) -> its error message, once it is sure that no output appeared."""

    def refused(model, *words, text="Hi.", stdin=b""):
        before = sorted(tmp_path.rglob("*"))
        message = error_of(
            run("generate", "--model", tiny_qwen3(model), "--text", text, *BRIEF, *words, stdin=stdin)
        )
        assert sorted(tmp_path.rglob("*")) == before
        assert len(message) < 500
        return message

    return refused


@pytest.mark.parametrize(
    ("model", "words", "message"),
    [
        (CUSTOM, ("--voice", "rian"), "no voice is called 'rian'; did you mean ryan"),
        (CUSTOM, ("--voice", "nobody"), "no voice is called 'nobody'; this model has aiden, dylan"),
        (CUSTOM, ("--voice", "gone.wav"), "no voice is called 'gone.wav'"),
        (CUSTOM, ("--voice", "me.wav"), "takes no recordings, base models do; its voices are aiden"),
        (CUSTOM, ("--voice", "https://host/me.wav"), "takes no recordings"),
        (CUSTOM, ("--voice", "v" * 99), "no voice is called 'vvv"),
        (CUSTOM, ("--voice", "\udcff"), "no voice is called '\\udcff'"),
        (CUSTOM, ("--voice-text", "Words."), "takes no --voice-text"),
        (CUSTOM, ("--language", "germany"), "no language is called 'germany'; did you mean german?"),
        (CUSTOM, ("--language", "sichuan_dialect"), "no language is called 'sichuan_dialect'"),
        (CUSTOM, ("--language", "k" * 100_000), "no language is called 'kkk"),
        (CUSTOM, ("--temperature", "0"), "temperature: expected a number above 0, got 0"),
        (CUSTOM, ("--max-tokens", "9"), "takes no --max-tokens"),
        (CUSTOM, ("--config", "a.yaml"), "Qwen3-TTS takes no --config"),
        (CUSTOM, ("--compute-type", "float8"), "compute type 'float8'"),
        (CUSTOM, ("--device", "tpu"), "device 'tpu': expected 'cpu', 'cuda'"),
        (SMALL, ("--instruct", "Softly."), "takes no --instruct"),
        (
            DESIGN,
            ("--voice", "ryan"),
            "this is a voice_design model, which speaks in a voice that is described",
        ),
        (DESIGN, ("--voice", "me.wav"), "describe the voice in words instead (instruct)"),
        (DESIGN, ("--voice-text", "Words."), "takes no --voice-text"),
        (BASE, (), "speaks in the voice of a recording: give one with --voice"),
        (BASE, ("--voice-text", "Words."), "the words of a recording were given without the recording"),
        (BASE, ("--voice", "ryan"), "ryan: no such file; a base model has no voices by name"),
        (BASE, ("--voice", "me.wav", "--instruct", "Softly."), "takes no --instruct"),
        (BASE, ("--voice", "me.wav", "--voice-text", ""), "the words of the recording are blank"),
        (BASE, ("--voice", "me.wav", "--voice-text", " \n"), "the words of the recording are blank"),
        (BASE, ("--voice", "me.wav", "--voice-text", "a\udcff"), "lone surrogate (U+DCFF) at character 1"),
        (BASE, ("--voice", "me.wav", "--voice-text", "x" * 100_000), "at most 5000"),
    ],
)
def test_what_a_model_does_not_take(refused, tmp_path, model, words, message):
    soundfile.write(tmp_path / "me.wav", hum(1.0), 24000)
    assert message in refused(model, *words)


def test_a_name_is_that_of_a_speaker_even_if_a_file_is_called_the_same(run, tiny_qwen3, tmp_path):
    (tmp_path / "ryan").mkdir()
    words = ("--voice", "ryan", "--text", "Hi.", "--seed", 1, *BRIEF)
    assert run("generate", "--model", tiny_qwen3(CUSTOM), *words).code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--max-new-tokens", "1"),
        ("--max-new-tokens", "many"),
        ("--top-p", "0"),
        ("--top-p", "1.5"),
        ("--top-k", "-1"),
        ("--do-sample", "perhaps"),
        ("--max-characters", "-1"),
        ("--instruct", "x" * 2001),
        ("--instruct", "x" * 100_000),
        ("--instruct", "half a \udcff"),
        ("--subtalker-temperature", "nan"),
    ],
)
def test_wrong_usage(run, tiny_qwen3, words, tmp_path):
    result = run("generate", "--model", tiny_qwen3(CUSTOM), "--text", "Hi.", *words)
    assert (result.code, result.out, list(tmp_path.iterdir())) == (2, b"", [])
    assert result.err.startswith(f"error: argument {words[0]}: expected ")
    assert len(result.err.splitlines()) == 2
    assert len(result.err) < 300


# --- texts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " \n\t ", "[pause:0ms]"])
def test_nothing_to_say(refused, text):
    assert "blank" in refused(CUSTOM, text="-", stdin=text.encode())


def test_marks_alone_are_no_error(run, tiny_qwen3, tmp_path):
    words = ("--model", tiny_qwen3(CUSTOM), "--text", "?!", "-o", "a.wav")
    assert run("generate", "-q", *words).code == 0
    assert len((tmp_path / "a.wav").read_bytes()) == 44 + 2 * (12000 + 4800)


def test_text_that_is_no_text(refused):
    assert "not UTF-8 text (byte 2)" in refused(CUSTOM, text="-", stdin=b"ab\xff")
    assert "lone surrogate (U+DCFF) at character 2" in refused(CUSTOM, text="ab\udcff")


def test_a_megabyte_without_a_mark_to_cut_at(refused):
    for character in (b"a", "好".encode(), b"7"):
        text = character * (1_000_000 // len(character))
        assert "without a mark to cut at, about 10000 can be spoken" in refused(CUSTOM, text="-", stdin=text)
    assert "over 10 MiB" in refused(CUSTOM, text="-", stdin=b"a" * ((10 << 20) + 1))


def test_one_bad_passage_among_good_ones(refused):
    text = f"Good. [pause:1s] {'a' * 20_000} [pause:1s] Good."
    assert "20000 characters without a mark to cut at" in refused(CUSTOM, text=text)


# --- recordings ----------------------------------------------------------------------------------


def with_nan(path):
    samples = hum(1.0)
    samples[77] = np.nan
    soundfile.write(path, samples, 24000, subtype="FLOAT")


def enormous(path):
    soundfile.write(path, np.full(24000, 3e38), 24000, subtype="FLOAT")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.touch(), "empty"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_text("This is a letter. " * 100), "not an audio file"),
        (lambda path: soundfile.write(path, np.zeros(0), 24000), "no samples"),
        (lambda path: soundfile.write(path, hum(1 / 24000), 24000), "1 samples, which say no speaker"),
        (lambda path: soundfile.write(path, hum(0.05), 24000), "1200 samples, which say no speaker"),
        (lambda path: soundfile.write(path, np.zeros(24000), 24000), "nothing but silence"),
        (with_nan, "NaN"),
        (enormous, "expected numbers in [-1, 1]"),
        (
            lambda path: soundfile.write(path, hum(600.0, rate=8000), 8000),
            "600 s of sound; expected at most 120 s",
        ),
        (lambda path: soundfile.write(path, hum(601.0, rate=8000), 8000), "601 s of audio, at most 600 s"),
    ],
)
@pytest.mark.parametrize("words", [(), ("--voice-text", "Words.")], ids=["x-vector", "in context"])
def test_unusable_recordings(refused, tmp_path, make, message, words):
    make(tmp_path / "me.wav")
    assert message in refused(BASE, "--voice", tmp_path / "me.wav", *words)


@pytest.fixture(scope="session")
def exported(tiny_qwen3, tmp_path_factory):
    """exported(model, *words) -> the file of a voice of it, in context."""
    from pocket_fast.cli import main

    folder = tmp_path_factory.mktemp("exported")
    soundfile.write(folder / "me.wav", hum(1.0), 24000)

    def exported(model, *words):
        path = folder / f"{model}{len(words)}.safetensors"
        command = ("export-voice", "-q", "--model", tiny_qwen3(model), folder / "me.wav", path, *words)
        assert main([str(word) for word in command]) == 0
        return path

    return exported


def test_voices_of_another_model(refused, exported, run, tiny, tmp_path):
    wide, plain = exported(WIDE, "--voice-text", "Words."), exported(BASE)
    message = "an x-vector (56,) of float32; this model needs (40,) floating point"
    assert message in refused(BASE, "--voice", wide)
    assert "it has its words in it already" in refused(BASE, "--voice", plain, "--voice-text", "x").replace(
        "an exported voice has", "it has"
    )
    config = ("--config", tiny / "config.yaml", "-q")
    assert run("export-voice", *config, tiny / "prompt.wav", "pocket.safetensors").code == 0
    assert "not a voice of a Qwen3-TTS model" in refused(BASE, "--voice", "pocket.safetensors")
    result = run("generate", *config, "--voice", plain)
    assert str(plain) in error_of(result)


@pytest.mark.parametrize(
    "damage",
    [
        lambda blob: blob[: len(blob) // 2],
        lambda blob: blob[:5],
        lambda blob: b"",
        lambda blob: struct.pack("<Q", 1 << 60) + blob[8:],
        lambda blob: blob.replace(b'"x_vector"', b'"y_vector"'),
        lambda blob: blob.replace(b'"words":"Words."', b'"words":""      '),
        lambda blob: blob.replace(b'"dtype":"I16"', b'"dtype":"F16"'),
        lambda blob: blob.replace(b"qwen3 voice 1", b"qwen3 voice 2"),
        lambda blob: blob[:-40] + b"\xff" * 40,
    ],
)
def test_damaged_voices(refused, exported, tmp_path, damage):
    blob = exported(BASE, "--voice-text", "Words.").read_bytes()
    assert damage(blob) != blob
    (tmp_path / "bad.safetensors").write_bytes(damage(blob))
    assert "bad.safetensors" in refused(BASE, "--voice", tmp_path / "bad.safetensors")


# --- models --------------------------------------------------------------------------------------


@pytest.fixture
def spoilt(run, tiny_qwen3, tmp_path):
    """spoilt(change) -> the error of `generate` with a copy of a tiny model that went through change(its folder)."""

    def spoilt(change):
        copy = tmp_path / "model"
        shutil.copytree(tiny_qwen3(CUSTOM), copy)
        change(copy)
        message = error_of(run("generate", "--model", copy, "--text", "Hi.", *BRIEF))
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
        return message

    return spoilt


def changed_json(name, change):
    def apply(folder):
        data = json.loads((folder / name).read_text())
        change(data)
        (folder / name).write_text(json.dumps(data))

    return apply


def changed_bytes(name, change):
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def without(name):
    return lambda folder: (folder / name).unlink()


def a_language_model(folder):
    """What the folder of a plain Qwen3 holds."""
    shutil.rmtree(folder / "speech_tokenizer")
    (folder / "config.json").write_text('{"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}')


def a_missing_shard(folder):
    (folder / "model.safetensors").unlink()
    make_qwen3_model(folder, CUSTOM, shards=3)
    (folder / "model-00002-of-00003.safetensors").unlink()


MAIN, CODEC = "model.safetensors", "speech_tokenizer/model.safetensors"
CONFIG, CODEC_CONFIG = "config.json", "speech_tokenizer/config.json"


def nan_in(name):
    """The numbers of a tensor, all NaN."""

    def change(blob):
        length = int.from_bytes(blob[:8], "little")
        start, end = json.loads(blob[8 : 8 + length])[name]["data_offsets"]
        start, end = start + 8 + length, end + 8 + length
        return blob[:start] + b"\xff" * (end - start) + blob[end:]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (a_language_model, "its config.json has a model of the type 'qwen3'; expected 'qwen3_tts'"),
        (
            changed_json(CONFIG, lambda data: data.update(tokenizer_type="qwen3_tts_tokenizer_25hz")),
            "tokenizer_type: a model of the 25 Hz tokenizer; only those of the 12 Hz tokenizer",
        ),
        (
            changed_json(CODEC_CONFIG, lambda data: data.update(model_type="qwen3_tts_tokenizer_25hz")),
            "speech_tokenizer.model_type: a model of the 25 Hz tokenizer",
        ),
        (
            changed_json(CONFIG, lambda data: data.update(tts_model_type="song")),
            "tts_model_type: 'song', expected one of base, custom_voice, voice_design; a newer version",
        ),
        (
            changed_json(CONFIG, lambda data: data["talker_config"].update(num_hidden_layers=10**9)),
            "talker_config.num_hidden_layers: 1000000000, expected at most 1000",
        ),
        (
            changed_json(CONFIG, lambda data: data["talker_config"].update(num_hidden_layers=5)),
            "the tensors do not fit the config: ",
        ),
        (changed_json(CONFIG, lambda data: data["talker_config"].pop("spk_id")), "spk_id"),
        (changed_json("generation_config.json", lambda data: data.update(temperature=-1)), "temperature"),
        (changed_bytes(CONFIG, lambda blob: blob[:99]), "config.json: not valid JSON"),
        (changed_bytes(CONFIG, lambda blob: b"\xff\xfe"), "cannot be read as a UTF-8 text file"),
        (changed_bytes(CONFIG, lambda blob: b"[" * 99_999), "not valid JSON"),
        (a_missing_shard, "model-00002-of-00003.safetensors is missing, which model.safetensors.index.json"),
        (without(MAIN), "there is neither model.safetensors nor model.safetensors.index.json"),
        (without(CODEC), "there is neither speech_tokenizer/model.safetensors nor"),
        (without(CODEC_CONFIG), "there is no speech_tokenizer/config.json"),
        (without("vocab.json"), "there is no vocab.json"),
        (without("merges.txt"), "there is no merges.txt"),
        (without("generation_config.json"), "there is no generation_config.json"),
        (changed_bytes(MAIN, lambda blob: blob[: len(blob) // 2]), "truncated: "),
        (changed_bytes(CODEC, lambda blob: blob[:-1]), "truncated: "),
        (changed_bytes(MAIN, lambda blob: b""), "the file is empty"),
        (changed_bytes(CODEC, lambda blob: b"a letter " * 99), "not a safetensors file"),
        (
            changed_bytes(MAIN, lambda blob: blob.replace(b"norm.weight", b"norm.wxight", 1)),
            "1 missing (talker.",
        ),
        (
            changed_bytes(MAIN, nan_in("talker.model.norm.weight")),
            "NaN or infinite values in talker.model.norm.weight",
        ),
        (
            changed_bytes(CODEC, nan_in("decoder.pre_conv.conv.weight")),
            "NaN or infinite values in speech_tokenizer.decoder.pre_conv.conv.weight",
        ),
        (changed_bytes("vocab.json", lambda blob: blob[:99]), "no usable byte-level vocabulary"),
        (changed_bytes("merges.txt", lambda blob: b"\xff"), "no usable byte-level vocabulary"),
        (changed_bytes("tokenizer_config.json", lambda blob: b"{}"), "no usable added_tokens_decoder"),
    ],
)
def test_unusable_models(spoilt, change, message):
    assert message in spoilt(change)


def test_folders_of_something_else(run, tiny_qwen3, tmp_path):
    make_model(tmp_path / "pocket", "tiny")
    (tmp_path / "empty").mkdir()
    for model, message in (
        ("pocket", "takes no --max-new-tokens"),  # the other family, whose setting it is not
        (tiny_qwen3(CUSTOM) / "speech_tokenizer", "this is a codec alone"),
        ("empty", "no model is called 'empty'"),
        ("gone", "no model is called 'gone'"),
        ("qwen3-tts-0.6b-bas", "did you mean qwen3-tts-0.6b-base"),
    ):
        assert message in error_of(run("generate", "--model", model, "--text", "Hi.", *BRIEF))


# --- other commands ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "words", "message"),
    [
        (CUSTOM, ("me.wav", "a.safetensors"), "takes no recordings"),
        (CUSTOM, ("ryan", "a.safetensors"), "nothing to write"),
        (DESIGN, ("me.wav", "a.safetensors"), "takes no recordings"),
        (BASE, ("gone.wav", "a.safetensors"), "no such file"),
        (BASE, ("me.wav", "gone/a.safetensors"), "there is no folder gone"),
        (BASE, ("me.wav", "a.safetensors", "--voice-text", ""), "are blank"),
    ],
)
def test_voices_that_cannot_be_exported(run, tiny_qwen3, tmp_path, model, words, message):
    soundfile.write(tmp_path / "me.wav", hum(1.0), 24000)
    assert message in error_of(run("export-voice", "-q", "--model", tiny_qwen3(model), *words))
    assert [path.name for path in tmp_path.iterdir()] == ["me.wav"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--voice", "rian"), "did you mean ryan"),
        (("--language", "klingon"), "no language is called 'klingon'"),
        (("--voice-text", "Words."), "takes no --voice-text"),
        (("--temperature", "0"), "temperature: expected a number above 0"),
        (("--quantize", "--compute-type", "float32"), "quantize means compute_type 'int8'"),
    ],
)
def test_what_cannot_be_served(run, tiny_qwen3, words, message):
    assert message in error_of(run("serve", "-q", "--port", "0", "--model", tiny_qwen3(CUSTOM), *words))
