"""What each stage has to do at the very least, in operations and bytes: what its time is held against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

PANEL = 32  # positions a voice's keys and values are rounded up to
PRODUCTS = {  # of the language model and of the codec
    "float32": ("float32", "float32"),
    "bfloat16": ("bfloat16", "bfloat16"),
    "int8_float32": ("int8", "float32"),
    "int8_bfloat16": ("int8", "bfloat16"),
}


@dataclass(frozen=True)
class Work:
    """flops: two for every multiply-add, attention counted, activations not; nbytes: weights as packed, keys
    and values; product: the arithmetic of the large matrices, as machine.arithmetic() names it."""

    flops: float
    nbytes: float
    product: str

    @property
    def intensity(self) -> float:
        return self.flops / self.nbytes

    def least_seconds(self, limits: dict[str, float], threads: int) -> float:
        """With `threads` threads at the machine's limits: reading and computing overlap, the longer one counts."""
        reading = self.nbytes / (limits[f"read_gb_s_{threads}"] * 1e9)
        return max(reading, self.flops / (limits[f"{self.product}_gflop_s_{threads}"] * 1e9))


def backbone(model: Any, voice: Any, own: float, *, streams: int = 1) -> Work:
    """A step of `streams` streams, each after the voice and about `own` positions of its own."""
    t, stage = model.config.flow_lm.transformer, model.stages.backbone
    attention = 2 * t.num_layers * t.q_dim * (voice.length + own)
    return Work(
        flops=2.0 * streams * (stage.macs_per_row + attention),
        nbytes=stage.weight_bytes + _kept(voice, streams * own),
        product=_products(model)[0],
    )


def text_prompt(model: Any, voice: Any, tokens: int) -> Work:
    """A text after the voice. Nobody asks for its output: the last layer ends with keys and values."""
    t, stage = model.config.flow_lm.transformer, model.stages.backbone
    last = t.d_model * (t.q_dim + 2 * t.ffn_dim)
    attention = 2 * (t.num_layers - 1) * t.q_dim * (voice.length + tokens / 2)
    return Work(
        flops=2.0 * tokens * (stage.macs_per_row - last + attention),
        nbytes=stage.weight_bytes * (1 - last / stage.macs_per_row) + _kept(voice, tokens / 2),
        product=_products(model)[0],
    )


def _kept(voice: Any, own: float) -> float:
    """Bytes of the keys and values of the voice, which streams share, and of `own` positions more."""
    return voice.prefix.nbytes * (voice.length + own) / (math.ceil(voice.length / PANEL) * PANEL)


def flow_head(model: Any) -> Work:
    """One decode step of one stream."""
    product = _products(model)[0]
    macs = model.stages.flow_head.macs_per_row
    width = {"float32": _stored_width(model), "bfloat16": 2, "int8": 1}[product]
    return Work(flops=2.0 * macs, nbytes=macs * width, product=product)


def codec(model: Any) -> Work:
    """One frame of one stream, the attention window full."""
    from pocket_fast.models.pocket.names import expected_tensors

    mimi, product = model.config.mimi, _products(model)[1]
    t = mimi.decoding_transformer
    attention = 2 * t.num_layers * mimi.steps_per_frame * t.q_dim * t.context
    used = ("mimi.decoder.", "mimi.decoder_transformer.", "mimi.upsample.", "mimi.quantizer.")
    weights = sum(math.prod(s) for n, s in expected_tensors(model.config).items() if n.startswith(used))
    width = 2 if product == "bfloat16" else _stored_width(model)
    window = 2 * 4 * t.num_layers * t.kv_dim * t.context
    return Work(
        flops=2.0 * (model.stages.decoder.macs_per_frame + attention),
        nbytes=weights * width + window,
        product=product,
    )


def _products(model: Any) -> tuple[str, str]:
    return PRODUCTS[model.compute_type]


def _stored_width(model: Any) -> int:
    """Bytes of a weight of the codec in the checkpoint, which "float32" keeps in memory as they are."""
    from pocket_fast.models.pocket.config_file import resolve_location
    from pocket_fast.weights.hub import fetch
    from pocket_fast.weights.tensors import TensorFile

    with TensorFile(fetch(resolve_location(model.config.weights_path, model.origin.parent))) as file:
        return {"BF16": 2, "F16": 4, "F32": 4}[file.dtype("mimi.decoder.model.0.conv.weight")]


# --- Qwen3-TTS -------------------------------------------------------------------------------------


def talker(model: Any, streams: int, before: float) -> Work:
    """A step of `streams` streams, each after about `before` rows."""
    t, stage = model.config.talker_config, model.stages.talker
    head = t.vocab_size * t.hidden_size
    attention = 2 * t.num_hidden_layers * t.num_attention_heads * t.head_dim * before
    return Work(
        flops=2.0 * streams * (stage.macs_per_row + head + attention),
        nbytes=stage.weight_bytes + 2 * head + _remembered(model, streams * before),
        product=_products(model)[0],
    )


def prompt(model: Any, streams: int, rows: int) -> Work:
    """A prompt of `rows` rows for each. Nobody asks for its output: the last layer ends with keys and values."""
    t, stage = model.config.talker_config, model.stages.talker
    q = t.num_attention_heads * t.head_dim
    last = t.hidden_size * (2 * q + 3 * t.intermediate_size)
    attention = 2 * (t.num_hidden_layers - 1) * q * rows / 2
    return Work(
        flops=2.0 * streams * rows * (stage.macs_per_row - last + attention),
        nbytes=stage.weight_bytes * (1 - last / stage.macs_per_row) + _remembered(model, streams * rows / 2),
        product=_products(model)[0],
    )


def predictor(model: Any, streams: int) -> Work:
    """Codes 1 to 15 of a frame of each: passes that read the same layers, and a head of their own."""
    p, stage = model.config.talker_config.code_predictor_config, model.stages.predictor
    seen = sum(range(1, p.num_code_groups + 1))
    attention = 2 * p.num_hidden_layers * p.num_attention_heads * p.head_dim * seen
    return Work(
        flops=2.0 * streams * (stage.macs_per_frame + attention),
        nbytes=stage.draws * (stage.weight_bytes + 2 * p.vocab_size * p.hidden_size),
        product=_products(model)[0],
    )


def qwen3_codec(model: Any, streams: int, before: float) -> Work:
    """A frame of each after about `before`, sines not counted. Its file is float32, so that is what it is kept in."""
    from pocket_fast.models.qwen3.names import expected_tensors

    d, product = model.config.speech_tokenizer.decoder_config, _products(model)[1]
    seen = min(before, d.sliding_window)
    attention = 2 * d.num_hidden_layers * d.num_attention_heads * d.head_dim * seen
    used = "speech_tokenizer.decoder."
    tables = ("cluster_usage", "embedding_sum")  # of which a frame takes 16 rows
    weights = sum(
        math.prod(shape)
        for name, shape in expected_tensors(model.config).items()
        if name.startswith(used) and not name.endswith(tables)
    )
    window = 2 * 4 * d.num_hidden_layers * d.num_key_value_heads * d.head_dim * seen
    return Work(
        flops=2.0 * streams * (model.stages.decoder.macs_per_frame + attention),
        nbytes=weights * (2 if product == "bfloat16" else 4) + streams * window,
        product=product,
    )


def _remembered(model: Any, rows: float) -> float:
    """Bytes of the talker's keys and values of so many rows, which the approximate compute types keep in 2 bytes."""
    t = model.config.talker_config
    width = 4 if model.compute_type == "float32" else 2
    return 2 * width * t.num_hidden_layers * t.num_key_value_heads * t.head_dim * rows
