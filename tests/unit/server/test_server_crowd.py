"""Peers that keep the server waiting, and many of them: each has its time, and there is room for who comes."""

import contextlib
import errno
import socket
import time

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pocket_fast.server import crowd
from pocket_fast.server.answers import refusal_of
from pocket_fast.server.options import Options
from serving import wait_until

HEAD = b"POST /stream HTTP/1.1\r\nHost: localhost\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
WEBSOCKET = (
    b"GET /v1/audio/stream HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
)
ENDLESS = {"text": "This goes on and on. " * 900, "eos_threshold": 1e9}


@pytest.fixture(scope="module")
def hasty(start):
    """A server that waits for half a second."""
    with start(Options(request_seconds=0.5)) as site, pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowd, "_TICK", 0.05)
        yield site


@contextlib.contextmanager
def dialled(site, *parts):
    host, port = site.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        for part in parts:
            connection.sendall(part)
        yield connection


def everything(connection):
    """What comes until the connection ends."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            data += part
    return data


def many(stack, site, count, *parts):
    return [stack.enter_context(dialled(site, *parts)) for _ in range(count)]


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([b"P"], 408),
        ([HEAD], 408),
        ([HEAD, b"X-Name: " + b"a" * 5000], 408),
        ([WEBSOCKET], 408),
        ([HEAD, FORM, b"Content-Length: 100\r\n\r\n"], 408),
        ([HEAD, FORM, b"Content-Length: 100\r\n\r\ntext=Hi."], 408),
        ([HEAD, FORM, b"Transfer-Encoding: chunked\r\n\r\n5\r\ntext=\r\n"], 408),
        ([HEAD, b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"], 408),
        ([HEAD, b"Content-Type: multipart/form-data; boundary=a\r\nContent-Length: 100\r\n\r\n--a\r\n"], 408),
        ([HEAD, FORM, b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"], 100),
        ([], None),
    ],
)
def test_half_a_request(hasty, parts, status, caplog):
    with dialled(hasty, *parts) as connection:
        said = everything(connection)
    assert said[:12] == (b"" if status is None else b"HTTP/1.1 %d" % status)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert hasty.client.get("/health").status_code == 200


@pytest.mark.parametrize("head", [HEAD + b"X-Name: ", HEAD + FORM + b"Content-Length: 1000000\r\n\r\n"])
def test_a_drip_is_no_progress(hasty, head):
    with dialled(hasty, head) as connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(2000):
            connection.sendall(b"a")
            time.sleep(0.01)
        pytest.fail("nothing ended it")


def test_half_a_request_after_a_whole_one(hasty):
    whole = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for parts in ([whole, HEAD], [whole, whole, HEAD], [whole + HEAD]):
        with dialled(hasty, *parts) as connection:
            assert b"408" in everything(connection)


def test_a_body_that_comes_steadily_has_its_time(hasty):
    text = b"text=" + b"Hello. " * 500
    with dialled(hasty, HEAD, FORM, b"Content-Length: %d\r\n\r\n" % (10_000 + len(text))) as connection:
        connection.sendall(b"a=" + b"a" * 9997 + b"&")
        time.sleep(1.2)  # more than twice the time for a head; what came has paid for it
        connection.sendall(text)
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_an_answer_has_its_time(hasty):
    with hasty.client.stream("POST", "/stream", data=ENDLESS) as answer:
        sound = answer.iter_raw(1000)
        next(sound)
        time.sleep(1.5)
        assert next(sound)
    with connect(f"{hasty.url.replace('http', 'ws')}/v1/audio/stream") as talk:
        time.sleep(1.5)
        talk.send('{"text": "Hi.", "end": true}')
        assert '"end"' in list(talk)[-1]


# --- many ------------------------------------------------------------------------------------------

LIMIT = 6


@pytest.fixture
def narrow(start):
    with start(Options(max_connections=LIMIT)) as site:
        yield site


def is_well(site):
    return httpx.get(f"{site.url}/health", timeout=10).status_code == 200


@pytest.mark.parametrize("parts", [[HEAD], [WEBSOCKET], []])
def test_who_has_asked_nothing_gives_way(narrow, parts):
    with contextlib.ExitStack() as stack:
        held = many(stack, narrow, 5 * LIMIT, *parts)
        for _ in range(3):
            assert is_well(narrow)
            assert httpx.post(f"{narrow.url}/stream", data={"text": "Hi."}, timeout=60).status_code == 200
        assert everything(held[0]) == b""  # the first one went first
        wait_until(lambda: len(narrow.server.server_state.connections) <= LIMIT)


def test_slow_bodies_give_way(narrow, monkeypatch):
    monkeypatch.setattr(crowd, "_YOUNG_SECONDS", 0.0)
    with contextlib.ExitStack() as stack:
        many(stack, narrow, 3 * LIMIT, HEAD, FORM, b"Content-Length: 100\r\n\r\ntext=")
        assert is_well(narrow)
        assert httpx.post(f"{narrow.url}/stream", data={"text": "Hi."}, timeout=60).status_code == 200


def test_who_does_not_read_gives_way(narrow):
    """All that was asked for is sent, and nobody takes it."""
    asks = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
    with contextlib.ExitStack() as stack:
        many(stack, narrow, 3 * LIMIT, asks)
        assert is_well(narrow)


def test_those_who_are_spoken_to_stay(narrow):
    with contextlib.ExitStack() as stack:
        body = httpx.QueryParams({key: str(value) for key, value in ENDLESS.items()})
        body = str(body).encode()
        head = HEAD + FORM + b"Content-Length: %d\r\n\r\n" % len(body)
        heard = many(stack, narrow, LIMIT, head + body)
        assert all(connection.recv(12) == b"HTTP/1.1 200" for connection in heard)
        for path in ("/health", "/metrics"):
            assert httpx.get(f"{narrow.url}{path}", timeout=10).status_code == 200
        for path in ("/v1/models", "/"):
            refused = httpx.get(f"{narrow.url}{path}", timeout=10)
            assert refused.status_code == 503
            assert "retry-after" in refused.headers
        with pytest.raises(InvalidStatus) as no_socket:
            connect(f"{narrow.url.replace('http', 'ws')}/v1/audio/stream")
        assert no_socket.value.response.status_code == 503
        half = many(stack, narrow, 40, HEAD)
        assert is_well(narrow)
        assert all(connection.recv(1) for connection in heard)
        for connection in (*heard, *half):
            connection.close()
    wait_until(lambda: not narrow.server.server_state.connections)
    assert httpx.get(f"{narrow.url}/v1/models", timeout=10).status_code == 200


def test_no_more_files():
    for number in (errno.EMFILE, errno.ENFILE):
        refusal = refusal_of(OSError(number, "Too many open files: '/tmp/secret'"))
        assert refusal.status_code == 503
        assert "secret" not in refusal.detail
