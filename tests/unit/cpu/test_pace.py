"""The choice between all threads and one, on simulated clocks."""

import pytest

from pocket_fast.cpu import _threads
from pocket_fast.cpu._pace import Pace


@pytest.fixture(autouse=True)
def threads_pay(monkeypatch):
    monkeypatch.setattr(_threads, "has_openmp", lambda: True)


class Machine:
    """A stage on a machine whose calls take seconds[threads] each."""

    def __init__(self):
        self.now = 0.0
        self.pace = Pace(2, lambda: self.now)

    def calls(self, count, seconds, rows=1):
        """Threads chosen in `count` calls."""
        chosen = []
        for _ in range(count):
            threads = self.pace.choose(rows, 1e9)
            self.now += seconds[threads]
            self.pace.took(rows, threads, seconds[threads])
            chosen.append(threads)
        return chosen


QUIET = {1: 0.010, 2: 0.0055}
HOGGED = {1: 0.011, 2: 0.025}


def test_a_quiet_machine_uses_all_threads_always():
    assert Machine().calls(500, QUIET) == [2] * 500


def test_a_disturbed_machine_ends_up_on_one_thread_and_comes_back():
    machine = Machine()
    machine.calls(20, QUIET)
    disturbed = machine.calls(1000, HOGGED)
    assert disturbed[300:].count(1) > 0.9 * 700
    machine.calls(500, QUIET)  # up to four seconds until all threads are tried again
    assert machine.calls(300, QUIET) == [2] * 300


def test_late_calls_now_and_then_change_nothing():
    machine = Machine()
    machine.calls(20, QUIET)
    for _ in range(50):
        assert machine.calls(2, {1: 0.1, 2: 0.1}) == [2, 2]
        assert machine.calls(6, QUIET) == [2] * 6


def test_all_threads_stay_where_they_are_still_faster_than_one():
    machine = Machine()
    machine.calls(20, QUIET)
    assert machine.calls(600, {1: 0.020, 2: 0.011})[100:].count(2) > 0.9 * 500


def test_rare_calls_wait_seconds_not_calls():
    """A voice prompt once a minute must not be slow because of what disturbed another an hour ago."""
    machine = Machine()
    machine.calls(20, QUIET)
    machine.calls(40, HOGGED)
    machine.now += 60
    assert machine.calls(1, QUIET) == [2]


def test_sizes_are_judged_apart():
    machine = Machine()
    machine.calls(20, QUIET)
    assert 1 in machine.calls(100, HOGGED)
    assert machine.calls(5, {1: 0.1, 2: 0.05}, rows=40) == [2] * 5


def test_a_call_with_a_limit_of_its_own():
    pace = Pace(4)
    assert [pace.choose(1, 1e9, most) for most in (1, 2, 4, 9)] == [1, 2, 4, 4]


def test_small_work_is_never_shared():
    pace = Pace(2)
    assert pace.choose(1, 1e3) == 1
