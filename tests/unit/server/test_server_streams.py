"""Many listeners: apart from each other, gone, slow, and too many."""

import json
import threading
import time

import httpx
import pytest

from pocket_fast.server.options import Options
from serving import read_on, texts_in, wait_until

LONG = "This goes on and on. " * 900  # a quarter of an hour of speech
ENDLESS = {"text": LONG, "eos_threshold": 1e9}


def listen_to(answer):
    """Its sound, after the first of it."""
    answer.sound = sound = answer.iter_raw(1000)  # held: dropping it closes the connection
    next(sound)
    return sound


def settled(read):
    """The value of read() once it stays the same for a while."""
    value = None
    while value != (value := read()):
        time.sleep(0.3)
    return value


def test_listeners_hear_what_each_hears_alone(site, said):
    texts = [f"This is listener {i}. And that is all." for i in range(6)]
    heard = {}

    def listen(i):
        with httpx.Client(base_url=site.url, timeout=60) as client:
            path, body = (
                ("/stream", {"text": texts[i], "seed": i})
                if i % 2
                else (
                    "/v1/audio/speech",
                    {"model": "m", "input": texts[i], "seed": i, "response_format": "pcm"},
                )
            )
            heard[i] = client.post(path, json=body).content

    threads = [threading.Thread(target=listen, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == {i: said(texts[i], seed=i).tobytes() for i in range(6)}


@pytest.mark.parametrize("path", ["/stream", "/tts", "/v1/audio/speech"])
def test_a_client_that_leaves_ends_the_computing(start, path):
    body = {"data": ENDLESS} if path == "/tts" else {"json": ENDLESS | {"model": "m", "input": LONG}}
    with start() as site:
        site.slow_down()
        with site.client.stream("POST", path, **body) as answer:
            listen_to(answer)
            assert texts_in(site.model) == 1
        wait_until(lambda: texts_in(site.model) == 0)
        wait_until(lambda: site.events("cancelled") == [1.0])


def test_a_client_that_leaves_before_anything_was_sent(start):
    with start() as site:
        site.slow_down(0.1)
        with pytest.raises(httpx.ReadTimeout):
            site.client.post("/generate", json=ENDLESS, timeout=httpx.Timeout(60, read=0.2))
        wait_until(lambda: texts_in(site.model) == 0)
        wait_until(lambda: site.events("cancelled"))


def test_a_client_that_leaves_while_it_waits_in_the_queue(start):
    with start(max_streams=1) as site, site.client.stream("POST", "/stream", json=ENDLESS) as first:
        site.slow_down()
        read_on(first)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{site.url}/stream", json={"text": "Hi."}, timeout=httpx.Timeout(60, read=0.2))
        wait_until(lambda: site.model.engine_load().waiting == 0)
        assert texts_in(site.model) == 1


def test_a_listener_that_does_not_read_costs_nothing(start):
    with start() as site:
        with site.client.stream("POST", "/stream", json=ENDLESS) as answer:
            assert answer.status_code == 200
            made = settled(lambda: sum(site.events("audio")))
            assert made < 500  # of 2,000 seconds; the rest of what was made lies in the sockets' buffers
            other = httpx.post(f"{site.url}/stream", json={"text": "Hi."}, timeout=60)
            assert other.status_code == 200
            assert sum(len(part) for part, _ in zip(answer.iter_raw(), range(100), strict=False)) > 1000
        wait_until(lambda: texts_in(site.model) == 0)


def test_too_many(start):
    with (
        start(max_streams=1, max_queue=0) as site,
        site.client.stream("POST", "/stream", json=ENDLESS) as first,
    ):
        site.slow_down()
        read_on(first)
        for path in ("/stream", "/generate", "/v1/audio/speech"):
            answer = httpx.post(f"{site.url}{path}", json={"model": "m", "text": "Hi.", "input": "Hi."})
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
            error = answer.json()["error"]
            assert "busy" in (error["message"] if path.startswith("/v1") else error)
        assert httpx.get(f"{site.url}/health").status_code == 200


def test_waiting_too_long(start):
    with start(Options(max_wait=0.2), max_streams=1) as site:
        with site.client.stream("POST", "/stream", json=ENDLESS) as first:
            site.slow_down()
            read_on(first)
            answer = httpx.post(f"{site.url}/stream", json={"text": "Hi."}, timeout=60)
            assert answer.status_code == 503
            assert "deadline" in json.loads(answer.content)["error"]
        wait_until(lambda: site.events("refused") == [1.0] and texts_in(site.model) == 0)
        assert site.client.post("/stream", json={"text": "Hi."}).status_code == 200


def is_up(site):
    try:
        return httpx.get(f"{site.url}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_telling_the_server_to_stop_lets_listeners_finish(start, said):
    with start() as site:
        with site.client.stream("POST", "/stream", json={"text": "Hello there. " * 40, "seed": 1}) as answer:
            site.server.should_exit = True
            assert answer.read() == said("Hello there. " * 40, seed=1).tobytes()
        wait_until(lambda: not is_up(site))


def test_listeners_who_go_on_for_ever_are_cut(start):
    with start() as site:
        site.server.config.timeout_graceful_shutdown = 0.3
        with site.client.stream("POST", "/stream", json=ENDLESS) as answer:
            sound = listen_to(answer)
            site.server.should_exit = True
            with pytest.raises(httpx.RemoteProtocolError):
                list(sound)


def test_malformed_requests_leave_nothing_behind(start):
    with start() as site:
        for body in ({"text": " "}, {"text": "Hi.", "voice": "x"}, {"text": "Hi.", "speed": 9}):
            assert site.client.post("/stream", json=body).status_code >= 400
        assert texts_in(site.model) == 0
