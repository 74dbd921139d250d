"""A few streams of one model, and the three stages of a frame for all of them at once."""

from __future__ import annotations

import time
from typing import Any

import numpy as np


def rows(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def empty(*shape: int) -> np.ndarray:
    return np.empty(shape, dtype=np.float32)


class Qwen3Batch:
    """`count` streams of a Qwen3-TTS model, each after `context` rows of the talker and as many frames of the codec."""

    def __init__(self, model: Any, count: int, context: int):
        self.stages = stages = model.stages
        talker, predictor, decoder = stages.talker, stages.predictor, stages.decoder
        numbers = np.random.default_rng(0)
        self.talkers = [talker.stream() for _ in range(count)]
        talker.prefill(self.talkers, [rows(i, context, talker.hidden_dim) for i in range(count)])
        frames = numbers.integers(0, decoder.codes, (context, decoder.groups), dtype=np.int32)
        heard = decoder.stream()
        decoder.prime(heard, frames)
        self.codecs = [heard.copy() for _ in range(count)]
        self.rows = rows(0, count, talker.hidden_dim)
        self.hidden, self.logits = empty(count, talker.hidden_dim), empty(count, talker.vocab)
        self.codes = frames[:count].copy()
        self.uniforms = numbers.random((count, predictor.draws))
        self.draws = [stages.draw()] * count
        self.embeddings = empty(count, talker.hidden_dim)
        self.pcm = empty(count, decoder.samples_per_frame)
        self.step()  # what the predictor reads has been written

    def step(self) -> None:
        self.stages.talker.step(self.talkers, self.rows, self.hidden, self.logits)

    def predict(self) -> None:
        self.stages.predictor.predict(self.hidden, self.codes, self.uniforms, self.draws, self.embeddings)

    def decode(self) -> None:
        self.stages.decoder.decode(self.codecs, self.codes, self.pcm)


class Batch:
    """`count` streams after the same voice, with room for `capacity` frames each."""

    def __init__(self, model: Any, voice: Any, count: int, capacity: int):
        self.stages = stages = model.stages
        self.streams = [stages.backbone.stream(capacity, voice.prefix) for _ in range(count)]
        self.codecs = [stages.decoder.stream() for _ in range(count)]
        self.latents = rows(0, count, stages.backbone.latent_dim)
        self.noise = rows(1, count, stages.flow_head.latent_dim)
        self.hidden, self.eos = empty(count, stages.backbone.hidden_dim), empty(count)
        self.next = empty(*self.noise.shape)
        self.pcm = empty(count, stages.decoder.samples_per_frame)
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
