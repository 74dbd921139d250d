"""hf:// locations against a fake hub: what comes, what is kept, and why something does not come."""

import json
import logging
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from fake_hub import COMMIT, FakeHub, Trouble
from pocket_fast.errors import ConfigError, NotFoundError
from pocket_fast.weights import hub as module
from pocket_fast.weights.hub import HubFile, fetch, fetch_with_fallback, parse_hub_location
from pocket_fast.weights.reach import FetchError

DATA = np.random.default_rng(6).bytes(300_000)
FULL, OPEN = "kyutai/full", "kyutai/open"


@pytest.fixture
def hub():
    files = {f"{repo}/{revision}/m.bin": DATA for repo in (FULL, OPEN) for revision in ("main", COMMIT)}
    with FakeHub(files=files) as fake:
        yield fake


@pytest.fixture(autouse=True)
def settings(hub, tmp_path, monkeypatch):
    """huggingface_hub reads its environment when imported: point its constants at the fake hub."""
    constants = pytest.importorskip("huggingface_hub.constants")
    values = {
        "ENDPOINT": hub.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": hub.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DOWNLOAD_TIMEOUT": 0.2,
        "HF_TOKEN_PATH": str(tmp_path / "token"),
    }
    users = [constants, pytest.importorskip("huggingface_hub.file_download")]  # older ones copy the names
    for name, value in values.items():
        for holder in users:
            monkeypatch.setattr(holder, name, value, raising=False)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_ETAG_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POCKET_FAST_CACHE", str(tmp_path / "http"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between attempts
    yield constants
    utils = pytest.importorskip("huggingface_hub.utils")
    getattr(utils, "reset_sessions", lambda: None)()  # older ones keep the offline mode in the session


def location(repo=FULL, revision="main"):
    return f"hf://{repo}/m.bin@{revision}"


def failure(repo=FULL, revision="main"):
    with pytest.raises(FetchError) as caught:
        fetch(location(repo, revision), progress=False)
    assert f"hf://{repo}/m.bin@{revision}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("hf://a/b/c", ("a/b", "c", "main")),
        ("hf://a/b-1.x/c/d.bin@v1", ("a/b-1.x", "c/d.bin", "v1")),
        ("hf://a/b/c@d.bin@refs/pr/1", ("a/b", "c@d.bin", "refs/pr/1")),
    ],
)
def test_hub_locations(text, parts):
    assert parse_hub_location(text) == HubFile(*parts)


@pytest.mark.parametrize(
    "text", ["hf://", "hf://a/b", "hf://a/b/", "hf:///b/c", "hf://a//c", "hf://a b/c/d", "a/b/c"]
)
def test_malformed_hub_locations(text):
    with pytest.raises(ConfigError, match="expected hf://OWNER/REPO/PATH"):
        parse_hub_location(text)


def test_names_that_only_the_library_knows_to_be_wrong():
    with pytest.raises(ConfigError, match=r"a--b"):
        fetch("hf://x/a--b/c")


def test_local_files(tmp_path, monkeypatch):
    path = tmp_path / "a.yaml"
    path.touch()
    assert fetch(str(path)) == fetch(path) == path
    monkeypatch.setenv("HOME", str(tmp_path))
    assert fetch("~/a.yaml") == path
    with pytest.raises(NotFoundError, match="no such file"):
        fetch(tmp_path / "b.yaml")
    with pytest.raises(NotFoundError, match="is a folder"):
        fetch(tmp_path)
    with pytest.raises(ConfigError, match="expected hf://, http://"):
        fetch("ftp://x/y")


def test_web_addresses_go_to_the_web_cache(hub, tmp_path):
    hub.files["plain.yaml"] = b"a: 1"
    path = fetch(f"{hub.url}/plain.yaml", progress=False)
    assert path.read_bytes() == b"a: 1"
    assert path.parent == tmp_path / "http"


def test_a_pinned_file_is_asked_for_once(hub):
    path = fetch(location(revision=COMMIT))
    assert path.read_bytes() == DATA
    asked = len(hub.requests)
    assert fetch(location(revision=COMMIT), progress=False) == path
    assert len(hub.requests) == asked


def test_a_branch_is_looked_up_again_but_not_downloaded_again(hub):
    path = fetch(location())
    assert fetch(location()) == path
    assert hub.count("GET", "m.bin") == 1
    assert hub.count("HEAD", "m.bin") >= 3


def test_a_large_file_behind_a_redirect_to_another_host(hub):
    hub.files["cdn/m.bin"] = DATA
    elsewhere = f"http://localhost:{hub.port}/cdn/m.bin"
    hub.trouble[f"{FULL}/main/m.bin"] = Trouble(redirect=elsewhere)
    assert fetch(location(), progress=False).read_bytes() == DATA
    assert hub.count("GET", "cdn/m.bin") == 1


def test_the_token_of_the_environment_is_sent(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(location(), progress=False)
    assert {authorization for *_, authorization in hub.requests} == {"Bearer hf_secret"}


@pytest.mark.parametrize(
    ("status", "code", "reason", "words"),
    [
        (
            401,
            "GatedRepo",
            "gated",
            "https://huggingface.co/kyutai/full, then run `hf auth login` or set HF_TOKEN",
        ),
        (403, "GatedRepo", "gated", "Accept the terms"),
        (401, "", "gated", "Accept the terms"),
        (403, "", "gated", "Accept the terms"),
        (404, "EntryNotFound", "missing", "no such repository, revision or file"),
        (404, "RevisionNotFound", "missing", "no such repository, revision or file"),
        (404, "RepoNotFound", "missing", "no such repository, revision or file"),
        (404, "", "missing", "no such repository, revision or file"),
        (500, "", "network", "the hub failed (500)"),
    ],
)
def test_refusals(hub, status, code, reason, words):
    hub.trouble[f"{FULL}/main/m.bin"] = Trouble(status=status, code=code)
    error = failure()
    assert error.reason == reason
    assert words in str(error)


def test_a_hub_in_trouble_is_asked_again(hub):
    hub.trouble[f"{FULL}/main/m.bin"] = Trouble(status=503, failures=2)
    assert fetch(location(), progress=False).read_bytes() == DATA


def test_a_broken_transfer_is_resumed(hub):
    hub.trouble[f"{FULL}/main/m.bin"] = Trouble(cut_at=100_000, cuts=2)
    assert fetch(location(), progress=False).read_bytes() == DATA


def test_a_hub_that_never_sends_the_rest(hub, tmp_path):
    hub.trouble[f"{FULL}/main/m.bin"] = Trouble(cut_at=0)
    assert failure().reason == "truncated"
    assert not list((tmp_path / "hub").glob("models--*/snapshots/*/*"))


def test_a_hub_that_stops_sending(hub):
    hub.trouble[f"{FULL}/main/m.bin"] = Trouble(stall="GET", ranges=True)
    hub.files[f"{FULL}/main/m.bin"] = b"x"  # half of one byte: no attempt makes progress
    assert failure().reason == "network"


def test_a_hub_that_never_answers(hub, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.1)
    hub.trouble[f"{FULL}/main/m.bin"] = Trouble(stall="HEAD")
    error = failure()
    assert error.reason == "offline"
    assert "cannot be reached" in str(error)


def test_no_hub_at_all(hub):
    path = fetch(location(revision=COMMIT), progress=False)
    branch = fetch(location(OPEN), progress=False)
    hub.__exit__()
    assert fetch(location(revision=COMMIT)) == path
    assert fetch(location(OPEN)) == branch  # better an old copy than none
    error = failure(repo="kyutai/other")
    assert error.reason == "offline"


def test_offline_mode_uses_the_cache_and_nothing_else(hub, settings, monkeypatch):
    path = fetch(location(), progress=False)
    asked = len(hub.requests)
    monkeypatch.setattr(settings, "HF_HUB_OFFLINE", True)
    assert fetch(location()) == path
    error = failure(repo=OPEN)
    assert error.reason == "offline"
    assert "HF_HUB_OFFLINE" in str(error)
    assert len(hub.requests) == asked


def test_a_full_disk(hub, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", full)
    error = failure()
    assert error.reason == "disk"
    assert "HF_HOME" in str(error)


@pytest.mark.parametrize("revision", ["main", COMMIT])
def test_a_page_that_states_its_own_size_is_not_kept(hub, tmp_path, revision):
    """The library compares sizes; what a proxy puts in the file's place may pass."""
    name, where = f"{FULL}/{revision}/m.safetensors", f"hf://{FULL}/m.safetensors@{revision}"
    hub.files[name] = b"<html><body>Sign in to go on</body></html>"
    with pytest.raises(FetchError, match="sent something else: a web page") as caught:
        fetch(where, progress=False)
    assert caught.value.reason == "wrong"
    assert where in str(caught.value)
    hub.files[name] = (2).to_bytes(8, "little") + b"{}"
    assert fetch(where, progress=False).read_bytes() == hub.files[name]


def test_progress_bars_are_switched_off_for_one_fetch(monkeypatch):
    utils = pytest.importorskip("huggingface_hub.utils")
    seen = []
    monkeypatch.setattr(
        "huggingface_hub.hf_hub_download",
        lambda *_, **__: seen.append(utils.are_progress_bars_disabled()) or "x",
    )
    before = utils.are_progress_bars_disabled()
    fetch(location(), progress=False)
    fetch(location(), progress=True)
    assert seen == [True, before]
    assert utils.are_progress_bars_disabled() == before


def test_many_threads_fetch_one_file(hub):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(fetch(location(), progress=False))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert {path.read_bytes() for path in found} == {DATA}


# -- the two weight files ---------------------------------------------------------------------------------


def test_with_cloning_when_it_can_be_had(hub, caplog):
    fetched = fetch_with_fallback(location(), location(OPEN), progress=False)
    assert (fetched.has_voice_cloning, fetched.reason) == (True, None)
    assert fetched.path.read_bytes() == DATA
    assert hub.count("GET", f"{OPEN}/resolve/main/m.bin") == 0
    assert not caplog.records


@pytest.mark.parametrize(
    ("status", "code"), [(401, "GatedRepo"), (403, ""), (404, "EntryNotFound"), (500, "")]
)
def test_without_cloning_only_with_a_warning_that_says_why(hub, caplog, status, code):
    hub.files[f"{OPEN}/main/m.bin"] = DATA[:1000]
    hub.trouble[f"{FULL}/main/m.bin"] = Trouble(status=status, code=code)
    fetched = fetch_with_fallback(location(), location(OPEN), progress=False)
    assert fetched.path.read_bytes() == DATA[:1000]
    assert not fetched.has_voice_cloning
    assert str(status) in fetched.reason
    (record,) = (r for r in caplog.records if r.name == "pocket_fast")
    assert record.levelno == logging.WARNING
    assert fetched.reason in record.getMessage()
    assert "No voice cloning" in record.getMessage()


def test_no_second_choice(hub):
    hub.trouble[f"{FULL}/main/m.bin"] = Trouble(status=401, code="GatedRepo")
    with pytest.raises(FetchError, match="Accept the terms") as caught:
        fetch_with_fallback(location(), None)
    assert caught.value.reason == "gated"


def test_both_denied(hub):
    hub.trouble[f"{FULL}/main/m.bin"] = Trouble(status=401, code="GatedRepo")
    hub.trouble[f"{OPEN}/main/m.bin"] = Trouble(status=404, code="EntryNotFound")
    with pytest.raises(FetchError) as caught:
        fetch_with_fallback(location(), location(OPEN))
    assert caught.value.reason == "missing"
    first, second = str(caught.value).splitlines()
    assert "Accept the terms" in first
    assert "without voice cloning" in second
    assert "no such repository" in second


def test_unreachable_hub_is_not_asked_twice_but_its_cache_is_used(hub, caplog, monkeypatch):
    hub.trouble[f"{FULL}/main/m.bin"] = Trouble(stall="HEAD")
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.1)
    with pytest.raises(FetchError, match="cannot be reached"):
        fetch_with_fallback(location(), location(OPEN))
    assert hub.count("HEAD", f"{OPEN}/resolve/main/m.bin") == 0
    monkeypatch.setattr(module, "ANSWER_SECONDS", 5)
    kept = fetch(location(OPEN), progress=False)
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.1)
    fetched = fetch_with_fallback(location(), location(OPEN))
    assert fetched.path == kept
    assert not fetched.has_voice_cloning
    assert "No voice cloning" in caplog.text


def test_a_missing_local_file_and_a_full_disk_are_no_reason_for_the_second_choice(hub, tmp_path, monkeypatch):
    with pytest.raises(NotFoundError):
        fetch_with_fallback(str(tmp_path / "absent"), location(OPEN))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", full)
    with pytest.raises(FetchError, match="HF_HOME"):
        fetch_with_fallback(location(), location(OPEN))
    assert hub.count("HEAD", f"{OPEN}/resolve/main/m.bin") == 0


# -- other processes, with the real environment variables --------------------------------------------------

CHILD = """
import json, sys
from pocket_fast.weights.hub import fetch
try:
    print(json.dumps({"path": str(fetch(sys.argv[1], progress=False))}))
except OSError as error:
    print(json.dumps({"reason": error.reason}))
"""


def child(hub, tmp_path, repo=FULL, **variables):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HF_ENDPOINT": hub.url}
    env.update({"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_TELEMETRY": "1", **variables})
    command = [sys.executable, "-c", CHILD, location(repo)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def outcome(process):
    return json.loads(process.communicate()[0])


def test_the_environment_is_honoured(hub, tmp_path):
    path = outcome(child(hub, tmp_path, HF_TOKEN="hf_other"))["path"]
    assert path.startswith(str(tmp_path / "home"))
    assert hub.requests[-1][3] == "Bearer hf_other"
    assert outcome(child(hub, tmp_path, HF_HUB_OFFLINE="1")) == {"path": path}
    assert outcome(child(hub, tmp_path, OPEN, HF_HUB_OFFLINE="1")) == {"reason": "offline"}


def test_killed_half_way_then_retried_by_two_processes_at_once(hub, tmp_path):
    trouble = hub.trouble[f"{FULL}/main/m.bin"] = Trouble(stall="GET")
    first = child(hub, tmp_path)
    assert hub.stalled.wait(60)
    first.kill()
    first.communicate()
    assert not list((tmp_path / "home").rglob("snapshots/*/*"))
    trouble.stall = ""
    both = [child(hub, tmp_path) for _ in range(2)]
    paths = {outcome(process)["path"] for process in both}
    assert len(paths) == 1
    with open(paths.pop(), "rb") as file:
        assert file.read() == DATA
