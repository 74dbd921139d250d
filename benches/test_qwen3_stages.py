"""The stages of a Qwen3-TTS model in every compute type, for 1, 4 and 8 streams that have spoken for a short and for
a long time. extra_info says what share of the machine's limits was reached (`of_limit`), and the time per stream."""

import numpy as np
import pytest

from pocket_fast import Qwen3TTSModel
from pocket_fast.errors import UnsupportedError
from pocket_fast.models.qwen3 import trials as work
from pocket_fast.models.qwen3.trials import Batch

COMPUTE_TYPES = ["float32", "bfloat16", "int8"]
STREAMS = [1, 4, 8]
CONTEXTS = [50, 500]  # rows and frames before: 4 and 40 seconds
WARM_UP, ROUNDS = 4, 20
PROMPT = 40  # rows


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
