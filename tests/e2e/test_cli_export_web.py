"""export-web: one file that csrc/web speaks as the model does."""

import os

import numpy as np
import pytest

from command_line import error_of
from pocket_fast import TTSModel
from pocket_fast.weights.bundle import read_bundle
from web_machine import machine, open_bundle

TOKENS = [5, 17, 33, 2, 8, 40]


@pytest.fixture
def export(run, tiny):
    def export(*words):
        return run("export-web", tiny / "config.yaml", *words)

    return export


def voice_in(model, path, name):
    """The voice of a bundle, as a page loads it."""
    from safetensors.numpy import load

    tensors = load(read_bundle(path).voices[name])
    caches = [tensors[f"transformer.layers.{i}.self_attn/cache"][:, 0] for i in range(model.about["layers"])]
    return model.voice_from_state(caches)


def said(model, voice):
    model.begin(TOKENS, voice, max_frames=6, threshold=1e9)
    model.prompt()
    return np.concatenate(list(model.frames()))


def said_by_python(tiny, compute_type):
    from pocket_fast.models.pocket.pipeline import PocketModel, Sampling
    from pocket_fast.models.pocket.prompt import Chunk

    model = TTSModel.load_model(config=tiny / "config.yaml", compute_type=compute_type)
    engine = PocketModel(model.config, model.stages)
    voice = model.find_voice(tiny / "prompt.wav")
    utterance = engine.begin(Chunk("", tuple(TOKENS), 0, 6), voice.prefix, Sampling(0.0, 1e9), None)
    engine.prompt([utterance], 100)
    return np.concatenate([engine.decode(engine.predict([utterance]))[0] for _ in range(6)])


def test_it_says_what_the_model_says(export, tiny, tmp_path):
    result = export("tiny.pfweb", "--voice", tiny / "prompt.wav")
    assert (result.code, result.out) == (0, b"")
    assert result.err == (
        f"INFO: tiny.pfweb: {tiny / 'config.yaml'}, compute type auto, voices prompt, 1.0 MB\n"
    )
    model = open_bundle(machine("native"), tmp_path / "tiny.pfweb")
    assert model.about["defaults"]["voice"] == "prompt"
    found = said(model, voice_in(model, tmp_path / "tiny.pfweb", "prompt"))
    np.testing.assert_allclose(found, said_by_python(tiny, "auto"), atol=1e-5)
    assert (
        read_bundle(tmp_path / "tiny.pfweb").sections["tokenizer"] == (tiny / "tokenizer.model").read_bytes()
    )


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_integers(export, run, tiny, tmp_path, kind):
    """Quantised on the way, or weights that are stored so."""
    given = ("--compute-type", kind)
    assert export("a.pfweb", "--voice", tiny / "prompt.wav", *given, "-q").err == ""
    assert read_bundle(tmp_path / "a.pfweb").description["compute_type"] == kind
    assert run("quantize", tiny / "config.yaml", "small", *given, "-q").code == 0
    assert run("export-web", "small", "b.pfweb", "--voice", tiny / "prompt.wav").code == 0
    one, other = (read_bundle(tmp_path / name) for name in ("a.pfweb", "b.pfweb"))
    assert one.sections["tensors"] == other.sections["tensors"]
    asked = {"int8": "int4", "int4": "int8"}[kind]
    error = error_of(run("export-web", "small", "c.pfweb", "--compute-type", asked))
    assert (
        f"compute type '{asked}': these weights are stored in {kind[3:]} bits; use 'auto' or '{kind}'"
        in error
    )


def test_fewer_bits_are_fewer_bytes(export, tmp_path):
    sizes = []
    for kind in ("auto", "int8", "int4"):
        assert export(f"{kind}.pfweb", "--no-cloning", "--compute-type", kind).code == 0
        sizes.append(len(read_bundle(tmp_path / f"{kind}.pfweb").sections["tensors"]))
    assert sizes[0] > sizes[1] > sizes[2]


def test_the_builtin_model_brings_its_voice(run, tmp_path):
    result = run("export-web", "builtin", "builtin.pfweb")
    assert "voices ada" in result.err
    about = read_bundle(tmp_path / "builtin.pfweb").description
    assert about["defaults"]["voice"] == "ada"
    assert about["text_rules"]["spell_out"]
    assert os.path.getsize(tmp_path / "builtin.pfweb") < 8.1e6
    assert run("export-web", "builtin", "all.pfweb", "-v", "ada", "-v", "cora").code == 0
    assert list(read_bundle(tmp_path / "all.pfweb").voices) == ["ada", "cora"]


def test_no_voice(export, run, tmp_path):
    assert "no voice" in export("a.pfweb").err  # of a model of one's own
    assert read_bundle(tmp_path / "a.pfweb").description["defaults"]["voice"] is None
    assert "no voice" in run("export-web", "builtin", "b.pfweb", "--no-voice").err


def test_no_cloning(export, tiny, tmp_path):
    assert export("whole.pfweb").code == 0
    assert export("small.pfweb", "--no-cloning", "--voice", tiny / "prompt.wav").code == 0
    whole, small = (read_bundle(tmp_path / f"{name}.pfweb") for name in ("whole", "small"))
    assert (whole.description["cloning"], small.description["cloning"]) == (True, False)
    assert len(small.sections["tensors"]) < 0.8 * len(whole.sections["tensors"])
    model = open_bundle(machine("native"), tmp_path / "small.pfweb")
    assert said(model, voice_in(model, tmp_path / "small.pfweb", "prompt")).any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere/a.pfweb"], "there is no folder nowhere"),
        (["."], "is not a file"),
        (["a.pfweb", "--voice", "ada", "--no-voice"], "leave out one of them"),
        (["a.pfweb", "--voice", "x/ada.wav", "--voice", "ada.flac"], "2 voices would be called 'ada'"),
        (["a.pfweb", "--voice", "nobody"], "no voice is called 'nobody'"),
    ],
)
def test_refusals(export, tmp_path, words, message):
    assert message in error_of(export(*words))
    assert list(tmp_path.iterdir()) == []


def test_the_model_is_not_written_over(run, tiny, tmp_path):
    assert "is a file of the model" in error_of(run("export-web", tiny, tiny / "model.safetensors"))


def test_a_family_that_does_not_run_there(run, tiny_qwen3):
    assert "does not run in a page" in error_of(
        run("export-web", tiny_qwen3("qwen3-tiny-customvoice"), "a.pfweb")
    )
