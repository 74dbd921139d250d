"""Bad input to the command line: an error of one or two lines, exit code 1, and nothing left behind."""

import json
import os
import re
import shutil
import struct

import numpy as np
import pytest
import soundfile
import tokenizers
import yaml

from command_line import REF_WAV, error_of

no_dev_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")


@pytest.fixture
def refused(speak, tmp_path):
    """refused(words of generate...) -> its error message, once it is sure that no output appeared."""

    def refused(*words, output="out.wav", **given):
        before = sorted(tmp_path.rglob("*"))
        message = error_of(speak("-q", "-o", output, *words, **given))
        assert sorted(tmp_path.rglob("*")) == before
        return message

    return refused


@pytest.mark.parametrize("text", ["", " \n\t ", "[pause:0ms]"])
def test_blank_text(refused, text):
    assert "blank" in refused(text=text)
    assert "blank" in refused(text="-", stdin=text.encode())


def test_text_that_is_not_utf8(refused):
    assert "not UTF-8 text (byte 2)" in refused(text="-", stdin=b"ab\xff")
    assert "lone surrogate" in refused(text="ab\udcff")  # how an undecodable argument arrives


def test_text_without_end(refused):
    assert "over 10 MiB" in refused(text="-", stdin=b"a" * ((10 << 20) + 1))


def test_unknown_language_suggests_the_nearest(run):
    for option in ("--language", "--variant"):
        assert "did you mean english?" in error_of(run("generate", option, "englsh"))


def test_unknown_voice_suggests_the_nearest(run, refused):
    assert "did you mean fantine" in error_of(run("generate", "--voice", "fantin"))
    assert "no voice is called 'qqqq'" in refused(voice="qqqq")


def test_a_predefined_voice_does_not_fit_a_config(refused):
    assert "give a recording" in refused(voice="alba")


def test_one_way_to_name_the_model(run, tiny):
    config = ("--config", tiny / "config.yaml")
    assert "--language english and --config" in error_of(run("generate", *config, "--language", "english"))
    assert "--variant b6369a24 and --config" in error_of(run("generate", *config, "--variant", "b6369a24"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--device", "tpu"), "device 'tpu': expected 'cpu', 'cuda'"),
        (("--use-metal",), "device 'metal'"),
        (("--compute-type", "float8"), "compute type 'float8': expected one of auto, float32"),
        (("--quantize", "--compute-type", "float32"), "quantize means compute_type 'int8'"),
        (("--format", "xyz"), "audio format 'xyz' is unknown"),
        (("--stream", "--format", "wav"), "--stream writes raw samples, not wav"),
        (("--voice-cache", "/dev/null"), "/dev/null: "),
    ],
)
def test_options_that_cannot_be_met(refused, words, message):
    assert message in refused(*words)


@pytest.mark.parametrize("value", ["abc", "-1", "nan"])
def test_first_chunk_length_must_be_a_length(refused, monkeypatch, value):
    monkeypatch.setenv("FIRST_CHUNK_LENGTH_SECONDS", value)
    assert "FIRST_CHUNK_LENGTH_SECONDS: expected a number of at least 0" in refused()


# --- voices ----------------------------------------------------------------------------------------


def missing(path):
    pass


def empty(path):
    path.touch()


def folder(path):
    path.mkdir()


def not_audio(path):
    path.write_text("This is a letter, not a recording. " * 100)


def cut_in_the_header(path):
    path.write_bytes(REF_WAV.read_bytes()[:30])


def without_samples(path):
    soundfile.write(path, np.zeros(0), 24000)


def with_nan(path):
    samples = np.zeros(24000, np.float32)
    samples[77] = np.nan
    soundfile.write(path, samples, 24000, subtype="FLOAT")


def of_two_hours(path):
    rate = 8000
    size = 2 * 3600 * 2 * rate
    head = (
        b"RIFF"
        + struct.pack("<I", size + 36)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    )
    path.write_bytes(head + b"data" + struct.pack("<I", size))
    os.truncate(path, 44 + size)  # a hole: no blocks on disk


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (missing, "no such file"),
        (empty, "empty"),
        (folder, "is a folder"),
        (not_audio, "not an audio file"),
        (cut_in_the_header, "voice.wav"),
        (without_samples, "no samples"),
        (with_nan, "NaN"),
        (of_two_hours, "7200 s of audio"),
    ],
)
def test_unusable_recordings(refused, tmp_path, make, message):
    make(tmp_path / "voice.wav")
    assert message in refused(voice=tmp_path / "voice.wav")


def test_a_voice_of_two_hours_can_be_truncated(speak, tmp_path):
    of_two_hours(tmp_path / "voice.wav")
    assert speak("-q", "-o", "-", "--truncate", voice=tmp_path / "voice.wav").code == 0


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        ("data:audio/wav,abc", "expected data:audio/...;base64,..."),
        ("data:audio/wav;base64,UklGRg=", "not valid base64"),
        ("data:audio/wav;base64,UklGRg==", "not an audio file"),
        ("A" * 200, "not an audio file"),
        ("ftp://host/voice.wav", "expected hf://, http://, https:// or a local path"),
    ],
)
def test_unusable_voice_texts(refused, voice, message):
    assert message in refused(voice=voice)


@pytest.fixture
def state(run, tiny, tmp_path_factory):
    """An exported voice that fits the tiny model."""
    path = tmp_path_factory.mktemp("state") / "voice.safetensors"
    words = ("--config", tiny / "config.yaml", "-q")
    assert run("export-voice", tiny / "prompt.wav", path, *words).code == 0
    return path


def header_of(blob):
    length = int.from_bytes(blob[:8], "little")
    return json.loads(blob[8 : 8 + length]), blob[8 + length :]


def with_header(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def as_other_type(blob):
    header, data = header_of(blob)
    for entry in header.values():
        entry["dtype"] = "I32" if entry["dtype"] == "F32" else entry["dtype"]
    return with_header(header, data)


def without_last_layer(blob):
    header, data = header_of(blob)
    last = max(name for name in header)
    kept = {name: entry for name, entry in header.items() if name.split("/")[0] != last.split("/")[0]}
    end = max(entry["data_offsets"][1] for entry in kept.values())
    return with_header(kept, data[:end])


@pytest.mark.parametrize(
    "damage",
    [
        lambda blob: blob[: len(blob) // 2],
        lambda blob: blob[:5],
        lambda blob: b"",
        lambda blob: struct.pack("<Q", 1 << 60) + blob[8:],
        lambda blob: struct.pack("<Q", 17) + blob[8:],
        as_other_type,
    ],
    ids=["truncated", "no header", "empty", "huge header length", "wrong header length", "wrong type"],
)
def test_damaged_voice_states(refused, state, tmp_path, damage):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(damage(state.read_bytes()))
    assert "bad.safetensors" in refused(voice=path)


def test_a_state_of_another_model(refused, prototype, run, tmp_path):
    path = tmp_path / "other.safetensors"
    config = ("--config", prototype / "config.yaml", "-q")
    assert run("export-voice", prototype / "prompt.wav", path, *config).code == 0
    assert "made for another model" in refused(voice=path)


# --- models ----------------------------------------------------------------------------------------


@pytest.fixture
def model(tiny, tmp_path, refused, run):
    """model(change) -> the error of `generate` with a changed copy of the tiny model.

    change gets the copy's folder and the YAML tree, which is written back.
    """

    def model(change):
        copy = tmp_path / "model"
        shutil.copytree(tiny, copy)
        tree = yaml.safe_load((copy / "config.yaml").read_text())
        tree["weights_path"] = "model.safetensors"
        tree["flow_lm"]["lookup_table"]["tokenizer_path"] = "tokenizer.model"
        changed = change(copy, tree)
        (copy / "config.yaml").write_text(changed if isinstance(changed, str) else yaml.safe_dump(tree))
        voice = ("-v", copy / "prompt.wav", "-t", "Hi.", "-q", "-o", tmp_path / "out.wav")
        message = error_of(run("generate", "--config", copy / "config.yaml", *voice))
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
        return message

    return model


def changed_weights(change):
    def apply(folder, tree):
        path = folder / "model.safetensors"
        path.write_bytes(change(path.read_bytes()))

    return apply


def removed(name):
    def apply(folder, tree):
        (folder / name).unlink()

    return apply


def changed_tree(change):
    def apply(folder, tree):
        change(tree)

    return apply


def another_tokenizer(folder, tree):
    words = {word: i for i, word in enumerate(["[UNK]", "hello", "world"])}
    model = tokenizers.models.WordLevel(words, unk_token="[UNK]")
    tokenizers.Tokenizer(model).save(str(folder / "tokenizer.json"))
    tree["flow_lm"]["lookup_table"]["tokenizer_path"] = "tokenizer.json"


def nan_in_the_last_weights(blob):
    return blob[:-200] + b"\xff" * 200


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed_weights(lambda blob: blob[: len(blob) // 2]), "model.safetensors"),
        (changed_weights(lambda blob: struct.pack("<Q", 1 << 60) + blob[8:]), "model.safetensors"),
        (changed_weights(lambda blob: struct.pack("<Q", 99) + blob[8:]), "model.safetensors"),
        (changed_weights(lambda blob: blob.replace(b'"BF16"', b'"BOOL"')), "model.safetensors"),
        (changed_weights(without_last_layer), "model.safetensors"),
        (changed_weights(nan_in_the_last_weights), "NaN"),
        (removed("model.safetensors"), "model.safetensors: no such file"),
        (removed("tokenizer.model"), "tokenizer.model"),
        (changed_tree(lambda tree: tree.update(colour="red")), "colour: unknown key"),
        (
            changed_tree(lambda tree: tree.update(default_temperature="hot")),
            "default_temperature: expected a number",
        ),
        (
            changed_tree(lambda tree: tree["flow_lm"]["lookup_table"].update(n_bins=99)),
            "conditioner.embed.weight is [401, 64], expected [100, 64]",
        ),
        (another_tokenizer, "has 3 entries, the config says n_bins = 400"),
        (lambda folder, tree: "flow_lm: [1", "not valid YAML"),
        (lambda folder, tree: "", "empty"),
    ],
)
def test_unusable_models(model, change, message):
    assert message in model(change)


def test_configs_that_are_not_there(run):
    for name, message in (("gone.yaml", "no such file"), ("gone.json", "expected a .yaml or .yml file")):
        assert message in error_of(run("generate", "--config", name))


# --- output ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("gone/out.wav", "there is no folder"),
        (".", "is a directory"),
        ("out.xyz", "unknown suffix '.xyz'"),
        pytest.param("/dev/full", "No space left on device", marks=no_dev_full),
        pytest.param(
            "locked.wav",
            "write-protected",
            marks=pytest.mark.skipif(os.getuid() == 0, reason="root may write"),
        ),
    ],
)
def test_unwritable_output(refused, tmp_path, output, message):
    if output == "locked.wav":
        (tmp_path / output).touch(mode=0o400)
    assert message in refused(output=output)


def test_the_old_file_stays_when_speaking_fails(speak, tiny, tmp_path):
    (tmp_path / "out.wav").write_bytes(b"precious")
    error_of(speak("-q", "-o", "out.wav", voice="gone.wav"))
    assert (tmp_path / "out.wav").read_bytes() == b"precious"


# --- usage and surprises ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("sing",),
        ("generate", "--sing"),
        ("generate", "--temp", "1"),  # no abbreviations: a later option may share the beginning
        ("generate", "extra"),
        ("generate", "--text"),
        ("generate", "--text", "--quiet"),
        ("generate", "--temperature", "-1"),
        ("generate", "--temperature", "inf"),
        ("generate", "--eos-threshold", "low"),
        ("generate", "--noise-clamp", "0"),
        ("generate", "--frames-after-eos", "-1"),
        ("generate", "--max-tokens", "0"),
        ("generate", "--sampler-decode-steps", "1.5"),
        ("generate", "--threads", "0"),
        ("generate", "--seed", "-1"),
        ("export-voice", "only-one"),
        ("voices", "extra"),
    ],
)
def test_wrong_usage(run, words):
    result = run(*words)
    assert (result.code, result.out) == (2, b"")
    assert re.fullmatch(r"error: .+\nSee `pocket-fast.* --help`\.\n", result.err)


def test_surprises_are_one_line_and_a_hint(speak, monkeypatch):
    monkeypatch.setattr("pocket_fast.cli.generate._held_back", lambda *_: 1 / 0)
    message = error_of(speak("-q"))
    assert message.splitlines() == [
        "error: ZeroDivisionError: division by zero",
        "Set POCKET_FAST_DEBUG=1 to see where it happened.",
    ]


def test_debugging_shows_the_traceback(refused, speak, monkeypatch):
    monkeypatch.setenv("POCKET_FAST_DEBUG", "1")
    err = speak("-q", text=" ").err
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("error: the text to speak is blank")
