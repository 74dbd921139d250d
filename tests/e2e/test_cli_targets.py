"""Outputs: never over what is read, by whatever name; and into folders."""

import os
import shutil

import pytest
import yaml

from command_line import error_of, read_wav
from pocket_fast.cli.targets import name_for

links = pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links on this system")


@pytest.fixture
def state(run, tiny, tmp_path):
    path = tmp_path / "me.safetensors"
    assert run("export-voice", tiny / "prompt.wav", path, "--config", tiny / "config.yaml", "-q").code == 0
    return path


@pytest.fixture
def model(tiny, tmp_path):
    """A copy of the tiny model, which is a folder that --model takes."""
    folder = shutil.copytree(tiny, tmp_path / "model")
    tree = yaml.safe_load((folder / "config.yaml").read_text())
    tree["weights_path"] = "model.safetensors"
    tree["flow_lm"]["lookup_table"]["tokenizer_path"] = "tokenizer.model"
    (folder / "config.yaml").write_text(yaml.safe_dump(tree))
    return folder


@pytest.fixture
def recording(tiny, tmp_path):
    return shutil.copyfile(tiny / "prompt.wav", tmp_path / "me.wav")


def other_names(path):
    """The same file by other spellings and links."""
    folder = path.parent
    names = [
        path,
        f"{folder}/./{path.name}",
        f"{folder}//{path.name}",
        f"{folder}/../{folder.name}/{path.name}",
    ]
    os.symlink(path, folder / f"link-{path.name}")
    os.link(path, folder / f"hard-{path.name}")
    os.symlink(folder / f"link-{path.name}", folder / f"link-to-link-{path.name}")
    os.symlink(folder, folder / "here")
    names += [folder / f"{how}-{path.name}" for how in ("link", "hard", "link-to-link")]
    return [*names, folder / "here" / path.name, os.path.relpath(path)]


def untouched(path, call, *names):
    """call(name) is refused for every name, and nothing happens to the file or beside it."""
    before = path.read_bytes(), sorted(os.listdir(path.parent))
    for name in names:
        message = error_of(call(name))
        assert "which is read: write to another file" in message
        assert (path.read_bytes(), sorted(os.listdir(path.parent))) == before


@links
def test_generate_over_the_voice(speak, recording):
    untouched(recording, lambda name: speak("-q", "-o", name, voice=recording), *other_names(recording))


@links
def test_generate_over_the_voice_by_another_name(speak, recording):
    for name in other_names(recording):
        untouched(recording, lambda voice: speak("-q", "-o", recording, voice=voice), name)


def test_generate_over_an_exported_voice(speak, state):
    untouched(state, lambda name: speak("-q", "--format", "wav", "-o", name, voice=state), state)


@pytest.mark.parametrize("name", ["config.yaml", "model.safetensors", "tokenizer.model"])
def test_generate_over_the_model(run, model, name):
    def generate(target):
        words = ("--model", model, "--voice", model / "prompt.wav", "--format", "wav", "-q")
        return run("generate", *words, "-t", "Hi.", "-o", target)

    untouched(model / name, generate, model / name)


def test_generate_over_a_checkpoint(run, tiny, tmp_path):
    checkpoint = tmp_path / "a.pt"
    checkpoint.write_bytes(b"PK")
    words = (
        "--config",
        tiny / "config.yaml",
        "--checkpoint",
        checkpoint,
        "--voice",
        tiny / "prompt.wav",
        "-t",
        "Hi.",
    )
    untouched(checkpoint, lambda name: run("generate", *words, "--format", "raw", "-o", name), checkpoint)


def test_generate_over_a_model_of_the_other_family(run, tiny_qwen3, tmp_path):
    model = shutil.copytree(tiny_qwen3("qwen3-tiny-customvoice"), tmp_path / "model")

    def generate(target):
        return run("generate", "--model", model, "-t", "Hi.", "--format", "wav", "-q", "-o", target)

    for name in ("config.json", "model.safetensors", "speech_tokenizer/model.safetensors"):
        untouched(model / name, generate, model / name)


def test_generate_over_a_voice_of_the_folder(run, tiny, tmp_path):
    voices = tmp_path / "voices"
    voices.mkdir()
    recording = shutil.copyfile(tiny / "prompt.wav", voices / "me.wav")
    words = ("--config", tiny / "config.yaml", "--voices", voices, "--voice", "me", "-t", "Hi.", "-q")
    untouched(recording, lambda name: run("generate", *words, "-o", name), recording)


@pytest.mark.skipif(not os.path.exists("/dev/stdin"), reason="no /dev/stdin on this system")
def test_standard_input_and_output_that_are_files(start, tiny, tmp_path):
    """Of `< me.wav` and of `>> me.wav`, which the shell has not emptied."""
    recording = shutil.copyfile(tiny / "prompt.wav", tmp_path / "me.wav")
    text = tmp_path / "text.wav"
    text.write_text("Hello.")
    before = recording.read_bytes()
    words = ("generate", "--config", tiny / "config.yaml", "-t", "Hi.")
    with open(recording, "ab") as out:
        process = start(*words, "--voice", recording, "-o", "-", stdout=out)
    assert "standard output is the voice" in process.communicate(timeout=120)[1].decode()
    for voice in ("/dev/stdin", "-"):
        with open(recording, "rb") as source:
            process = start(*words, "--voice", voice, "-o", recording, stdin=source)
        assert "which is read" in process.communicate(timeout=120)[1].decode()
    with open(text, "rb") as source:
        process = start(*words[:3], "--voice", recording, "-t", "-", "-o", text, stdin=source)
    assert "is the text" in process.communicate(timeout=120)[1].decode()
    assert recording.read_bytes() == before
    assert text.read_text() == "Hello."


@links
def test_export_over_the_recording(run, tiny, recording):
    def export(target):
        return run("export-voice", recording, target, "--config", tiny / "config.yaml", "-q")

    untouched(recording, export, *other_names(recording))


def test_export_over_the_state_and_over_the_model(run, model, state):
    words = ("--config", model / "config.yaml", "-q")
    untouched(state, lambda name: run("export-voice", state, name, *words), state)
    weights = model / "model.safetensors"
    untouched(weights, lambda name: run("export-voice", model / "prompt.wav", name, *words), weights)


@links
def test_export_of_a_folder_over_its_recordings(run, tiny, recording, tmp_path):
    for target in (tmp_path, tmp_path / "out"):
        target.mkdir(exist_ok=True)
        os.symlink(recording, target / "me.safetensors")
    untouched(
        recording,
        lambda target: run("export-voice", tmp_path, target, "--config", tiny / "config.yaml", "-q"),
        tmp_path,
        tmp_path / "out",
    )
    assert (tmp_path / "out" / "me.safetensors").is_symlink()


@links
def test_quantize_over_the_weights(run, model, state):
    weights = model / "model.safetensors"
    names = [name for name in other_names(weights) if str(name).endswith(".safetensors")]
    untouched(weights, lambda name: run("quantize", model, name, "-q"), *names)
    untouched(state, lambda name: run("quantize", model, name, "--voice", state), state)


def test_what_is_not_read_may_be_written_over(speak, tiny, recording, tmp_path):
    (tmp_path / "out.wav").write_bytes(recording.read_bytes())
    assert speak("-q", "-o", "out.wav", voice=recording).code == 0
    assert read_wav(tmp_path / "out.wav").any()


# --- folders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_a_folder_is_made_and_written_into(speak, tmp_path, format):
    result = speak("-o", "new/", "--format", format)
    assert result.code == 0
    assert os.listdir(tmp_path) == ["new"]
    assert os.listdir(tmp_path / "new") == [f"tts_output.{format}"]
    assert f"new/tts_output.{format}" in result.err


def test_a_folder_that_is_there(speak, tmp_path):
    (tmp_path / "there").mkdir()
    for target in ("there/", "./", f"{tmp_path}/there//"):
        assert speak("-q", "-o", target).code == 0
    assert sorted(os.listdir(tmp_path)) == ["there", "tts_output.wav"]
    assert os.listdir(tmp_path / "there") == ["tts_output.wav"]


def test_a_folder_whose_own_folder_is_not_there(speak, tmp_path):
    assert "there is no folder gone; create it" in error_of(speak("-q", "-o", "gone/new/"))
    assert os.listdir(tmp_path) == []


def test_a_folder_that_stays_empty_is_not_left(speak, tmp_path):
    error_of(speak("-q", "-o", "new/", voice="gone.wav"))
    error_of(speak("-q", "-o", "new/", text=" "))
    assert os.listdir(tmp_path) == []
    (tmp_path / "there").mkdir()
    error_of(speak("-q", "-o", "there/", voice="gone.wav"))
    assert os.listdir(tmp_path) == ["there"]


def test_a_file_is_no_folder(speak, tmp_path):
    (tmp_path / "file").write_text("x")
    assert "file" in error_of(speak("-q", "-o", "file/"))
    assert (tmp_path / "file").read_text() == "x"


def test_an_exported_voice_goes_into_a_folder(run, tiny, tmp_path):
    words = ("--config", tiny / "config.yaml", "-q")
    assert run("export-voice", tiny / "prompt.wav", "new/", *words).code == 0
    assert run("export-voice", tiny / "prompt.wav", f"{tmp_path}/", *words).code == 0
    assert sorted(os.listdir(tmp_path)) == ["new", "prompt.safetensors"]
    assert os.listdir(tmp_path / "new") == ["prompt.safetensors"]
    error_of(run("export-voice", "gone.wav", "other/", *words))
    assert sorted(os.listdir(tmp_path)) == ["new", "prompt.safetensors"]


@pytest.mark.parametrize("name", ["small.safetensors/", "small/"])
def test_quantize_into_a_folder(run, tiny, tmp_path, name):
    assert run("quantize", tiny, name, "-q").code == 0
    assert "config.yaml" in os.listdir(tmp_path / name)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("me.wav", "me"),
        ("/a/b/My Voice.flac", "My Voice"),
        ("https://host/a/you.mp3?x=1.wav", "you"),
        ("hf://owner/repo/a/anna.wav@main", "anna"),
        ("alba", "alba"),
        ("-", "voice"),
        ("/dev/stdin", "voice"),
        ("/dev/fd/63", "voice"),
        ("data:audio/wav;base64,UklGRg==", "voice"),
        ("A" * 500, "voice"),
    ],
)
def test_the_name_of_an_exported_voice(source, name):
    assert name_for(source, "voice") == name


@pytest.mark.skipif(os.name != "posix", reason="mounts need POSIX")
def test_names_in_another_case_where_the_file_system_takes_them_for_one(speak, recording, tmp_path):
    """What the system says counts: there a name in another case is the same file."""
    upper = tmp_path / "ME.WAV"
    if not upper.exists():
        pytest.skip("file names have a case here")
    untouched(recording, lambda name: speak("-q", "-o", name, voice=recording), upper)
