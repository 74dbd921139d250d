"""quantize: a model in 8 or 4 bits that speaks exactly as the original does when it is quantised at load."""

import errno
import json
import os
import shutil

import pytest
import yaml
from pocket_fast.cpu.packing import has_bf16_dot

from command_line import error_of
from pocket_fast.weights import integers


@pytest.fixture(scope="session")
def small(tiny, tmp_path_factory):
    """The folder that `quantize` makes of the tiny model. Not to be changed."""
    from pocket_fast.cli import main

    folder = tmp_path_factory.mktemp("quantized") / "small"
    assert main(["quantize", str(tiny / "config.yaml"), str(folder), "-q"]) == 0
    return folder


@pytest.fixture
def sound(run, tiny):
    """sound(folder, *words) -> what its model says, raw samples."""

    def sound(folder, *words):
        model = ("--config", folder / "config.yaml", "--eos-threshold", "-1e9", "--frames-after-eos", 4)
        voice = ("--voice", tiny / "prompt.wav", "--seed", 1, "--text", "Hello there.")
        result = run("generate", *model, *voice, "--stream", *words)
        assert result.code == 0, result.err
        return result.out

    return sound


@pytest.mark.parametrize("compute_type", ["int8", "int8_float32", "int8_bfloat16"])
def test_it_sounds_as_quantised_at_load(sound, tiny, small, compute_type):
    if compute_type == "int8_bfloat16" and not has_bf16_dot():
        pytest.skip("this CPU has no bfloat16 products")
    original = sound(tiny, "--compute-type", compute_type)
    assert sound(small, "--compute-type", compute_type) == original
    assert original != sound(tiny)


@pytest.fixture(scope="session")
def smaller(tiny, tmp_path_factory):
    """The folder of four bits. Not to be changed."""
    from pocket_fast.cli import main

    folder = tmp_path_factory.mktemp("quantized") / "smaller"
    assert main(["quantize", str(tiny / "config.yaml"), str(folder), "-q", "--compute-type", "int4"]) == 0
    return folder


def test_four_bits_sound_as_quantised_at_load(run, sound, tiny, small, smaller):
    original = sound(tiny, "--compute-type", "int4")
    assert sound(smaller) == sound(smaller, "--compute-type", "int4") == original
    assert original not in (sound(tiny), sound(small))
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (tiny, small, smaller)]
    assert sizes == sorted(sizes, reverse=True)
    result = run("export-voice", "--config", smaller / "config.yaml", tiny / "prompt.wav", "a.safetensors")
    assert result.err.startswith("INFO: The weights are stored in 4 bits: compute type int4_")
    words = ("--config", smaller / "config.yaml", "--voice", tiny / "prompt.wav", "-q")
    error = error_of(run("generate", *words, "--quantize"))
    assert "compute type 'int8': these weights are stored in 4 bits; use 'auto' or 'int4'" in error
    assert "quantize means compute_type 'int8'" in error_of(
        run("generate", *words, "--quantize", "--compute-type", "int4")
    )


def test_the_report_of_four_bits(run, tiny, tmp_path):
    result = run("quantize", tiny / "config.yaml", "smaller", "--compute-type", "int4")
    assert (result.code, result.err) == (0, f"INFO: smaller: {tiny / 'config.yaml'} in 4 bits\n")
    rows = {line[:50].strip(): line.split() for line in result.out.decode().splitlines()}
    for name, least, most in (("transformer.layers.*.linear1", 18, 26), ("flow_net.cond_embed", 45, 60)):
        assert least < float(rows[f"flow_lm.{name}"][-2]) < most
    assert (
        12 < float(next(line[-2] for name, line in rows.items() if name.startswith("backbone output"))) < 30
    )


def test_auto_is_int8_and_says_so(run, sound, tiny, small):
    assert sound(small) == sound(small, "--quantize") == sound(tiny, "--quantize")
    result = run("export-voice", "--config", small / "config.yaml", tiny / "prompt.wav", "a.safetensors")
    assert result.err.startswith("INFO: The weights are stored in 8 bits: compute type int8_")


def test_float32_is_refused(run, tiny, small):
    words = ("--config", small / "config.yaml", "--voice", tiny / "prompt.wav", "-q")
    error = error_of(run("generate", *words, "--compute-type", "float32"))
    assert "compute type 'float32': these weights are stored in 8 bits; use 'auto' or 'int8'" in error


def test_the_folder_is_complete_and_may_be_moved(sound, small, tmp_path):
    shutil.copytree(small, tmp_path / "elsewhere")
    assert sorted(os.listdir(small)) == ["config.yaml", "model.safetensors", "tokenizer.model"]
    config = yaml.safe_load((small / "config.yaml").read_text())
    assert config["weights_path"] == "model.safetensors"
    assert config["flow_lm"]["lookup_table"]["tokenizer_path"] == "tokenizer.model"
    assert sound(tmp_path / "elsewhere") == sound(small)


def test_the_report(run, tiny, tmp_path):
    result = run("quantize", tiny / "config.yaml", "small", "--voice", tiny / "prompt.wav")
    assert (result.code, result.err) == (0, f"INFO: small: {tiny / 'config.yaml'} in 8 bits\n")
    rows = {
        line[:50].strip(): line[50:].split() for line in result.out.decode().splitlines() if line[:1].strip()
    }
    layers, head = "flow_lm.transformer.layers.*.", "flow_lm.flow_net."
    matrices = [
        f"{layers}{name}" for name in ("self_attn.in_proj", "self_attn.out_proj", "linear1", "linear2")
    ]
    matrices += [f"{head}{name}" for name in ("cond_embed", "input_proj", "res_blocks.*.mlp.0")]
    matrices += [f"{head}res_blocks.*.{name}" for name in ("mlp.2", "adaLN_modulation.1")]
    matrices += [f"{head}final_layer.{name}" for name in ("adaLN_modulation.1", "linear")]
    assert list(rows)[1:13] == [*matrices, "all of them"]
    assert rows[f"{layers}linear1"][0] == str(2 * 64 * 256)
    assert sum(int(rows[kind][0]) for kind in matrices) == int(rows["all of them"][0])
    assert all(45 < float(rows[kind][1]) < 60 for kind in [*matrices, "all of them"])

    before, after = map(int, rows["of these matrices"])
    assert before == 2 * int(rows["all of them"][0])
    assert before / 2 < after < before / 1.8
    saved = (tiny / "model.safetensors").stat().st_size - (
        tmp_path / "small/model.safetensors"
    ).stat().st_size
    assert abs(saved - (before - after)) < 8000  # headers
    before, after = map(int, rows["of all weights"])
    assert abs(saved - (before - after)) < 8000

    for what in ("backbone output", "latents", "audio"):
        assert 30 < float(rows[what][0]) < 60


def test_without_a_voice_it_is_measured_as_well(run, tiny):
    lines = run("quantize", tiny / "config.yaml", "small").out.decode().splitlines()
    (hidden,) = (line for line in lines if line.startswith("backbone output"))
    assert 30 < float(hidden.split()[-2]) < 60


def test_the_weights_alone(run, tiny, small, tmp_path):
    (tmp_path / "w.safetensors").write_text("an older one")
    result = run("quantize", tiny / "config.yaml", "w.safetensors", "-q")
    assert (result.code, result.out, result.err) == (0, b"", "")
    assert os.listdir(tmp_path) == ["w.safetensors"]
    assert (tmp_path / "w.safetensors").read_bytes() == (small / "model.safetensors").read_bytes()


def test_an_empty_folder_will_do(run, tiny, tmp_path):
    (tmp_path / "small").mkdir()
    assert run("quantize", tiny / "config.yaml", "small/", "-q").code == 0
    assert len(os.listdir(tmp_path / "small")) == 3


def test_info_knows(run, tiny, small, smaller):
    for folder, eight, four in ((tiny, False, False), (small, True, False), (smaller, False, True)):
        result = run("info", "--json", "--config", folder / "config.yaml")
        weights = json.loads(result.out)["model"]["files"]["weights"]
        assert (weights["8-bit"], weights["4-bit"]) == (eight, four)


@pytest.fixture
def refused(run, tmp_path):
    """refused(words of quantize...) -> its error message, once it is sure that nothing was written."""

    def refused(*words):
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        message = error_of(run("quantize", *words))
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
        return message

    return refused


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("englsh", "small", "did you mean english"),
        ("gone.yaml", "small", "gone.yaml: no such file"),
        ("model.safetensors", "small", "expected a .yaml or .yml file"),
        ("config.yaml", "gone/small", "there is no folder gone"),
        ("config.yaml", "full", "full exists already"),
        ("config.yaml", "full/file", "full/file exists already"),
        ("config.yaml", "folder.safetensors", "folder.safetensors is not a file"),
        ("config.yaml", "model.safetensors", "model.safetensors is a file of the model, which is read"),
        pytest.param(
            "config.yaml",
            "locked/small",
            "cannot write locked/small: Permission denied",
            marks=pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write"),
        ),
    ],
)
def test_what_cannot_be_done(refused, tiny, tmp_path, source, target, message):
    for name in ("config.yaml", "model.safetensors"):
        shutil.copy(tiny / name, tmp_path / name)
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    config["weights_path"] = "model.safetensors"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "locked").mkdir(mode=0o500)
    assert message in refused(source, target)


def test_voices_are_refused_before_anything_is_written(refused, tiny):
    config = tiny / "config.yaml"
    assert "did you mean fantine" in refused(config, "small", "--voice", "fantin")
    assert "give a recording" in refused(config, "small", "--voice", "alba")
    assert "not an audio file" in refused(config, "small", "--voice", config)


def test_twice_is_once_too_often(refused, small, smaller):
    assert "its weights are in 8 bits already" in refused(small / "config.yaml", "again")
    assert "its weights are in 4 bits already" in refused(smaller / "config.yaml", "again")


@pytest.mark.parametrize("how", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_failures_leave_nothing(refused, tiny, monkeypatch, how):
    def write(path, *_, **__):
        path.write_bytes(b"half")
        raise how

    monkeypatch.setattr(integers, "write_integers", write)
    message = "interrupted" if isinstance(how, KeyboardInterrupt) else "cannot write small: No space left"
    for target in ("small", "small.safetensors"):
        assert message in refused(tiny / "config.yaml", target).replace(".safetensors", "")
