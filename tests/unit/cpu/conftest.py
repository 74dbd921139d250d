"""Fixtures of the stage tests."""

import pytest
from pocket_fast.cpu._team import has_openmp

from pocket_fast.cpu import _threads


@pytest.fixture
def two_threads(monkeypatch):
    """Lets even the smallest call use the threads its stage was built with."""
    if not has_openmp():
        pytest.skip("this build has no OpenMP: stages always run on one thread")
    monkeypatch.setattr(_threads, "GRAIN_MACS", 0)
