"""What takes milliseconds is not done on the event loop: nobody waits for anybody else's."""

import json
import threading

import httpx
import pytest
from websockets.sync.client import connect

from pocket_fast.audio.encode import Encoder, available_formats
from pocket_fast.audio.stretch import TimeStretch
from proxies import http_1_0
from serving import wait_until

HEAVY = sorted({"mp3", "opus", "aac"} & set(available_formats()))
ENDLESS = {"input": "This goes on and on. " * 900, "eos_threshold": "1e9", "model": "m"}


@pytest.fixture
def threads(monkeypatch):
    """Names of the threads in which sound was encoded and stretched; found.longest: samples of one piece."""

    class Found(set):
        longest = 0

    found = Found()

    def watch(kind, name):
        work = getattr(kind, name)

        def watched(self, *given):
            if getattr(self, "is_heavy", True) and getattr(self, "speed", 2) != 1:
                found.add(threading.current_thread().name)
                found.longest = max([found.longest, *map(len, given)])
            return work(self, *given)

        monkeypatch.setattr(kind, name, watched)

    for name in ("encode", "finish"):
        watch(Encoder, name)
    for name in ("push", "finish"):
        watch(TimeStretch, name)
    return found


@pytest.mark.parametrize(
    ("format", "speed"), [*[(name, 1) for name in HEAVY], ("mp3", 1.3), ("pcm", 0.5), ("wav", 4)]
)
def test_sound_is_made_into_bytes_beside_the_loop(client, threads, format, speed):
    fields = {
        "model": "m",
        "input": "Hello there. " * 5,
        "response_format": format,
        "speed": speed,
        "seed": 1,
    }
    first, again = (client.post("/v1/audio/speech", json=fields).content for _ in range(2))
    assert len(first) == len(again) > 500  # an Ogg file has a number of its own
    assert threads
    assert all(name.startswith("pocket_fast sound") for name in threads)
    threads.clear()
    socket = f"{str(client.base_url).replace('http', 'ws')}/v1/audio/stream"
    with connect(socket) as talk:
        talk.send(
            json.dumps(
                {"format": format, "speed": speed, "text": "Hello there. " * 5, "seed": 1, "end": True}
            )
        )
        assert any(isinstance(message, bytes) for message in talk)
    assert threads
    assert all(name.startswith("pocket_fast sound") for name in threads)


@pytest.mark.parametrize(("format", "speed"), [("mp3", 1), ("pcm", 2)])
def test_a_long_silence_is_made_in_short_pieces(client, threads, format, speed):
    fields = {"model": "m", "input": "[pause:3s] Hello.", "response_format": format, "speed": speed}
    assert len(client.post("/v1/audio/speech", json=fields).content) > 10_000
    assert 0 < threads.longest <= 1920


def test_a_slow_encoder_keeps_nobody_else_waiting(site, monkeypatch):
    """And who leaves meanwhile ends what is computed for it."""
    begun, go_on = threading.Event(), threading.Event()
    encode = Encoder.encode

    def slow(self, chunk):
        if self.is_heavy:
            begun.set()
            go_on.wait(60)
        return encode(self, chunk)

    monkeypatch.setattr(Encoder, "encode", slow)
    cancelled = len(site.events("cancelled"))
    with http_1_0(site.url, "/v1/audio/speech", ENDLESS):
        assert begun.wait(60)
        for _ in range(20):
            assert site.client.get("/health").status_code == 200
        assert site.client.post("/stream", data={"text": "Hi."}).status_code == 200
    wait_until(lambda: len(site.events("cancelled")) == cancelled + 1)
    go_on.set()


def test_what_is_all_there_is_sent_block_by_block(site, monkeypatch):
    """A file of many megabytes whose client takes its time is no reason for others to wait."""
    fields = {"text": "[pause:599s] Hello.", "seed": 1}
    with site.client.stream("POST", "/generate", json=fields) as answer:
        assert int(answer.headers["content-length"]) > 599 * 48_000
        sound = answer.iter_raw(1 << 16)
        next(sound)
        for _ in range(20):
            assert httpx.get(f"{site.url}/health").status_code == 200
        assert sum(map(len, sound)) + (1 << 16) == int(answer.headers["content-length"])
