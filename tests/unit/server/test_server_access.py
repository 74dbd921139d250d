"""Keys, other web sites, headers, and the bounds of bodies."""

import contextlib

import httpx
import pytest

from pocket_fast.server.options import Options
from pocket_fast.server.shell import POLICY

BODY = {"text": "Hi.", "seed": 1}
OTHER = "https://elsewhere.example"


@pytest.fixture(scope="module")
def locked(start):
    with start(Options(api_key="s3cret")) as site:
        yield site


@pytest.mark.parametrize("path", ["/", "/health", "/page/style.css"])
def test_open_without_a_key(locked, path):
    assert locked.client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/audio/voices", "/metrics", "/docs", "/openapi.json", "/nothing"]
)
def test_lists_need_the_key(locked, path):
    answer = locked.client.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    with_key = locked.client.get(path, headers={"Authorization": "Bearer s3cret"})
    assert with_key.status_code == (404 if path == "/nothing" else 200)


@pytest.mark.parametrize("path", ["/generate", "/stream", "/tts", "/v1/audio/speech"])
@pytest.mark.parametrize(
    "header", [None, "", "s3cret", "Bearer", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "Bearer \xe9"]
)
def test_speech_needs_the_key(locked, path, header):
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    answer = locked.client.post(path, json=BODY, headers=headers)
    assert answer.status_code == 401
    error = answer.json()["error"]
    if path.startswith("/v1"):
        assert error["code"] == "invalid_api_key"
        error = error["message"]
    assert "s3cret" not in error


def test_the_key_opens(locked):
    for scheme in ("Bearer", "bearer"):
        answer = locked.client.post("/stream", json=BODY, headers={"Authorization": f"{scheme} s3cret"})
        assert answer.status_code == 200


def test_without_a_key_any_is_fine(client):
    assert client.post("/stream", json=BODY, headers={"Authorization": "Bearer x"}).status_code == 200


def test_headers_of_every_answer(client):
    for answer in (
        client.get("/"),
        client.get("/nothing"),
        client.get("/health"),
        client.post("/stream", json=BODY),
        client.post("/stream", json={}),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == POLICY
        assert "server" not in answer.headers
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": OTHER}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": OTHER, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": OTHER, "Sec-Fetch-Site": "same-origin"}, 200),  # behind a proxy that changes Host
        ({"Sec-Fetch-Site": "none"}, 200),
        ({}, 200),
    ],
)
def test_requests_that_other_sites_cause(site, headers, status):
    answer = site.client.post("/tts", data={"text": "Hi."}, headers=headers)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


def test_the_own_page_may_ask(site):
    assert site.client.post("/tts", data={"text": "Hi."}, headers={"Origin": site.url}).status_code == 200


def test_sites_that_are_allowed(start):
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    with start(Options(cors_origins=(OTHER,), api_key="k")) as site:
        asked = site.client.options("/stream", headers={"Origin": OTHER, **preflight})
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == OTHER
        key = {"Authorization": "Bearer k"}
        answer = site.client.post("/stream", json=BODY, headers={"Origin": OTHER, **key})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == OTHER
        assert "X-Sample-Rate" in answer.headers["access-control-expose-headers"]
        refused = site.client.post("/stream", json=BODY, headers={"Origin": "https://third.example", **key})
        assert refused.status_code == 403
        unauthorized = site.client.post("/stream", json=BODY, headers={"Origin": OTHER})
        assert unauthorized.headers["access-control-allow-origin"] == OTHER  # or the page could not read why


STAINLESS = "authorization,content-type,x-stainless-arch,x-stainless-os,x-stainless-retry-count"


@pytest.mark.parametrize("headers", [None, STAINLESS, "X-Anything-At-All", "range, if-none-match"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("origins", [(OTHER, "https://third.example"), ("*",)])
def test_a_site_that_is_allowed_may_send_what_it_likes(start, origins, method, headers):
    asked = {"Origin": OTHER, "Access-Control-Request-Method": method}
    asked |= {"Access-Control-Request-Private-Network": "true"}  # from a public page to a private address
    if headers is not None:
        asked["Access-Control-Request-Headers"] = headers
    with start(Options(cors_origins=origins, api_key="k")) as site:
        for path in ("/v1/audio/speech", "/stream", "/health"):
            answer = site.client.options(path, headers=asked)
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == origins[0]
            assert method in answer.headers["access-control-allow-methods"]
            assert answer.headers["access-control-allow-private-network"] == "true"
            assert answer.headers.get("access-control-allow-headers") == headers


def test_other_sites_may_not_when_some_may(start):
    asked = {"Origin": "https://third.example", "Access-Control-Request-Method": "POST"}
    with start(Options(cors_origins=(OTHER,))) as site:
        answer = site.client.options("/stream", headers=asked)
        assert answer.status_code == 400
        assert "access-control-allow-origin" not in answer.headers


def test_cookies_are_for_sites_that_were_named(start):
    for origins, expected in (((OTHER,), "true"), (("*",), None)):
        with start(Options(cors_origins=origins)) as site:
            answer = site.client.get("/health", headers={"Origin": OTHER})
            assert answer.headers.get("access-control-allow-credentials") == expected


def test_any_site_may_be_allowed(start):
    with start(Options(cors_origins=("*",))) as site:
        answer = site.client.post("/stream", json=BODY, headers={"Origin": OTHER})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.fixture(scope="module")
def narrow(start):
    with start(Options(max_text=100, max_upload=10_000)) as site:
        yield site


@pytest.mark.parametrize("size", [10_001, 1_000_000])
def test_large_recordings(narrow, size):
    answer = narrow.client.post("/tts", data={"text": "Hi."}, files={"voice_wav": ("a.wav", b"x" * size)})
    assert answer.status_code == 413
    assert "detail" in answer.json()


def test_bodies_are_counted_while_they_come(narrow):
    def endless():
        yield b'{"text": "'
        for _ in range(300):
            yield b"x" * 1000

    answer = narrow.client.post("/stream", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_a_body_that_never_ends_is_cut(narrow):
    sent = []

    def endless():
        while len(sent) < 10_000:
            sent.append(10_000)
            yield b"x" * 10_000

    with contextlib.suppress(httpx.TransportError):  # the answer may be lost, since we are still sending
        answer = narrow.client.post(
            "/stream", content=endless(), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413
    assert len(sent) < 10_000
    assert narrow.client.get("/health").status_code == 200


@pytest.mark.parametrize("encode", ["{}", "data:audio/wav;base64,{}"])
def test_large_recordings_in_base64(narrow, encode):
    answer = narrow.client.post("/stream", json={"text": "Hi.", "voice": encode.format("QUFB" * 4000)})
    assert answer.status_code in (400, 413)
    assert "10000" in answer.json()["detail"]
