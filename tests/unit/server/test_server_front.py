"""Requests as proxies, monitors and clients with half an address send them."""

import json

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pocket_fast.server.front import meant
from pocket_fast.server.options import Options
from proxies import nginx

TEXT = "Hello there."
FORM = {"text": TEXT, "seed": "1"}

# --- HEAD ------------------------------------------------------------------------------------------


GETS = (
    "/",
    "/page/app.js",
    "/health",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/v1/models",
    "/v1/models/custom",
)


@pytest.mark.parametrize("path", [*GETS, "/v1/audio/voices", "/nothing", "/page/nothing", "/v1/nothing"])
def test_head_is_get_without_its_body(client, path):
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code
    assert head.content == b""
    volatile = ("date", "content-length", "x-request-id")
    same = [{n: v for n, v in a.headers.items() if n not in volatile} for a in (got, head)]
    assert same[0] == same[1]
    if path != "/metrics":  # which counts us
        assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))


def test_head_of_every_path_that_can_be_got(client):
    for path in client.get("/openapi.json").json()["paths"]:
        got, head = (client.request(m, path.replace("{name}", "custom")) for m in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (got.status_code, b""), path


def test_head_of_what_is_posted(client):
    for path in ("/v1/audio/speech", "/stream", "/tts"):
        assert client.head(path).status_code == 405
        assert "POST" in client.head(path).headers["allow"]


def test_head_needs_the_key_too(start):
    with start(Options(api_key="s3cret")) as site:
        assert site.client.head("/health").status_code == 200
        assert site.client.head("/v1/models").status_code == 401
        key = {"Authorization": "Bearer s3cret"}
        assert site.client.head("/v1/models", headers=key).status_code == 200


# --- addresses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        ("/", "GET", "/"),
        ("//", "GET", "/"),
        ("///health", "GET", "/health"),
        ("/page//app.js", "GET", "/page/app.js"),
        ("/docs/", "GET", "/docs/"),  # its links are relative
        ("/stream/", "POST", "/stream"),
        ("//", "POST", "/"),
        ("//v1///audio/speech//", "POST", "/v1/audio/speech"),
        ("/audio/speech", "POST", "/v1/audio/speech"),
        ("//audio//speech", "POST", "/v1/audio/speech"),
        ("/v1/v1/audio/speech", "POST", "/v1/audio/speech"),
        ("/v1//v1/models/", "GET", "/v1/models"),
        ("/models", "GET", "/v1/models"),
        ("/models/a", "GET", "/v1/models/a"),
        ("/audio/stream", None, "/v1/audio/stream"),
        ("/audiobook", "GET", "/audiobook"),
        ("/modelsx/audio", "GET", "/modelsx/audio"),
        ("/v1", "GET", "/v1"),
        ("/v1x/v1/audio", "GET", "/v1x/v1/audio"),
        ("/x/v1/v1/audio", "GET", "/x/v1/v1/audio"),
    ],
)
def test_what_a_path_means(path, method, expected):
    assert meant(path, method) == expected
    assert meant(expected, method) == expected


@pytest.mark.parametrize(
    "path", ["/audio/speech", "//v1//audio//speech", "/v1/v1/audio/speech", "/v1/audio/speech/"]
)
def test_speech_at_other_spellings_of_its_address(site, said, path):
    body = {"input": TEXT, "response_format": "pcm", "seed": 1}
    with httpx.Client(timeout=60) as client:
        answer = client.post(f"{site.url.rstrip('/')}{path}", json=body)
        assert answer.content == said(TEXT, seed=1).tobytes()
        wrong = client.post(f"{site.url.rstrip('/')}{path}", json={"input": " "})
    assert set(wrong.json()) == {"error"}  # in OpenAI's form
    assert wrong.json()["error"]["param"] == "input"


def test_a_conversation_at_other_spellings_of_its_address(site):
    for path in ("/audio/stream", "//v1//audio//stream", "/v1/audio/stream/"):
        with connect(f"{site.url.replace('http', 'ws').rstrip('/')}{path}") as socket:
            socket.send("{}")
            assert json.loads(socket.recv(timeout=60))["mark"] == "start"


def test_no_spelling_gets_around_the_key(start):
    with start(Options(api_key="s3cret")) as site, httpx.Client(timeout=60) as client:
        for path in ("//v1/models", "/models", "/page//../v1/models", "//metrics", "/v1/v1/audio/voices"):
            url = httpx.URL(site.url).copy_with(raw_path=path.encode())
            assert client.get(url).status_code in (401, 404), path
        assert client.get(f"{site.url.rstrip('/')}//health").status_code == 200


# --- behind a proxy --------------------------------------------------------------------------------

PUBLIC = "http://speech.example:8080"


@pytest.fixture(scope="module")
def known(start):
    """A server that is told its name in public."""
    with start(Options(allowed_hosts=("speech.example", "inner"))) as site:
        yield site


def ask(site, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.client.post("/stream", data=FORM, headers=headers)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"X_Forwarded_Host": "speech.example:8080"}, 200),
        ({"X_Forwarded_Host": "speech.example:8080, inner:1"}, 200),
        ({"X_Forwarded_Host": "speech.example", "X_Forwarded_Port": "8080"}, 200),
        ({"X_Forwarded_Host": "speech.example", "X_Forwarded_Port": "8080, 80"}, 200),
        ({"Host": "speech.example", "X_Forwarded_Port": "8080"}, 200),
        ({"Host": "speech.example:8080", "X_Forwarded_Port": "80"}, 200),
        ({"X_Forwarded_Host": "speech.example"}, 403),  # nginx's $host tells no port
        ({"X_Forwarded_Host": "speech.example", "X_Forwarded_Port": "²"}, 403),
        ({"X_Forwarded_Host": "speech.example:8081"}, 403),
        ({"X_Forwarded_Host": "speech.example:8080", "X_Forwarded_Proto": "https"}, 403),
        ({"X_Forwarded_Host": ""}, 403),
        ({"X_Forwarded_Host": ",speech.example:8080"}, 403),
    ],
)
def test_the_page_behind_a_proxy_that_changes_host(known, headers, status):
    headers = {name: value.encode("latin-1") for name, value in headers.items()}
    assert ask(known, Origin=PUBLIC, **headers).status_code == status


def test_the_page_behind_a_proxy_that_ends_tls(known):
    headers = {"Origin": "https://speech.example", "X_Forwarded_Host": "speech.example"}
    assert ask(known, **headers).status_code == 403
    assert ask(known, **headers, X_Forwarded_Proto="https").status_code == 200
    assert ask(known, **headers, Sec_Fetch_Site="same-origin").status_code == 200


@pytest.mark.parametrize("other", ["else.example", "speech.example.else", "a b", "speech.example/", "["])
def test_other_names_of_a_proxy(known, other):
    assert ask(known, Origin=PUBLIC, X_Forwarded_Host=other).status_code == 421
    assert ask(known, Origin=PUBLIC, X_Forwarded_Host=f"speech.example:8080, {other}").status_code == 421


def test_what_a_proxy_adds_besides(known):
    headers = {"X_Forwarded_Host": "speech.example:8080", "X_Forwarded_For": "203.0.113.5", "Origin": PUBLIC}
    assert ask(known, **headers).status_code == 200  # whose address it is that is trusted
    assert ask(known, **headers, X_Real_IP="203.0.113.5").status_code == 200


@pytest.mark.parametrize(
    ("trusted", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.0/8", 200),
        ("10.0.0.1, 127.0.0.1", 200),
        ("*", 200),
        ("10.0.0.0/8", 403),
        ("", 403),
    ],
)
def test_which_proxies_are_trusted(start, trusted, status):
    with start(Options(forwarded_allow_ips=trusted, allowed_hosts=("speech.example",))) as site:
        assert ask(site, Origin=PUBLIC, X_Forwarded_Host="speech.example:8080").status_code == status
        by_port = {"X_Forwarded_Host": "speech.example", "X_Forwarded_Port": "8080"}
        assert ask(site, Origin=PUBLIC, **by_port).status_code == status


def test_a_refusal_says_what_was_compared(site):
    message = ask(site, Origin=PUBLIC).json()["detail"]
    assert PUBLIC in message
    assert "127.0.0.1" in message
    assert "X-Forwarded-Host" in message


@pytest.mark.parametrize("origin", ["http://[", "null", "http://", "//", "speech.example"])
@pytest.mark.parametrize("host", ["", "[", "speech.example"])
def test_origins_and_hosts_that_are_none(known, origin, host):
    assert ask(known, Origin=origin, Host=host).status_code in (400, 403, 421)


def test_a_conversation_behind_a_proxy(known):
    url = f"{known.url.replace('http', 'ws')}/v1/audio/stream"
    for headers in ({}, {"X-Forwarded-Host": "speech.example"}, {"X-Forwarded-Host": "else.example:8080"}):
        with pytest.raises(InvalidStatus):
            connect(url, origin=PUBLIC, additional_headers=headers)
    with connect(
        url, origin=PUBLIC, additional_headers={"X-Forwarded-Host": "speech.example:8080"}
    ) as socket:
        socket.send("{}")
        assert json.loads(socket.recv(timeout=60))["mark"] == "start"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("", 403),
        ("proxy_set_header Host $http_host;", 200),
        ("proxy_set_header Host $host;", 403),
        ("proxy_set_header Host $host; proxy_set_header X-Forwarded-Port $server_port;", 200),
        ("proxy_set_header X-Forwarded-Host $http_host;", 200),
        ("proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-For $remote_addr;", 403),
        ("proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Port $server_port;", 200),
    ],
)
def test_behind_a_real_nginx(site, tmp_path, lines, status):
    """Which of its lines let the page speak over plain http."""
    with nginx(site.url, tmp_path, lines) as url, httpx.Client(timeout=60) as client:
        public = url.replace("127.0.0.1", "localhost")  # what the page's reader typed
        assert client.get(public).status_code == 200
        assert client.post(f"{public}/stream", data=FORM, headers={"Origin": public}).status_code == status
        elsewhere = {"Origin": "http://elsewhere.example"}
        assert client.post(f"{public}/stream", data=FORM, headers=elsewhere).status_code == 403
