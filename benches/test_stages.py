"""The stages of a model in every compute type, for one stream and for a batch: the figures beside the machine's
limits. extra_info says what share of them was reached (`of_limit`)."""

import statistics
from pathlib import Path

import pytest

from pocket_fast import TTSModel
from pocket_fast.errors import UnsupportedError
from pocket_fast.models.pocket import trials as work
from pocket_fast.models.pocket.trials import Batch

COMPUTE_TYPES = ["float32", "bfloat16", "int8", "int4"]
TEXT = "The ferry left the harbour before sunrise."
VOICE = Path(__file__).resolve().parents[1] / "ref.wav"
STREAMS = [8, 16]
WARM_UP, ROUNDS = 20, 200  # frames before and while a stream is timed
CAPACITY = WARM_UP + ROUNDS + 1
POSITIONS = WARM_UP + ROUNDS // 2  # of its own, on average


@pytest.fixture(scope="module", params=COMPUTE_TYPES)
def model(request, checkpoint, threads):
    try:
        model = TTSModel.load_model(config=checkpoint, threads=threads, compute_type=request.param)
    except UnsupportedError as error:
        pytest.skip(str(error))
    model.voice_cache.max_bytes = 0  # every voice is made anew
    return model


@pytest.fixture(scope="module")
def voice(model):
    return model.get_state_for_audio_prompt(VOICE)


@pytest.fixture
def footprint(model, voice):
    """What a frame reads: each stage finds what the others have left in the caches."""
    stages = work.backbone(model, voice, POSITIONS), work.flow_head(model), work.codec(model)
    return round(sum(stage.nbytes for stage in stages))


def in_turn(benchmark, timed, *others):
    """Time one stage, the others before every call: it finds the caches as it does in the frame loop."""

    def prepare():
        for stage in others:
            stage()

    benchmark.pedantic(timed, setup=prepare, rounds=ROUNDS, warmup_rounds=WARM_UP)


def test_backbone_step(benchmark, record, model, voice):
    benchmark.group = "backbone step"
    batch = Batch(model, voice, 1, CAPACITY)
    in_turn(benchmark, batch.step, batch.sample, batch.decode)
    record(work.backbone(model, voice, POSITIONS), model.stages.backbone.threads)


def test_flow_head(benchmark, record, model, voice):
    benchmark.group = "flow head"
    batch = Batch(model, voice, 1, CAPACITY)
    in_turn(benchmark, batch.sample, batch.decode, batch.step)
    record(work.flow_head(model), model.stages.flow_head.threads)


def test_codec_frame(benchmark, record, model, voice):
    benchmark.group = "codec frame"
    batch = Batch(model, voice, 1, CAPACITY)
    in_turn(benchmark, batch.decode, batch.step, batch.sample)
    record(work.codec(model), model.stages.decoder.threads)


@pytest.mark.parametrize("streams", STREAMS)
def test_streams_together(benchmark, model, voice, streams):
    """A frame of each stage for several streams at once, beside a single stream before and after."""
    benchmark.group = f"frame of {streams} streams"

    def single():
        batch = Batch(model, voice, 1, CAPACITY)
        times = [sum(batch.timed_frame()) for _ in range(WARM_UP + ROUNDS // 2)]
        return statistics.median(times[WARM_UP:])

    alone = single()
    benchmark.pedantic(
        Batch(model, voice, streams, CAPACITY).frame, rounds=ROUNDS // 2, warmup_rounds=WARM_UP
    )
    alone = (alone + single()) / 2
    each = benchmark.stats.stats.median / streams
    benchmark.extra_info.update(
        single_ms=round(alone * 1e3, 3),
        per_stream_ms=round(each * 1e3, 3),
        of_single=round(each / alone, 2),
        times_single=round(alone / each, 2),
    )


def test_text_prompt(benchmark, record, model, voice):
    benchmark.group = "prompt of 35 tokens"
    backbone = model.stages.backbone
    embeddings = backbone.embed_text(list(range(300, 335)))
    stream = backbone.stream(40, voice.prefix)

    def prompt():
        stream.reset()
        backbone.prefill([stream], [embeddings])

    benchmark.pedantic(prompt, rounds=30, warmup_rounds=3)
    record(work.text_prompt(model, voice, 35), backbone.threads)


def test_voice_prompt_of_ten_seconds(benchmark, model):
    benchmark.group = "voice prompt of 10 s"
    benchmark.pedantic(model.get_state_for_audio_prompt, (VOICE,), rounds=5, warmup_rounds=1)


def test_first_audio(benchmark, model, voice):
    """From asking for a sentence to its first samples, with everything loaded."""
    benchmark.group = "first audio"

    def first():
        frames = model.generate_audio_stream(voice, TEXT)
        samples = next(frames)
        frames.close()
        return samples

    assert benchmark.pedantic(first, rounds=10, warmup_rounds=2).any()


def test_utterance(benchmark, model, voice):
    """A sentence from text to samples; ms per 80 ms frame in extra_info."""
    benchmark.group = "utterance"
    audio = benchmark.pedantic(model.generate_audio, (voice, TEXT), rounds=5, warmup_rounds=1)
    frames = len(audio) / 1920
    benchmark.extra_info["ms_per_frame"] = round(benchmark.stats.stats.min / frames * 1e3, 2)
    assert frames > 10
