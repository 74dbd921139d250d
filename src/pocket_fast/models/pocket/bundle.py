"""A Pocket TTS model as a page loads it: what JavaScript must know of it, its plan, and its tensors in the order in
which csrc/web reads them (docs/web-bundle.md).

The plan is what csrc/web/bundle.c, read_plan() takes, number by number; each function below names the one in C that
reads the same tensors. What is done to a matrix is what cpu/ does to it when it is packed: the rows of queries and
keys in the order in which they are rotated, convolutions as one product over neighbouring rows.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pocket_fast.errors import ConfigError
from pocket_fast.models.pocket.config import (
    BackboneConfig,
    CodecTransformerConfig,
    ModelConfig,
    SEANetConfig,
)
from pocket_fast.models.pocket.names import int8_matrices
from pocket_fast.models.pocket.prompt import MOST_TOKENS, SPARE_SECONDS, TOKENS_PER_SECOND, text_rules
from pocket_fast.models.pocket.settings import SETTINGS
from pocket_fast.models.pocket.voice import Longest
from pocket_fast.models.pocket.voices import default_text
from pocket_fast.models.settings import Setting
from pocket_fast.text.portable import check_portable, web_spelling
from pocket_fast.weights.bundle import Packed, WebModel, integer_matrix, matrix, plain
from pocket_fast.weights.fit import widen
from pocket_fast.weights.integers import bits_in, stored_names
from pocket_fast.weights.tensors import Tensor

_SAMPLERS = ("lsd", "flow_matching", "drifting", "pointwise")
_MOST_RATIOS = 8
_MOST = 1 << 16  # of any number of the plan but the vocabulary


def web_model(
    config: ModelConfig,
    weights: Mapping[str, Tensor],
    tokenizer: bytes,
    *,
    cloning: bool,
    speaks: str | None,
) -> WebModel:
    """weights: as tensors(); speaks: the model of ours whose rules and text it has (family.PocketChoice).

    Raises ConfigError for a tokenizer that no page could read.
    """
    check_portable(tokenizer, config.flow_lm.lookup_table.tokenizer_kind)
    return WebModel(
        description(config, weights, cloning, speaks),
        tokenizer,
        plan(config, cloning),
        tensors(config, weights, cloning),
    )


def description(
    config: ModelConfig, weights: Mapping[str, Tensor], cloning: bool, speaks: str | None
) -> dict[str, Any]:
    """What JavaScript must know, as docs/web-bundle.md says; without the voices."""
    from pocket_fast import __version__

    lm, mimi = config.flow_lm, config.mimi
    longest = Longest(frame_rate=mimi.frame_rate)
    rules = text_rules(config, speaks)
    bits = bits_in(t.array for t in weights.values())
    return {
        "model": speaks,
        "compute_type": "auto" if bits is None else f"int{bits}",
        "made_by": f"pocket_fast {__version__}",
        "sample_rate": mimi.sample_rate,
        "samples_per_frame": mimi.samples_per_frame,
        "frame_rate": mimi.frame_rate,
        "layers": lm.transformer.num_layers,
        "width": lm.transformer.d_model,
        "kv_heads": lm.transformer.kv_heads,
        "head_dim": lm.transformer.head_dim,
        "bos_before_voice": lm.insert_bos_before_voice,
        "cloning": cloning,
        "sampler": lm.flow.type,
        "tokenizer": {"kind": lm.lookup_table.tokenizer_kind, "pieces": lm.lookup_table.n_bins},
        "text_rules": dataclasses.asdict(rules),
        **({"spelling": web_spelling()} if rules.spell_out else {}),
        "defaults": {
            "text": default_text(speaks),
            "temperature": config.default_temperature,
            "eos_threshold": config.default_eos_threshold,
            "frames_after_eos": config.model_recommended_frames_after_eos,
            "steps": 1,
        },
        "limits": {
            "most_tokens": MOST_TOKENS,
            "tokens_per_second": TOKENS_PER_SECOND,
            "spare_seconds": SPARE_SECONDS,
            "voice_seconds": longest.seconds,
            "voice_positions": longest.positions,
        },
        "settings": [_setting(setting) for setting in SETTINGS],
    }


def _setting(setting: Setting) -> dict[str, Any]:
    """What is checked of it."""
    bounds = {key: getattr(setting, key) for key in ("least", "above", "most", "absurd")}
    return {
        "name": setting.name,
        "type": setting.type.__name__,
        **{key: bound for key, bound in bounds.items() if bound is not None and math.isfinite(bound)},
        "expected": setting.expected,
    }


def plan(config: ModelConfig, cloning: bool) -> list[int]:
    """Everything that csrc/web must know of the architecture. Raises ConfigError for what it has no room for."""
    lm, mimi = config.flow_lm, config.mimi
    numbers = [
        mimi.latent_dim,
        lm.lookup_table.n_bins + 1,
        lm.lookup_table.rank or 0,
        lm.z_dim or 0,
        int(lm.insert_bos_before_voice),
        mimi.speaker_dim,
        _SAMPLERS.index(lm.flow.type),
        lm.flow.dim,
        lm.flow.depth,
        *_transformer_plan(lm.transformer, 0),
        mimi.sample_rate,
        mimi.samples_per_frame,
        mimi.steps_per_frame,
        int(cloning),
    ]
    sides = (
        (mimi.decoding_seanet, mimi.decoding_transformer),
        (mimi.seanet, mimi.transformer),
    )
    for seanet, transformer in sides:
        numbers += [*_seanet_plan(seanet), *_transformer_plan(transformer, transformer.context)]
    if max(numbers[:1] + numbers[2:]) > _MOST:
        raise ConfigError(f"this config has a size of {max(numbers[2:])}; a page takes none beyond {_MOST}")
    return numbers


def _transformer_plan(t: BackboneConfig | CodecTransformerConfig, context: int) -> list[int]:
    return [t.num_layers, t.d_model, t.num_heads, t.kv_heads, t.head_dim, t.ffn_dim, context]


def _seanet_plan(s: SEANetConfig) -> list[int]:
    if len(s.ratios) > _MOST_RATIOS:
        raise ConfigError(f"seanet.ratios: {len(s.ratios)} of them, a page takes at most {_MOST_RATIOS}")
    return [
        s.dimension,
        s.dimension,
        s.channels,
        s.n_filters,
        s.n_residual_layers,
        s.kernel_size,
        s.residual_kernel_size,
        s.last_kernel_size,
        s.dilation_base,
        int(s.pad_mode == "replicate"),
        s.compress,
        len(s.ratios),
        *(*s.ratios, *[1] * (_MOST_RATIOS - len(s.ratios))),
    ]


def tensors(config: ModelConfig, weights: Mapping[str, Tensor], cloning: bool) -> list[Packed]:
    """weights: {bundle name: F32, F16 or BF16; the language model's matrices may be integers, with what belongs to
    them (weights/integers.py)}."""
    return list(_Tensors(config, weights).all(cloning))


class _Tensors:
    """Each method yields what one function in C reads, in its order."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Tensor]):
        self._config = config
        self._weights = weights

    def all(self, cloning: bool) -> Iterator[Packed]:
        yield from self.backbone(cloning)
        yield from self.flow_head()
        yield from self.decoder()
        if cloning:
            yield from self.encoder()

    # --- what everything is made of -----------------------------------------------------------------

    def vector(self, name: str) -> Packed:
        return _vector(widen(self._weights[name]))

    def linear(self, *names: str, order: np.ndarray | None = None) -> Iterator[Packed]:
        """The matrices of these layers, one below the other, and their biases if they have any."""
        matrices = [f"{name}.weight" for name in names]
        given = [self._weights[matrix] for matrix in matrices]
        if len({t.dtype for t in given}) > 1:
            given = [Tensor(widen(t), "F32") for t in given]
        at = slice(None) if order is None else order
        if given[0].dtype in ("I8", "U8"):
            parts = zip(*(stored_names(name, self._weights) for name in matrices), strict=True)
            arrays = [np.concatenate([self._weights[name].array for name in part])[at] for part in parts]
            yield integer_matrix(arrays, int8_matrices(self._config)[matrices[0]][1])
        else:
            rows = np.concatenate([t.array.reshape(len(t.array), -1) for t in given])
            yield matrix(Tensor(rows[at], given[0].dtype))
        if f"{names[0]}.bias" in self._weights:
            yield _vector(np.concatenate([widen(self._weights[f"{name}.bias"]) for name in names]))

    def transformer(
        self, prefix: str, t: BackboneConfig | CodecTransformerConfig, *, scales: bool
    ) -> Iterator[Packed]:
        """pw_read_transformer"""
        half = np.arange(t.head_dim // 2, dtype=np.float32)
        yield _vector(np.exp(half * np.float32(-np.log(t.max_period) * 2 / t.head_dim)))
        one = np.concatenate([np.arange(0, t.head_dim, 2), np.arange(1, t.head_dim, 2)])
        turned = t.num_heads + t.kv_heads  # heads of queries and keys: real parts, then imaginary ones
        order = np.concatenate(
            [
                (np.arange(turned)[:, None] * t.head_dim + one).reshape(-1),
                turned * t.head_dim + np.arange(t.kv_dim),
            ]
        )
        for i in range(t.num_layers):
            layer = f"{prefix}.layers.{i}"
            for n, names in ((1, ("self_attn.in_proj", "self_attn.out_proj")), (2, ("linear1", "linear2"))):
                yield self.vector(f"{layer}.norm{n}.weight")
                yield self.vector(f"{layer}.norm{n}.bias")
                yield from self.linear(f"{layer}.{names[0]}", order=order if n == 1 else None)
                yield from self.linear(f"{layer}.{names[1]}")
                if scales:
                    yield self.vector(f"{layer}.layer_scale_{n}.scale")

    # --- the stages -----------------------------------------------------------------------------------

    def backbone(self, cloning: bool) -> Iterator[Packed]:
        """pw_read_backbone"""
        lm, w = self._config.flow_lm, self._weights
        yield self.vector("flow_lm.bos_emb")
        if lm.insert_bos_before_voice:
            yield self.vector("flow_lm.bos_before_voice")
        yield plain(w["flow_lm.conditioner.embed.weight"])
        if lm.lookup_table.rank:
            yield from self.linear("flow_lm.conditioner.proj")
        yield from self.linear("flow_lm.input_linear")
        yield from self.transformer("flow_lm.transformer", lm.transformer, scales=False)
        yield self.vector("flow_lm.out_norm.weight")
        yield self.vector("flow_lm.out_norm.bias")
        if lm.z_dim:
            yield from self.linear("flow_lm.z_proj")
        if cloning:
            yield matrix(w["flow_lm.speaker_proj_weight"])

    def flow_head(self) -> Iterator[Packed]:
        """pw_read_flow_head"""
        flow, net = self._config.flow_lm.flow, "flow_lm.flow_net"
        blocks = [f"{net}.res_blocks.{i}" for i in range(flow.depth)]
        yield from self.linear(f"{net}.cond_embed")
        yield from self.linear(f"{net}.input_proj")
        for block in blocks:
            yield self.vector(f"{block}.in_ln.weight")
            yield self.vector(f"{block}.in_ln.bias")
            yield from self.linear(f"{block}.mlp.0")
            yield from self.linear(f"{block}.mlp.2")
        yield from self.linear(*(f"{part}.adaLN_modulation.1" for part in (*blocks, f"{net}.final_layer")))
        yield from self.linear(f"{net}.final_layer.linear")
        yield from self.linear("flow_lm.out_eos")
        for j in range(flow.num_times):
            time = f"{net}.time_embed.{j}"
            yield self.vector(f"{time}.freqs")
            for layer in ("mlp.0", "mlp.2"):
                yield plain(self._weights[f"{time}.{layer}.weight"])
                yield self.vector(f"{time}.{layer}.bias")
            yield self.vector(f"{time}.mlp.3.alpha")

    def decoder(self) -> Iterator[Packed]:
        """pw_read_decoder"""
        mimi = self._config.mimi
        yield self.vector("flow_lm.emb_std")
        yield self.vector("flow_lm.emb_mean")
        yield from self.linear("mimi.quantizer.output_proj")
        upsample = widen(self._weights["mimi.upsample.convtr.convtr.weight"])[:, 0].T  # (2 * steps, width)
        for half in np.split(upsample, 2):
            yield _vector(half)
        yield from self.middle("mimi.decoder_transformer", mimi.decoding_transformer)
        yield from self.decoder_convolutions(mimi.decoding_seanet)

    def encoder(self) -> Iterator[Packed]:
        """pw_read_encoder"""
        mimi = self._config.mimi
        yield from self.encoder_convolutions(mimi.seanet)
        yield from self.middle("mimi.encoder_transformer", mimi.transformer)
        yield from self.conv("mimi.downsample.conv.conv")

    def middle(self, prefix: str, t: CodecTransformerConfig) -> Iterator[Packed]:
        """read_middle"""
        projected = t.input_dimension != t.d_model
        if projected:
            yield from self.linear(f"{prefix}.input_proj")
        yield from self.transformer(f"{prefix}.transformer", t, scales=True)
        if projected:
            yield from self.linear(f"{prefix}.output_projs.0")

    # --- convolutions -----------------------------------------------------------------------------------

    def conv(self, name: str, *, dilation: int = 1) -> Iterator[Packed]:
        """pw_add_conv"""
        weight = self._weights[f"{name}.weight"]
        out, _, kernel = weight.shape
        rows = np.ascontiguousarray(weight.array.transpose(0, 2, 1)).reshape(out, -1)
        yield matrix(Tensor(rows, weight.dtype), kernel if dilation > 1 else 1)
        if f"{name}.bias" in self._weights:
            yield self.vector(f"{name}.bias")

    def conv_transpose(self, name: str) -> Iterator[Packed]:
        """pw_add_transpose: row (j, channel) is what the rows x[t - 1], x[t] bring to output row t * stride + j"""
        weight = self._weights[f"{name}.weight"]
        channels, out, kernel = weight.shape
        taps = np.split(weight.array.transpose(2, 1, 0), 2)  # each (stride, out, in), that of x[t] first
        rows = np.concatenate(taps[::-1], axis=2).reshape(kernel // 2 * out, 2 * channels)
        yield matrix(Tensor(rows, weight.dtype))
        yield _vector(np.tile(widen(self._weights[f"{name}.bias"]), kernel // 2))

    def blocks(self, prefix: str, index: int, s: SEANetConfig) -> Iterator[Packed]:
        for j in range(s.n_residual_layers):
            block = f"{prefix}.{index + j}.block"
            yield from self.conv(f"{block}.1.conv", dilation=s.dilation_base**j)
            yield from self.conv(f"{block}.3.conv")

    def decoder_convolutions(self, s: SEANetConfig) -> Iterator[Packed]:
        """pw_seanet_decoder; the numbers of the layers count the activations between them"""
        prefix, index = "mimi.decoder.model", 1
        yield from self.conv(f"{prefix}.0.conv")
        for _ in s.ratios:
            yield from self.conv_transpose(f"{prefix}.{index + 1}.convtr")
            yield from self.blocks(prefix, index + 2, s)
            index += 2 + s.n_residual_layers
        yield from self.conv(f"{prefix}.{index + 1}.conv")

    def encoder_convolutions(self, s: SEANetConfig) -> Iterator[Packed]:
        """pw_seanet_encoder"""
        prefix, index = "mimi.encoder.model", 1
        yield from self.conv(f"{prefix}.0.conv")
        for _ in s.ratios:
            yield from self.blocks(prefix, index, s)
            index += s.n_residual_layers
            yield from self.conv(f"{prefix}.{index + 1}.conv")
            index += 2
        yield from self.conv(f"{prefix}.{index + 1}.conv")


def _vector(values: np.ndarray) -> Packed:
    return plain(Tensor(np.ascontiguousarray(values, dtype=np.float32).reshape(-1), "F32"))
