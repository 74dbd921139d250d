"""The config of a Qwen3-TTS model: the JSON files of a released folder as frozen dataclasses, same names and nesting.

A key that a file leaves out has the official class's default (qwen-tts 0.1.1, transformers' MimiConfig for the
encoder), because that is what those files are written against; keys of no use here are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

MODEL_TYPES = ("base", "custom_voice", "voice_design")


@dataclass(frozen=True)
class PredictorConfig:
    """`talker_config.code_predictor_config`: codes 1 to 15 of a frame, one after the other."""

    hidden_size: int = 1024
    intermediate_size: int = 3072
    num_hidden_layers: int = 5
    num_attention_heads: int = 16
    num_key_value_heads: int = 8
    head_dim: int = 128
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    vocab_size: int = 2048
    num_code_groups: int = 32


@dataclass(frozen=True)
class TalkerConfig:
    """`talker_config`: text and the frames so far in, code 0 of the next frame out."""

    code_predictor_config: PredictorConfig = field(default_factory=PredictorConfig)
    hidden_size: int = 1024
    intermediate_size: int = 2048
    num_hidden_layers: int = 20
    num_attention_heads: int = 16
    num_key_value_heads: int = 2
    head_dim: int = 128
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    vocab_size: int = 3072
    text_vocab_size: int = 151936
    text_hidden_size: int = 2048
    num_code_groups: int = 32
    codec_eos_token_id: int = 4198
    codec_think_id: int = 4202
    codec_nothink_id: int = 4203
    codec_think_bos_id: int = 4204
    codec_think_eos_id: int = 4205
    codec_pad_id: int = 4196
    codec_bos_id: int = 4197
    codec_language_id: Mapping[str, int] = field(default_factory=dict)
    spk_id: Mapping[str, int] = field(default_factory=dict)
    spk_is_dialect: Mapping[str, str | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class SpeakerEncoderConfig:
    """`speaker_encoder_config` of a Base model: an ECAPA-TDNN over a mel spectrogram."""

    mel_dim: int = 128
    enc_dim: int = 1024
    enc_channels: tuple[int, ...] = (512, 512, 512, 512, 1536)
    enc_kernel_sizes: tuple[int, ...] = (5, 3, 3, 3, 1)
    enc_dilations: tuple[int, ...] = (1, 2, 3, 4, 1)
    enc_attention_channels: int = 128
    enc_res2net_scale: int = 8
    enc_se_channels: int = 128
    sample_rate: int = 24000


@dataclass(frozen=True)
class DecoderConfig:
    """`decoder_config` of the speech tokenizer: codes -> samples."""

    codebook_size: int = 2048
    codebook_dim: int = 512
    hidden_size: int = 1024
    latent_dim: int = 1024
    rope_theta: float = 10000.0
    num_attention_heads: int = 16
    num_key_value_heads: int = 16
    head_dim: int = 64
    sliding_window: int = 72
    intermediate_size: int = 3072
    rms_norm_eps: float = 1e-5
    num_hidden_layers: int = 8
    num_quantizers: int = 16
    upsample_rates: tuple[int, ...] = (8, 5, 4, 3)
    upsampling_ratios: tuple[int, ...] = (2, 2)
    decoder_dim: int = 1536

    @property
    def samples_per_frame(self) -> int:
        return math.prod(self.upsample_rates) * math.prod(self.upsampling_ratios)


@dataclass(frozen=True)
class EncoderConfig:
    """`encoder_config` of the speech tokenizer, samples -> codes: Mimi's encoder half."""

    num_filters: int = 64
    num_residual_layers: int = 1
    upsampling_ratios: tuple[int, ...] = (8, 6, 5, 4)
    kernel_size: int = 7
    last_kernel_size: int = 3
    residual_kernel_size: int = 3
    dilation_growth_rate: int = 2
    compress: int = 2
    hidden_size: int = 512
    num_hidden_layers: int = 8
    num_attention_heads: int = 8
    num_key_value_heads: int = 8
    head_dim: int | None = None
    intermediate_size: int = 2048
    norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    codebook_size: int = 2048
    codebook_dim: int = 256
    vector_quantization_hidden_dimension: int = 256
    num_quantizers: int = 32
    num_semantic_quantizers: int = 1

    @property
    def head_width(self) -> int:
        return self.head_dim or self.hidden_size // self.num_attention_heads


@dataclass(frozen=True)
class SpeechTokenizerConfig:
    """`speech_tokenizer/config.json`: the codec."""

    decoder_config: DecoderConfig
    encoder_config: EncoderConfig
    encoder_valid_num_quantizers: int = 16
    input_sample_rate: int = 24000
    output_sample_rate: int = 24000
    decode_upsample_rate: int = 1920
    encode_downsample_rate: int = 1920


@dataclass(frozen=True)
class GenerationConfig:
    """`generation_config.json`: how codes are drawn where the caller does not say."""

    do_sample: bool = True
    top_k: int = 50
    top_p: float = 1.0
    temperature: float = 0.9
    repetition_penalty: float = 1.05
    subtalker_dosample: bool = True
    subtalker_top_k: int = 50
    subtalker_top_p: float = 1.0
    subtalker_temperature: float = 0.9
    max_new_tokens: int = 2048


@dataclass(frozen=True)
class ModelConfig:
    """A whole model: `config.json`, and the two files beside it."""

    talker_config: TalkerConfig
    tts_model_type: str
    tts_model_size: str
    speech_tokenizer: SpeechTokenizerConfig
    generation: GenerationConfig
    speaker_encoder_config: SpeakerEncoderConfig | None = None
    tokenizer_type: str = "qwen3_tts_tokenizer_12hz"
    im_start_token_id: int = 151644
    im_end_token_id: int = 151645
    tts_pad_token_id: int = 151671
    tts_bos_token_id: int = 151672
    tts_eos_token_id: int = 151673

    @property
    def sample_rate(self) -> int:
        return self.speech_tokenizer.output_sample_rate

    @property
    def samples_per_frame(self) -> int:
        return self.speech_tokenizer.decode_upsample_rate

    @property
    def takes_instructions(self) -> bool:
        """Whether a description or an instruction is heard.

        The official wrapper drops the instruction of a preset speaker for 0.6B models; its test is this substring
        test.
        """
        if self.tts_model_type == "custom_voice":
            return self.tts_model_size not in "0b6"
        return self.tts_model_type == "voice_design"
