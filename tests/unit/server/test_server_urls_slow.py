"""Voices from hosts that take their time: a deadline ends every step, and few threads wait for them."""

import contextlib
import io
import socket
import ssl
import subprocess
import threading

import pytest

from pocket_fast.errors import BusyError, DownloadError, StoppedError
from pocket_fast.server import urls
from pocket_fast.server.urls import fetch_public
from serving import wait_until

PUBLIC = "93.184.216.34"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The paths of a key and of a certificate for example.org, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=example.org",
    ]
    words += [
        "-addext",
        "subjectAltName=DNS:example.org",
        "-keyout",
        folder / "key",
        "-out",
        folder / "certificate",
    ]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl found")
    return folder / "key", folder / "certificate"


def threads_that_fetch():
    return [thread for thread in threading.enumerate() if thread.name == "pocket_fast-fetch"]


@pytest.fixture
def slow(monkeypatch, certificate):
    """slow(behave) -> a url: behave(socket) is done with every connection to it. Fetching may take half a second."""
    key, chain = certificate
    ended, listening = threading.Event(), socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    trusting = ssl.create_default_context(cafile=chain)

    def dial(address, timeout):
        assert address == (PUBLIC, 443)
        connection = socket.socket()
        connection.settimeout(timeout)
        connection.connect(listening.getsockname())
        return connection

    monkeypatch.setattr(urls, "_SECONDS", 0.5)
    monkeypatch.setattr(urls, "is_public", lambda address: True)
    monkeypatch.setattr(socket, "create_connection", dial)
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (PUBLIC, 443))])

    def serve(behave):
        while True:
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=behaving, args=(taken, behave), daemon=True).start()

    def behaving(taken, behave):
        with contextlib.suppress(OSError), taken:
            behave(taken, context, ended)

    def slow(behave):
        threading.Thread(target=serve, args=(behave,), daemon=True).start()
        return "https://example.org/voice.wav"

    yield slow
    ended.set()
    listening.close()


def drip(connection, ended, what=b"a"):
    while not ended.wait(0.02):
        connection.sendall(what)


def silent(taken, context, ended):
    ended.wait(60)


def dripping_handshake(taken, context, ended):
    taken.sendall(b"\x16\x03\x03\x3f\xff")
    drip(taken, ended, b"\x02")


def dripping_head(taken, context, ended):
    with context.wrap_socket(taken, server_side=True) as secure:
        secure.recv(1000)
        secure.sendall(b"HTTP/1.1 200 OK\r\nX-Name: ")
        drip(secure, ended)


def going_on(taken, context, ended):
    with context.wrap_socket(taken, server_side=True) as secure:
        secure.recv(1000)
        drip(secure, ended, b"HTTP/1.1 100 Continue\r\n\r\n")


def dripping_body(taken, context, ended):
    with context.wrap_socket(taken, server_side=True) as secure:
        secure.recv(1000)
        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        drip(secure, ended)


def redirecting(taken, context, ended):
    with context.wrap_socket(taken, server_side=True) as secure:
        secure.recv(1000)
        ended.wait(0.2)
        secure.sendall(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    "behave", [silent, dripping_handshake, dripping_head, going_on, dripping_body, redirecting]
)
def test_a_peer_that_takes_its_time_keeps_no_thread(slow, behave):
    url = slow(behave)
    for _ in range(2):
        with pytest.raises(DownloadError, match=r"no answer|timed out"):
            fetch_public(url, 1 << 20)
    wait_until(lambda: not threads_that_fetch(), seconds=5)


def test_a_peer_in_no_hurry_that_keeps_the_time(slow, monkeypatch):
    def steady(taken, context, ended):
        with context.wrap_socket(taken, server_side=True) as secure:
            secure.recv(1000)
            secure.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            for _ in range(10):
                ended.wait(0.01)
                secure.sendall(b"sound")

    monkeypatch.setattr(urls, "_SECONDS", 20.0)
    assert fetch_public(slow(steady), 1000) == b"sound" * 10


class Sound:
    """A connection to a host that has some."""

    def __init__(self, asked):
        self._asked = asked

    def request(self, method, path, headers):
        self._asked.append(path)

    def getresponse(self):
        answer = io.BytesIO(b"sound")
        answer.status, answer.headers = 200, {}
        return answer

    def close(self):
        pass


@pytest.fixture
def fetch():
    """fetch() -> what is at the address of a sound; fetch.asked: paths that were asked for."""

    def fetch():
        return fetch_public("https://example.org/a", 100, lambda host, address: Sound(fetch.asked))

    fetch.asked = []
    return fetch


def test_look_ups_that_hang_keep_few_threads(fetch, monkeypatch):
    """Nothing can end a look-up; those that hang are counted, and nothing is fetched when they end at last."""
    hang, hung = threading.Event(), []

    def getaddrinfo(*given, **how):
        hung.append(given)
        hang.wait(60)
        return [(2, 1, 6, "", (PUBLIC, 443))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(urls, "_SECONDS", 0.1)
    most = urls.MOST_FETCHES
    outcomes = []
    for _ in range(most + 4):
        with pytest.raises((DownloadError, BusyError)) as failed:
            fetch()
        outcomes.append(failed.type)
    assert outcomes == [DownloadError] * most + [BusyError] * 4
    assert len(threads_that_fetch()) == len(hung) == most
    hang.set()
    wait_until(lambda: not threads_that_fetch())
    assert fetch.asked == []
    monkeypatch.setattr(urls, "_SECONDS", 20.0)
    assert fetch() == b"sound"


def test_a_thread_that_cannot_be_started_takes_no_place(fetch, monkeypatch):
    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (PUBLIC, 443))])
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        for _ in range(urls.MOST_FETCHES + 1):
            with pytest.raises(RuntimeError, match="new thread"):
                fetch()
    assert fetch() == b"sound"


def test_whom_nobody_waits_for_ends_soon(slow, monkeypatch):
    monkeypatch.setattr(urls, "_SECONDS", 60.0)
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(StoppedError):
        fetch_public(slow(dripping_body), 1 << 20, stop=stop)
    wait_until(lambda: not threads_that_fetch(), seconds=5)
    with pytest.raises(StoppedError):
        fetch_public("https://example.org/a", 100, stop=stop)
