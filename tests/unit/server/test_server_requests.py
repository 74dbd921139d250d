"""Every answer says which request it is of, and so does the log."""

import re

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pocket_fast.server.options import Options
from pocket_fast.server.requests import LONGEST

NEW = re.compile(r"req_[0-9a-f]{32}")
OTHER = "https://other.example"
REQUESTS = [
    ("GET", "/", {}),
    ("GET", "/page/app.js", {}),
    ("GET", "/docs", {}),
    ("GET", "/openapi.json", {}),
    ("GET", "/metrics", {}),
    ("GET", "/health", {}),
    ("GET", "/v1/audio/voices", {}),
    ("GET", "/no/such/path", {}),
    ("DELETE", "/health", {}),
    ("POST", "/stream", {"json": {"text": "Hi."}}),
    ("POST", "/generate", {"json": {"text": "Hi."}}),
    ("POST", "/tts", {"data": {"text": "Hi."}}),
    ("POST", "/v1/audio/speech", {"json": {"model": "m", "input": "Hi."}}),
    ("POST", "/v1/audio/speech", {"json": {"model": "m", "input": "Hi.", "stream_format": "sse"}}),
    ("POST", "/stream", {"json": {"text": "Hi.", "speed": 90}}),
    ("POST", "/stream", {"content": b"x" * 20_000_000}),
    ("POST", "/v1/audio/speech", {"json": {}}),
    ("POST", "/v1/audio/speech", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    ("POST", "/tts", {"data": {"text": "Hi."}, "headers": {"Origin": OTHER}}),
    ("GET", "/v1/audio/stream", {}),
]


@pytest.fixture(scope="module")
def narrow(start):
    with start(Options(max_text=100, max_upload=10_000)) as site:
        yield site


@pytest.mark.parametrize(("method", "path", "how"), REQUESTS)
def test_every_answer_has_one(narrow, method, path, how):
    ids = {narrow.client.request(method, path, **how).headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(map(NEW.fullmatch, ids))
    own = {**how.get("headers", {}), "X-Request-Id": "mine/2026-12:4"}
    answer = narrow.client.request(method, path, **{**how, "headers": own})
    assert answer.headers.get_list("x-request-id") == ["mine/2026-12:4"]


def test_answers_without_the_key_have_one(start):
    with start(Options(api_key="k")) as site:
        answer = site.client.get("/v1/models", headers={"X-Request-Id": "a"})
        assert (answer.status_code, answer.headers["x-request-id"]) == (401, "a")


def test_pages_of_allowed_sites_can_read_it(start):
    with start(Options(cors_origins=(OTHER,))) as site:
        answer = site.client.get("/health", headers={"Origin": OTHER})
        assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
        asked = {"Origin": OTHER, "Access-Control-Request-Method": "POST"}
        assert NEW.fullmatch(site.client.options("/stream", headers=asked).headers["x-request-id"])


@pytest.mark.parametrize(
    ("given", "sent_back"),
    [
        (b"0d1b22e5-0000-4c3a-8a7e-4b7b6c6b6b6b", "0d1b22e5-0000-4c3a-8a7e-4b7b6c6b6b6b"),
        (b"a" * 5000, "a" * LONGEST),
        (b'<b>\x85one\tand\xa0"two"</b>', "boneandtwo/b"),
    ],
)
def test_what_is_sent_back_is_harmless(client, given, sent_back):
    answer = client.get("/health", headers=[(b"X-Request-Id", given)])
    assert answer.headers["x-request-id"] == sent_back


@pytest.mark.parametrize("given", ["", "()", "{ }", "\xe9".encode("latin-1")])
def test_an_empty_one_is_none(client, given):
    assert NEW.fullmatch(client.get("/health", headers={"X-Request-Id": given}).headers["x-request-id"])


def test_conversations_have_one(site):
    url = site.url.replace("http", "ws")
    with connect(f"{url}/v1/audio/stream", additional_headers={"X-Request-Id": "talk-1"}) as socket:
        assert socket.response.headers["x-request-id"] == "talk-1"


@pytest.mark.parametrize(
    ("path", "origin", "status"), [("/v1/audio/stream", OTHER, 403), ("/v1/other", None, 404)]
)
def test_conversations_that_are_refused_say_why(site, path, origin, status):
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(site.url.replace("http", "ws") + path, origin=origin),
    ):
        pass
    answer = refused.value.response
    assert answer.status_code == status
    assert NEW.fullmatch(answer.headers["x-request-id"])
    assert b'"error":{"message":"' in answer.body


def test_errors_in_the_log_say_whose_they_are(site, break_encoding, caplog):
    break_encoding(3)
    answer = site.client.post("/generate", json={"text": "Hi."}, headers={"X-Request-Id": "whole-7"})
    assert answer.status_code == 500
    assert "whole-7" in answer.json()["error"]
    ours = [record for record in caplog.records if record.name == "pocket_fast"]
    (line,) = [record.getMessage() for record in ours if record.levelname == "ERROR"]
    assert "no space left" in line
    assert line.endswith("(request whole-7)")
    caplog.clear()
    with (
        pytest.raises(Exception, match="incomplete"),
        site.client.stream(
            "POST", "/stream", json={"text": "Hi."}, headers={"X-Request-Id": "part-8"}
        ) as answer,
    ):
        answer.read()
    broke_off = [line for line in caplog.messages if "broke off" in line]
    assert [line.endswith("(request part-8)") for line in broke_off] == [True]


def test_requests_at_once_do_not_share_one(site):
    from concurrent.futures import ThreadPoolExecutor

    def ask(i):
        answer = site.client.post("/stream", json={"text": "Hi."}, headers={"X-Request-Id": f"n{i}"})
        return answer.headers["x-request-id"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(24))) == [f"n{i}" for i in range(24)]
