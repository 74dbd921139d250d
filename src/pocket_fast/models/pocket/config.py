"""The config of a Pocket TTS model: the YAML tree as frozen dataclasses, same names and nesting.

Properties hold what the tree implies (defaults that refer to other fields, derived sizes), under one
vocabulary for both transformers: q_dim, kv_heads, kv_dim, head_dim, ffn_dim.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

# Time conditions of the flow head for each sampler: LSD maps a start to an end time, flow matching
# integrates over one, the two one-step samplers have none.
FLOW_TYPES = {"lsd": 2, "flow_matching": 1, "drifting": 0, "pointwise": 0}


@dataclass(frozen=True)
class FlowConfig:
    """The sampling head: residual blocks with adaptive norms."""

    dim: int
    depth: int
    type: str = "lsd"

    @property
    def num_times(self) -> int:
        return FLOW_TYPES[self.type]


@dataclass(frozen=True)
class BackboneConfig:
    """`flow_lm.transformer`: causal, unbounded attention, RoPE, optional grouped KV heads."""

    hidden_scale: int
    max_period: int
    d_model: int
    num_heads: int
    num_layers: int
    attn_dim: int | None = None
    num_kv_heads: int | None = None
    dim_feedforward: int | None = None

    @property
    def q_dim(self) -> int:
        return self.attn_dim or self.d_model

    @property
    def kv_heads(self) -> int:
        return self.num_kv_heads or self.num_heads

    @property
    def head_dim(self) -> int:
        return self.q_dim // self.num_heads

    @property
    def kv_dim(self) -> int:
        return self.kv_heads * self.head_dim

    @property
    def ffn_dim(self) -> int:
        return self.dim_feedforward or self.d_model * self.hidden_scale


@dataclass(frozen=True)
class LookupTableConfig:
    """Text embedding: n_bins tokens plus one padding row; low-rank when `rank` is set."""

    dim: int
    n_bins: int
    tokenizer: str
    tokenizer_path: str
    rank: int | None = None

    @property
    def tokenizer_kind(self) -> str:
        """`tokenizers` or `sentencepiece`; a .json path decides whatever the field says."""
        if self.tokenizer in ("tokenizers", "json") or self.tokenizer_path.split("@")[0].endswith(".json"):
            return "tokenizers"
        return "sentencepiece"


@dataclass(frozen=True)
class FlowLMConfig:
    """Text and voice in, one latent per frame out."""

    dtype: str
    flow: FlowConfig
    transformer: BackboneConfig
    lookup_table: LookupTableConfig
    z_dim: int | None = None
    weights_path: str | None = None
    insert_bos_before_voice: bool = False

    @property
    def cond_dim(self) -> int:
        """Width of what the flow head and the end-of-speech output read."""
        return self.z_dim or self.transformer.d_model


@dataclass(frozen=True)
class SEANetConfig:
    """The convolutions of one side of the codec. `ratios` in decoder order; the encoder reverses them."""

    dimension: int
    channels: int
    n_filters: int
    n_residual_layers: int
    ratios: tuple[int, ...]
    kernel_size: int
    residual_kernel_size: int
    last_kernel_size: int
    dilation_base: int
    pad_mode: str
    compress: int

    @property
    def hop_length(self) -> int:
        """Samples per step of the codec transformer."""
        return math.prod(self.ratios)


@dataclass(frozen=True)
class CodecTransformerConfig:
    """`mimi.transformer`: causal attention over a window of `context` steps, with layer scale."""

    d_model: int
    input_dimension: int
    output_dimensions: tuple[int, ...]
    num_heads: int
    num_layers: int
    layer_scale: float
    context: int
    dim_feedforward: int
    max_period: float = 10000.0

    @property
    def q_dim(self) -> int:
        return self.d_model

    @property
    def kv_heads(self) -> int:
        return self.num_heads

    @property
    def head_dim(self) -> int:
        return self.d_model // self.num_heads

    @property
    def kv_dim(self) -> int:
        return self.d_model

    @property
    def ffn_dim(self) -> int:
        return self.dim_feedforward


@dataclass(frozen=True)
class QuantizerConfig:
    """Only its output projection exists here: latent -> width of the upsampler."""

    dimension: int
    output_dimension: int


@dataclass(frozen=True)
class MimiConfig:
    """The codec: samples <-> latents."""

    dtype: str
    sample_rate: int
    channels: int
    frame_rate: float
    seanet: SEANetConfig
    transformer: CodecTransformerConfig
    quantizer: QuantizerConfig
    weights_path: str | None = None
    inner_dim: int | None = None
    outer_dim: int | None = None
    decoder_seanet: SEANetConfig | None = None
    decoder_transformer: CodecTransformerConfig | None = None

    @property
    def decoding_seanet(self) -> SEANetConfig:
        return self.decoder_seanet or self.seanet

    @property
    def decoding_transformer(self) -> CodecTransformerConfig:
        return self.decoder_transformer or self.transformer

    @property
    def latent_dim(self) -> int:
        return self.quantizer.dimension

    @property
    def speaker_dim(self) -> int:
        """Width of the encoder's latents, which only `speaker_proj_weight` reads."""
        return self.inner_dim or self.seanet.dimension

    @property
    def samples_per_frame(self) -> int:
        return round(self.sample_rate / self.frame_rate)

    @property
    def steps_per_frame(self) -> int:
        """Transformer steps per latent frame: the stride of `downsample` and `upsample`."""
        return self.samples_per_frame // self.seanet.hop_length


@dataclass(frozen=True)
class ModelConfig:
    """The whole file. Paths stay as written; see resolve_location."""

    flow_lm: FlowLMConfig
    mimi: MimiConfig
    weights_path: str | None = None
    weights_path_without_voice_cloning: str | None = None
    pad_with_spaces_for_short_inputs: bool = False
    remove_semicolons: bool = False
    append_terminal_punctuation: bool = True
    capitalize_first_letter: bool = True
    replace_characters: Mapping[str, str] = field(default_factory=dict)
    model_recommended_frames_after_eos: int | None = None
    default_temperature: float = 0.3
    default_eos_threshold: float = -4.0
