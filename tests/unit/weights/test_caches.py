"""Where downloads are kept where there is no home, or none that can be written to."""

import os
import stat
from pathlib import Path

import pytest

from pocket_fast.weights import caches
from pocket_fast.weights.caches import cache_folder, hub_caches
from pocket_fast.weights.hub import fetch, find_cached

posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows knows a home")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in ("POCKET_FAST_CACHE", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    caches._temporary.cache_clear()
    yield
    caches._temporary.cache_clear()


@pytest.fixture
def temporary(tmp_path):
    return tmp_path / "tmp" / f"pocket_fast-{os.getuid()}"


@pytest.fixture
def homeless(monkeypatch):
    """No HOME, and nobody of that number among the users: nothing takes the place of ~."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: os.fspath(path))


@pytest.fixture
def locked(monkeypatch, tmp_path):
    """A home that is there and takes nothing; the mode alone would not keep root out."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    real = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: not Path(path).is_relative_to(home) and real(path, mode)
    )
    return home


def test_a_home_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "new" / "home"))
    assert cache_folder() == tmp_path / "new" / "home" / ".cache" / "pocket_fast"
    assert not (tmp_path / "new").exists()


@posix
def test_without_a_home(homeless, temporary):
    assert cache_folder() == temporary
    assert stat.S_IMODE(temporary.stat().st_mode) == 0o700
    caches._temporary.cache_clear()
    assert cache_folder() == temporary  # the next process finds it again


@posix
@pytest.mark.parametrize("home", ["relative", "/dev/null", "/dev/null/none"])
def test_a_home_that_is_none(monkeypatch, temporary, home):
    monkeypatch.setenv("HOME", home)
    assert cache_folder() == temporary


@posix
def test_a_home_that_cannot_be_written_to(locked, temporary):
    assert cache_folder() == temporary


@posix
@pytest.mark.parametrize("taken", ["a file", "a link", "open to others"])
def test_a_name_that_somebody_else_has_taken(homeless, temporary, tmp_path, taken):
    if taken == "a file":
        temporary.touch()
    elif taken == "a link":
        (tmp_path / "elsewhere").mkdir()
        temporary.symlink_to(tmp_path / "elsewhere")
    else:
        temporary.mkdir()
        temporary.chmod(0o777)
    folder = cache_folder()
    assert folder != temporary
    assert folder.parent == temporary.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert cache_folder() == folder  # in this process


def test_what_is_set_is_used_whatever_it_is(homeless, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    assert cache_folder() == Path("/proc/none/pocket_fast")
    monkeypatch.setenv("POCKET_FAST_CACHE", "~/mine")
    assert cache_folder() == Path("~/mine")


# --- the hub's -------------------------------------------------------------------------------------


@pytest.fixture
def file(hub, monkeypatch):
    """A file on the fake hub, whose cache is where huggingface_hub puts it without a home."""
    hub.files["a/b/main/c.bin"] = b"content"
    monkeypatch.delenv("POCKET_FAST_CACHE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "~/.cache/huggingface/hub")
    return "hf://a/b/c.bin"


@posix
def test_the_hub_without_a_home(file, hub, homeless, temporary, monkeypatch, tmp_path):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = fetch(file, progress=False)
    assert path.read_bytes() == b"content"
    assert path.is_relative_to(temporary / "hub")
    assert find_cached(file) == path
    assert hub_caches() == [temporary / "hub"]
    assert os.listdir() == []  # no folder called ~


@posix
def test_a_cache_that_can_only_be_read_still_is(file, hub, locked, temporary, monkeypatch):
    usual = locked / ".cache" / "huggingface" / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(usual))
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    there = fetch(file, progress=False)
    assert there.is_relative_to(usual)
    monkeypatch.setattr(os, "access", lambda path, mode: not Path(path).is_relative_to(locked))
    assert find_cached(file) == there
    hub.files["a/b/main/new.bin"] = b"new"
    assert fetch("hf://a/b/new.bin", progress=False).is_relative_to(temporary / "hub")


def test_where_the_user_says(file, homeless, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    assert hub_caches() == [tmp_path / "hf" / "hub"]
    assert fetch(file, progress=False).is_relative_to(tmp_path / "hf" / "hub")
