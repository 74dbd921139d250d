"""Folders of model files, here and on a fake hub: what is found, and that all files are of one commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_hub import COMMIT, Trouble
from pocket_fast.errors import ConfigError, NotFoundError
from pocket_fast.weights.folders import HubFolder, LocalFolder, open_folder
from pocket_fast.weights.reach import FetchError

REPO = "owner/some-model"


@pytest.fixture
def served(hub):
    """The fake hub with two files, at the main branch and at its commit."""
    for revision in ("main", COMMIT):
        hub.files[f"{REPO}/{revision}/config.json"] = b"{}"
        hub.files[f"{REPO}/{revision}/codec/config.json"] = b"[]"
    return hub


def test_a_local_folder(tmp_path, monkeypatch):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.json").touch()
    folder = open_folder(tmp_path)
    assert isinstance(folder, LocalFolder)
    assert str(folder) == str(tmp_path)
    assert folder.fetch("below/a.json") == folder.find("below/a.json") == tmp_path / "below" / "a.json"
    assert folder.find("b.json") is None
    assert folder.find("below") is None
    with pytest.raises(NotFoundError, match=r"there is no b\.json in this folder"):
        folder.fetch("b.json")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_folder("~/below").find("a.json") is not None


@pytest.mark.parametrize(
    ("text", "parts", "said"),
    [
        ("hf://a/b", ("a/b", "", "main"), "hf://a/b@main"),
        ("hf://a/b/", ("a/b", "", "main"), "hf://a/b@main"),
        ("hf://a/b-1.x@v1", ("a/b-1.x", "", "v1"), "hf://a/b-1.x@v1"),
        ("hf://a/b/c/d@refs/pr/1", ("a/b", "c/d", "refs/pr/1"), "hf://a/b/c/d@refs/pr/1"),
        ("hf://a/b/c/", ("a/b", "c", "main"), "hf://a/b/c@main"),
    ],
)
def test_addresses_of_the_hub(text, parts, said):
    folder = open_folder(text)
    assert isinstance(folder, HubFolder)
    assert (folder.repo, folder.folder, folder.revision) == parts
    assert str(folder) == said


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("hf://a", ConfigError, "expected hf://OWNER/REPO"),
        ("hf:///a/b", ConfigError, "expected hf://OWNER/REPO"),
        ("https://example.org/model", ConfigError, "expected a local folder or hf://OWNER/REPO"),
        (__file__, ConfigError, "this is a file; give the folder that it lies in"),
        ("no/such/folder", NotFoundError, "no/such/folder: no such folder"),
    ],
)
def test_what_is_no_folder(text, error, words):
    with pytest.raises(error, match=words):
        open_folder(text)


def test_files_of_the_hub(served):
    folder = HubFolder(REPO)
    assert folder.fetch("config.json", progress=False).read_bytes() == b"{}"
    assert folder.fetch("codec/config.json", progress=False).read_bytes() == b"[]"
    assert HubFolder(REPO, "codec").fetch("config.json", progress=False).read_bytes() == b"[]"


def test_a_file_that_the_hub_has_not(served):
    served.trouble[f"{REPO}/main/weights.bin"] = Trouble(status=404, code="EntryNotFound")
    folder = HubFolder(REPO)
    assert folder.find("weights.bin", progress=False) is None
    with pytest.raises(FetchError, match="no such repository, revision or file"):
        folder.fetch("weights.bin", progress=False)


def test_other_reasons_are_not_taken_for_a_missing_file(served):
    served.trouble[f"{REPO}/main/config.json"] = Trouble(status=403, code="GatedRepo")
    with pytest.raises(FetchError, match="Accept the terms") as caught:
        HubFolder(REPO).find("config.json", progress=False)
    assert caught.value.reason == "gated"


def test_all_files_are_of_the_commit_of_the_first(served):
    folder = HubFolder(REPO)
    first = folder.fetch("config.json", progress=False)
    served.files[f"{REPO}/main/codec/config.json"] = b"newer"
    second = folder.fetch("codec/config.json", progress=False)
    assert second.read_bytes() == b"[]"
    assert second.parent.parent == first.parent
    assert folder.revision == "main"


def test_the_commit_is_found_in_a_folder_below(served):
    served.files[f"{REPO}/{COMMIT}/codec/weights.bin"] = b"old"
    served.files[f"{REPO}/main/codec/weights.bin"] = b"newer"
    folder = HubFolder(REPO, "codec")
    folder.fetch("config.json", progress=False)
    assert folder.fetch("weights.bin", progress=False).read_bytes() == b"old"


def test_a_cached_model_waits_for_an_unreachable_hub_once(served, tmp_path):
    names = ("config.json", "codec/config.json")
    paths = [HubFolder(REPO).fetch(name, progress=False) for name in names]
    for name in names:
        served.trouble[f"{REPO}/main/{name}"] = Trouble(status=500)
    asked = len(served.requests)
    folder = HubFolder(REPO)
    assert [folder.fetch(name, progress=False) for name in names] == paths
    assert {Path(path).name for _, path, *_ in served.requests[asked:]} == {"config.json"}
    assert not any("codec" in path for _, path, *_ in served.requests[asked:])
