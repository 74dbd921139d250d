"""Files that `quantize` wrote, behind load_model: every kind of source, with and without voice cloning."""

import logging

import numpy as np
import pytest
import yaml

import torch_files
from fake_hub import Trouble
from pocket_fast import TTSModel, export_model_state
from pocket_fast.cli import main
from pocket_fast.errors import ConfigError, VoiceError
from pocket_fast.models.pocket import catalog
from pocket_fast.models.pocket.voices import voice_state_location
from pocket_fast.weights.hub import parse_hub_location
from pocket_fast.weights.tensors import TensorFile
from recordings import hum
from reference.checkpoint import read_weights, write_weights
from reference.synthetic import ROOT, make_model

TEXT = "Hello there, my friend."


def quantized(config, folder):
    assert main(["quantize", str(config), str(folder), "-q"]) == 0
    return folder / "config.yaml"


def said(config, **how):
    model = TTSModel.load_model(config=config, eos_threshold=-1e9, **how)
    return model.generate_audio(model.get_state_for_audio_prompt(hum(0.5)), TEXT, seed=1)


@pytest.mark.parametrize("dtype", ["bf16", "f16", "f32"])
def test_every_storage_type(tmp_path, dtype):
    original = make_model(tmp_path / "original", "tiny", dtype=dtype)
    small = quantized(original, tmp_path / "small")
    np.testing.assert_array_equal(said(small), said(original, quantize=True))
    with TensorFile(tmp_path / "small" / "model.safetensors") as file:
        kept = {file.dtype(name) for name in file.names if not name.endswith("_scale")}
    assert kept == {"I8", dtype.upper()}


@pytest.mark.parametrize("name", ["tiny-7m", "tiny-odd", "tiny-no-bos"])
def test_other_architectures(tiny, tmp_path, name):
    small = quantized(tiny(name), tmp_path / "small")
    np.testing.assert_array_equal(said(small), said(tiny(name), quantize=True))


def test_a_json_tokenizer_comes_along(changed_config, tmp_path):
    def change(data):
        path = ROOT / "tests" / "data" / "tiny_tokenizer.json"
        data["flow_lm"]["lookup_table"].update(tokenizer="tokenizers", tokenizer_path=str(path))

    original = changed_config(change)
    small = quantized(original, tmp_path / "small")
    assert (tmp_path / "small" / "tokenizer.json").exists()
    np.testing.assert_array_equal(said(small), said(original, quantize=True))


def test_a_training_checkpoint_replaces_them_and_takes_their_codec(tiny, tmp_path):
    values = read_weights(tiny().with_name("model.safetensors"))
    trained = [(name, array) for name, array in values.items() if name.startswith("flow_lm.")]
    model = {name: torch_files.torch_tensor(array, str(i)) for i, (name, array) in enumerate(trained)}
    checkpoint = torch_files.write_checkpoint(tmp_path / "step.pt", {"model": model})
    small = quantized(tiny(), tmp_path / "small")
    np.testing.assert_array_equal(said(small, checkpoint=checkpoint), said(tiny()))


def test_a_released_model_stays_one(hub, tiny, tmp_path, monkeypatch):
    """Its name comes along, and with it the voices made for it."""
    whole = TTSModel.load_model(config=tiny(), quantize=True)
    monkeypatch.setattr(catalog, "shipped_config", lambda name: whole.config)
    small = quantized("german", tmp_path / "small")
    export_model_state(whole.get_state_for_audio_prompt(hum(0.5)), tmp_path / "alba.safetensors")
    at = parse_hub_location(voice_state_location("german", "alba"))
    hub.files[f"{at.repo}/{at.revision}/{at.path}"] = (tmp_path / "alba.safetensors").read_bytes()

    model = TTSModel.load_model(config=small)
    assert model.language == "german"
    spoken = model.generate_audio(model.get_state_for_audio_prompt("alba"), TEXT, seed=1)
    state = whole.get_state_for_audio_prompt(tmp_path / "alba.safetensors")
    np.testing.assert_array_equal(spoken, whole.generate_audio(state, TEXT, seed=1))
    assert TTSModel.load_model(config=quantized(tiny(), tmp_path / "own")).language is None


def test_float32_is_refused(tiny, tmp_path):
    small = quantized(tiny(), tmp_path / "small")
    with pytest.raises(ConfigError, match="'float32': these weights are stored in 8 bits"):
        TTSModel.load_model(config=small, compute_type="float32")


def test_weights_without_cloning_stay_so(hub, changed_config, tiny, tmp_path, caplog):
    """Made on a machine that has no access to the weights with cloning."""

    def change(data):
        data["weights_path"] = "hf://kyutai/pocket-tts/w.safetensors"
        data["weights_path_without_voice_cloning"] = "hf://kyutai/open/w.safetensors"

    values = read_weights(tiny().with_name("model.safetensors"))
    for name in values:
        if name.startswith(("mimi.encoder", "mimi.downsample", "flow_lm.speaker_proj")):
            values[name] = np.full_like(values[name], np.nan)
    write_weights(tmp_path / "open", {n: a.shape for n, a in values.items()}, values.__getitem__)
    hub.files["kyutai/pocket-tts/main/w.safetensors"] = b"never sent"
    hub.trouble["kyutai/pocket-tts/main/w.safetensors"] = Trouble(status=403, code="GatedRepo")
    hub.files["kyutai/open/main/w.safetensors"] = (tmp_path / "open").read_bytes()
    small = quantized(changed_config(change), tmp_path / "small")
    assert yaml.safe_load(small.read_text())["weights_path_without_voice_cloning"] is None

    caplog.set_level(logging.INFO)
    model = TTSModel.load_model(config=small)
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert model.has_voice_cloning is False
    assert model.stages.encoder is None
    with pytest.raises(VoiceError, match=r"cannot clone a voice.*when this file was quantised"):
        model.get_state_for_audio_prompt(hum(0.5))
    whole = TTSModel.load_model(config=tiny(), quantize=True)
    voice = whole.get_state_for_audio_prompt(hum(0.5))
    export_model_state(voice, tmp_path / "voice.safetensors")
    state = model.get_state_for_audio_prompt(tmp_path / "voice.safetensors")
    np.testing.assert_array_equal(
        model.generate_audio(state, TEXT, seed=1), whole.generate_audio(dict(voice), TEXT, seed=1)
    )
