"""What every test may use: the report header and the instruction sets."""

from __future__ import annotations

import importlib.metadata
import platform

import pytest

try:
    from pocket_fast.cpu import _dispatch
except ImportError:  # a source tree whose compiled part is not built: its tests fail, the others run
    _dispatch = None


def pytest_report_header():
    versions = [f"Python {platform.python_version()}"]
    for package in ("pocket-fast", "numpy", "scipy"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    if _dispatch is None:
        return [", ".join(versions), "pocket_fast.cpu: not built"]
    from pocket_fast.cpu._team import has_openmp

    from pocket_fast.cpu._threads import resolve_threads

    usable = ", ".join(name if ok else f"{name} (not on this CPU)" for name, ok in _dispatch.isas())
    threads = f"threads {resolve_threads()}, OpenMP {'yes' if has_openmp() else 'no'}"
    return [", ".join(versions), f"pocket_fast.cpu: isa {_dispatch.isa()} of {usable}; {threads}"]


@pytest.fixture(params=[name for name, _ in _dispatch.isas()] if _dispatch else [])
def isa(request):
    """Runs the test once on every instruction set of this build."""
    if not dict(_dispatch.isas())[request.param]:
        pytest.skip(f"this CPU cannot run {request.param}")
    before = _dispatch.isa()
    _dispatch.set_isa(request.param)
    yield request.param
    _dispatch.set_isa(before)
