"""A fresh process for every compute type of both families: from starting Python to the first sound, and the most memory
it had until a few words were spoken. The files are in the page cache."""

import statistics
import sys
from pathlib import Path

import pytest

import rivals
from contenders import cold_start
from pocket_fast.cpu.compute_types import resolve_compute_type
from pocket_fast.errors import UnsupportedError

COMPUTE_TYPES = ["float32", "bfloat16", "int8", "int4"]
VOICE = Path(__file__).resolve().parents[1] / "ref.wav"
TEXT = "Good night."
FRAMES = 25  # of Qwen3-TTS, whose random weights do not know when to end
ROUNDS = 3


@pytest.fixture(params=COMPUTE_TYPES)
def compute_type(request):
    try:
        resolve_compute_type(request.param)
    except UnsupportedError as error:
        pytest.skip(str(error))
    return request.param


@pytest.fixture(scope="module")
def voice_state(checkpoint, tmp_path_factory):
    """The voice as most users have one: made before."""
    return rivals.exported(checkpoint, VOICE, tmp_path_factory.mktemp("voice"))


def timed(benchmark, compute_type, model, voice, threads, frames):
    """A process each round; milliseconds and MiB in extra_info, for the benchmark's own time has the whole of it."""
    found = []

    def process():
        found.append(
            cold_start(sys.executable, f"pocket_fast-{compute_type}", model, voice, threads, TEXT, frames)
        )

    benchmark.pedantic(process, rounds=ROUNDS, warmup_rounds=1)
    middle = {key: statistics.median(one[key] for one in found[1:]) for key in found[0]}
    benchmark.extra_info.update(
        process_to_first_sound_ms=round(middle["start"] * 1e3),
        first_sound_cold_ms=round(middle["first"] * 1e3),
        peak_memory_mib=round(middle["rss"]),
    )
    assert middle["first"] < middle["start"]


def test_pocket_process(benchmark, checkpoint, voice_state, threads, compute_type):
    benchmark.group = "process of Pocket TTS"
    timed(benchmark, compute_type, checkpoint, voice_state, threads, 0)


def test_qwen3_process(benchmark, qwen3_folder, threads, compute_type):
    benchmark.group = "process of Qwen3-TTS"
    timed(benchmark, compute_type, qwen3_folder, "ryan", threads, FRAMES)
