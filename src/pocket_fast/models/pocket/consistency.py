"""Contradictions inside a config that has the right keys and types, found before any weights are read."""

from __future__ import annotations

from collections.abc import Iterable

from pocket_fast.models.pocket.config import (
    FLOW_TYPES,
    BackboneConfig,
    CodecTransformerConfig,
    FlowLMConfig,
    MimiConfig,
    ModelConfig,
    SEANetConfig,
)

_DTYPES = ("float32", "bfloat16", "float16")
_PAD_MODES = ("constant", "replicate")
_TOKENIZERS = ("sentencepiece", "tokenizers", "json")


def problems_of(config: ModelConfig) -> list[str]:
    """Every contradiction as `dotted.path: what came, what was expected`; empty when there is none."""
    # A zero or negative size would only produce follow-up complaints (or a division by zero).
    return _sizes(config) or _flow_lm(config.flow_lm) + _mimi(config.mimi) + _text(config)


def _sizes(config: ModelConfig) -> list[str]:
    lm, mimi = config.flow_lm, config.mimi
    found: list[str] = []
    parts: dict[str, object] = {
        "flow_lm": lm,
        "flow_lm.flow": lm.flow,
        "flow_lm.transformer": lm.transformer,
        "flow_lm.lookup_table": lm.lookup_table,
        "mimi": mimi,
        "mimi.seanet": mimi.seanet,
        "mimi.transformer": mimi.transformer,
        "mimi.quantizer": mimi.quantizer,
        "mimi.decoder_seanet": mimi.decoder_seanet,
        "mimi.decoder_transformer": mimi.decoder_transformer,
    }
    for path, part in parts.items():
        for name, value in vars(part).items() if part is not None else ():
            may_be_zero = name == "n_residual_layers"
            items = value if isinstance(value, tuple) else (value,)
            for item in items:
                is_number = isinstance(item, (int, float)) and not isinstance(item, bool)
                if is_number and name != "layer_scale" and (item < 0 or (item == 0 and not may_be_zero)):
                    found.append(f"{path}.{name}: {value}, expected a positive number")
                    break
    return found


def _flow_lm(lm: FlowLMConfig) -> list[str]:
    found: list[str] = []
    table = lm.lookup_table
    _known(found, "flow_lm.dtype", lm.dtype, _DTYPES)
    _known(found, "flow_lm.flow.type", lm.flow.type, FLOW_TYPES)
    _known(found, "flow_lm.lookup_table.tokenizer", table.tokenizer, _TOKENIZERS)
    _heads(found, "flow_lm.transformer", lm.transformer)
    _equal(found, "flow_lm.lookup_table.dim", table.dim, "transformer.d_model", lm.transformer.d_model)
    return found


def _mimi(mimi: MimiConfig) -> list[str]:
    found: list[str] = []
    _known(found, "mimi.dtype", mimi.dtype, _DTYPES)
    _equal(found, "mimi.channels", mimi.channels, "the mono this package speaks", 1)
    _side(found, "mimi.seanet", mimi.seanet, "mimi.transformer", mimi.transformer)
    if mimi.decoder_seanet or mimi.decoder_transformer:
        seanet = "mimi.decoder_seanet" if mimi.decoder_seanet else "mimi.seanet"
        transformer = "mimi.decoder_transformer" if mimi.decoder_transformer else "mimi.transformer"
        _side(found, seanet, mimi.decoding_seanet, transformer, mimi.decoding_transformer)
    width = mimi.decoding_seanet.dimension
    _equal(found, "mimi.outer_dim", mimi.outer_dim or width, "the decoder's seanet dimension", width)
    _equal(
        found,
        "mimi.quantizer.output_dimension",
        mimi.quantizer.output_dimension,
        "mimi.outer_dim or the decoder's seanet dimension",
        mimi.outer_dim or width,
    )
    hop = mimi.seanet.hop_length
    if mimi.decoding_seanet.hop_length != hop:
        found.append(
            f"mimi.decoder_seanet.ratios: product {mimi.decoding_seanet.hop_length}, expected {hop} "
            "as in mimi.seanet.ratios"
        )
    steps = mimi.sample_rate / hop / mimi.frame_rate
    if steps != int(steps) or steps < 2:
        found.append(
            f"mimi.seanet.ratios: {mimi.sample_rate} Hz / {hop} / {mimi.frame_rate} Hz frames is "
            f"{steps:.6g} steps a frame, expected a whole number of at least 2"
        )
    return found


def _side(
    found: list[str], s_path: str, seanet: SEANetConfig, t_path: str, transformer: CodecTransformerConfig
) -> None:
    """One side of the codec: its convolutions and its transformer must chain."""
    _known(found, f"{s_path}.pad_mode", seanet.pad_mode, _PAD_MODES)
    _equal(found, f"{s_path}.channels", seanet.channels, "the mono this package speaks", 1)
    if seanet.compress > seanet.n_filters:
        found.append(f"{s_path}.compress: {seanet.compress}, expected at most n_filters = {seanet.n_filters}")
    _heads(found, t_path, transformer)
    _equal(
        found,
        f"{t_path}.input_dimension",
        transformer.input_dimension,
        f"{s_path}.dimension",
        seanet.dimension,
    )
    if transformer.output_dimensions != (seanet.dimension,):
        found.append(
            f"{t_path}.output_dimensions: {list(transformer.output_dimensions)}, "
            f"expected [{seanet.dimension}] = [{s_path}.dimension]"
        )


def _text(config: ModelConfig) -> list[str]:
    found = [
        f"replace_characters: {key!r} is {len(key)} characters, expected single characters"
        for key in config.replace_characters
        if len(key) != 1
    ]
    if config.default_temperature < 0:
        found.append(f"default_temperature: {config.default_temperature}, expected 0 or more")
    frames = config.model_recommended_frames_after_eos
    if frames is not None and frames < 0:
        found.append(f"model_recommended_frames_after_eos: {frames}, expected 0 or more")
    return found


def _heads(found: list[str], path: str, t: BackboneConfig | CodecTransformerConfig) -> None:
    if t.q_dim % t.num_heads:
        found.append(f"{path}.num_heads: {t.num_heads} heads do not divide the attention width {t.q_dim}")
    elif t.head_dim % 2:
        found.append(f"{path}.num_heads: a head of {t.head_dim}, expected an even width (rotary pairs)")
    if t.num_heads % t.kv_heads:
        found.append(
            f"{path}.num_kv_heads: {t.kv_heads} key/value heads do not divide {t.num_heads} query heads"
        )


def _known(found: list[str], path: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        found.append(f"{path}: {value!r}, expected one of {', '.join(known)}")


def _equal(found: list[str], path: str, value: int, other: str, expected: int) -> None:
    if value != expected:
        found.append(f"{path}: {value}, expected {expected} = {other}")
