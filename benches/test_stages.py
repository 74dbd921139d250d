"""The stages of a model, one stream, every compute type: the figures beside the machine's limits."""

import numpy as np
import pytest

from pocket_fast import TTSModel
from pocket_fast.errors import UnsupportedError

COMPUTE_TYPES = ["float32", "bfloat16", "int8"]


@pytest.fixture(scope="module", params=COMPUTE_TYPES)
def model(request, checkpoint):
    threads = request.config.getoption("--threads")
    try:
        model = TTSModel.load_model(config=checkpoint, threads=threads, compute_type=request.param)
    except UnsupportedError as error:
        pytest.skip(str(error))
    model.voice_cache.max_bytes = 0  # every voice is made anew
    model.voice = model.get_state_for_audio_prompt("ref.wav")
    return model


def rows(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_backbone_step(benchmark, record, model):
    benchmark.group = "backbone step"
    backbone = model.stages.backbone
    stream = backbone.stream(4000, model.voice.prefix)
    latent, hidden = rows(0, 1, backbone.latent_dim), np.empty((1, backbone.hidden_dim), dtype=np.float32)
    benchmark.pedantic(backbone.step, ([stream], latent, hidden), rounds=200, warmup_rounds=20)
    record(nbytes=backbone.weight_bytes, threads=backbone.threads)


def test_text_prompt(benchmark, record, model):
    benchmark.group = "prompt of 35 tokens"
    backbone = model.stages.backbone
    embeddings = backbone.embed_text(list(range(300, 335)))
    stream = backbone.stream(40, model.voice.prefix)

    def prompt():
        stream.reset()
        backbone.prefill([stream], [embeddings])

    benchmark(prompt)
    record(flops=2.0 * 35 * backbone.macs_per_row, threads=backbone.threads)


def test_flow_head(benchmark, model):
    benchmark.group = "flow head"
    head = model.stages.flow_head
    noise, latent = rows(1, 1, head.latent_dim), np.empty((1, head.latent_dim), dtype=np.float32)
    benchmark(head.sample, rows(2, 1, head.hidden_dim), noise, latent, np.empty(1, dtype=np.float32))


def test_codec_frame(benchmark, record, model):
    benchmark.group = "codec frame"
    decoder = model.stages.decoder
    stream, pcm = decoder.stream(), np.empty((1, decoder.samples_per_frame), dtype=np.float32)
    benchmark(decoder.decode, [stream], rows(3, 1, decoder.latent_dim), pcm)
    record(flops=2.0 * decoder.macs_per_frame, threads=decoder.threads)


def test_voice_prompt_of_ten_seconds(benchmark, model):
    benchmark.group = "voice prompt of 10 s"
    benchmark.pedantic(model.get_state_for_audio_prompt, ("ref.wav",), rounds=5, warmup_rounds=1)


def test_utterance(benchmark, model):
    """A sentence from text to samples; ms per 80 ms frame in extra_info."""
    benchmark.group = "utterance"
    audio = benchmark.pedantic(
        model.generate_audio,
        (model.voice, "The ferry left the harbour before sunrise."),
        rounds=5,
        warmup_rounds=1,
    )
    frames = len(audio) / 1920
    benchmark.extra_info["ms_per_frame"] = round(benchmark.stats.stats.min / frames * 1e3, 2)
    assert frames > 10
