"""The stages of Pocket TTS to be timed: a few streams, all stages of a frame for them, and what each has to do."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from pocket_fast.models.pocket.config_file import resolve_location
from pocket_fast.models.pocket.names import expected_tensors
from pocket_fast.models.work import PRODUCTS, Trial, Work
from pocket_fast.weights.hub import fetch
from pocket_fast.weights.tensors import TensorFile

PANEL = 32  # positions a voice's keys and values are rounded up to
_FRAMES = 250  # a stream has room for: 20 seconds
_PROMPT = 35  # tokens of a text: a sentence


class Batch:
    """`count` streams after the same voice, with room for `capacity` frames each."""

    def __init__(self, model: Any, voice: Any, count: int, capacity: int):
        self.stages = stages = model.stages
        self.streams = [stages.backbone.stream(capacity, voice.prefix) for _ in range(count)]
        self.codecs = [stages.decoder.stream() for _ in range(count)]
        self.latents = _rows(0, count, stages.backbone.latent_dim)
        self.noise = _rows(1, count, stages.flow_head.latent_dim)
        self.hidden, self.eos = _empty(count, stages.backbone.hidden_dim), _empty(count)
        self.next = _empty(*self.noise.shape)
        self.pcm = _empty(count, stages.decoder.samples_per_frame)
        self.frame()  # what each stage reads has been written

    def step(self) -> None:
        self.stages.backbone.step(self.streams, self.latents, self.hidden)

    def sample(self) -> None:
        self.stages.flow_head.sample(self.hidden, self.noise, self.next, self.eos)

    def decode(self) -> None:
        self.stages.decoder.decode(self.codecs, self.next, self.pcm)

    def frame(self) -> None:
        self.step()
        self.sample()
        self.decode()

    def timed_frame(self) -> tuple[float, float, float]:
        """A frame, and the seconds of each stage: each finds the caches as the others left them."""
        at = [time.perf_counter()]
        for stage in (self.step, self.sample, self.decode):
            stage()
            at.append(time.perf_counter())
        return at[1] - at[0], at[2] - at[1], at[3] - at[2]


def trials(model: Any, voice: Any) -> Sequence[Trial]:
    """The stages of one stream that speaks with `voice`, in the order of a frame; then the prompt of a sentence."""
    batch, stage = Batch(model, voice, 1, _FRAMES), model.stages.backbone
    embeddings = stage.embed_text([1] * _PROMPT)
    prompted = stage.stream(_PROMPT, voice.prefix)

    def step() -> None:
        if batch.streams[0].length == batch.streams[0].capacity:
            batch.streams[0].reset()
        batch.step()

    def prompt() -> None:
        prompted.reset()
        stage.prefill([prompted], [embeddings])

    return (
        Trial("backbone step", step, backbone(model, voice, _FRAMES / 4)),
        Trial("flow head", batch.sample, flow_head(model)),
        Trial("codec frame", batch.decode, codec(model)),
        Trial(f"prompt of {_PROMPT} tokens", prompt, text_prompt(model, voice, _PROMPT), every_frame=False),
    )


# --- what each has to do ---------------------------------------------------------------------------


def backbone(model: Any, voice: Any, own: float, *, streams: int = 1) -> Work:
    """A step of `streams` streams, each after the voice and about `own` positions of its own."""
    t, stage = model.config.flow_lm.transformer, model.stages.backbone
    attention = 2 * t.num_layers * t.q_dim * (voice.length + own)
    return Work(
        flops=2.0 * streams * (stage.macs_per_row + attention),
        nbytes=stage.weight_bytes + _kept(voice, streams * own),
        product=PRODUCTS[model.compute_type][0],
    )


def text_prompt(model: Any, voice: Any, tokens: int) -> Work:
    """A text after the voice. Nobody asks for its output: the last layer ends with keys and values."""
    t, stage = model.config.flow_lm.transformer, model.stages.backbone
    last = t.d_model * (t.q_dim + 2 * t.ffn_dim)
    attention = 2 * (t.num_layers - 1) * t.q_dim * (voice.length + tokens / 2)
    return Work(
        flops=2.0 * tokens * (stage.macs_per_row - last + attention),
        nbytes=stage.weight_bytes * (1 - last / stage.macs_per_row) + _kept(voice, tokens / 2),
        product=PRODUCTS[model.compute_type][0],
    )


def _kept(voice: Any, own: float) -> float:
    """Bytes of the keys and values of the voice, which streams share, and of `own` positions more."""
    return voice.prefix.nbytes * (voice.length + own) / (math.ceil(voice.length / PANEL) * PANEL)


def flow_head(model: Any) -> Work:
    """One decode step of one stream."""
    product = PRODUCTS[model.compute_type][0]
    macs = model.stages.flow_head.macs_per_row
    width = {"float32": _stored_width(model), "bfloat16": 2, "int8": 1}[product]
    return Work(flops=2.0 * macs, nbytes=macs * width, product=product)


def codec(model: Any) -> Work:
    """One frame of one stream, the attention window full."""
    mimi, product = model.config.mimi, PRODUCTS[model.compute_type][1]
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


def _stored_width(model: Any) -> int:
    """Bytes of a weight of the codec in the checkpoint, which "float32" keeps in memory as they are."""
    with TensorFile(fetch(resolve_location(model.config.weights_path, model.origin.parent))) as file:
        return {"BF16": 2, "F16": 4, "F32": 4}[file.dtype("mimi.decoder.model.0.conv.weight")]


def _rows(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _empty(*shape: int) -> np.ndarray:
    return np.empty(shape, dtype=np.float32)
