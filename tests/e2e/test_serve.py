"""`serve` in a process of its own."""

import contextlib
import os
import re
import signal
import socket
import stat
import sys
import threading

import httpx
import pytest

from proxies import http_1_0, nginx, read_all
from serving import wait_until

LONG = "This goes on and on. " * 900
ENDLESS = {"text": LONG, "eos_threshold": 1e9}


class Server:
    """A process that serves: its address, and what it says on stderr."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self.url = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.decode())
            if found := re.search(r"running on (http://\S+)", self.lines[-1]):
                self.url = found[1]

    @property
    def said(self):
        return "".join(self.lines)

    def wait(self):
        code = self.process.wait(60)
        self._reader.join(60)
        return code


@pytest.fixture
def serve(start, tiny):
    """serve(*words, **Popen's) -> Server, of the tiny model, on a free port"""
    config = ("--config", tiny / "config.yaml", "--eos-threshold", "-1e9", "--threads", "1")

    def serve(*words, voice=None, ready=True, **how):
        port = () if "--uds" in words else ("--port", "0")
        words = (*config, "--default-voice", voice or tiny / "prompt.wav", *port, *words)
        server = Server(start("serve", *words, **how))
        if ready:
            wait_until(
                lambda: server.url or "running on unix" in server.said or server.process.poll() is not None
            )
            assert server.process.poll() is None, server.said
        return server

    return serve


def is_up(client):
    try:
        return client.get("/health").status_code == 200
    except httpx.ConnectError:
        return False


def test_the_default_voice_speaks(serve):
    server = serve()
    answer = httpx.post(f"{server.url}/generate", json={"text": "Hello."})
    assert answer.content.startswith(b"RIFF")
    assert httpx.get(f"{server.url}/v1/audio/voices").json()["default"] == "default"
    assert "prompt.wav" not in httpx.get(f"{server.url}/v1/audio/voices").text
    assert server.url.startswith("http://127.0.0.1:")
    server.process.terminate()
    assert server.wait() == 0
    assert "Traceback" not in server.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_what_it_says(serve, number):
    server = serve()
    with httpx.stream("POST", f"{server.url}/stream", json={"text": LONG[:4200]}, timeout=60) as answer:
        sound = answer.iter_raw(1000)
        next(sound)
        server.process.send_signal(number)
        rest = sum(map(len, sound))
    assert rest > 100_000  # all of it, or iterating had raised
    assert server.wait() == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/health")


def test_told_to_stop_it_cuts_what_would_not_end(serve):
    server = serve("--shutdown-seconds", "1")
    with httpx.stream("POST", f"{server.url}/stream", json=ENDLESS, timeout=60) as answer:
        sound = answer.iter_raw(1000)
        next(sound)
        server.process.terminate()
        assert server.wait() == 0
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            list(sound)
    assert "Traceback" not in server.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("proxy", [False, True], ids=["directly", "through nginx"])
def test_however_it_ends_no_answer_looks_whole(serve, tmp_path, number, proxy):
    server = serve("--shutdown-seconds", "0")
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(nginx(server.url, tmp_path)) if proxy else server.url
        connection = stack.enter_context(http_1_0(server.url, "/stream", ENDLESS))
        answer = stack.enter_context(httpx.stream("POST", f"{url}/tts", data=ENDLESS, timeout=60))
        sound = answer.iter_raw(1000)
        assert next(sound)
        assert connection.recv(10)
        server.process.send_signal(number)
        with pytest.raises(ConnectionResetError):
            read_all(connection)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            list(sound)
    server.wait()


def test_a_unix_socket(serve, tmp_path):
    path = tmp_path / "speech.sock"
    server = serve("--uds", path)
    assert stat.S_ISSOCK(path.stat().st_mode)
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://here") as client:
        assert client.get("/health").json()["status"] == "healthy"
        assert client.post("/stream", json={"text": "Hi."}).status_code == 200
        page = {"Origin": "http://speech.example"}
        assert client.post("/stream", json={"text": "Hi."}, headers=page).status_code == 403
        page["X-Forwarded-Host"] = "speech.example"  # whoever reaches the socket is a proxy of ours
        assert client.post("/stream", json={"text": "Hi."}, headers=page).status_code == 200
    server.process.terminate()
    assert server.wait() == 0


def test_proxies_that_are_trusted(serve):
    page = {"Origin": "http://speech.example", "X-Forwarded-Host": "speech.example"}
    for words, env, status in (
        ((), None, 200),
        (("--forwarded-allow-ips", "10.0.0.0/8"), None, 403),
        ((), {"FORWARDED_ALLOW_IPS": "10.0.0.7"}, 403),
        (("--forwarded-allow-ips", "*"), {"FORWARDED_ALLOW_IPS": "10.0.0.7"}, 200),
    ):
        words = (*words, "--warmup", "false", "--allowed-host", "speech.example")
        url = serve(*words, env=env).url
        assert httpx.post(f"{url}/stream", json={"text": "Hi."}, headers=page).status_code == status
        names = {"speech.example": 200, "127.0.0.1": 200, "evil.example": 421}
        for name, expected in names.items():
            assert httpx.get(f"{url}/v1/models", headers={"Host": name}).status_code == expected


def test_names_that_are_none(start, tiny):
    server = Server(
        start("serve", "--config", tiny / "config.yaml", "--allowed-host", "http://speech.example")
    )
    assert server.wait() == 2
    assert "no name of a server" in server.said


def test_keys_from_the_environment(serve):
    server = serve("--access-log", env={"POCKET_FAST_API_KEY": "s3cret"})
    assert httpx.get(f"{server.url}/v1/models").status_code == 401
    assert httpx.get(f"{server.url}/v1/models", headers={"Authorization": "Bearer s3cret"}).status_code == 200
    wait_until(lambda: server.said.count("GET /v1/models") == 2)
    assert "s3cret" not in server.said


def test_several_processes(serve):
    server = serve("--workers", "2", "--api-key", "k", ready=False)
    try:
        wait_until(lambda: server.said.count("Application startup complete") == 2)
        key = {"Authorization": "Bearer k"}
        for _ in range(4):
            answer = httpx.post(f"{server.url}/stream", json={"text": "Hi."}, headers=key, timeout=60)
            assert answer.status_code == 200
        assert httpx.get(f"{server.url}/v1/models").status_code == 401
        assert "GET /v1/models" not in server.said
    finally:
        server.process.terminate()  # killing it would leave the others behind
    assert server.wait() == 0


def test_a_port_that_is_taken(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = serve("--port", taken.getsockname()[1], ready=False)
        assert server.wait() == 1
    assert "address already in use" in server.said
    assert "Traceback" not in server.said


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--port", "x"), 2, "whole number"),
        (("--max-streams", "0"), 2, "at least 1"),
        (("--cors-origin", "their.example"), 2, "scheme://host"),
        (("--cors-origin", "https://their.example/page"), 2, "scheme://host"),
        (("--warmup", "perhaps"), 2, "true or false"),
        (("--language", "klingon"), 1, "--language klingon"),
        (("--workers", "2", "--language", "english"), 1, "choose the model with one of them"),
        (("--default-voice", "nothing.wav"), 1, "nothing.wav"),
        (("--compute-type", "int3"), 1, "int3"),
    ],
)
def test_what_cannot_be_served(serve, words, code, message):
    server = serve(*words, ready=False)
    assert server.wait() == code
    assert message in server.said
    assert "Traceback" not in server.said


def test_a_voice_that_cannot_be_prewarmed_is_a_warning(serve):
    server = serve("--prewarm-voices", "alba, nothing.wav")
    assert server.said.count("WARNING: --prewarm-voices:") == 2
    assert httpx.get(f"{server.url}/health").status_code == 200


def test_everyone_is_told_that_a_server_is_open(serve):
    assert "without --api-key" in serve("--host", "0.0.0.0").said
    assert "without --api-key" not in serve("--host", "0.0.0.0", "--api-key", "k").said


def test_quiet(serve, tmp_path):
    path = tmp_path / "s"
    server = serve("-q", "--uds", path, ready=False)
    wait_until(path.exists)
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://here") as client:
        wait_until(lambda: is_up(client))
    server.process.terminate()
    assert server.wait() == 0
    assert server.said == ""


def test_without_the_extra(start, tiny, tmp_path):
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "uvicorn.py").write_text("raise ImportError('hidden', name='uvicorn')")
    path = os.pathsep.join([str(tmp_path / "hide"), *filter(None, sys.path)])
    server = Server(start("serve", "--config", tiny / "config.yaml", env={"PYTHONPATH": path}))
    assert server.wait() == 1
    assert "pip install 'pocket-fast[server]'" in server.said


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file handles")
@pytest.mark.parametrize(("soft", "hard"), [(120, 120), (110, 4096)])
def test_half_a_request_takes_no_handle_from_others(serve, soft, hard):
    """The soft limit is raised; what the hard one lets is not to be had by asking nothing."""
    import resource

    server = serve(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
    address = httpx.URL(server.url)
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            half = stack.enter_context(socket.create_connection((address.host, address.port), 20))
            half.sendall(b"POST /stream HTTP/1.1\r\nHost: ")
        for _ in range(5):
            assert httpx.get(f"{server.url}/health", timeout=20).status_code == 200
            assert httpx.post(f"{server.url}/stream", json={"text": "Hi."}, timeout=60).status_code == 200
    server.process.terminate()
    assert server.wait() == 0
    assert ("ulimit" in server.said) == (hard < 1024)
    assert "Traceback" not in server.said
