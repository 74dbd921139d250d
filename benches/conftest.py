"""What every benchmark records: the machine's limits at that moment, instruction set and threads."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "benches"), str(ROOT / "tools")]


def pytest_addoption(parser):
    parser.addoption(
        "--model",
        default="english",
        help="config.yaml of a Pocket TTS model, or a shipped one to make a synthetic checkpoint of",
    )
    parser.addoption(
        "--qwen3",
        default="qwen3-tts-12hz-0.6b-customvoice",
        help="folder of a Qwen3-TTS model, or a released one to make a synthetic folder of",
    )
    parser.addoption("--threads", type=int, default=2)


@pytest.fixture(scope="session")
def threads(request):
    return request.config.getoption("--threads")


@pytest.fixture(scope="session")
def products(threads):
    from pocket_fast.cpu import machine

    return machine.products(threads)


@pytest.fixture(scope="session")
def checkpoint(request, tmp_path_factory):
    from make_synthetic_model import make_model

    model = request.config.getoption("--model")
    return Path(model) if Path(model).is_file() else make_model(tmp_path_factory.mktemp(model), model)


@pytest.fixture(scope="session")
def qwen3_folder(request, tmp_path_factory):
    from make_synthetic_model import make_qwen3_model

    model = request.config.getoption("--qwen3")
    return model if Path(model).is_dir() else make_qwen3_model(tmp_path_factory.mktemp(model), model)


@pytest.fixture
def footprint():
    """Bytes that are read again and again: caches decide how fast. Files with models override this."""
    from pocket_fast.cpu import machine

    return machine.MEMORY


@pytest.fixture
def record(benchmark, threads, products, footprint):
    """record(work, threads): the rates of the median call, and its share of what the machine's limits allow.

    The read bandwidth is that of reads of as many bytes (footprint), measured before and after every benchmark, and
    the better one counts.
    """
    from pocket_fast.cpu import _dispatch, machine

    before = machine.reads(threads, footprint)

    def note(work, used=1):
        after = machine.reads(threads, footprint)
        limits = {**products, **{k: max(v, before[k]) for k, v in after.items()}}
        if work.again:
            limits |= machine.reads(threads, round(work.between), "again")
        seconds = benchmark.stats.stats.median
        benchmark.extra_info.update(
            limits,
            cpu=machine.cpu_name(),
            isa=_dispatch.isa(),
            threads=used,
            gflop_s=round(work.flops / seconds / 1e9, 1),
            gb_s=round(work.nbytes / seconds / 1e9, 1),
            of_limit=round(work.least_seconds(limits, used) / seconds, 2),
        )

    return note
