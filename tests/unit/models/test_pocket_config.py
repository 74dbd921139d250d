"""Configs: what is accepted, and that every defect of a YAML file is named with its path."""

import copy
import dataclasses
from pathlib import Path

import pytest

from pocket_fast.errors import ConfigError, NotFoundError
from pocket_fast.models.pocket.catalog import shipped_config
from pocket_fast.models.pocket.config_file import load_config, parse_config, resolve_location


@pytest.fixture
def raw():
    return plain(shipped_config("english_7m_2026-10"))


def plain(config):
    return copy.deepcopy(dataclasses.asdict(config))


def put(raw, path, value):
    *parents, last = path.split(".")
    for parent in parents:
        raw = raw[parent]
    raw[last] = value


def complaint(raw):
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, "my.yaml")
    return str(caught.value)


def test_a_config_survives_the_round_trip_through_plain_data(raw):
    assert parse_config(raw, "x") == shipped_config("english_7m_2026-10")


def test_derived_sizes_of_the_grouped_small_model():
    config = shipped_config("english_7m_2026-10")
    backbone = config.flow_lm.transformer
    sizes = (backbone.q_dim, backbone.head_dim, backbone.kv_heads, backbone.kv_dim, backbone.ffn_dim)
    assert sizes == (512, 64, 2, 128, 224)
    assert config.flow_lm.cond_dim == 64
    assert config.flow_lm.flow.num_times == 0
    assert config.flow_lm.lookup_table.tokenizer_kind == "sentencepiece"
    mimi = config.mimi
    assert (mimi.samples_per_frame, mimi.steps_per_frame, mimi.latent_dim, mimi.speaker_dim) == (
        1920,
        16,
        32,
        32,
    )
    assert mimi.decoding_seanet.dimension == 128
    assert mimi.decoding_transformer.kv_dim == 128


def test_derived_sizes_of_the_first_model():
    config = shipped_config("english_2026-01")
    backbone = config.flow_lm.transformer
    sizes = (backbone.q_dim, backbone.head_dim, backbone.kv_heads, backbone.kv_dim, backbone.ffn_dim)
    assert sizes == (1024, 64, 16, 1024, 4096)
    assert (config.flow_lm.cond_dim, config.flow_lm.flow.num_times, config.mimi.speaker_dim) == (1024, 2, 512)
    assert config.mimi.decoding_seanet is config.mimi.seanet
    assert config.mimi.decoding_transformer is config.mimi.transformer


def test_json_tokenizer_path_decides_whatever_the_field_says(raw):
    put(raw, "flow_lm.lookup_table.tokenizer_path", "hf://a/b/tokenizer.json@main")
    assert parse_config(raw, "x").flow_lm.lookup_table.tokenizer_kind == "tokenizers"


def test_all_problems_come_in_one_error(raw):
    raw["wieghts_path"] = "x"
    del raw["mimi"]["frame_rate"]
    put(raw, "flow_lm.transformer.num_layers", "six")
    put(raw, "mimi.decoder_seanet.ratios", [6, 5.5, 4])
    text = complaint(raw)
    assert text.startswith("my.yaml: 4 problems")
    assert "wieghts_path: unknown key, did you mean weights_path?" in text
    assert "mimi.frame_rate: missing" in text
    assert "flow_lm.transformer.num_layers: expected a whole number, got the text 'six'" in text
    assert "mimi.decoder_seanet.ratios[1]: expected a whole number, got 5.5" in text


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("flow_lm.transformer.num_heads", True, "whole number, got true"),
        ("default_temperature", False, "a number, got false"),
        ("default_temperature", float("nan"), "a number, got nan"),
        ("default_temperature", -float("inf"), "a number, got -inf"),
        ("flow_lm.z_dim", 10**400, "a whole number, got 1000"),
        ("remove_semicolons", 1, "true or false, got 1"),
        ("weights_path", 3, "text, got 3"),
        ("flow_lm.flow", None, "mapping of keys to values, got nothing"),
        ("mimi.seanet", [1], "mapping of keys to values, got a list"),
        ("mimi.seanet.ratios", 4, "list of whole numbers, got 4"),
        ("replace_characters", ["a"], "mapping of text to text, got a list"),
        ("replace_characters", {1: "one"}, "1: 'one' is not text to text"),
        ("flow_lm.lookup_table.zzz", 1, "flow_lm.lookup_table.zzz: unknown key; known keys: dim, n_bins"),
    ],
)
def test_wrong_types(raw, path, value, words):
    put(raw, path, value)
    text = complaint(raw)
    assert words in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("flow_lm.transformer.num_heads", 5, "5 heads do not divide the attention width 512"),
        ("flow_lm.transformer.num_kv_heads", 3, "3 key/value heads do not divide 8"),
        ("flow_lm.transformer.attn_dim", 8 * 3, "a head of 3, expected an even width"),
        ("flow_lm.transformer.num_layers", 0, "num_layers: 0, expected a positive number"),
        ("flow_lm.z_dim", 0, "flow_lm.z_dim: 0, expected a positive number"),
        ("flow_lm.flow.type", "lds", "'lds', expected one of lsd, flow_matching, drifting, pointwise"),
        ("flow_lm.dtype", "int8", "flow_lm.dtype: 'int8', expected one of float32"),
        ("flow_lm.lookup_table.dim", 100, "lookup_table.dim: 100, expected 224"),
        ("flow_lm.lookup_table.tokenizer", "bpe", "'bpe', expected one of sentencepiece"),
        ("mimi.channels", 2, "mimi.channels: 2, expected 1"),
        ("mimi.frame_rate", 12.4, "steps a frame, expected a whole number"),
        ("mimi.seanet.ratios", [6, -5, 4], "mimi.seanet.ratios: (6, -5, 4), expected a positive"),
        ("mimi.seanet.ratios", [6, 5, 2], "mimi.decoder_seanet.ratios: product 120, expected 60"),
        ("mimi.seanet.pad_mode", "reflect", "'reflect', expected one of constant, replicate"),
        ("mimi.seanet.compress", 65, "mimi.seanet.compress: 65, expected at most n_filters = 64"),
        ("mimi.transformer.input_dimension", 256, "mimi.transformer.input_dimension: 256, expected 512"),
        ("mimi.decoder_transformer.output_dimensions", [64], "[64], expected [128]"),
        ("mimi.outer_dim", 256, "mimi.outer_dim: 256, expected 128"),
        ("mimi.quantizer.output_dimension", 512, "output_dimension: 512, expected 128"),
        ("replace_characters", {"ab": "c"}, "'ab' is 2 characters"),
        ("default_temperature", -0.1, "default_temperature: -0.1, expected 0 or more"),
        ("model_recommended_frames_after_eos", -1, "frames_after_eos: -1, expected 0 or more"),
    ],
)
def test_contradictions(raw, path, value, words):
    put(raw, path, value)
    assert words in complaint(raw)


def test_whole_floats_and_yaml_exponents_are_numbers(raw):
    put(raw, "flow_lm.transformer.max_period", 10000.0)
    put(raw, "mimi.frame_rate", 25)
    put(raw, "mimi.transformer.layer_scale", "1e-2")
    config = parse_config(raw, "x")
    assert type(config.flow_lm.transformer.max_period) is int
    assert type(config.mimi.frame_rate) is float
    assert config.mimi.transformer.layer_scale == 0.01


def test_no_residual_layers_is_legal(raw):
    put(raw, "mimi.decoder_seanet.n_residual_layers", 0)
    assert parse_config(raw, "x").mimi.decoding_seanet.n_residual_layers == 0


def test_load_config_reads_a_file(tmp_path, raw):
    yaml = pytest.importorskip("yaml")
    raw["mimi"]["seanet"]["ratios"] = [6, 5, 4]
    path = tmp_path / "model.yaml"
    for side in ("seanet", "decoder_seanet"):
        raw["mimi"][side]["ratios"] = list(raw["mimi"][side]["ratios"])
    for side in ("transformer", "decoder_transformer"):
        raw["mimi"][side]["output_dimensions"] = list(raw["mimi"][side]["output_dimensions"])
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    assert load_config(path) == shipped_config("english_7m_2026-10")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"# only a comment\n", "empty"),
        (b"a: 1\nb: [1, 2\nc: 3\n", "not valid YAML at line 3"),
        (b"a: \xff\xfe", "UTF-8"),
        (b"a: 2026-13-45\n", "not valid YAML"),
        (b"just words\n", "top level: expected a mapping"),
        (b"!!python/object:os.system {}\n", "not valid YAML at line 1"),
        (b"[" * 1500, "not valid YAML"),
    ],
)
def test_damaged_files(tmp_path, content, words):
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(path)
    assert "broken.yaml" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(NotFoundError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_relative_paths_start_at_the_config_then_at_the_current_directory(tmp_path, monkeypatch):
    folder, current = tmp_path / "model", tmp_path / "current"
    for where in (folder, current):
        where.mkdir()
        (where / "both").touch()
    (current / "only_current").touch()
    monkeypatch.chdir(current)
    assert resolve_location("both", folder) == str(folder / "both")
    assert resolve_location("only_current", folder) == "only_current"
    assert resolve_location("neither", folder) == str(folder / "neither")
    assert resolve_location("both", None) == "both"
    assert resolve_location("hf://a/b/both", folder) == "hf://a/b/both"
    assert resolve_location("https://x/both", folder) == "https://x/both"
    absolute = str(Path(tmp_path / "a").absolute())
    assert resolve_location(absolute, folder) == absolute
