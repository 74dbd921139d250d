"""The CUDA backend: the five stages of a Qwen3-TTS model from its config and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.cuda.compute_types import for_weights, product_of
from pocket_fast.cuda.device import Device
from pocket_fast.cuda.qwen3.codec import CodecDecoder, CodecEncoder
from pocket_fast.cuda.qwen3.frame import First, Frame
from pocket_fast.cuda.qwen3.predictor import CodePredictor
from pocket_fast.cuda.qwen3.sampling import Draw, FirstCodes
from pocket_fast.cuda.qwen3.speaker import SpeakerEncoder
from pocket_fast.cuda.qwen3.talker import Talker
from pocket_fast.cuda.rooms import BUCKETS, buckets_up_to
from pocket_fast.stages.weights import below


@dataclass(frozen=True)
class Stages:
    """What a model runs on. encoder and speaker are None where the weights take no recordings."""

    talker: Talker
    predictor: CodePredictor
    decoder: CodecDecoder
    encoder: CodecEncoder | None
    speaker: SpeakerEncoder | None
    sample_rate: int
    compute_type: str
    device: str
    first_codes: FirstCodes
    frame: Frame  # talker, predictor and decoder in one
    threads: int = 1  # of the host, which only tells the GPU what to do
    most_together: int = BUCKETS[-1]  # frames in one step
    most_in_a_row: int = 1  # frames of one stream in one call of the codec

    draw = staticmethod(Draw)
    first = First

    def prepare(self, streams: int, codes: int, end: int) -> None:
        """Record the launches for batches of up to so many: recording one takes a fraction of a second.

        codes, end: as pick_codes takes them.
        """
        for size in buckets_up_to(min(streams, self.most_together)):
            self.frame.ready(size, codes, end)

    def thread_limit(self) -> int:
        """Most threads for what the calling thread asks for."""
        return 1


def load_stages(
    config: Any,
    weights: Mapping[str, Any],
    *,
    device: str,
    compute_type: str = "auto",
    release: Callable[[np.ndarray], None] = lambda array: None,
) -> Stages:
    """Upload `weights` to `device` ("cuda", "cuda:1").

    config: a models.qwen3 ModelConfig (only its fields are read); weights: {name: float32, float16, or bfloat16 as
    uint16}, checked by the caller, those of the codec under speech_tokenizer.; release: told of every large array once
    it is uploaded.
    Raises UnsupportedError for a device that cannot be used, a compute type that there is not, weights in 8 or 4 bits.
    """
    compute_type = for_weights(compute_type, weights)
    product = product_of(compute_type)
    gpu = Device(device)
    lm, encoder = below(weights, "talker."), below(weights, "speech_tokenizer.encoder.")
    codec, hears = config.speech_tokenizer, config.speaker_encoder_config is not None
    talker = Talker(gpu, lm, config.talker_config, product=product)
    predictor = CodePredictor(gpu, lm, config.talker_config, product=product)
    decoder = CodecDecoder(
        gpu, below(weights, "speech_tokenizer.decoder."), codec.decoder_config, product=product
    )
    stages = Stages(
        talker,
        predictor,
        decoder,
        CodecEncoder(gpu, encoder, codec.encoder_config, codec.encoder_valid_num_quantizers)
        if hears
        else None,
        SpeakerEncoder(gpu, below(weights, "speaker_encoder."), config.speaker_encoder_config)
        if hears
        else None,
        config.sample_rate,
        compute_type,
        gpu.name,
        FirstCodes(gpu),
        Frame(gpu, talker, predictor, decoder),
    )
    for array in weights.values():
        if isinstance(array, np.ndarray):
            release(array)
    return stages
