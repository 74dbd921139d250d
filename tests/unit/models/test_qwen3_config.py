"""Configs of Qwen3-TTS: what is accepted, and that every defect is named with its path."""

import json

import pytest

from pocket_fast.errors import ConfigError, NotFoundError
from pocket_fast.models.qwen3.config_files import (
    GENERATION_CONFIG,
    MODEL_CONFIG,
    TOKENIZER_CONFIG,
    load_config,
    parse_config,
)
from reference.qwen3.released import RELEASED_QWEN3, released_files

NAMES = {"base": "qwen3-tts-12hz-1.7b-base", "custom_voice": "qwen3-tts-12hz-1.7b-customvoice"}
NAMES["voice_design"] = "qwen3-tts-12hz-1.7b-voicedesign"


@pytest.fixture
def raw():
    """All three files in one mapping, as errors name them."""
    return files(NAMES["base"])


def files(name):
    data = released_files(name)
    return {
        **data[MODEL_CONFIG],
        "speech_tokenizer": data[TOKENIZER_CONFIG],
        "generation": data[GENERATION_CONFIG],
    }


def put(data, path, value):
    """Set `a.b.c` in nested dicts; a value of `...` removes the key instead."""
    *parents, last = path.split(".")
    for parent in parents:
        data = data[parent]
    if value is ...:
        del data[last]
    else:
        data[last] = value


def parse(raw):
    raw = dict(raw)
    return parse_config(raw, raw.pop("speech_tokenizer"), raw.pop("generation"), "my-model")


def complaint(raw):
    with pytest.raises(ConfigError) as caught:
        parse(raw)
    return str(caught.value)


@pytest.mark.parametrize("name", RELEASED_QWEN3)
def test_the_released_models(name):
    config = parse(files(name))
    talker, kind = config.talker_config, config.tts_model_type
    assert kind.replace("_", "") == name.split("-")[-1]
    assert talker.hidden_size == (1024 if "0.6b" in name else 2048)
    assert talker.intermediate_size == 3 * talker.hidden_size
    assert (talker.rope_theta, talker.code_predictor_config.rope_theta) == (1e6, 1e6)
    assert (talker.num_code_groups, talker.codec_eos_token_id) == (16, 2150)
    assert (config.sample_rate, config.samples_per_frame) == (24000, 1920)
    assert config.speech_tokenizer.decoder_config.upsample_rates == (8, 5, 4, 3)
    assert config.speech_tokenizer.encoder_config.head_width == 64
    assert config.generation.max_new_tokens == 8192
    assert (config.speaker_encoder_config is not None) == (kind == "base")
    assert len(talker.spk_id) == (9 if kind == "custom_voice" else 0)
    if kind == "custom_voice":
        assert talker.spk_is_dialect["eric"] == "sichuan_dialect"
        assert talker.spk_is_dialect["ryan"] is False


@pytest.mark.parametrize(
    ("kind", "size", "takes"),
    [
        ("base", "1b7", False),
        ("custom_voice", "0b6", False),
        ("custom_voice", "b6", False),  # the official test is for a substring
        ("custom_voice", "1b7", True),
        ("voice_design", "1b7", True),
        ("voice_design", "0b6", True),
    ],
)
def test_who_hears_instructions(kind, size, takes):
    raw = files(NAMES[kind])
    raw["tts_model_size"] = size
    assert parse(raw).takes_instructions is takes


def test_what_a_file_leaves_out_has_the_official_default(raw):
    put(raw, "talker_config.code_predictor_config.rope_theta", ...)
    put(raw, "speech_tokenizer.decoder_config.rms_norm_eps", ...)
    put(raw, "speech_tokenizer.encoder_config.head_dim", None)
    raw["generation"] = {}
    config = parse(raw)
    assert config.talker_config.code_predictor_config.rope_theta == 10000.0
    assert config.speech_tokenizer.decoder_config.rms_norm_eps == 1e-5
    assert config.speech_tokenizer.encoder_config.head_width == 64
    assert config.generation.max_new_tokens == 2048


def test_all_problems_come_in_one_error(raw):
    put(raw, "talker_config.num_hidden_layers", "28")
    put(raw, "talker_config.spk_id", {"anna": "3000", "berta": 3.5})
    put(raw, "speech_tokenizer.encoder_config", ...)
    put(raw, "tts_model_type", ...)
    text = complaint(raw)
    assert text.startswith("my-model: 5 problems")
    assert "talker_config.num_hidden_layers: expected a whole number, got the text '28'" in text
    assert "talker_config.spk_id: 'anna': '3000' is not text to a whole number" in text
    assert "talker_config.spk_id: 'berta': 3.5 is not text to a whole number" in text
    assert "speech_tokenizer.encoder_config: missing" in text
    assert "tts_model_type: missing" in text


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("talker_config", [1], "talker_config: expected a mapping of keys to values, got a list [1]"),
        (
            "talker_config.codec_language_id",
            ["german"],
            "expected a mapping of text to a whole number, got a list",
        ),
        ("talker_config.spk_is_dialect", {"a": 1}, "'a': 1 is not text to text or true or false"),
        ("talker_config.rope_theta", True, "talker_config.rope_theta: expected a number, got true"),
        ("speech_tokenizer", None, "speech_tokenizer: expected a mapping of keys to values, got nothing"),
        (
            "speech_tokenizer.decoder_config.upsample_rates",
            [],
            "expected a list of whole numbers, got a list []",
        ),
        ("generation.do_sample", 1, "generation.do_sample: expected true or false, got 1"),
    ],
)
def test_wrong_types(raw, path, value, words):
    put(raw, path, value)
    text = complaint(raw)
    assert words in text
    assert "\n" not in text


CODEC, DECODER, ENCODER = (f"speech_tokenizer{rest}" for rest in ("", ".decoder_config", ".encoder_config"))
TALKER, PREDICTOR = "talker_config", "talker_config.code_predictor_config"
SPEAKER = "speaker_encoder_config"


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("tts_model_type", "singing", "'singing', expected one of base, custom_voice, voice_design"),
        (f"{TALKER}.num_hidden_layers", 0, f"{TALKER}.num_hidden_layers: 0, expected a positive number"),
        (f"{TALKER}.codec_pad_id", -1, f"{TALKER}.codec_pad_id: -1, expected 0 or more"),
        (
            f"{TALKER}.num_key_value_heads",
            3,
            f"{TALKER}.num_key_value_heads: 3 do not divide num_attention_heads = 16",
        ),
        (f"{PREDICTOR}.num_key_value_heads", 5, f"{PREDICTOR}.num_key_value_heads: 5 do not divide"),
        (f"{DECODER}.num_key_value_heads", 5, f"{DECODER}.num_key_value_heads: 5 do not divide"),
        (f"{ENCODER}.num_key_value_heads", 5, f"{ENCODER}.num_key_value_heads: 5 do not divide"),
        (f"{TALKER}.head_dim", 127, f"{TALKER}.head_dim: 127, expected an even width"),
        (
            f"{PREDICTOR}.num_code_groups",
            32,
            "num_code_groups: 32, expected 16 = talker_config.num_code_groups",
        ),
        (f"{DECODER}.num_quantizers", 8, "num_quantizers: 8, expected 16 = talker_config.num_code_groups"),
        (
            f"{CODEC}.encoder_valid_num_quantizers",
            8,
            "quantizers: 8, expected 16 = talker_config.num_code_groups",
        ),
        (f"{TALKER}.codec_bos_id", 3072, "codec_bos_id: 3072, expected 0 to 3071 (vocab_size is 3072)"),
        (f"{TALKER}.codec_eos_token_id", 4198, "codec_eos_token_id: 4198, expected 0 to 3071"),
        (f"{TALKER}.codec_language_id.german", 4000, "codec_language_id.german: 4000, expected 0 to 3071"),
        ("tts_pad_token_id", 151936, "tts_pad_token_id: 151936, expected 0 to 151935"),
        (f"{PREDICTOR}.vocab_size", 2049, "2049 codes, expected at most decoder_config.codebook_size = 2048"),
        (
            f"{TALKER}.vocab_size",
            3073,
            "1024 less are 2049 codes, expected at most decoder_config.codebook_size",
        ),
        (
            f"{PREDICTOR}.vocab_size",
            1024,
            "2048 codes, expected at most talker_config.code_predictor_config.vocab_size",
        ),
        (f"{CODEC}.decode_upsample_rate", 2000, "decode_upsample_rate: 2000, expected 1920 = the product of"),
        (f"{DECODER}.upsample_rates", [8, 5, 4, -3], "upsample_rates: [8, 5, 4, -3], expected a positive"),
        (
            f"{ENCODER}.upsampling_ratios",
            [8, 6, 5, 2],
            "encode_downsample_rate: 1920, expected 960 = the product",
        ),
        (
            f"{CODEC}.input_sample_rate",
            16000,
            "input_sample_rate: 16000, expected 24000 = output_sample_rate",
        ),
        (
            f"{DECODER}.decoder_dim",
            1544,
            "decoder_dim: 1544, expected a multiple of 16 (it is halved 4 times)",
        ),
        (f"{DECODER}.codebook_dim", 511, "codebook_dim: 511, expected an even number"),
        (f"{ENCODER}.num_quantizers", 15, "num_quantizers: 15, expected at least 16"),
        (f"{ENCODER}.num_semantic_quantizers", 2, "num_semantic_quantizers: 2, expected 1"),
        (f"{ENCODER}.codebook_dim", 128, "vector_quantization_hidden_dimension: 256, expected 128"),
        (f"{ENCODER}.compress", 65, "compress: 65, expected at most num_filters = 64"),
        (SPEAKER, ..., "speaker_encoder_config: missing, expected one in the config of a base model"),
        (f"{SPEAKER}.enc_dim", 1024, "enc_dim: 1024, expected 2048 = talker_config.hidden_size"),
        (f"{SPEAKER}.mel_dim", 80, "mel_dim: 80, expected 128"),
        (f"{SPEAKER}.sample_rate", 16000, "sample_rate: 16000, expected 24000"),
        (f"{SPEAKER}.enc_dilations", [1, 2, 3], "enc_dilations: 3, expected 5 = the length of enc_channels"),
        (
            f"{SPEAKER}.enc_channels",
            [512, 512, 512, 256, 1280],
            "enc_channels: [512, 512, 512, 256, 1280], expected",
        ),
        (
            f"{SPEAKER}.enc_channels",
            [8, 8, 8, 8, 25],
            "enc_channels: [8, 8, 8, 8, 25], expected equal widths",
        ),
        (f"{SPEAKER}.enc_res2net_scale", 7, "enc_res2net_scale: 7 does not divide the width 512"),
        ("generation.top_p", 1.5, "generation.top_p: 1.5, expected more than 0 and at most 1"),
        ("generation.temperature", 0, "generation.temperature: 0.0, expected a positive number"),
        ("generation.top_k", -1, "generation.top_k: -1, expected 0 or more"),
        (f"{TALKER}.num_hidden_layers", 10**9, "num_hidden_layers: 1000000000, expected at most 1000"),
        (f"{ENCODER}.num_quantizers", 10**9, "num_quantizers: 1000000000, expected at most 1000"),
        ("tts_model_type", "custom_voice", "talker_config.spk_id: no names, expected those of the speakers"),
    ],
)
def test_contradictions(raw, path, value, words):
    put(raw, path, value)
    assert words in complaint(raw)


def test_too_small_a_codec_vocabulary(raw):
    for key in ("codec_language_id", "spk_id"):
        raw["talker_config"][key] = {}
    put(raw, "talker_config.vocab_size", 1024)
    assert "vocab_size: 1024, expected more than the 1024 ids that are no codes" in complaint(raw)


def test_heads_of_an_encoder_without_head_dim(raw):
    put(raw, f"{ENCODER}.head_dim", ...)
    put(raw, f"{ENCODER}.num_attention_heads", 24)
    assert "24 heads do not divide the width 512" in complaint(raw)


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        (..., "spk_is_dialect.eric: missing, expected false or a dialect for every name in spk_id"),
        (True, "spk_is_dialect.eric: true, expected false or the name of a dialect"),
        ("klingon", "spk_is_dialect.eric: 'klingon', expected false or one of codec_language_id: chinese, "),
    ],
)
def test_dialects_that_are_none(dialect, words):
    raw = files(NAMES["custom_voice"])
    put(raw, "talker_config.spk_is_dialect.eric", dialect)
    assert words in complaint(raw)


def test_zero_turns_top_k_off(raw):
    put(raw, "generation.top_k", 0)
    assert parse(raw).generation.top_k == 0


def test_a_model_trained_further_may_keep_the_speaker_encoder_it_no_longer_has(raw):
    raw["tts_model_type"] = "custom_voice"
    put(raw, f"{TALKER}.spk_id", {"Speaker_One": 3000})
    put(raw, f"{TALKER}.spk_is_dialect", {"Speaker_One": False})
    config = parse(raw)
    assert config.talker_config.spk_id == {"Speaker_One": 3000}
    assert config.speaker_encoder_config is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{TALKER}.hidden_act", "gelu"),
        (f"{TALKER}.attention_bias", True),
        (f"{TALKER}.use_sliding_window", True),
        (f"{TALKER}.rope_scaling.rope_type", "yarn"),
        (f"{PREDICTOR}.layer_types", ["full_attention"] * 4 + ["sliding_attention"]),
        (f"{PREDICTOR}.layer_types", "sliding_attention"),
        (f"{DECODER}.attention_bias", True),
        (f"{ENCODER}.use_causal_conv", False),
        (f"{ENCODER}.use_conv_shortcut", True),
    ],
)
def test_architectures_that_are_not_built(raw, path, value):
    put(raw, path, value)
    assert complaint(raw).startswith(f"my-model: {path}: {value!r}, only ")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"model_type": "qwen3"},
            "its config.json has a model of the type 'qwen3'; expected 'qwen3_tts' (Qwen3-TTS)",
        ),
        ({"model_type": ...}, "no model type that is known here; expected 'qwen3_tts' (Qwen3-TTS)"),
        (
            {"model_type": "qwen3_tts_tokenizer_12hz"},
            "this is a codec alone (qwen3_tts_tokenizer_12hz); give the model",
        ),
        ({"flow_lm": {}, "mimi": {}, "model_type": ...}, "this is a config of Pocket TTS, not of Qwen3-TTS"),
        (
            {"tokenizer_type": "qwen3_tts_tokenizer_25hz"},
            "tokenizer_type: a model of the 25 Hz tokenizer; only those",
        ),
        (
            {f"{CODEC}.model_type": "qwen3_tts_tokenizer_25hz"},
            "speech_tokenizer.model_type: a model of the 25 Hz",
        ),
        (
            {f"{CODEC}.model_type": "mimi"},
            "speech_tokenizer.model_type: 'mimi', expected 'qwen3_tts_tokenizer_12hz'",
        ),
    ],
)
def test_configs_of_something_else(raw, changes, words):
    raw["talker_config"] = None  # one more problem, of no interest
    for path, value in changes.items():
        put(raw, path, value)
    text = complaint(raw)
    assert text.startswith("my-model: ")
    assert words in text
    assert "\n" not in text


@pytest.fixture
def folder(tmp_path, raw):
    (tmp_path / "speech_tokenizer").mkdir()
    parts = {"speech_tokenizer/config.json": "speech_tokenizer", "generation_config.json": "generation"}
    for name, key in parts.items():
        (tmp_path / name).write_text(json.dumps(raw.pop(key)), encoding="utf-8")
    (tmp_path / "config.json").write_text(json.dumps(raw), encoding="utf-8")
    return tmp_path


def test_load_config_reads_the_three_files(folder):
    config = load_config(folder.joinpath, "here")
    assert config == parse(files(NAMES["base"]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not valid JSON at line 1, column 1"),
        (b'{"model_type": "qwen3_tts",\n "talker_config": {]}', "not valid JSON at line 2, column 20"),
        (b"flow_lm:\n  dtype: float32\n", "not valid JSON at line 1"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b"[1]", "holds no keys and values"),
        (b'{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}', "'llama'; expected 'qwen3_tts'"),
    ],
)
def test_damaged_files(folder, content, words):
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(folder.joinpath, str(folder))
    assert str(folder) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_what_the_config_is_comes_before_files_that_only_this_family_has(folder):
    (folder / "config.json").write_text('{"model_type": "qwen3"}')

    def find(name):
        if name != "config.json":
            raise NotFoundError(name)
        return folder / name

    with pytest.raises(ConfigError, match="'qwen3'; expected 'qwen3_tts'"):
        load_config(find, "here")
