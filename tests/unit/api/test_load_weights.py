"""Weights behind load_model: every layout, training checkpoints, gated ones, damaged ones."""

import json
import logging

import numpy as np
import pytest
import yaml

import torch_files
from fake_hub import Trouble
from pocket_fast import TTSModel, export_model_state
from pocket_fast.errors import ConfigError, DownloadError, NotFoundError, VoiceError, WeightsError
from pocket_fast.models.pocket import catalog
from pocket_fast.models.pocket.voices import voice_state_location
from reference.checkpoint import read_weights
from weight_files import part, training_names, write

TEXT = "Hello there, my friend."


@pytest.fixture(scope="module")
def values(tiny):
    """{bundle name: float32} of the model "tiny"."""
    return read_weights(tiny().with_name("model.safetensors"))


@pytest.fixture
def speaks_like(model, voice):
    """Asserts that another model says exactly what "tiny" says."""

    def speaks_like(other):
        samples = other.generate_audio(dict(voice), TEXT, seed=3)
        np.testing.assert_array_equal(samples, model.generate_audio(voice, TEXT, seed=3))
        assert samples.std() > 0.05

    return speaks_like


def checkpoint(path, model, ema=None):
    """A training checkpoint with these weights."""

    def pack(tensors, first):
        return {n: torch_files.torch_tensor(a, str(first + i)) for i, (n, a) in enumerate(tensors.items())}

    payload = {"model": pack(model, 0)} | ({"ema": pack(ema, 100_000)} if ema else {})
    return torch_files.write_checkpoint(path, payload)


def test_two_files_with_training_names(changed_config, values, tmp_path, speaks_like):
    def change(data):
        data["weights_path"] = None
        data["flow_lm"]["weights_path"] = write(
            tmp_path / "lm.safetensors", training_names(values, "flow_lm.")
        )
        data["mimi"]["weights_path"] = write(tmp_path / "mimi.safetensors", training_names(values, "mimi."))

    speaks_like(TTSModel.load_model(config=changed_config(change)))


def test_a_mimi_file_replaces_the_codec_of_the_bundle(changed_config, values, tmp_path, speaks_like):
    def change(data):
        spoiled = {n: a * 0 if n.startswith("mimi.") else a for n, a in values.items()}
        data["weights_path"] = write(tmp_path / "bundle.safetensors", spoiled)
        data["mimi"]["weights_path"] = write(tmp_path / "mimi.safetensors", part(values, "mimi."))

    speaks_like(TTSModel.load_model(config=changed_config(change)))


def test_one_of_two_files_is_not_enough(changed_config, values, tmp_path):
    def without(section):
        def change(data):
            data["weights_path"] = None
            data[section]["weights_path"] = write(tmp_path / "a.safetensors", {"x": np.zeros(1, np.float32)})

        return change

    for section in ("flow_lm", "mimi"):
        with pytest.raises(ConfigError, match=r"mimi\.weights_path"):
            TTSModel.load_model(config=changed_config(without(section)))


def test_no_weights_at_all(changed_config):
    with pytest.raises(ConfigError, match="set weights_path"):
        TTSModel.load_model(config=changed_config(lambda data: data.update(weights_path=None)))


@pytest.mark.parametrize("codec", ["in the checkpoint", "in the bundle", "in its own file"])
def test_a_training_checkpoint_replaces_the_weights(changed_config, values, tmp_path, speaks_like, codec):
    def change(data):
        data["weights_path"] = None
        if codec == "in the bundle":
            data["weights_path"] = write(
                tmp_path / "b.safetensors", {n: a * (2 - n.startswith("mimi.")) for n, a in values.items()}
            )
        if codec == "in its own file":
            data["mimi"]["weights_path"] = write(tmp_path / "m.safetensors", part(values, "mimi."))

    trained = values if codec == "in the checkpoint" else part(values, "flow_lm.")
    first = {name: array + 1 if "transformer" in name else array for name, array in trained.items()}
    averages = {name: array for name, array in trained.items() if "transformer" in name}
    path = checkpoint(tmp_path / "step.pt", first, averages)
    model = TTSModel.load_model(config=changed_config(change), checkpoint=path)
    speaks_like(model)
    assert model.has_voice_cloning


def test_checkpoints_that_cannot_be_used(changed_config, tiny, values, tmp_path):
    with pytest.raises(NotFoundError, match=r"step\.pt: no such file"):
        TTSModel.load_model(config=tiny(), checkpoint=tmp_path / "step.pt")
    lone = checkpoint(tmp_path / "lone.pt", part(values, "flow_lm."))
    with pytest.raises(ConfigError, match=r"no codec weights: set weights_path or mimi\.weights_path"):
        TTSModel.load_model(config=changed_config(lambda d: d.update(weights_path=None)), checkpoint=lone)
    codec = checkpoint(tmp_path / "codec.pt", part(values, "mimi."))
    with pytest.raises(WeightsError, match=r"missing \(flow_lm\."):
        TTSModel.load_model(config=tiny(), checkpoint=codec)


def test_names_of_voices_are_refused_with_weights_of_ones_own(
    changed_config, tiny, values, tmp_path, monkeypatch
):
    message = "'alba' is a state made with released weights"
    with pytest.raises(VoiceError, match=message):
        TTSModel.load_model(config=tiny()).get_state_for_audio_prompt("alba")
    path = checkpoint(tmp_path / "step.pt", values)
    released = TTSModel.load_model(config=tiny()).config
    monkeypatch.setattr(catalog, "shipped_config", lambda name: released)
    with pytest.raises(VoiceError, match=message):
        TTSModel.load_model("german", checkpoint=path).get_state_for_audio_prompt("alba")


# --- gated weights ------------------------------------------------------------------------------


@pytest.fixture
def gated(hub, changed_config, tiny, tmp_path, monkeypatch):
    """The path of a config whose weights with cloning answer 403; also what "english" loads."""

    def change(data):
        data["weights_path"] = "hf://kyutai/pocket-tts/w.safetensors"
        data["weights_path_without_voice_cloning"] = "hf://kyutai/open/w.safetensors"

    hub.files["kyutai/pocket-tts/main/w.safetensors"] = b"never sent"
    hub.trouble["kyutai/pocket-tts/main/w.safetensors"] = Trouble(status=403, code="GatedRepo")
    values = read_weights(tiny().with_name("model.safetensors"))
    for name in values:
        if name.startswith(("mimi.encoder", "mimi.downsample", "flow_lm.speaker_proj")):
            values[name] = np.full_like(values[name], np.nan)  # for use without cloning they may be anything
    write(tmp_path / "open.safetensors", values)
    hub.files["kyutai/open/main/w.safetensors"] = (tmp_path / "open.safetensors").read_bytes()
    path = changed_config(change)

    from pocket_fast.models.pocket.config_file import load_config

    monkeypatch.setattr(catalog, "shipped_config", lambda name: load_config(path))
    return path


def test_without_access_the_other_weights_come_with_a_warning(gated, caplog, speaks_like):
    caplog.set_level(logging.WARNING)
    model = TTSModel.load_model(config=gated)
    assert model.has_voice_cloning is False
    assert model.stages.encoder is None
    (record,) = caplog.records
    for words in (
        "No voice cloning",
        "denies access (403)",
        "https://huggingface.co/kyutai/pocket-tts",
        "HF_TOKEN",
    ):
        assert words in record.getMessage()
    speaks_like(model)


def test_then_cloning_fails_with_the_steps_to_take(gated, tmp_path, voice):
    model = TTSModel.load_model(config=gated)
    recording = tmp_path / "me.wav"
    recording.touch()
    for prompt in (str(recording), recording, np.zeros((1, 24000), np.float32)):
        with pytest.raises(VoiceError) as caught:
            model.get_state_for_audio_prompt(prompt)
        for words in ("cannot clone", "(403)", "accept the terms", "hf auth login", "HF_TOKEN", "load again"):
            assert words in str(caught.value)
    export_model_state(voice, tmp_path / "me.safetensors")
    again = model.get_state_for_audio_prompt(tmp_path / "me.safetensors")
    np.testing.assert_array_equal(
        model.generate_audio(again, TEXT, seed=1), model.generate_audio(dict(voice), TEXT, seed=1)
    )


def test_then_voices_by_name_still_work_and_are_fetched_once(gated, hub, tmp_path, voice, caplog):
    export_model_state(voice, tmp_path / "alba.safetensors")
    location = voice_state_location("english", "alba").removeprefix("hf://")
    path, revision = location.split("@")
    repo, name = "/".join(path.split("/")[:2]), "/".join(path.split("/")[2:])
    hub.files[f"{repo}/{revision}/{name}"] = (tmp_path / "alba.safetensors").read_bytes()
    model = TTSModel.load_model()
    first = model.get_state_for_audio_prompt("alba")
    second = model.get_state_for_audio_prompt("alba")
    assert first.prefix is second.prefix
    assert hub.count("GET", "alba.safetensors") == 1
    np.testing.assert_array_equal(
        model.generate_audio(first, TEXT, seed=1), model.generate_audio(dict(voice), TEXT, seed=1)
    )


def test_an_unknown_voice_gets_the_nearest_names(gated):
    with pytest.raises(VoiceError, match="'albba'; did you mean alba"):
        TTSModel.load_model().get_state_for_audio_prompt("albba")


def test_a_checkpoint_may_take_its_codec_from_weights_without_cloning(gated, values, tmp_path, speaks_like):
    model = TTSModel.load_model(
        config=gated, checkpoint=checkpoint(tmp_path / "step.pt", part(values, "flow_lm."))
    )
    assert model.has_voice_cloning is False
    speaks_like(model)


def test_without_a_second_choice_gated_weights_are_an_error(gated, tmp_path):
    data = yaml.safe_load(gated.read_text())
    data["weights_path_without_voice_cloning"] = None
    path = tmp_path / "strict.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(DownloadError, match="Accept the terms"):
        TTSModel.load_model(config=path)


# --- damaged ------------------------------------------------------------------------------------


@pytest.fixture
def damaged(tiny, tmp_path):
    """damaged(change) -> a config whose weights file went through change(header, data)."""

    def damaged(change):
        blob = tiny().with_name("model.safetensors").read_bytes()
        start = 8 + int.from_bytes(blob[:8], "little")
        header, data = change(json.loads(blob[8:start]), bytearray(blob[start:]))
        text = json.dumps(header).encode()
        (tmp_path / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
        config = yaml.safe_load(tiny().read_text())
        config["weights_path"] = "model.safetensors"
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        return tmp_path / "config.yaml"

    return damaged


def one_or_two_lines(error):
    assert 1 <= len(str(error.value).splitlines()) <= 2
    return str(error.value)


def test_truncated_weights(damaged):
    path = damaged(lambda header, data: (header, data[:-1000]))
    with pytest.raises(WeightsError, match=r"model\.safetensors: truncated") as error:
        TTSModel.load_model(config=path)
    one_or_two_lines(error)


def test_nan_in_weights(damaged):
    def change(header, data):
        at = header["flow_lm.out_norm.weight"]["data_offsets"][0]
        data[at : at + 2] = b"\xc0\x7f"  # NaN in bfloat16
        return header, data

    with pytest.raises(WeightsError, match=r"NaN or infinite values in flow_lm\.out_norm\.weight") as error:
        TTSModel.load_model(config=damaged(change))
    one_or_two_lines(error)


def test_weights_of_another_type_and_shape(damaged):
    def change(header, data):
        header["flow_lm.out_norm.weight"]["dtype"] = "I16"
        header["flow_lm.bos_emb"]["shape"] = [16, 2]
        return header, data

    with pytest.raises(RuntimeError) as error:
        TTSModel.load_model(config=damaged(change))
    message = one_or_two_lines(error)
    assert "flow_lm.out_norm.weight is I16, expected F32, BF16 or F16" in message
    assert "flow_lm.bos_emb is [16, 2], expected [32]" in message


def test_weights_of_another_model(changed_config, tiny):
    other = str(tiny("tiny-24l").with_name("model.safetensors"))
    with pytest.raises(WeightsError, match="not expected") as error:
        TTSModel.load_model(config=changed_config(lambda data: data.update(weights_path=other)))
    one_or_two_lines(error)


def test_a_vocabulary_that_does_not_fit(changed_config, values, tmp_path):
    def fewer_rows(data):
        fewer = {
            **values,
            "flow_lm.conditioner.embed.weight": values["flow_lm.conditioner.embed.weight"][:400],
        }
        data["flow_lm"]["lookup_table"]["n_bins"] = 399
        data["weights_path"] = write(tmp_path / "fewer.safetensors", fewer)

    with pytest.raises(ConfigError, match=r"400 .*n_bins.* 399|399 .* 400") as error:
        TTSModel.load_model(config=changed_config(fewer_rows))
    one_or_two_lines(error)

    def table_only(data):
        data["flow_lm"]["lookup_table"]["n_bins"] = 399

    with pytest.raises(WeightsError, match=r"embed\.weight is \[401, 64\], expected \[400, 64\]") as error:
        TTSModel.load_model(config=changed_config(table_only))
    one_or_two_lines(error)


def test_no_tokenizer(changed_config, tmp_path):
    def change(data):
        data["flow_lm"]["lookup_table"]["tokenizer_path"] = str(tmp_path / "none.model")

    with pytest.raises(NotFoundError, match=r"none\.model: no such file"):
        TTSModel.load_model(config=changed_config(change))
