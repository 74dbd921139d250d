"""find_cached: what lies here already, without a question to anybody."""

import hashlib

import pytest

from pocket_fast.errors import ConfigError
from pocket_fast.weights.hub import find_cached

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_local_files(tmp_path):
    path = tmp_path / "model.safetensors"
    assert find_cached(path) is None
    path.touch()
    assert find_cached(path) == path
    assert find_cached(tmp_path) is None  # a folder is no file


def test_urls(tmp_path, monkeypatch):
    monkeypatch.setenv("POCKET_FAST_CACHE", str(tmp_path))
    url = "https://host.invalid/a/config.yaml?x=1"
    copy = tmp_path / f"{hashlib.sha256(url.encode()).hexdigest()}.yaml"
    assert find_cached(url) is None
    copy.touch()
    assert find_cached(url) == copy


def test_hub(tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert find_cached(f"hf://a/b/m.bin@{COMMIT}") is None
    copy = tmp_path / "models--a--b" / "snapshots" / COMMIT / "m.bin"
    copy.parent.mkdir(parents=True)
    copy.touch()
    assert find_cached(f"hf://a/b/m.bin@{COMMIT}") == copy
    assert find_cached("hf://a/b/m.bin") is None  # which commit main is, is not known here
    with pytest.raises(ConfigError):
        find_cached("hf://a/b")
