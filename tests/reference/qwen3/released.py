"""The configs of the five released models, as far as they are known: sizes and ids for synthetic weights."""

from __future__ import annotations

import copy

from pocket_fast.models.qwen3.config_files import GENERATION_CONFIG, MODEL_CONFIG, TOKENIZER_CONFIG

from .tiny import SPEAKS_DIALECT, tiny_files

# (kind, size in the config, talker width, talker's feed-forward)
_MODELS = {
    "qwen3-tts-12hz-0.6b-base": ("base", "0b6", 1024, 3072),
    "qwen3-tts-12hz-0.6b-customvoice": ("custom_voice", "0b6", 1024, 3072),
    "qwen3-tts-12hz-1.7b-base": ("base", "1b7", 2048, 6144),
    "qwen3-tts-12hz-1.7b-customvoice": ("custom_voice", "1b7", 2048, 6144),
    "qwen3-tts-12hz-1.7b-voicedesign": ("voice_design", "1b7", 2048, 6144),
}

RELEASED_QWEN3 = tuple(_MODELS)

_TALKER = {
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "rope_scaling": {"rope_type": "default", "interleaved": True, "mrope_section": [24, 20, 20]},
    "vocab_size": 3072,
    "text_vocab_size": 151936,
    "text_hidden_size": 2048,
    "codec_pad_id": 2148,
    "codec_bos_id": 2149,
    "codec_eos_token_id": 2150,
    "codec_think_id": 2154,
    "codec_nothink_id": 2155,
    "codec_think_bos_id": 2156,
    "codec_think_eos_id": 2157,
    "pad_token_id": 2148,
}
_PREDICTOR = {
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 5,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "layer_types": ["full_attention"] * 5,
    "vocab_size": 2048,
}
_LANGUAGES = {
    "chinese": 2055,
    "english": 2050,
    "german": 2053,
    "italian": 2070,
    "portuguese": 2071,
    "spanish": 2054,
    "japanese": 2058,
    "korean": 2064,
    "french": 2061,
    "russian": 2069,
}
_DIALECTS = {"beijing_dialect": 2074, "sichuan_dialect": 2062}
_SPEAKERS = {
    "serena": 3066,
    "vivian": 3065,
    "uncle_fu": 3010,
    "ryan": 3061,
    "aiden": 2861,
    "ono_anna": 2873,
    "sohee": 2864,
    "eric": 2875,
    "dylan": 2878,
}
_IDS = {
    "im_start_token_id": 151644,
    "im_end_token_id": 151645,
    "assistant_token_id": 77091,
    "tts_pad_token_id": 151671,
    "tts_bos_token_id": 151672,
    "tts_eos_token_id": 151673,
}
_DECODER = {
    "codebook_dim": 512,
    "codebook_size": 2048,
    "semantic_codebook_size": 4096,
    "num_semantic_quantizers": 1,
    "vector_quantization_hidden_dimension": 512,
    "latent_dim": 1024,
    "hidden_size": 512,
    "intermediate_size": 1024,
    "num_hidden_layers": 8,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "head_dim": 64,
    "sliding_window": 72,
    "decoder_dim": 1536,
}
_ENCODER = {
    "num_filters": 64,
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "sliding_window": 250,
    "codebook_size": 2048,
    "codebook_dim": 256,
    "vector_quantization_hidden_dimension": 256,
    "upsample_groups": 512,
}


def released_files(name) -> dict[str, dict]:
    """{name of a config file: its data} of a released model."""
    kind, size, width, feed_forward = _MODELS[name]
    files = tiny_files("qwen3-tiny-customvoice")  # the keys, and every value that is not a size or an id
    config, codec = files[MODEL_CONFIG], files[TOKENIZER_CONFIG]
    custom = kind == "custom_voice"
    config.update(_IDS, tts_model_type=kind, tts_model_size=size)
    if kind == "base":
        config["speaker_encoder_config"] = {"enc_dim": width, "sample_rate": 24000}
    talker = config["talker_config"]
    talker.update(_TALKER, hidden_size=width, intermediate_size=feed_forward)
    talker["code_predictor_config"].update(_PREDICTOR)
    talker["codec_language_id"] = {**_LANGUAGES, **(_DIALECTS if custom else {})}
    talker["spk_id"] = _SPEAKERS if custom else {}
    talker["spk_is_dialect"] = {who: SPEAKS_DIALECT.get(who, False) for who in talker["spk_id"]}
    codec["decoder_config"].update(_DECODER)
    codec["encoder_config"].update(_ENCODER)
    files[GENERATION_CONFIG]["max_new_tokens"] = 8192
    return copy.deepcopy(files)
