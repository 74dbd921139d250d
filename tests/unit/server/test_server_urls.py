"""Voices from the web: what is fetched, and everything that is not."""

import http.client
import io
import socket
import ssl
import threading

import pytest

from pocket_fast.errors import DownloadError, VoiceError
from pocket_fast.server import urls
from pocket_fast.server.options import Options
from pocket_fast.server.urls import fetch_public, hub_url, is_public, public_address
from recordings import hum
from serving import wav_of

PUBLIC = "93.184.216.34"


class Web:
    """What stands in for the internet: names, and answers by (address, path)."""

    def __init__(self):
        self.names = {"example.org": [PUBLIC]}
        self.pages = {}
        self.asked = []

    def getaddrinfo(self, host, port, **_):
        if host not in self.names:
            raise socket.gaierror("no such host")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.names[host]]

    def connect(self, host, address):
        web = self

        class Connection:
            sock = None

            def request(self, method, path, headers):
                assert method == "GET"
                web.asked.append((host, address, path))
                self.answer = web.pages[host, path]

            def getresponse(self):
                return self.answer() if callable(self.answer) else self.answer

            def close(self):
                pass

        return Connection()


class Answer:
    def __init__(self, status=200, body=b"", **headers):
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._body = io.BytesIO(body)

    def read1(self, size):
        return self._body.read(size)


@pytest.fixture
def web(monkeypatch):
    web = Web()
    monkeypatch.setattr(socket, "getaddrinfo", web.getaddrinfo)
    return web


def fetch(web, url, most=1000):
    return fetch_public(url, most, web.connect)


def test_a_file(web):
    web.pages["example.org", "/voice.wav?a=1"] = Answer(body=b"sound")
    assert fetch(web, "https://example.org/voice.wav?a=1#here") == b"sound"
    assert web.asked == [("example.org", PUBLIC, "/voice.wav?a=1")]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a",
        "ftp://example.org/a",
        "file:///etc/passwd",
        "https:///etc/passwd",
        "https://",
        "https://example.org:8443/a",
        "https://example.org:99999999/a",
        "https://user@example.org/a",
        "https://user:word@example.org/a",
        "https://[::1/a",
        "https://example.org/a b",
        "https://example.org/\r\nHost: other",
        "https://example.org/ä",
        "gopher://example.org",
    ],
)
def test_addresses_of_other_kinds(web, url):
    with pytest.raises(VoiceError):
        fetch(web, url)
    assert web.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:93.184.216.34",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_addresses_that_are_not_public(web, address):
    assert not is_public(address)
    web.names["inside.example"] = [address]
    with pytest.raises(VoiceError, match="not on the public internet"):
        fetch(web, "https://inside.example/a")
    web.names["both.example"] = [PUBLIC, address]
    with pytest.raises(VoiceError):
        fetch(web, "https://both.example/a")
    assert web.asked == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111"])
def test_addresses_that_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f000001", "localhost", "[::1]", "127.1"])
def test_this_machine_by_any_name(host):
    with pytest.raises((VoiceError, DownloadError)):
        fetch_public(f"https://{host}/a", 100)


def test_no_such_host(web):
    with pytest.raises(DownloadError):
        public_address("nowhere.example")
    with pytest.raises(DownloadError):
        fetch(web, "https://" + "a" * 70 + ".example/")


def test_redirects_are_looked_at_anew(web):
    web.names |= {"cdn.example": ["8.8.8.8"], "inside.example": ["10.0.0.1"]}
    web.pages["example.org", "/a"] = Answer(302, Location="https://cdn.example/b")
    web.pages["cdn.example", "/b"] = Answer(307, Location="c")
    web.pages["cdn.example", "/c"] = Answer(body=b"sound")
    assert fetch(web, "https://example.org/a") == b"sound"
    assert [(host, address) for host, address, _ in web.asked] == [
        ("example.org", PUBLIC),
        ("cdn.example", "8.8.8.8"),
        ("cdn.example", "8.8.8.8"),
    ]
    for there in (
        "https://inside.example/",
        "http://cdn.example/c",
        "file:///etc/passwd",
        "//inside.example/x",
        "",
    ):
        web.pages["example.org", "/a"] = Answer(301, Location=there)
        with pytest.raises(VoiceError):
            fetch(web, "https://example.org/a")
    assert "10.0.0.1" not in [address for _, address, _ in web.asked]


def test_the_name_is_looked_up_once_for_each_connection(web):
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    web.getaddrinfo_of = web.getaddrinfo
    web.names = type(
        "Names", (dict,), {"__getitem__": lambda self, k: next(answers), "__contains__": lambda *_: 1}
    )()
    web.pages["example.org", "/a"] = Answer(body=b"sound")
    assert fetch(web, "https://example.org/a") == b"sound"
    assert web.asked == [("example.org", PUBLIC, "/a")]


def test_sizes(web):
    web.pages["example.org", "/a"] = Answer(body=b"x" * 1000)
    assert len(fetch(web, "https://example.org/a")) == 1000
    web.pages["example.org", "/a"] = Answer(body=b"x" * 1001)
    with pytest.raises(VoiceError, match="more than 1000 bytes"):
        fetch(web, "https://example.org/a")
    never_read = Answer(Content_Length="1001")
    never_read.read1 = None
    web.pages["example.org", "/a"] = never_read
    with pytest.raises(VoiceError, match="more than 1000 bytes"):
        fetch(web, "https://example.org/a")


def test_what_fails(web, monkeypatch):
    web.pages["example.org", "/a"] = Answer(404)
    with pytest.raises(VoiceError, match="404"):
        fetch(web, "https://example.org/a")

    def broken():
        raise http.client.IncompleteRead(b"")

    web.pages["example.org", "/a"] = broken
    with pytest.raises(DownloadError):
        fetch(web, "https://example.org/a")
    forever = threading.Event()
    web.pages["example.org", "/a"] = forever.wait
    monkeypatch.setattr(urls, "_SECONDS", 0.1)
    with pytest.raises(DownloadError, match="no answer"):
        fetch(web, "https://example.org/a")
    forever.set()


def test_the_connection_goes_to_the_address_and_asks_for_the_name(monkeypatch):
    dialled, named = [], []

    class Context:
        def wrap_socket(self, raw, server_hostname):
            named.append(server_hostname)
            raise ssl.SSLCertVerificationError("not this one")

        def __getattr__(self, name):
            return lambda *_, **__: None

    class Socket:
        closed = False

        def close(self):
            self.closed = True

    raw = Socket()
    monkeypatch.setattr(ssl, "create_default_context", Context)
    monkeypatch.setattr(socket, "create_connection", lambda address, timeout: dialled.append(address) or raw)
    with pytest.raises(ssl.SSLError):
        urls._Pinned("example.org", PUBLIC).connect()
    assert (dialled, named, raw.closed) == ([(PUBLIC, 443)], ["example.org"], True)


def test_certificates_are_checked():
    context = urls._Pinned("example.org", PUBLIC)._tls
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_files_of_the_hub(monkeypatch):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    expected = "https://huggingface.co/kyutai/tts-voices/resolve/main/a/b.wav"
    assert hub_url("hf://kyutai/tts-voices/a/b.wav") == expected
    assert hub_url("hf://o/r/a.wav@v1/2") == "https://huggingface.co/o/r/resolve/v1%2F2/a.wav"
    with pytest.raises(VoiceError):
        hub_url("hf://nobody")


def test_a_server_that_may(start, monkeypatch):
    asked = []

    def fetch(url, most, stop):
        asked.append((url, most))
        if "missing" in url:
            raise DownloadError("secret.internal does not answer")
        return wav_of(hum(1.0, pitch=130))

    monkeypatch.setattr("pocket_fast.server.voices.fetch_public", fetch)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    with start(Options(allow_voice_urls=True)) as site:
        first = site.client.post(
            "/tts", data={"text": "Hi.", "seed": 1, "voice_url": "https://example.org/a.wav"}
        )
        again = site.client.post(
            "/stream", json={"text": "Hi.", "seed": 1, "voice": "https://example.org/a.wav"}
        )
        assert first.status_code == again.status_code == 200
        assert again.content in first.content
        assert site.client.post("/stream", json={"text": "Hi.", "voice": "hf://o/r/a.wav"}).status_code == 200
        missing = site.client.post("/stream", json={"text": "Hi.", "voice": "https://example.org/missing"})
    assert missing.status_code == 502
    assert "internal" not in missing.text
    most = Options().max_upload
    assert asked[:2] == [
        ("https://example.org/a.wav", most),
        ("https://huggingface.co/o/r/resolve/main/a.wav", most),
    ]


def test_a_server_that_may_not(client, monkeypatch):
    monkeypatch.setattr("pocket_fast.server.voices.fetch_public", None)
    for url in (
        "https://example.org/a.wav",
        "http://example.org/a.wav",
        "hf://o/r/a.wav",
        "file:///etc/passwd",
    ):
        answer = client.post("/tts", data={"text": "Hi.", "voice_url": url})
        assert answer.status_code == 400
        assert "upload" in answer.json()["detail"]
