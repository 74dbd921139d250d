"""http downloads: cached, resumed, never half a file, and every failure with its reason."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from fake_hub import FakeHub, Trouble
from pocket_fast.weights import download as module
from pocket_fast.weights.caches import cache_folder
from pocket_fast.weights.download import download
from pocket_fast.weights.reach import FetchError, within

DATA = np.random.default_rng(5).bytes(300_000)


@pytest.fixture
def server():
    with FakeHub(files={"a/voice.wav": DATA}) as hub:
        yield hub


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("POCKET_FAST_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    taken = []
    monkeypatch.setattr(module.time, "sleep", taken.append)
    return taken


def names(folder):
    return sorted(path.suffix for path in folder.iterdir() if path.name != ".locks")


def ranges(server):
    return [asked for _, _, asked, _ in server.requests]


def reason_of(url):
    with pytest.raises(FetchError) as caught:
        download(url, progress=False)
    assert url in str(caught.value)
    return caught.value.reason


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("POCKET_FAST_CACHE", "~/own")
    assert cache_folder() == tmp_path.home() / "own"
    monkeypatch.delenv("POCKET_FAST_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "pocket_fast"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path.home() / ".cache" / "pocket_fast"


def test_a_file_is_fetched_once(server, cache):
    url = f"{server.url}/a/voice.wav?x=1"
    path = download(url)
    assert path.read_bytes() == DATA
    assert path.suffix == ".wav"
    assert path.parent == cache
    assert download(url) == path
    assert len(server.requests) == 1
    assert names(cache) == [".wav"]
    assert download(f"{server.url}/a/voice.wav?x=2") != path


def test_a_broken_transfer_resumes_where_it_stopped(server, cache):
    server.trouble["a/voice.wav"] = Trouble(cut_at=100_000, cuts=2)
    assert download(f"{server.url}/a/voice.wav").read_bytes() == DATA
    assert ranges(server) == [None, "bytes=99999-", "bytes=199998-"]
    assert names(cache) == [".wav"]


def test_without_ranges_it_starts_again(server, cache):
    server.trouble["a/voice.wav"] = Trouble(cut_at=100_000, cuts=1, ranges=False)
    assert download(f"{server.url}/a/voice.wav").read_bytes() == DATA


def test_a_server_that_always_cuts_is_given_up_and_resumed_by_the_next_call(server, cache):
    trouble = server.trouble["a/voice.wav"] = Trouble(cut_at=50_000)
    assert reason_of(f"{server.url}/a/voice.wav") == "truncated"
    assert names(cache) == [".partial", ".validator"]
    asked = len(server.requests)
    assert asked == 3
    trouble.cuts = 0
    assert download(f"{server.url}/a/voice.wav").read_bytes() == DATA
    assert ranges(server)[asked:] == ["bytes=149997-"]


def test_a_file_that_changed_meanwhile_is_not_mixed(server, cache):
    trouble = server.trouble["a/voice.wav"] = Trouble(cut_at=50_000)
    reason_of(f"{server.url}/a/voice.wav")
    trouble.cuts = 0
    server.files["a/voice.wav"] = DATA[::-1]
    assert download(f"{server.url}/a/voice.wav").read_bytes() == DATA[::-1]


def test_without_a_strong_validator_nothing_is_resumed(server, cache):
    server.trouble["a/voice.wav"] = Trouble(cut_at=50_000, cuts=1, etag='W/"weak"')
    assert download(f"{server.url}/a/voice.wav").read_bytes() == DATA
    assert ranges(server) == [None, None]


def test_a_complete_partial_file_needs_no_special_care(server, cache):
    trouble = server.trouble["a/voice.wav"] = Trouble(cut_at=50_000)
    reason_of(f"{server.url}/a/voice.wav")
    (partial,) = cache.glob("*.partial")
    partial.write_bytes(DATA)
    trouble.cuts = 0
    assert download(f"{server.url}/a/voice.wav").read_bytes() == DATA


@pytest.mark.parametrize(
    ("status", "reason", "requests"),
    [(401, "gated", 1), (403, "gated", 1), (404, "missing", 1), (410, "missing", 1), (500, "network", 3)],
)
def test_refusals(server, cache, status, reason, requests):
    server.trouble["a/voice.wav"] = Trouble(status=status)
    assert reason_of(f"{server.url}/a/voice.wav") == reason
    assert len(server.requests) == requests
    assert not names(cache)


def test_a_server_that_recovers(server):
    server.trouble["a/voice.wav"] = Trouble(status=503, failures=2)
    assert download(f"{server.url}/a/voice.wav").read_bytes() == DATA


def test_an_empty_file_is_no_file(server, cache):
    server.files["empty"] = b""
    assert reason_of(f"{server.url}/empty") == "truncated"


def test_nobody_there(server, cache, pauses):
    url = server.url
    server.__exit__()
    assert reason_of(f"{url}/a/voice.wav") == "offline"
    assert not pauses  # told at once
    assert reason_of("http://no such host/x") == "network"


def test_a_server_that_never_answers(server, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    server.trouble["b"] = Trouble(stall="HEAD")
    monkeypatch.setattr(module.urllib.request.Request, "get_method", lambda self: "HEAD")
    assert reason_of(f"{server.url}/b") == "offline"


def test_a_server_that_stops_sending(server, monkeypatch):
    monkeypatch.setattr(module, "STALL_SECONDS", 0.1)
    server.trouble["a/voice.wav"] = Trouble(stall="GET")
    assert reason_of(f"{server.url}/a/voice.wav") == "network"


def test_redirects_are_followed_but_never_from_https_to_http(server):
    server.files["old"] = b""
    server.trouble["old"] = Trouble(redirect="/a/voice.wav")
    assert download(f"{server.url}/old").read_bytes() == DATA
    handler = module._NoDowngrade()
    request = module.urllib.request.Request("https://example.invalid/x")
    with pytest.raises(OSError, match="redirected from https to http:"):
        handler.redirect_request(request, None, 302, "Found", {}, "http://example.invalid/x")


def test_an_unwritable_cache(server, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("POCKET_FAST_CACHE", str(tmp_path / "file" / "below"))
    assert reason_of(f"{server.url}/a/voice.wav") == "disk"


def test_a_full_disk_leaves_nothing_behind(server, monkeypatch, cache):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_blocks", full)
    assert reason_of(f"{server.url}/a/voice.wav") == "disk"
    assert not list(cache.glob("*.partial"))


def test_many_threads_fetch_one_file_once(server, cache):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(download(f"{server.url}/a/voice.wav"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 8
    assert found[0].read_bytes() == DATA
    assert len(server.requests) == 1
    assert names(cache) == [".wav"]


def test_a_killed_process_leaves_a_start_that_the_next_one_continues(server, cache):
    trouble = server.trouble["a/voice.wav"] = Trouble(stall="GET")
    url = f"{server.url}/a/voice.wav"
    code = f"from pocket_fast.weights.download import download; download({url!r})"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen([sys.executable, "-c", code], env=env)
    assert server.stalled.wait(60)
    while not any(path.stat().st_size for path in cache.glob("*.partial")):  # its last block reaches the disk
        assert child.poll() is None
    child.kill()
    child.wait()
    trouble.stall = ""
    assert names(cache) == [".partial", ".validator"]
    assert download(url).read_bytes() == DATA
    assert ranges(server)[1] is not None
    assert names(cache) == [".wav"]


def test_within_passes_results_and_errors_and_stops_waiting():
    assert within(5, lambda: 3) == 3
    with pytest.raises(KeyError):
        within(5, lambda: {}[1])
    never = threading.Event()
    with pytest.raises(TimeoutError, match=r"within 0\.01 s"):
        within(0.01, never.wait)
    never.set()


@pytest.fixture
def answers():
    """answers(status, headers, body) -> the URL of a server that answers this and nothing else."""
    servers = []

    def serve(status, headers, body):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/voice.wav"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (206, {"Content-Range": "bytes 0-299999/600000"}, "asked for bytes from 0"),
        (206, {}, "asked for bytes from 0"),
        (203, {}, "answered 203"),
        (202, {"Content-Length": "300000"}, "answered 202"),
        (200, {"Content-Encoding": "gzip"}, "encoded as 'gzip'"),
        (200, {"Content-Length": "300001"}, "got 300000 of 300001"),
    ],
)
def test_answers_that_are_not_the_file(answers, cache, status, headers, words):
    url = answers(status, headers, DATA)
    with pytest.raises(FetchError, match=words):
        download(url, progress=False)
    assert not list(cache.glob("*.wav"))


@pytest.mark.parametrize("length", ["\u00b2", "many", "-5", "", "9" * 5000])
def test_a_length_that_is_none(answers, length):
    assert download(answers(200, {"Content-Length": length}, DATA), progress=False).read_bytes() == DATA
