"""Fixtures of the stage tests."""

import math

import pytest
from pocket_fast.cpu._team import has_openmp

from pocket_fast.cpu import _pace, _threads


@pytest.fixture
def two_threads(monkeypatch):
    """Even the smallest call uses all threads its stage was built with, however busy the machine is."""
    if not has_openmp():
        pytest.skip("this build has no OpenMP: stages always run on one thread")
    monkeypatch.setattr(_threads, "GRAIN_MACS", 0)
    monkeypatch.setattr(_pace, "DISTURBED", math.inf)
    choose, chosen = _pace.Pace.choose, []

    def choose_and_tell(pace, rows, macs, most=0):
        chosen.append(choose(pace, rows, macs, most))
        return chosen[-1]

    monkeypatch.setattr(_pace.Pace, "choose", choose_and_tell)
    yield
    assert max(chosen) > 1, "the test never ran on two threads"
