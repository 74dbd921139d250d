"""What stages have to do at the very least, and how near they come."""

import pytest

from pocket_fast.cli import bench
from pocket_fast.models.work import Trial, Work

LIMITS = {"read_gb_s_1": 10.0, "read_gb_s_2": 20.0, "float32_gflop_s_1": 100.0, "float32_gflop_s_2": 150.0}


def test_reading_and_computing_overlap():
    reads = Work(flops=1e9, nbytes=1e9, product="float32")
    assert reads.reading(LIMITS, 1) == pytest.approx(0.1)
    assert reads.computing(LIMITS, 1) == pytest.approx(0.01)
    assert reads.least_seconds(LIMITS, 1) == pytest.approx(0.1)
    assert reads.least_seconds(LIMITS, 2) == pytest.approx(0.05)
    computes = Work(flops=30e9, nbytes=1e9, product="float32")
    assert computes.least_seconds(LIMITS, 1) == pytest.approx(0.3)
    assert computes.least_seconds(LIMITS, 2) == pytest.approx(0.2)
    assert computes.intensity == 30


def test_what_is_read_again_may_come_from_a_cache():
    limits = {**LIMITS, "again_gb_s_1": 40.0, "again_gb_s_2": 50.0}
    passes = Work(flops=1e9, nbytes=9e9, product="float32", again=8e9, between=1e9)
    assert passes.footprint == 1e9
    assert passes.reading(limits, 1) == pytest.approx(0.1 + 0.2)
    assert passes.reading(limits, 2) == pytest.approx(0.05 + 0.16)
    assert Work(flops=1e9, nbytes=9e9, product="float32").footprint == 9e9


def test_stages_are_timed_in_turn_and_what_is_done_once_is_not_in_between(monkeypatch):
    calls = []
    clock = iter(range(10_000))
    monkeypatch.setattr(bench.time, "perf_counter", lambda: float(next(clock)))
    monkeypatch.setattr(bench, "_STAGE_SECONDS", 100.0)
    work = Work(flops=50e9, nbytes=1e9, product="float32")
    trials = [
        Trial("one", lambda: calls.append("one"), work),
        Trial("two", lambda: calls.append("two"), Work(1e9, 5e9, "float32")),
        Trial("before", lambda: calls.append("before"), work, every_frame=False),
    ]
    one, two, before = bench._stages(trials, bench._timed(trials), LIMITS, 1)
    often = bench._FEWEST_ROUNDS
    assert calls[: 3 * often] == ["one", "two", "before"] * often
    assert set(calls[3 * often :]) == {"one", "two"}
    assert len(calls) > 3 * often
    assert (one["ms"], one["of_limit"], one["limit"]) == (1000.0, pytest.approx(0.5), "float32 products")
    assert (two["of_limit"], two["limit"], two["gb_s"]) == (pytest.approx(0.5), "reading", pytest.approx(5.0))
    assert (one["flops"], one["nbytes"], one["least_ms"]) == (50e9, 1e9, pytest.approx(500.0))
    assert not before["every_frame"]
