"""The stages of a Qwen3-TTS model in every compute type, for 1, 4 and 8 streams that have spoken for a short and for
a long time. extra_info says what share of the machine's limits was reached (`of_limit`), and the time per stream."""

import statistics
import timeit

import numpy as np
import pytest

from pocket_fast import Qwen3TTSModel
from pocket_fast.errors import UnsupportedError
from pocket_fast.models.qwen3 import trials as work
from pocket_fast.models.qwen3.trials import Batch

COMPUTE_TYPES = ["float32", "bfloat16", "int8", "int4"]
STREAMS = [1, 4, 8]
CONTEXTS = [50, 500]  # rows and frames before: 4 and 40 seconds
WARM_UP, ROUNDS = 4, 20
PROMPT = 40  # rows
TEXT = "The ferry left the harbour"
FEW_FRAMES = 26  # random weights do not know when to end


@pytest.fixture(scope="module", params=COMPUTE_TYPES)
def model(request, qwen3_folder, threads):
    try:
        return Qwen3TTSModel.from_pretrained(qwen3_folder, threads=threads, compute_type=request.param)
    except UnsupportedError as error:
        pytest.skip(str(error))


@pytest.fixture(params=STREAMS, ids=lambda n: f"{n}_streams")
def streams(request):
    return request.param


@pytest.fixture(params=CONTEXTS, ids=lambda n: f"{n}_before")
def batch(request, model, streams):
    batch = Batch(model, streams, request.param)
    batch.context = request.param + WARM_UP + ROUNDS / 2  # on average
    return batch


def in_turn(benchmark, timed, *others):
    """Time one stage, the others before every call: it finds the caches as it does in the frame loop."""

    def prepare():
        for stage in others:
            stage()

    benchmark.pedantic(timed, setup=prepare, rounds=ROUNDS, warmup_rounds=WARM_UP)


def frame(batch):
    batch.step()
    batch.predict()
    batch.decode()


def per_stream(benchmark, streams):
    benchmark.extra_info["per_stream_ms"] = round(benchmark.stats.stats.median / streams * 1e3, 3)


def test_talker_step(benchmark, record, model, batch, streams):
    benchmark.group = f"talker step, {streams} streams"
    in_turn(benchmark, batch.step, batch.predict, batch.decode)
    record(work.talker(model, streams, batch.context), model.stages.talker.threads)
    per_stream(benchmark, streams)


def test_predictor_frame(benchmark, record, model, batch, streams):
    benchmark.group = f"code predictor's frame, {streams} streams"
    in_turn(benchmark, batch.predict, batch.decode, batch.step)
    record(work.predictor(model, streams), model.stages.predictor.threads)
    per_stream(benchmark, streams)


def test_codec_frame(benchmark, record, model, batch, streams):
    benchmark.group = f"codec frame, {streams} streams"
    in_turn(benchmark, batch.decode, batch.step, batch.predict)
    record(work.codec(model, streams, batch.context), model.stages.decoder.threads)
    per_stream(benchmark, streams)


def test_streams_together(benchmark, model, streams):
    """All stages of a frame for so many streams, beside a single stream before and after."""
    if streams == 1:
        pytest.skip("one stream is what the others are held against")
    benchmark.group = f"frame of {streams} streams"
    together, single = Batch(model, streams, CONTEXTS[0]), Batch(model, 1, CONTEXTS[0])

    def alone():
        return statistics.median(timeit.repeat(lambda: frame(single), number=1, repeat=ROUNDS))

    before = alone()
    benchmark.pedantic(frame, (together,), rounds=ROUNDS, warmup_rounds=WARM_UP)
    one = (before + alone()) / 2
    per_stream(benchmark, streams)
    benchmark.extra_info.update(
        single_ms=round(one * 1e3, 3),
        times_single=round(streams * one / benchmark.stats.stats.median, 2),
    )


def test_prompt(benchmark, record, model, streams):
    benchmark.group = f"prompt of {PROMPT} rows, {streams} streams"
    talker = model.stages.talker
    talkers = [talker.stream() for _ in range(streams)]
    numbers = np.random.default_rng(0)
    prompts = list(numbers.standard_normal((streams, PROMPT, talker.hidden_dim)).astype(np.float32))

    def prompt():
        for stream in talkers:
            stream.reset()
        talker.prefill(talkers, prompts)

    benchmark.pedantic(prompt, rounds=10, warmup_rounds=2)
    record(work.prompt(model, streams, PROMPT), talker.threads)
    per_stream(benchmark, streams)


def test_first_sound(benchmark, model):
    """From asking for a sentence to its first 80 ms, with everything loaded."""
    benchmark.group = "first sound"

    def first():
        frames = model.stream(TEXT, voice="ryan", max_new_tokens=FEW_FRAMES)
        samples = next(frames)
        frames.close()
        return samples

    assert len(benchmark.pedantic(first, rounds=5, warmup_rounds=1))


def test_utterance(benchmark, model):
    """Some frames from text to samples; ms per 80 ms frame in extra_info."""
    benchmark.group = "utterance"
    made = []

    def speak():
        made.append(list(model.stream(TEXT, voice="ryan", seed=1, max_new_tokens=FEW_FRAMES)))

    benchmark.pedantic(speak, rounds=3, warmup_rounds=1)
    assert made[-1]
    benchmark.extra_info["ms_per_frame"] = round(benchmark.stats.stats.min / len(made[-1]) * 1e3, 2)
