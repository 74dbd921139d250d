"""What every test may use: the report header, the instruction sets, a hub on loopback, tiny Qwen3-TTS models."""

from __future__ import annotations

import importlib.metadata
import platform

import pytest

from fake_hub import FakeHub

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

    usable = ", ".join(name if ok else f"{name} (not on this CPU)" for name, ok in USABLE.items())
    threads = f"threads {resolve_threads()}, OpenMP {'yes' if has_openmp() else 'no'}"
    return [", ".join(versions), f"pocket_fast.cpu: isa {_dispatch.isa()} of {usable}; {threads}"]


# What differs from another instruction set in how it adds up integers, which is exact, or in lacking a product: it
# must have the other's bits in all that it has (tests/unit/cpu/test_twin_rows.py), so the rest is tested on the other.
TWINS = {
    "amx": "avx512",
    "avx512vnni": "avx512",
    "avxvnni": "avx2",
    "neon_i8mm": "neon",
    "neon_dotprod": "neon",
}
OWN_PAIRS = {"amx"}  # these have another sum of bfloat16 pairs than their twin, so all is tested on both
USABLE = dict(_dispatch.isas()) if _dispatch else {}


@pytest.fixture(params=[name for name in USABLE if name in OWN_PAIRS or not USABLE.get(TWINS.get(name))])
def isa(request):
    """Runs the test once on every instruction set of this build, or on its twin."""
    if not USABLE[request.param]:
        pytest.skip(f"this CPU cannot run {request.param}")
    before = _dispatch.isa()
    _dispatch.set_isa(request.param)
    yield request.param
    _dispatch.set_isa(before)


@pytest.fixture(params=[name for name in USABLE if name in TWINS])
def twins(request):
    """(name, its twin's name) of every instruction set that has a twin, where this CPU can run both."""
    pair = request.param, TWINS[request.param]
    if not all(USABLE[name] for name in pair):
        pytest.skip(f"this CPU cannot run {' and '.join(pair)}")
    before = _dispatch.isa()
    yield pair
    _dispatch.set_isa(before)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A FakeHub in the place of the real one, with empty caches."""
    constants = pytest.importorskip("huggingface_hub.constants")
    download = pytest.importorskip("huggingface_hub.file_download")
    with FakeHub() as fake:
        values = {
            "ENDPOINT": fake.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": fake.url + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(tmp_path / "hub"),
            "HF_HUB_OFFLINE": False,
            "HF_TOKEN_PATH": str(tmp_path / "token"),
        }
        for name, value in values.items():
            for holder in (constants, download):  # older versions copy the names
                monkeypatch.setattr(holder, name, value, raising=False)
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_ETAG_TIMEOUT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("POCKET_FAST_CACHE", str(tmp_path / "http"))
        monkeypatch.setattr("time.sleep", lambda seconds: None)  # between attempts
        yield fake


@pytest.fixture(scope="session")
def tiny_qwen3(tmp_path_factory):
    """tiny_qwen3(name) -> the folder of a tiny Qwen3-TTS model, written once. Not to be changed."""
    from reference.qwen3 import make_qwen3_model

    folders = {}

    def tiny_qwen3(name):
        if name not in folders:
            folders[name] = make_qwen3_model(tmp_path_factory.mktemp(name), name)
        return folders[name]

    return tiny_qwen3


@pytest.fixture(scope="session")
def qwen3(tiny_qwen3):
    """qwen3(name) -> the model, loaded once, on one thread. Not to be changed."""
    from pocket_fast import Qwen3TTSModel

    models = {}

    def qwen3(name):
        if name not in models:
            models[name] = Qwen3TTSModel.from_pretrained(tiny_qwen3(name), threads=1)
        return models[name]

    return qwen3
