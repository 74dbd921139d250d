"""The JSON files of Qwen3-TTS folders as data: the five released models, and a tiny one with every part.

Facts of the released ones as far as they are public: sizes, ids and names; keys of no use are there too, to be
passed over.
"""

from __future__ import annotations

import copy
from typing import Any

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
_SPEAK_DIALECT = {"eric": "sichuan_dialect", "dylan": "beijing_dialect"}
_UNUSED = {
    "max_position_embeddings": 32768,
    "initializer_range": 0.02,
    "use_cache": True,
    "sliding_window": None,
}

SPEECH_TOKENIZER: dict[str, Any] = {
    "architectures": ["Qwen3TTSTokenizerV2Model"],
    "model_type": "qwen3_tts_tokenizer_12hz",
    "encoder_valid_num_quantizers": 16,
    "input_sample_rate": 24000,
    "output_sample_rate": 24000,
    "decode_upsample_rate": 1920,
    "encode_downsample_rate": 1920,
    "decoder_config": {
        "attention_bias": False,
        "attention_dropout": 0.0,
        "latent_dim": 1024,
        "codebook_dim": 512,
        "codebook_size": 2048,
        "decoder_dim": 1536,
        "hidden_act": "silu",
        "hidden_size": 512,
        "intermediate_size": 1024,
        "layer_scale_initial_scale": 0.01,
        "max_position_embeddings": 8000,
        "head_dim": 64,
        "num_attention_heads": 16,
        "num_hidden_layers": 8,
        "num_key_value_heads": 16,
        "num_quantizers": 16,
        "num_semantic_quantizers": 1,
        "rms_norm_eps": 1e-05,
        "rope_theta": 10000,
        "semantic_codebook_size": 4096,
        "sliding_window": 72,
        "upsample_rates": [8, 5, 4, 3],
        "upsampling_ratios": [2, 2],
        "vector_quantization_hidden_dimension": 512,
    },
    "encoder_config": {
        "_frame_rate": 12.5,
        "attention_bias": False,
        "audio_channels": 1,
        "codebook_dim": 256,
        "codebook_size": 2048,
        "compress": 2,
        "dilation_growth_rate": 2,
        "head_dim": 64,
        "hidden_act": "gelu",
        "hidden_size": 512,
        "intermediate_size": 2048,
        "kernel_size": 7,
        "last_kernel_size": 3,
        "norm_eps": 1e-05,
        "num_attention_heads": 8,
        "num_filters": 64,
        "num_hidden_layers": 8,
        "num_key_value_heads": 8,
        "num_quantizers": 32,
        "num_residual_layers": 1,
        "num_semantic_quantizers": 1,
        "pad_mode": "constant",
        "residual_kernel_size": 3,
        "rope_theta": 10000.0,
        "sampling_rate": 24000,
        "sliding_window": 250,
        "upsampling_ratios": [8, 6, 5, 4],
        "use_causal_conv": True,
        "use_conv_shortcut": False,
        "vector_quantization_hidden_dimension": 256,
    },
}

GENERATION: dict[str, Any] = {
    "do_sample": True,
    "repetition_penalty": 1.05,
    "temperature": 0.9,
    "top_p": 1.0,
    "top_k": 50,
    "subtalker_dosample": True,
    "subtalker_temperature": 0.9,
    "subtalker_top_p": 1.0,
    "subtalker_top_k": 50,
    "max_new_tokens": 8192,
}


def released(kind: str, size: str) -> dict[str, Any]:
    """config.json of a released model; kind: base, custom_voice or voice_design; size: 0b6 or 1b7."""
    width = {"0b6": 1024, "1b7": 2048}[size]
    preset = kind == "custom_voice"
    config: dict[str, Any] = {
        "architectures": ["Qwen3TTSForConditionalGeneration"],
        "model_type": "qwen3_tts",
        "transformers_version": "4.57.3",
        "tokenizer_type": "qwen3_tts_tokenizer_12hz",
        "tts_model_size": size,
        "tts_model_type": kind,
        "im_start_token_id": 151644,
        "im_end_token_id": 151645,
        "assistant_token_id": 77091,
        "tts_pad_token_id": 151671,
        "tts_bos_token_id": 151672,
        "tts_eos_token_id": 151673,
        "talker_config": {
            **_UNUSED,
            "attention_bias": False,
            "code_predictor_config": {
                **_UNUSED,
                "attention_bias": False,
                "head_dim": 128,
                "hidden_act": "silu",
                "hidden_size": 1024,
                "intermediate_size": 3072,
                "layer_types": ["full_attention"] * 5,
                "num_attention_heads": 16,
                "num_code_groups": 16,
                "num_hidden_layers": 5,
                "num_key_value_heads": 8,
                "rms_norm_eps": 1e-06,
                "rope_scaling": None,
                "rope_theta": 1000000,
                "use_sliding_window": False,
                "vocab_size": 2048,
            },
            "codec_bos_id": 2149,
            "codec_eos_token_id": 2150,
            "codec_language_id": {**_LANGUAGES, **(_DIALECTS if preset else {})},
            "codec_nothink_id": 2155,
            "codec_pad_id": 2148,
            "codec_think_bos_id": 2156,
            "codec_think_eos_id": 2157,
            "codec_think_id": 2154,
            "head_dim": 128,
            "hidden_act": "silu",
            "hidden_size": width,
            "intermediate_size": 3 * width,
            "num_attention_heads": 16,
            "num_code_groups": 16,
            "num_hidden_layers": 28,
            "num_key_value_heads": 8,
            "position_id_per_seconds": 13,
            "rms_norm_eps": 1e-06,
            "rope_scaling": {
                "interleaved": True,
                "mrope_section": [24, 20, 20],
                "rope_type": "default",
                "type": "default",
            },
            "rope_theta": 1000000,
            "spk_id": dict(_SPEAKERS) if preset else {},
            "spk_is_dialect": {n: _SPEAK_DIALECT.get(n, False) for n in _SPEAKERS} if preset else {},
            "text_hidden_size": 2048,
            "text_vocab_size": 151936,
            "use_sliding_window": False,
            "vocab_size": 3072,
        },
    }
    if kind == "base":
        config["speaker_encoder_config"] = {"enc_dim": width, "sample_rate": 24000}
    return copy.deepcopy(config)


def put(data: dict[str, Any], path: str, value: Any) -> None:
    """Set `a.b.c` in nested dicts; a value of `...` removes the key instead."""
    *parents, last = path.split(".")
    for parent in parents:
        data = data[parent]
    if value is ...:
        del data[last]
    else:
        data[last] = value
