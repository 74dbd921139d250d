"""Qwen3-TTS small enough for unit tests and goldens: every kind of model, with the JSON files of a released folder.

Sizes are odd on purpose (widths that are no multiple of 16, heads of 8, 10 and 16) so that tails are hit. The
talker's vocabulary must exceed 1024: its last 1024 ids are no codes, which leaves 64.
"""

from __future__ import annotations

import copy

from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.models.qwen3.config_files import (
    GENERATION_CONFIG,
    MODEL_CONFIG,
    TOKENIZER_CONFIG,
    parse_config,
)

from .text_files import tiny_vocabulary

CODES = 64

LANGUAGES = {
    "chinese": 82,
    "english": 81,
    "german": 83,
    "italian": 84,
    "portuguese": 85,
    "spanish": 86,
    "japanese": 87,
    "korean": 88,
    "french": 89,
    "russian": 90,
}
DIALECTS = {"beijing_dialect": 91, "sichuan_dialect": 92}
SPEAKERS = {
    "serena": 203,
    "vivian": 204,
    "uncle_fu": 205,
    "ryan": 206,
    "aiden": 207,
    "ono_anna": 208,
    "sohee": 209,
    "eric": 210,
    "dylan": 1080,
}
SPEAKS_DIALECT = {"eric": "sichuan_dialect", "dylan": "beijing_dialect"}


def _talker(width):
    return {
        "hidden_size": width,
        "intermediate_size": 52,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "hidden_act": "silu",
        "attention_bias": False,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000,
        "rope_scaling": {"rope_type": "default", "interleaved": True, "mrope_section": [4, 2, 2]},
        "max_position_embeddings": 32768,
        "vocab_size": 1024 + CODES,
        "text_vocab_size": 320,
        "text_hidden_size": 44,
        "num_code_groups": 16,
        "codec_pad_id": 70,
        "codec_bos_id": 71,
        "codec_eos_token_id": 72,
        "codec_think_id": 76,
        "codec_nothink_id": 77,
        "codec_think_bos_id": 78,
        "codec_think_eos_id": 79,
        "code_predictor_config": {
            "hidden_size": 40,
            "intermediate_size": 36,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "hidden_act": "silu",
            "rms_norm_eps": 1e-6,
            "rope_theta": 1000000,
            "rope_scaling": None,
            "max_position_embeddings": 65536,
            "layer_types": ["full_attention"] * 2,
            "vocab_size": CODES,
            "num_code_groups": 16,
        },
    }


_SPEAKER_ENCODER = {
    "sample_rate": 24000,
    "enc_channels": [20, 20, 20, 20, 60],
    "enc_res2net_scale": 4,
    "enc_se_channels": 9,
    "enc_attention_channels": 11,
}

_SPEECH_TOKENIZER = {
    "model_type": "qwen3_tts_tokenizer_12hz",
    "encoder_valid_num_quantizers": 16,
    "input_sample_rate": 24000,
    "output_sample_rate": 24000,
    "decode_upsample_rate": 1920,
    "encode_downsample_rate": 1920,
    "decoder_config": {
        "codebook_dim": 20,
        "codebook_size": CODES,
        "latent_dim": 24,
        "hidden_size": 20,
        "intermediate_size": 28,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "head_dim": 8,
        "sliding_window": 40,
        "rope_theta": 10000,
        "rms_norm_eps": 1e-5,
        "decoder_dim": 48,
        "upsample_rates": [8, 5, 4, 3],
        "upsampling_ratios": [2, 2],
        "num_quantizers": 16,
    },
    "encoder_config": {
        "model_type": "mimi",
        "sampling_rate": 24000,
        "_frame_rate": 12.5,
        "audio_channels": 1,
        "num_filters": 4,
        "kernel_size": 7,
        "last_kernel_size": 3,
        "residual_kernel_size": 3,
        "dilation_growth_rate": 2,
        "num_residual_layers": 1,
        "compress": 2,
        "upsampling_ratios": [8, 6, 5, 4],
        "hidden_size": 20,
        "intermediate_size": 44,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 10,
        "norm_eps": 1e-5,
        "rope_theta": 10000,
        "sliding_window": 8,  # in the file, and never applied
        "codebook_size": CODES,
        "codebook_dim": 12,
        "vector_quantization_hidden_dimension": 12,
        "num_quantizers": 32,
        "num_semantic_quantizers": 1,
        "upsample_groups": 20,
    },
}

_GENERATION = {
    "do_sample": True,
    "top_k": 50,
    "top_p": 1.0,
    "temperature": 0.9,
    "repetition_penalty": 1.05,
    "subtalker_dosample": True,
    "subtalker_top_k": 50,
    "subtalker_top_p": 1.0,
    "subtalker_temperature": 0.9,
    "max_new_tokens": 200,
}

# (kind, size, talker width). The predictor's width is 40: where the talker's differs, rows are projected.
_MODELS = {
    "qwen3-tiny-base": ("base", "0b6", 40),
    "qwen3-tiny-base-wide": ("base", "1b7", 56),
    "qwen3-tiny-customvoice": ("custom_voice", "0b6", 40),
    "qwen3-tiny-customvoice-wide": ("custom_voice", "1b7", 56),
    "qwen3-tiny-voicedesign": ("voice_design", "1b7", 56),
}

TINY_QWEN3 = tuple(_MODELS)


def tiny_files(name) -> dict[str, dict]:
    """{name of a config file: its data} of a tiny model: config.json, generation_config.json, the codec's."""
    kind, size, width = _MODELS[name]
    talker, ids = _talker(width), tiny_vocabulary().special
    custom = kind == "custom_voice"
    talker["codec_language_id"] = {**LANGUAGES, **(DIALECTS if custom else {})}
    talker["spk_id"] = SPEAKERS if custom else {}
    talker["spk_is_dialect"] = {who: SPEAKS_DIALECT.get(who, False) for who in talker["spk_id"]}
    config = {
        "architectures": ["Qwen3TTSForConditionalGeneration"],
        "model_type": "qwen3_tts",
        "tokenizer_type": "qwen3_tts_tokenizer_12hz",
        "tts_model_size": size,
        "tts_model_type": kind,
        "im_start_token_id": ids["<|im_start|>"],
        "im_end_token_id": ids["<|im_end|>"],
        "tts_pad_token_id": ids["<tts_pad>"],
        "tts_bos_token_id": ids["<tts_text_bos>"],
        "tts_eos_token_id": ids["<tts_text_eod>"],
        "talker_config": talker,
        "transformers_version": "4.57.3",
    }
    if kind == "base":
        config["speaker_encoder_config"] = {**_SPEAKER_ENCODER, "enc_dim": width}
    files = {
        MODEL_CONFIG: config,
        GENERATION_CONFIG: _GENERATION,
        TOKENIZER_CONFIG: _SPEECH_TOKENIZER,
    }
    return copy.deepcopy(files)


def config_of(files, name) -> ModelConfig:
    """The checked config of the files of a folder, as tiny_files gives them."""
    return parse_config(files[MODEL_CONFIG], files[TOKENIZER_CONFIG], files[GENERATION_CONFIG], name)


def tiny_config(name) -> ModelConfig:
    return config_of(tiny_files(name), name)
