"""Clients that neither write nor read: they take no place from anybody, and are ended in the end."""

import contextlib
import json
import socket

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from pocket_fast.cli import _parser
from pocket_fast.server.options import Options
from serving import wait_until

ENDLESS = {"text": "This goes on and on. " * 900, "eos_threshold": 1e9}


@contextlib.contextmanager
def conversation(site, *messages):
    with connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream") as opened:
        for message in messages:
            opened.send(json.dumps(message))
        yield opened


def free(site):
    load = site.model.engine_load()
    return (load.running, load.waiting, load.resting, load.resting_bytes) == (0, 0, 0, 0)


@contextlib.contextmanager
def deaf(site, path, body):
    """A client that sends a request and reads nothing."""
    data = json.dumps(body).encode()
    host = httpx.URL(site.url)
    with socket.create_connection((host.host, host.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        head = [f"POST {path} HTTP/1.1", f"Host: {host.host}", "Content-Type: application/json"]
        head = [*head, f"Content-Length: {len(data)}", "", ""]
        connection.sendall("\r\n".join(head).encode() + data)
        yield connection


@pytest.mark.parametrize("text", ["Hel", "Hello there, my friend. And th", ""])
def test_who_waits_for_text_keeps_nobody_out(start, said, text):
    with start(max_streams=2, max_queue=0) as site, contextlib.ExitStack() as stack:
        for _ in range(5):
            opened = stack.enter_context(conversation(site, {"text": text} if text else {}))
            assert json.loads(opened.recv(timeout=60))["mark"] == "start"
        wait_until(lambda: site.model.engine_load().running == 0)
        answer = site.client.post("/stream", json={"text": "Hi.", "seed": 1})
        assert answer.content == said("Hi.", seed=1).tobytes()
        opened.send(json.dumps({"text": "lo.", "end": True}))
        with contextlib.suppress(ConnectionClosed):
            while True:
                last = opened.recv(timeout=60)
        assert json.loads(last)["mark"] == "end"
        assert opened.close_code == 1000


@pytest.mark.parametrize("path", ["/stream", "/v1/audio/speech"])
def test_who_does_not_read_keeps_nobody_out(start, said, path):
    body = ENDLESS | {"model": "m", "input": ENDLESS["text"], "response_format": "wav"}
    with start(max_streams=2, max_queue=5) as site:
        with deaf(site, path, body), deaf(site, path, body):
            wait_until(lambda: site.model.engine_load().resting == 2)
            answer = site.client.post("/stream", json={"text": "Hi.", "seed": 1})
            assert answer.content == said("Hi.", seed=1).tobytes()
        wait_until(lambda: free(site))


def test_little_is_computed_for_who_does_not_read(start):
    """The system does not take in minutes of sound on their behalf."""
    with start() as site, deaf(site, "/stream", ENDLESS):
        wait_until(lambda: site.events("first_audio") and site.model.engine_load().resting == 1)
        assert len(site.events("step")) * 0.08 < 20


def test_who_does_not_read_for_long_is_cut_off(start):
    with start(Options(idle_seconds=0.5)) as site, deaf(site, "/stream", ENDLESS) as connection:
        wait_until(lambda: site.events("cancelled") or site.events("abandoned"))
        wait_until(lambda: free(site))
        connection.settimeout(60)
        with contextlib.suppress(ConnectionResetError):
            received = 0
            while data := connection.recv(1 << 16):
                received += len(data)
            assert received < 100 << 20
        assert site.client.post("/stream", json={"text": "Hi."}).status_code == 200


def test_a_text_that_is_not_written_on_is_ended_and_the_conversation_is_not(start, said):
    with start(Options(idle_seconds=0.5)) as site, conversation(site, {"text": "Hel", "seed": 1}) as opened:
        assert json.loads(opened.recv(timeout=60))["mark"] == "start"
        error = json.loads(opened.recv(timeout=60))["error"]
        assert (error["status"], error["code"]) == (408, "idle")
        assert "no text came for 0.5 s" in error["message"]
        wait_until(lambda: free(site))
        opened.send(json.dumps({"text": "Hello.", "flush": True}))
        sound = b""
        while isinstance(received := opened.recv(timeout=60), bytes) or "flush" not in received:
            sound += received if isinstance(received, bytes) else b""
        assert sound == said("Hello.", seed=1).tobytes()


def test_who_is_slow_is_not_ended(start, said):
    text = "Hello there, my friend. How are you?"
    with start(Options(idle_seconds=1)) as site, conversation(site, {"seed": 1}) as opened:
        assert json.loads(opened.recv(timeout=60))["mark"] == "start"
        received = []
        for i in range(0, len(text), 4):
            opened.send(json.dumps({"text": text[i : i + 4]}))
            with contextlib.suppress(TimeoutError):
                received.append(opened.recv(timeout=0.25))
        opened.send(json.dumps({"end": True}))
        with contextlib.suppress(ConnectionClosed):
            while True:
                received.append(opened.recv(timeout=60))
        assert not [m for m in received if isinstance(m, str) and "error" in m]
        assert json.loads(received[-1])["mark"] == "end"


def test_numbers(start):
    with start(Options(idle_seconds=0.5)) as site, conversation(site, {"text": "Hel"}) as opened:
        assert json.loads(opened.recv(timeout=60))["mark"] == "start"
        wait_until(lambda: site.metric("pocket_fast_resting") == 1)
        assert site.metric("pocket_fast_streams") == 0
        wait_until(lambda: site.metric('pocket_fast_speeches_total{outcome="abandoned"}') == 1)
        assert site.metric("pocket_fast_resting") == site.metric("pocket_fast_resting_bytes") == 0


def test_options_of_the_command_line():
    given = _parser().parse_args(["serve", "--idle-seconds", "7.5", "--idle-bytes", "1000"])
    assert (given.idle_seconds, given.idle_bytes) == (7.5, 1000)
    default = _parser().parse_args(["serve"])
    assert (default.idle_seconds, default.idle_bytes) == (Options.idle_seconds, Options.idle_bytes)
