"""The CUDA backend: the four stages of a Pocket TTS model from its config and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.cuda.compute_types import for_weights, product_of
from pocket_fast.cuda.device import Device
from pocket_fast.cuda.matrices import widen
from pocket_fast.cuda.pocket.backbone import Backbone
from pocket_fast.cuda.pocket.codec import CodecDecoder, CodecEncoder
from pocket_fast.cuda.pocket.flow_head import FlowHead
from pocket_fast.cuda.pocket.frame import Frame
from pocket_fast.cuda.rooms import BUCKETS, buckets_up_to
from pocket_fast.stages.pocket import sizes
from pocket_fast.stages.weights import below


@dataclass(frozen=True)
class Stages:
    """What a model runs on. encoder is None if the weights cannot clone voices."""

    backbone: Backbone
    flow_head: FlowHead
    decoder: CodecDecoder
    encoder: CodecEncoder | None
    frame: Frame  # three of them in one
    compute_type: str
    device: str
    threads: int = 1  # of the host, which only tells the GPU what to do
    most_together: int = BUCKETS[-1]  # frames in one step
    most_in_a_row: int = 1  # frames of one stream in one call of the codec

    def prepare(self, streams: int) -> None:
        """Record the launches for batches of up to so many: recording one takes a fraction of a second."""
        for size in buckets_up_to(min(streams, self.most_together)):
            self.frame.ready(size)
        if self.encoder is not None:
            self.encoder.room(1)

    def thread_limit(self) -> int:
        """Most threads for what the calling thread asks for."""
        return 1


def load_stages(
    config: Any,
    weights: Mapping[str, np.ndarray],
    *,
    device: str,
    compute_type: str = "auto",
    encoder: bool = True,
    release: Callable[[np.ndarray], None] = lambda array: None,
) -> Stages:
    """Upload `weights` to `device` ("cuda", "cuda:1").

    config: a models.pocket ModelConfig (only its fields are read); weights: {bundle name: float32, float16, or bfloat16
    as uint16}, checked by the caller; release: told of every large array once it is uploaded.
    Raises UnsupportedError for a device that cannot be used, a compute type that there is not, weights in 8 or 4 bits.
    """
    compute_type = for_weights(compute_type, weights)
    product = product_of(compute_type)
    gpu = Device(device)
    lm, mimi = below(weights, "flow_lm."), below(weights, "mimi.")
    flow, codec = config.flow_lm.flow, config.mimi
    backbone = Backbone(gpu, lm, **sizes.backbone(config.flow_lm.transformer), product=product)
    head = FlowHead(gpu, lm, flow_type=flow.type, depth=flow.depth, product=product)
    decoder = CodecDecoder(
        gpu,
        mimi,
        **sizes.codec_decoder(codec),
        latent_mean=widen(lm["emb_mean"]),
        latent_std=widen(lm["emb_std"]),
        product=product,
    )
    hears = CodecEncoder(gpu, mimi, **sizes.codec_encoder(codec)) if encoder else None
    for array in weights.values():
        release(array)
    frame = Frame(gpu, backbone, head, decoder)
    return Stages(backbone, head, decoder, hears, frame, compute_type, gpu.name)
