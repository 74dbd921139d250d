"""Names and shapes of every tensor a bundle holds for a config.

The names are those of the released files. Shapes are PyTorch's: Linear [out, in], Conv1d
[out, in / groups, K], ConvTranspose1d [in, out / groups, K].
"""

from __future__ import annotations

from pocket_fast.models.pocket.config import (
    BackboneConfig,
    CodecTransformerConfig,
    FlowLMConfig,
    MimiConfig,
    ModelConfig,
    SEANetConfig,
)
from pocket_fast.weights.integers import bits_of

Shapes = dict[str, tuple[int, ...]]

TIME_FREQUENCIES = 128  # sines and cosines each, of the flow head's time embedding
_LAYERS = "flow_lm.transformer.layers."
_FEW = 4  # outputs: a matrix of so few is never approximated


def expected_tensors(config: ModelConfig) -> Shapes:
    """All tensors of the bundle layout, in a stable order: `flow_lm.*`, then `mimi.*`."""
    shapes = {f"flow_lm.{k}": v for k, v in _flow_lm(config.flow_lm, config.mimi).items()}
    shapes.update({f"mimi.{k}": v for k, v in _mimi(config.mimi).items()})
    return shapes


def int8_matrices(config: ModelConfig) -> dict[str, tuple[int, int]]:
    """The tensors (n, k) that compute types of integers approximate: the language model's large matrices.

    Everything else stays exact: tables and projections at its ends, the time embedding (constants), the
    end-of-speech logit, the codec.
    """
    names = (_LAYERS, "flow_lm.flow_net.cond", "flow_lm.flow_net.input")
    names += ("flow_lm.flow_net.res_blocks.", "flow_lm.flow_net.final_layer.")
    return {
        name: shape
        for name, shape in expected_tensors(config).items()
        if name.startswith(names) and len(shape) == 2 and shape[0] > _FEW
    }


def integer_matrices(config: ModelConfig, bits: int) -> dict[str, int]:
    """The same {name: bits}, where the transformer has so many: what is beside it never has fewer than 8."""
    return {
        name: bits_of(shape, bits if name.startswith(_LAYERS) else 8)
        for name, shape in int8_matrices(config).items()
    }


def _flow_lm(lm: FlowLMConfig, mimi: MimiConfig) -> Shapes:
    d, latent, table = lm.transformer.d_model, mimi.latent_dim, lm.lookup_table
    shapes: Shapes = {"bos_emb": (latent,), "emb_std": (latent,), "emb_mean": (latent,)}
    if lm.insert_bos_before_voice:
        shapes["bos_before_voice"] = (1, 1, d)
    shapes["speaker_proj_weight"] = (d, mimi.speaker_dim)
    shapes["conditioner.embed.weight"] = (table.n_bins + 1, table.rank or table.dim)
    if table.rank:
        shapes["conditioner.proj.weight"] = (table.dim, table.rank)
    shapes["input_linear.weight"] = (d, latent)
    shapes.update(_transformer("transformer", lm.transformer))
    shapes.update(_norm("out_norm", d))
    if lm.z_dim:
        shapes["z_proj.weight"] = (lm.z_dim, d)
    shapes.update(_linear("out_eos", 1, lm.cond_dim))
    shapes.update({f"flow_net.{k}": v for k, v in _flow_net(lm, latent).items()})
    return shapes


def _flow_net(lm: FlowLMConfig, latent: int) -> Shapes:
    w = lm.flow.dim
    shapes: Shapes = {}
    for j in range(lm.flow.num_times):
        time = f"time_embed.{j}"
        shapes[f"{time}.freqs"] = (TIME_FREQUENCIES,)
        shapes.update(_linear(f"{time}.mlp.0", w, 2 * TIME_FREQUENCIES))
        shapes.update(_linear(f"{time}.mlp.2", w, w))
        shapes[f"{time}.mlp.3.alpha"] = (w,)
    shapes.update(_linear("cond_embed", w, lm.cond_dim))
    shapes.update(_linear("input_proj", w, latent))
    for n in range(lm.flow.depth):
        block = f"res_blocks.{n}"
        shapes.update(_norm(f"{block}.in_ln", w))
        shapes.update(_linear(f"{block}.mlp.0", w, w))
        shapes.update(_linear(f"{block}.mlp.2", w, w))
        shapes.update(_linear(f"{block}.adaLN_modulation.1", 3 * w, w))
    shapes.update(_linear("final_layer.adaLN_modulation.1", 2 * w, w))
    shapes.update(_linear("final_layer.linear", latent, w))
    return shapes


def _mimi(mimi: MimiConfig) -> Shapes:
    stride, latent = mimi.steps_per_frame, mimi.latent_dim
    width = mimi.decoding_seanet.dimension
    shapes = _encoder("encoder.model", mimi.seanet)
    shapes.update(_codec_transformer("encoder_transformer", mimi.transformer))
    shapes["downsample.conv.conv.weight"] = (mimi.speaker_dim, mimi.seanet.dimension, 2 * stride)
    shapes["quantizer.output_proj.weight"] = (mimi.quantizer.output_dimension, latent, 1)
    shapes["upsample.convtr.convtr.weight"] = (width, 1, 2 * stride)  # one group per channel
    shapes.update(_codec_transformer("decoder_transformer", mimi.decoding_transformer))
    shapes.update(_decoder("decoder.model", mimi.decoding_seanet))
    return shapes


def _encoder(prefix: str, s: SEANetConfig) -> Shapes:
    """Indices count the activations between the convolutions too: each takes one."""
    shapes = _conv(f"{prefix}.0.conv", s.n_filters, s.channels, s.kernel_size)
    index, width = 1, s.n_filters
    for ratio in reversed(s.ratios):
        for _ in range(s.n_residual_layers):
            shapes.update(_residual(f"{prefix}.{index}", width, s))
            index += 1
        shapes.update(_conv(f"{prefix}.{index + 1}.conv", 2 * width, width, 2 * ratio))
        index, width = index + 2, 2 * width
    shapes.update(_conv(f"{prefix}.{index + 1}.conv", s.dimension, width, s.last_kernel_size))
    return shapes


def _decoder(prefix: str, s: SEANetConfig) -> Shapes:
    width = s.n_filters * 2 ** len(s.ratios)
    shapes = _conv(f"{prefix}.0.conv", width, s.dimension, s.kernel_size)
    index = 1
    for ratio in s.ratios:
        name = f"{prefix}.{index + 1}.convtr"
        shapes[f"{name}.weight"] = (width, width // 2, 2 * ratio)
        shapes[f"{name}.bias"] = (width // 2,)
        index, width = index + 2, width // 2
        for _ in range(s.n_residual_layers):
            shapes.update(_residual(f"{prefix}.{index}", width, s))
            index += 1
    shapes.update(_conv(f"{prefix}.{index + 1}.conv", s.channels, width, s.last_kernel_size))
    return shapes


def _residual(prefix: str, width: int, s: SEANetConfig) -> Shapes:
    hidden = width // s.compress
    first = _conv(f"{prefix}.block.1.conv", hidden, width, s.residual_kernel_size)
    return {**first, **_conv(f"{prefix}.block.3.conv", width, hidden, 1)}


def _codec_transformer(prefix: str, t: CodecTransformerConfig) -> Shapes:
    shapes = _transformer(f"{prefix}.transformer", t)
    for i in range(t.num_layers):
        for n in (1, 2):
            shapes[f"{prefix}.transformer.layers.{i}.layer_scale_{n}.scale"] = (t.d_model,)
    if t.input_dimension != t.d_model:
        shapes[f"{prefix}.input_proj.weight"] = (t.d_model, t.input_dimension)
    for i, dimension in enumerate(t.output_dimensions):
        if dimension != t.d_model:
            shapes[f"{prefix}.output_projs.{i}.weight"] = (dimension, t.d_model)
    return shapes


def _transformer(prefix: str, t: BackboneConfig | CodecTransformerConfig) -> Shapes:
    d = t.d_model
    shapes: Shapes = {}
    for i in range(t.num_layers):
        layer = f"{prefix}.layers.{i}"
        shapes[f"{layer}.self_attn.in_proj.weight"] = (t.q_dim + 2 * t.kv_dim, d)
        shapes[f"{layer}.self_attn.out_proj.weight"] = (d, t.q_dim)
        shapes.update(_norm(f"{layer}.norm1", d))
        shapes.update(_norm(f"{layer}.norm2", d))
        shapes[f"{layer}.linear1.weight"] = (t.ffn_dim, d)
        shapes[f"{layer}.linear2.weight"] = (d, t.ffn_dim)
    return shapes


def _linear(name: str, out: int, in_: int) -> Shapes:
    return {f"{name}.weight": (out, in_), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _conv(name: str, out: int, in_: int, kernel: int) -> Shapes:
    return {f"{name}.weight": (out, in_, kernel), f"{name}.bias": (out,)}
