"""The choice between all threads and one, on simulated clocks."""

import pytest

from pocket_fast.cpu import _threads
from pocket_fast.cpu._pace import Pace


@pytest.fixture(autouse=True)
def threads_pay(monkeypatch):
    monkeypatch.setattr(_threads, "has_openmp", lambda: True)


def calls(pace, count, seconds, rows=1):
    """Threads chosen in `count` calls that take seconds[threads]."""
    chosen = []
    for _ in range(count):
        threads = pace.choose(rows, 1e9)
        pace.took(rows, threads, seconds[threads])
        chosen.append(threads)
    return chosen


def test_a_quiet_machine_uses_all_threads_always():
    assert calls(Pace(2), 500, {1: 10.0, 2: 5.5}) == [2] * 500


def test_a_disturbed_machine_ends_up_on_one_thread_and_comes_back():
    pace = Pace(2)
    calls(pace, 20, {1: 10.0, 2: 5.5})
    disturbed = calls(pace, 600, {1: 11.0, 2: 25.0})
    assert disturbed[300:].count(1) > 0.9 * 300
    quiet = calls(pace, 600, {1: 10.0, 2: 5.5})
    assert quiet[300:] == [2] * 300


def test_all_threads_stay_where_they_are_still_faster_than_one():
    pace = Pace(2)
    calls(pace, 20, {1: 10.0, 2: 5.5})
    assert calls(pace, 600, {1: 20.0, 2: 11.0})[100:].count(2) > 0.8 * 500


def test_sizes_are_judged_apart():
    pace = Pace(2)
    calls(pace, 20, {1: 10.0, 2: 5.5})
    calls(pace, 100, {1: 11.0, 2: 25.0})
    assert calls(pace, 5, {1: 100.0, 2: 50.0}, rows=40) == [2] * 5


def test_small_work_is_never_shared():
    pace = Pace(2)
    assert pace.choose(1, 1e3) == 1
