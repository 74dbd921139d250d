"""The CPU backend: the four stages of a Pocket TTS model from its config and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.cpu._memory import WeightStore, widen
from pocket_fast.cpu._team import openmp_max_threads
from pocket_fast.cpu._threads import let_go, resolve_threads, thread_limit
from pocket_fast.cpu.compute_types import for_weights, products, resolve_compute_type
from pocket_fast.cpu.pocket.backbone import Backbone
from pocket_fast.cpu.pocket.codec import CodecDecoder, CodecEncoder
from pocket_fast.cpu.pocket.flow_head import FlowHead
from pocket_fast.stages.pocket import sizes
from pocket_fast.stages.weights import below


@dataclass(frozen=True)
class Stages:
    """What a model runs on. encoder is None if the weights cannot clone voices."""

    backbone: Backbone
    flow_head: FlowHead
    decoder: CodecDecoder
    encoder: CodecEncoder | None
    threads: int
    compute_type: str
    weight_bytes: int
    openmp_threads: int  # OpenMP's limit when this was loaded
    device: str = "cpu"
    most_together: int = 16  # frames in one step
    most_in_a_row: int = 2  # frames of one stream in one call of the codec: more gain little
    frame: None = None  # nothing would be gained by having three of them in one

    def prepare(self, streams: int) -> None:
        """Nothing: memory for a call is found when it comes."""

    def thread_limit(self) -> int:
        """Most threads for what the calling thread asks for; 0 for all."""
        return thread_limit(self.openmp_threads)


def load_stages(
    config: Any,
    weights: Mapping[str, np.ndarray],
    *,
    threads: int | None = None,
    compute_type: str = "auto",
    encoder: bool = True,
    release: Callable[[np.ndarray], None] = lambda array: None,
) -> Stages:
    """Pack `weights` for this CPU.

    config: a models.pocket ModelConfig (only its fields are read); weights: {bundle name: float32,
    float16, or bfloat16 as uint16; the language model's matrices may be integers, each with what belongs to it
    (weights/integers.py): then "auto" is "int8" or "int4"}, checked by the caller; threads: see resolve_threads;
    release: told of every large array once it is packed.
    Raises UnsupportedError for a compute type that is not built in, ConfigError for one that weights
    stored as integers cannot serve.
    """
    compute_type = for_weights(resolve_compute_type(compute_type), compute_type, weights)
    packed = products(compute_type)
    threads = resolve_threads(threads)
    store = WeightStore(release)
    lm, mimi = below(weights, "flow_lm."), below(weights, "mimi.")
    backbone = Backbone(
        store, lm, **sizes.backbone(config.flow_lm.transformer), product=packed.layers, threads=threads
    )
    flow = config.flow_lm.flow
    head = FlowHead(store, lm, flow_type=flow.type, depth=flow.depth, product=packed.draws, threads=threads)
    codec = config.mimi
    decoder = CodecDecoder(
        store,
        mimi,
        **sizes.codec_decoder(codec),
        latent_mean=widen(lm["emb_mean"]),
        latent_std=widen(lm["emb_std"]),
        product=packed.codec,
        threads=threads,
    )
    hears = CodecEncoder(store, mimi, **sizes.codec_encoder(codec), threads=threads) if encoder else None
    let_go()
    return Stages(
        backbone,
        head,
        decoder,
        hears,
        threads,
        compute_type,
        store.used,
        openmp_max_threads(),
    )
