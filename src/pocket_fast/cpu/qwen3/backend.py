"""The CPU backend: the five stages of a Qwen3-TTS model from its config and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pocket_fast.cpu._memory import WeightStore
from pocket_fast.cpu._team import openmp_max_threads
from pocket_fast.cpu._threads import let_go, resolve_threads, thread_limit
from pocket_fast.cpu.compute_types import for_weights, products, resolve_compute_type
from pocket_fast.cpu.qwen3.codec import CodecDecoder, CodecEncoder
from pocket_fast.cpu.qwen3.predictor import CodePredictor
from pocket_fast.cpu.qwen3.sampling import Draw, pick_codes
from pocket_fast.cpu.qwen3.speaker import SpeakerEncoder
from pocket_fast.cpu.qwen3.talker import Talker
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
    threads: int
    compute_type: str
    weight_bytes: int
    openmp_threads: int  # OpenMP's limit when this was loaded
    device: str = "cpu"
    most_together: int = 16  # frames in one step
    most_in_a_row: int = 2  # frames of one stream in one call of the codec: more gain little
    frame: None = None  # nothing would be gained by having the stages of one in one

    draw = staticmethod(Draw)
    first_codes = staticmethod(pick_codes)

    def prepare(self, streams: int, codes: int, end: int) -> None:
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
    release: Callable[[np.ndarray], None] = lambda array: None,
) -> Stages:
    """Pack `weights` for this CPU.

    config: a models.qwen3 ModelConfig (only its fields are read); weights: {name: float32, float16, or bfloat16 as
    uint16; the layers' matrices may be integers, each with what belongs to it (weights/integers.py): then "auto" is
    "int8" or "int4"}, checked by the caller, those of the codec under speech_tokenizer.; threads: see
    resolve_threads; release: told of every large array once it is packed.
    Raises UnsupportedError for a compute type that is not built in, ConfigError for one that weights
    stored as integers cannot serve.
    """
    compute_type = for_weights(resolve_compute_type(compute_type), compute_type, weights)
    packed = products(compute_type)
    threads = resolve_threads(threads)
    store = WeightStore(release)
    lm, codec = below(weights, "talker."), config.speech_tokenizer
    clones = config.speaker_encoder_config is not None
    stages = Stages(
        Talker(store, lm, config.talker_config, product=packed.layers, threads=threads),
        CodePredictor(store, lm, config.talker_config, product=packed.draws, threads=threads),
        CodecDecoder(
            store,
            below(weights, "speech_tokenizer.decoder."),
            codec.decoder_config,
            product=packed.codec,
            threads=threads,
        ),
        CodecEncoder(
            store,
            below(weights, "speech_tokenizer.encoder."),
            codec.encoder_config,
            codec.encoder_valid_num_quantizers,
            threads=threads,
        )
        if clones
        else None,
        SpeakerEncoder(
            store, below(weights, "speaker_encoder."), config.speaker_encoder_config, threads=threads
        )
        if clones
        else None,
        config.sample_rate,
        threads,
        compute_type,
        store.used,
        openmp_max_threads(),
    )
    let_go()
    return stages
