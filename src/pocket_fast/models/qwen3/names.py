"""Names and shapes of the tensors that a model is loaded from, for a config.

The names are those of the released files: the main file's as they are (`talker.`, `speaker_encoder.`), the codec's
with `speech_tokenizer.` in front. Shapes are PyTorch's: Linear [out, in], Conv1d [out, in / groups, K],
ConvTranspose1d [in, out, K].
"""

from __future__ import annotations

import re

from pocket_fast.models.qwen3.config import (
    DecoderConfig,
    EncoderConfig,
    ModelConfig,
    PredictorConfig,
    SpeakerEncoderConfig,
    TalkerConfig,
)
from pocket_fast.models.qwen3.consistency import ENCODER_STRIDE
from pocket_fast.weights.integers import bits_of

Shapes = dict[str, tuple[int, ...]]

CODEC_PREFIX = "speech_tokenizer."
_TALKER = "talker.model."
TEXT_TABLE = "talker.model.text_embedding.weight"  # as large as all layers of the smallest model together

_LAYER_MATRICES = re.compile(
    r"talker\.(code_predictor\.)?model\.layers\.\d+\.(self_attn|mlp)\.(q|k|v|o|gate|up|down)_proj\.weight"
)
# Tensors of the files that nothing here reads: what only training needs, the quantisers that no code of a frame is of,
# and the speaker encoder that a model trained further on its own speakers may still hold.
_UNUSED = re.compile(
    r"speaker_encoder\..*"
    r"|speech_tokenizer\.decoder\.quantizer\.rvq_(first|rest)\.input_proj\.weight"
    r"|speech_tokenizer\.encoder\.quantizer\.(semantic|acoustic)_residual_vector_quantizer\."
    r"(output_proj\.weight|layers\.\d+\.codebook\.(cluster_usage|embed_sum|initialized))"
)


def expected_tensors(config: ModelConfig) -> Shapes:
    """All tensors that must be there, in a stable order: `talker.*`, `speaker_encoder.*`, `speech_tokenizer.*`."""
    shapes = _under("talker.", _talker(config.talker_config))
    if config.speaker_encoder_config is not None:
        shapes.update(_under("speaker_encoder.", _speaker_encoder(config.speaker_encoder_config)))
    codec = config.speech_tokenizer
    shapes.update(_under(f"{CODEC_PREFIX}decoder.", _decoder(codec.decoder_config)))
    used = codec.encoder_valid_num_quantizers
    shapes.update(_under(f"{CODEC_PREFIX}encoder.", _encoder(codec.encoder_config, used)))
    return shapes


def is_unused(name: str) -> bool:
    """Whether a tensor that is not expected is one that the released files hold, or may hold, beside those that are."""
    return _UNUSED.fullmatch(name) is not None


def int8_matrices(config: ModelConfig) -> dict[str, tuple[int, int]]:
    """The tensors (n, k) that compute types of integers approximate: the layers' matrices of talker and predictor.

    Everything else stays exact: embeddings, heads and projections at their ends, the speaker encoder, the codec.
    """
    return {
        name: (shape[0], shape[1])
        for name, shape in expected_tensors(config).items()
        if _LAYER_MATRICES.fullmatch(name)
    }


def integer_matrices(config: ModelConfig, bits: int) -> dict[str, int]:
    """The same {name: bits}, where the talker has so many; the predictor never has fewer than 8."""
    return {
        name: bits_of(shape, bits if name.startswith(_TALKER) else 8)
        for name, shape in int8_matrices(config).items()
    }


def _talker(talker: TalkerConfig) -> Shapes:
    width, text, predictor = talker.hidden_size, talker.text_hidden_size, talker.code_predictor_config
    shapes: Shapes = {
        "model.text_embedding.weight": (talker.text_vocab_size, text),
        "model.codec_embedding.weight": (talker.vocab_size, width),
    }
    shapes.update(_linear("text_projection.linear_fc1", text, text))
    shapes.update(_linear("text_projection.linear_fc2", width, text))
    shapes.update(_layers("model", talker, width))
    shapes["codec_head.weight"] = (talker.vocab_size, width)
    groups = range(talker.num_code_groups - 1)
    for i in groups:
        shapes[f"code_predictor.model.codec_embedding.{i}.weight"] = (predictor.vocab_size, width)
    if predictor.hidden_size != width:
        shapes.update(_linear("code_predictor.small_to_mtp_projection", predictor.hidden_size, width))
    shapes.update(_layers("code_predictor.model", predictor, predictor.hidden_size))
    for i in groups:
        shapes[f"code_predictor.lm_head.{i}.weight"] = (predictor.vocab_size, predictor.hidden_size)
    return shapes


def _layers(prefix: str, part: TalkerConfig | PredictorConfig, width: int) -> Shapes:
    shapes: Shapes = {}
    q, kv = part.num_attention_heads * part.head_dim, part.num_key_value_heads * part.head_dim
    for i in range(part.num_hidden_layers):
        layer = f"{prefix}.layers.{i}"
        shapes.update(_attention(f"{layer}.self_attn", width, q, kv))
        shapes[f"{layer}.self_attn.q_norm.weight"] = (part.head_dim,)
        shapes[f"{layer}.self_attn.k_norm.weight"] = (part.head_dim,)
        shapes.update(_gated(f"{layer}.mlp", width, part.intermediate_size))
        shapes[f"{layer}.input_layernorm.weight"] = (width,)
        shapes[f"{layer}.post_attention_layernorm.weight"] = (width,)
    shapes[f"{prefix}.norm.weight"] = (width,)
    return shapes


def _speaker_encoder(speaker: SpeakerEncoderConfig) -> Shapes:
    """Time-delay layers are convolutions; a block convolves all but the first of its groups of channels."""
    channels, kernels = speaker.enc_channels, speaker.enc_kernel_sizes
    shapes = _conv("blocks.0.conv", channels[0], speaker.mel_dim, kernels[0])
    for i in range(1, len(channels) - 1):
        width, block = channels[i], f"blocks.{i}"
        group = width // speaker.enc_res2net_scale
        shapes.update(_conv(f"{block}.tdnn1.conv", width, channels[i - 1], 1))
        for j in range(speaker.enc_res2net_scale - 1):
            shapes.update(_conv(f"{block}.res2net_block.blocks.{j}.conv", group, group, kernels[i]))
        shapes.update(_conv(f"{block}.tdnn2.conv", width, width, 1))
        shapes.update(_conv(f"{block}.se_block.conv1", speaker.enc_se_channels, width, 1))
        shapes.update(_conv(f"{block}.se_block.conv2", width, speaker.enc_se_channels, 1))
    last, attention = channels[-1], speaker.enc_attention_channels
    shapes.update(_conv("mfa.conv", last, last, kernels[-1]))
    shapes.update(_conv("asp.tdnn.conv", attention, 3 * last, 1))
    shapes.update(_conv("asp.conv", last, attention, 1))
    shapes.update(_conv("fc", speaker.enc_dim, 2 * last, 1))
    return shapes


def _decoder(decoder: DecoderConfig) -> Shapes:
    code, latent, width = decoder.codebook_dim // 2, decoder.latent_dim, decoder.hidden_size
    shapes: Shapes = {}
    for name, layers in (("rvq_first", 1), ("rvq_rest", decoder.num_quantizers - 1)):
        shapes[f"quantizer.{name}.output_proj.weight"] = (decoder.codebook_dim, code, 1)
        for i in range(layers):
            book = f"quantizer.{name}.vq.layers.{i}._codebook"
            shapes[f"{book}.cluster_usage"] = (decoder.codebook_size,)
            shapes[f"{book}.embedding_sum"] = (decoder.codebook_size, code)
    shapes.update(_conv("pre_conv.conv", latent, decoder.codebook_dim, 3))
    shapes.update(_linear("pre_transformer.input_proj", width, latent))
    shapes.update(_decoder_layers("pre_transformer", decoder))
    shapes.update(_linear("pre_transformer.output_proj", latent, width))
    for i, ratio in enumerate(decoder.upsampling_ratios):
        stage = f"upsample.{i}"
        shapes.update(_transposed(f"{stage}.0.conv", latent, latent, ratio))
        shapes.update(_conv(f"{stage}.1.dwconv.conv", latent, 1, 7))
        shapes.update(_norm(f"{stage}.1.norm", latent))
        shapes.update(_linear(f"{stage}.1.pwconv1", 4 * latent, latent))
        shapes.update(_linear(f"{stage}.1.pwconv2", latent, 4 * latent))
        shapes[f"{stage}.1.gamma"] = (latent,)
    shapes.update(_conv("decoder.0.conv", decoder.decoder_dim, latent, 7))
    channels = decoder.decoder_dim
    for i, rate in enumerate(decoder.upsample_rates, 1):
        block = f"decoder.{i}.block"
        shapes.update(_snake(f"{block}.0", channels))
        shapes.update(_transposed(f"{block}.1.conv", channels, channels // 2, 2 * rate))
        channels //= 2
        for j in (2, 3, 4):
            for k, kernel in ((1, 7), (2, 1)):
                shapes.update(_snake(f"{block}.{j}.act{k}", channels))
                shapes.update(_conv(f"{block}.{j}.conv{k}.conv", channels, channels, kernel))
    end = len(decoder.upsample_rates) + 1
    shapes.update(_snake(f"decoder.{end}", channels))
    shapes.update(_conv(f"decoder.{end + 1}.conv", 1, channels, 7))
    return shapes


def _decoder_layers(prefix: str, decoder: DecoderConfig) -> Shapes:
    width, dim = decoder.hidden_size, decoder.head_dim
    q, kv = decoder.num_attention_heads * dim, decoder.num_key_value_heads * dim
    shapes: Shapes = {}
    for i in range(decoder.num_hidden_layers):
        layer = f"{prefix}.layers.{i}"
        shapes.update(_attention(f"{layer}.self_attn", width, q, kv))
        shapes.update(_gated(f"{layer}.mlp", width, decoder.intermediate_size))
        for name in ("input_layernorm.weight", "post_attention_layernorm.weight"):
            shapes[f"{layer}.{name}"] = (width,)
        for name in ("self_attn_layer_scale.scale", "mlp_layer_scale.scale"):
            shapes[f"{layer}.{name}"] = (width,)
    shapes[f"{prefix}.norm.weight"] = (width,)
    return shapes


def _encoder(encoder: EncoderConfig, used: int) -> Shapes:
    """used: how many of the quantisers a frame's codes come from. Indices count the activations between too."""
    shapes = _conv("encoder.layers.0.conv", encoder.num_filters, 1, encoder.kernel_size)
    index, width = 1, encoder.num_filters
    for ratio in reversed(encoder.upsampling_ratios):
        hidden = width // encoder.compress
        for _ in range(encoder.num_residual_layers):
            block = f"encoder.layers.{index}.block"
            shapes.update(_conv(f"{block}.1.conv", hidden, width, encoder.residual_kernel_size))
            shapes.update(_conv(f"{block}.3.conv", width, hidden, 1))
            index += 1
        shapes.update(_conv(f"encoder.layers.{index + 1}.conv", 2 * width, width, 2 * ratio))
        index, width = index + 2, 2 * width
    latent = encoder.hidden_size
    shapes.update(_conv(f"encoder.layers.{index + 1}.conv", latent, width, encoder.last_kernel_size))
    shapes.update(_encoder_layers("encoder_transformer", encoder))
    shapes["downsample.conv.weight"] = (latent, latent, 2 * ENCODER_STRIDE)
    code = encoder.codebook_dim
    for name, layers in (("semantic", 1), ("acoustic", used - 1)):
        quantizer = f"quantizer.{name}_residual_vector_quantizer"
        if code != latent:
            shapes[f"{quantizer}.input_proj.weight"] = (code, latent, 1)
        for i in range(layers):
            shapes[f"{quantizer}.layers.{i}.codebook.cluster_usage"] = (encoder.codebook_size,)
            shapes[f"{quantizer}.layers.{i}.codebook.embed_sum"] = (encoder.codebook_size, code)
    return shapes


def _encoder_layers(prefix: str, encoder: EncoderConfig) -> Shapes:
    width, dim = encoder.hidden_size, encoder.head_width
    q, kv = encoder.num_attention_heads * dim, encoder.num_key_value_heads * dim
    shapes: Shapes = {}
    for i in range(encoder.num_hidden_layers):
        layer = f"{prefix}.layers.{i}"
        shapes.update(_attention(f"{layer}.self_attn", width, q, kv))
        shapes[f"{layer}.mlp.fc1.weight"] = (encoder.intermediate_size, width)
        shapes[f"{layer}.mlp.fc2.weight"] = (width, encoder.intermediate_size)
        shapes.update(_norm(f"{layer}.input_layernorm", width))
        shapes.update(_norm(f"{layer}.post_attention_layernorm", width))
        for name in ("self_attn_layer_scale.scale", "mlp_layer_scale.scale"):
            shapes[f"{layer}.{name}"] = (width,)
    return shapes


def _under(prefix: str, shapes: Shapes) -> Shapes:
    return {prefix + name: shape for name, shape in shapes.items()}


def _attention(name: str, width: int, q: int, kv: int) -> Shapes:
    rows = {"q_proj": (q, width), "k_proj": (kv, width), "v_proj": (kv, width), "o_proj": (width, q)}
    return {f"{name}.{part}.weight": shape for part, shape in rows.items()}


def _gated(name: str, width: int, hidden: int) -> Shapes:
    rows = {"gate_proj": (hidden, width), "up_proj": (hidden, width), "down_proj": (width, hidden)}
    return {f"{name}.{part}.weight": shape for part, shape in rows.items()}


def _linear(name: str, out: int, in_: int) -> Shapes:
    return {f"{name}.weight": (out, in_), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _snake(name: str, channels: int) -> Shapes:
    return {f"{name}.alpha": (channels,), f"{name}.beta": (channels,)}


def _conv(name: str, out: int, in_: int, kernel: int) -> Shapes:
    return {f"{name}.weight": (out, in_, kernel), f"{name}.bias": (out,)}


def _transposed(name: str, in_: int, out: int, kernel: int) -> Shapes:
    return {f"{name}.weight": (in_, out, kernel), f"{name}.bias": (out,)}
