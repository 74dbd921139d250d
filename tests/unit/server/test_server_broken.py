"""An answer that breaks off never looks complete, whatever HTTP its reader speaks; one that is complete always does."""

import shutil
import subprocess

import httpx
import pytest

from pocket_fast.server.app import create_app
from proxies import http_1_0, nginx, read_all
from serving import hosted, wait_until

LONG = "This goes on and on. " * 900
ENDLESS = {"text": LONG, "input": LONG, "model": "m", "eos_threshold": 1e9, "voice": ""}
ROUTES = [
    ("/stream", {}),
    ("/tts", {}),
    *(("/v1/audio/speech", {"response_format": format}) for format in ("mp3", "opus", "flac", "wav", "pcm")),
    ("/v1/audio/speech", {"stream_format": "sse"}),
]
HI = {"text": "Hello there.", "input": "Hello there.", "model": "m", "seed": 3}
ids = [path.rpartition("/")[2] + "".join(f"-{value}" for value in more.values()) for path, more in ROUTES]
routes = pytest.mark.parametrize(("path", "more"), ROUTES, ids=ids)


@pytest.fixture
def breaks(break_encoding):
    """Every answer breaks off after its first pieces."""
    break_encoding(12)


@routes
def test_a_broken_answer_is_a_reset_for_http_1_0(site, breaks, path, more):
    with http_1_0(site.url, path, ENDLESS | more) as connection, pytest.raises(ConnectionResetError):
        read_all(connection)


@routes
def test_a_complete_answer_ends_well_for_http_1_0(site, path, more):
    with http_1_0(site.url, path, HI | more) as connection:
        head, body = read_all(connection)
    assert head.startswith("http/1.1 200")
    assert "chunked" not in head
    assert len(body) == len(
        site.client.post(path, data=HI | more).content
    )  # an Ogg stream has a number of its own


def test_a_slow_reader_of_http_1_0_gets_all_of_it(site, said):
    fields = {"text": "Hello there. " * 20, "seed": 1}
    before = len(site.events("finished"))
    with http_1_0(site.url, "/stream", fields, receive_buffer=2048) as connection:
        wait_until(lambda: len(site.events("finished")) > before)
        _, body = read_all(connection)
    assert body == said(fields["text"], seed=1).tobytes()


def test_a_server_that_stops_resets_what_it_cuts(start):
    with start() as site, http_1_0(site.url, "/tts", ENDLESS) as connection:
        assert connection.recv(10)
        site.server.config.timeout_graceful_shutdown = 0.3
        site.server.should_exit = True
        with pytest.raises(ConnectionResetError):
            read_all(connection)


@pytest.mark.parametrize("words", [(), ("-0",)], ids=["1.1", "1.0"])
def test_curl_fails(site, breaks, words):
    if shutil.which("curl") is None:
        pytest.skip("no curl found")
    url = f"{site.url}/v1/audio/speech"
    data = ["-d", "model=m", "-d", "input=Hi.", "-d", "eos_threshold=1e9", "-d", "response_format=wav"]
    run = subprocess.run(["curl", "-sS", *words, *data, url], capture_output=True)
    assert run.returncode in (18, 56)  # a partial file; a failure in receiving
    assert run.stdout.startswith(b"RIFF")


@pytest.mark.parametrize("buffering", ["", "proxy_buffering off;"], ids=["buffering", "direct"])
@pytest.mark.parametrize("version", ["", "proxy_http_version 1.1;"], ids=["default", "1.1"])
@routes
def test_nginx_breaks_its_own_answer(site, breaks, tmp_path, buffering, version, path, more):
    with nginx(site.url, tmp_path, buffering + version) as url, pytest.raises(httpx.RemoteProtocolError):
        httpx.post(url + path, data=ENDLESS | more, timeout=60)


def test_nginx_passes_on_what_is_complete(site, said, tmp_path):
    with nginx(site.url, tmp_path) as url:
        answer = httpx.post(f"{url}/stream", data=HI, timeout=60)
    assert answer.content == said(HI["text"], seed=3).tobytes()


def test_where_nothing_can_be_reset_the_length_is_stated(load, voice, said, tmp_path):
    path = tmp_path / "speech.sock"
    with hosted(create_app(load(), voice), uds=path) as (client, _):
        with http_1_0(path, "/stream", HI) as connection:
            head, body = read_all(connection)
        assert body == said(HI["text"], seed=3).tobytes()
        assert f"content-length: {len(body)}\r\n" in head
        assert "content-length" not in client.post("/stream", data=HI).headers


def test_where_nothing_can_be_reset_a_failure_has_a_status(load, voice, breaks, tmp_path):
    path = tmp_path / "speech.sock"
    with hosted(create_app(load(), voice), uds=path), http_1_0(path, "/stream", ENDLESS) as connection:
        head, _ = read_all(connection)
    assert head.startswith("http/1.1 500")
