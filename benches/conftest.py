"""What every benchmark records: the machine's limits at that moment, instruction set and threads."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "benches"), str(ROOT / "tools")]


def pytest_addoption(parser):
    parser.addoption("--model", default="english", help="shipped model to make a synthetic checkpoint of")
    parser.addoption("--threads", type=int, default=2)


@pytest.fixture(scope="session")
def limits(request):
    import machine

    return machine.describe(request.config.getoption("--threads"))


@pytest.fixture(scope="session")
def checkpoint(request, tmp_path_factory):
    from make_synthetic_model import make_model

    name = request.config.getoption("--model")
    return make_model(tmp_path_factory.mktemp(name), name)


@pytest.fixture
def record(benchmark, limits):
    """record(flops=..., bytes=...): note the rate reached, in figures and as a share of the limit measured."""
    from pocket_fast.cpu import _dispatch

    def note(flops=0.0, nbytes=0.0, threads=1):
        best = benchmark.stats.stats.min
        benchmark.extra_info.update(limits, isa=_dispatch.isa())
        if flops:
            rate = flops / best / 1e9
            benchmark.extra_info["gflop_s"] = round(rate, 1)
            benchmark.extra_info["of_fma_limit"] = round(rate / (limits["fma_gflop_s_1"] * threads), 2)
        if nbytes:
            rate = nbytes / best / 1e9
            benchmark.extra_info["gb_s"] = round(rate, 1)
            benchmark.extra_info["of_read_limit"] = round(rate / limits[f"read_gb_s_{threads}"], 2)

    return note
