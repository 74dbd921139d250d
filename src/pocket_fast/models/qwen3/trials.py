"""The stages of Qwen3-TTS to be timed: a few streams, all stages of a frame for them, and what each has to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pocket_fast.models.qwen3.names import expected_tensors
from pocket_fast.models.work import PRODUCTS, Trial, Work

_BEFORE = 100  # rows and frames: a prompt of a sentence and five seconds of speech
_PROMPT = 40  # rows: a sentence


class Batch:
    """`count` streams of a Qwen3-TTS model, each after `context` rows of the talker and as many frames of the codec."""

    def __init__(self, model: Any, count: int, context: int):
        self.stages = stages = model.stages
        talker, predictor, decoder = stages.talker, stages.predictor, stages.decoder
        numbers = np.random.default_rng(0)
        self.talkers = [talker.stream() for _ in range(count)]
        talker.prefill(self.talkers, [_rows(i, context, talker.hidden_dim) for i in range(count)])
        frames = numbers.integers(0, decoder.codes, (context, decoder.groups), dtype=np.int32)
        heard = decoder.stream()
        decoder.prime(heard, frames)
        self.codecs = [heard.copy() for _ in range(count)]
        self.rows = _rows(0, count, talker.hidden_dim)
        self.hidden, self.logits = _empty(count, talker.hidden_dim), _empty(count, talker.vocab)
        self.codes = frames[:count].copy()
        self.uniforms = numbers.random((count, predictor.draws))
        self.draws = [stages.draw()] * count
        self.embeddings = _empty(count, talker.hidden_dim)
        self.pcm = _empty(count, decoder.samples_per_frame)
        self.step()  # what the predictor reads has been written

    def step(self) -> None:
        self.stages.talker.step(self.talkers, self.rows, self.hidden, self.logits)

    def predict(self) -> None:
        self.stages.predictor.predict(self.hidden, self.codes, self.uniforms, self.draws, self.embeddings)

    def decode(self) -> None:
        self.stages.decoder.decode(self.codecs, self.codes, self.pcm)


def trials(model: Any) -> Sequence[Trial]:
    """The stages of one stream, in the order of a frame; then the prompt of a sentence."""
    batch, stage = Batch(model, 1, _BEFORE), model.stages.talker
    prompted, rows = stage.stream(), _rows(1, _PROMPT, stage.hidden_dim)

    def run_prompt() -> None:
        prompted.reset()
        stage.prefill([prompted], [rows])

    return (
        Trial("talker step", batch.step, talker(model, 1, _BEFORE)),
        Trial("code predictor", batch.predict, predictor(model, 1)),
        Trial("codec frame", batch.decode, codec(model, 1, _BEFORE)),
        Trial(f"prompt of {_PROMPT} rows", run_prompt, prompt(model, 1, _PROMPT), every_frame=False),
    )


# --- what each has to do ---------------------------------------------------------------------------


def talker(model: Any, streams: int, before: float) -> Work:
    """A step of `streams` streams, each after about `before` rows."""
    t, stage = model.config.talker_config, model.stages.talker
    head = t.vocab_size * t.hidden_size
    attention = 2 * t.num_hidden_layers * t.num_attention_heads * t.head_dim * before
    return Work(
        flops=2.0 * streams * (stage.macs_per_row + head + attention),
        nbytes=stage.weight_bytes + 2 * head + _remembered(model, streams * before),
        product=PRODUCTS[model.compute_type][0],
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
        product=PRODUCTS[model.compute_type][0],
    )


def predictor(model: Any, streams: int) -> Work:
    """Codes 1 to 15 of a frame of each: passes that read the same layers, and a head of their own."""
    p, stage = model.config.talker_config.code_predictor_config, model.stages.predictor
    seen = sum(range(1, p.num_code_groups + 1))
    attention = 2 * p.num_hidden_layers * p.num_attention_heads * p.head_dim * seen
    head = 2 * p.vocab_size * p.hidden_size
    return Work(
        flops=2.0 * streams * (stage.macs_per_frame + attention),
        nbytes=stage.draws * (stage.weight_bytes + head),
        product=PRODUCTS[model.compute_type][0],
        again=(stage.draws - 1) * stage.weight_bytes,
        between=stage.weight_bytes + head,
    )


def codec(model: Any, streams: int, before: float) -> Work:
    """A frame of each after about `before`, sines not counted. Its file is float32, so that is what it is kept in."""
    d, product = model.config.speech_tokenizer.decoder_config, PRODUCTS[model.compute_type][1]
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


def _rows(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _empty(*shape: int) -> np.ndarray:
    return np.empty(shape, dtype=np.float32)
