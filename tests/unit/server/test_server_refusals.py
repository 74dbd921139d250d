"""What /generate, /stream, /tts and the server as a whole refuse, and in what form."""

import logging

import httpx
import pytest

from pocket_fast.server.options import Options


def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"detail", "error"}
    return answer.json()["detail"]


@pytest.mark.parametrize(
    "how", [{}, {"data": {"text": ""}}, {"data": {"voice_url": "x"}}, {"json": {"text": "Hi."}}]
)
def test_tts_without_text(client, how):
    (missing,) = problem(client.post("/tts", **how), 422)
    assert missing == {"type": "missing", "loc": ["body", "text"], "msg": "Field required", "input": None}


def test_tts_blank_text(client):
    assert problem(client.post("/tts", data={"text": " \n"}), 400) == "Text cannot be empty"


def test_tts_two_voices(client):
    answer = client.post(
        "/tts", data={"text": "Hi.", "voice_url": "alba"}, files={"voice_wav": ("a.wav", b"RIFF")}
    )
    assert problem(answer, 400) == "Cannot provide both voice_url and voice_wav"


@pytest.mark.parametrize("path", ["/generate", "/stream"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"text": None}, 422),
        ({"text": ["a"]}, 422),
        ({"text": "Hi.", "temperature": "warm"}, 422),
        ({"text": "Hi.", "speed": 5}, 422),
        ({"text": ""}, 400),
        ({"text": " "}, 400),
        ({"text": "Hi.", "voice": "nobody"}, 400),
        ({"text": "Hi.", "voice": "file:///etc/passwd"}, 400),
        ({"text": "Hi.", "voice": "/etc/passwd"}, 400),
        ({"text": "Hi.", "voice": "https://example.org/a.wav"}, 400),
        ({"text": "Hi.", "voice": "hf://kyutai/tts-voices/a.wav"}, 400),
        ({"text": "Hi. " * 6000}, 413),
        ({"text": "[pause:1000000s]"}, 400),
        ({"text": "Hello there. " * 500 + "a" * 13_000}, 400),
        ({"text": "Hello there. [pause:1ms]" * 100 + "a" * 11_000 + "[pause:1ms]. And so on."}, 400),
    ],
)
def test_before_the_first_byte(client, path, body, status):
    answer = client.post(path, json=body)
    if status == 200:
        assert answer.status_code == 200
    else:
        problem(answer, status)


def test_paths_and_methods(client):
    assert problem(client.get("/nothing"), 404) == "Not Found"
    assert problem(client.get("/generate"), 405) == "Method Not Allowed"
    assert problem(client.post("/stream", content=b"x", headers={"Content-Type": "audio/wav"}), 415)


def test_text_length(start):
    with start(Options(max_text=10)) as site:
        assert site.client.post("/stream", json={"text": "x" * 10}).status_code == 200
        assert "10" in problem(site.client.post("/stream", json={"text": "x" * 11}), 413)
        assert site.client.post("/v1/audio/speech", json={"model": "m", "input": "x" * 11}).status_code == 413


def test_what_is_unexpected_is_told_to_the_log_only(start, monkeypatch, caplog):
    with start() as site:
        monkeypatch.setattr(site.model, "_tokenizer", None)
        for path, body in (
            ("/stream", {"text": "Hi."}),
            ("/v1/audio/speech", {"model": "m", "input": "Hi."}),
        ):
            with caplog.at_level(logging.ERROR, "pocket_fast"):
                answer = site.client.post(path, json=body)
            assert answer.status_code == 500
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "NoneType" not in answer.text
            assert "py" not in answer.text
            assert "NoneType" in caplog.text
            caplog.clear()


def test_after_the_first_byte_the_body_never_ends(site, break_encoding):
    events = {"model": "m", "input": "Hi.", "stream_format": "sse", "response_format": "wav"}
    break_encoding(3)
    for path, body in (("/stream", {"text": "Hi."}), ("/v1/audio/speech", events)):
        with site.client.stream("POST", path, json=body) as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                answer.read()
    assert site.client.get("/health").status_code == 200
    whole = site.client.post("/generate", json={"text": "Hi."})
    assert whole.status_code == 500  # nothing was sent before
    assert "/some/path" not in whole.text


def test_a_voice_that_cannot_be_fetched(start, monkeypatch, caplog):
    from pocket_fast import TTSModel
    from pocket_fast.errors import DownloadError

    def find(self, name, **how):
        raise DownloadError("cannot write to the cache /home/someone/.cache")

    with start(language="english") as site:
        monkeypatch.setattr(TTSModel, "find_voice", find)
        answer = site.client.post("/stream", json={"text": "Hi.", "voice": "alba"})
    assert "/home" not in problem(answer, 502)
    assert "/home/someone" in caplog.text
