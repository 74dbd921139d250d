"""Voices that take their time: who waits for one keeps nobody else waiting."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from pocket_fast.server import voices
from pocket_fast.server.options import Options
from recordings import hum
from serving import wait_until, wav_of


@pytest.fixture
def site(start):
    with start(Options(allow_voice_urls=True), language="english") as site:
        yield site


@pytest.fixture
def crowd():
    with ThreadPoolExecutor(60) as crowd:
        yield crowd


def ask(site, **fields):
    return httpx.post(f"{site.url}/stream", json={"text": "Hi.", "seed": 1, **fields}, timeout=60)


def others_are_served(site):
    recording = {"voice_wav": ("me.wav", wav_of(hum(1.0)))}
    assert ask(site).status_code == 200
    assert httpx.get(f"{site.url}/v1/audio/voices", timeout=10).status_code == 200
    return httpx.post(f"{site.url}/stream", data={"text": "Hi."}, files=recording, timeout=60).status_code


def test_links_that_hang(site, crowd, monkeypatch):
    ended = threading.Event()

    def fetch(url, most, stop):
        while not stop.wait(0.01):
            pass
        ended.set()
        raise voices.StoppedError("given up")

    monkeypatch.setattr(voices, "fetch_public", fetch)
    with httpx.Client(base_url=site.url, timeout=httpx.Timeout(60, read=2)) as client:
        links = [f"https://host{i}.example/a.wav" for i in range(40)]
        asked = [crowd.submit(client.post, "/stream", json={"text": "Hi.", "voice": link}) for link in links]
        assert others_are_served(site) == 200
        outcomes = [ask.exception() or ask.result().status_code for ask in asked]
    refused = [outcome for outcome in outcomes if outcome == 503]
    assert len(refused) == 40 - voices._MOST_LINKS
    assert ended.wait(10)


def test_names_that_hang_are_looked_for_once(site, crowd, monkeypatch):
    asked, go_on = [], threading.Event()
    find = site.model.find_voice

    def slow(source, **how):
        if source in ("alba", "jean"):
            asked.append(source)
            go_on.wait(60)
            source = (hum(1.0), 24000)
        return find(source, **how)

    monkeypatch.setattr(site.model, "find_voice", slow)
    waiting = [crowd.submit(ask, site, voice=name) for name in ("alba", "jean", "Alba", "JEAN") * 10]
    wait_until(lambda: {"alba", "jean"} <= set(asked))
    assert others_are_served(site) == 200
    time.sleep(0.2)
    go_on.set()
    assert {answer.result().status_code for answer in waiting} == {200}
    assert asked.count("alba") == asked.count("jean") == 1


def test_recordings_wait_for_their_turn(site, crowd, monkeypatch):
    begun, go_on = [], threading.Event()
    find = site.model.find_voice

    def slow(source, **how):
        begun.append(threading.current_thread().name)
        go_on.wait(60)
        return find(source, **how)

    monkeypatch.setattr(site.model, "find_voice", slow)

    def upload(i):
        files = {"voice_wav": ("me.wav", wav_of(hum(1.0, pitch=100 + i)))}
        return httpx.post(f"{site.url}/stream", data={"text": "Hi."}, files=files, timeout=60).status_code

    uploads = [crowd.submit(upload, i) for i in range(20)]
    wait_until(lambda: len(begun) == voices._AT_A_TIME)
    assert ask(site).status_code == 200
    assert httpx.get(f"{site.url}/v1/audio/voices", timeout=10).status_code == 200
    assert len(begun) == voices._AT_A_TIME
    assert all(name.startswith("pocket_fast voice") for name in begun)
    go_on.set()
    assert [upload.result() for upload in uploads] == [200] * 20


def test_who_waited_and_left_takes_no_turn(site, crowd, monkeypatch):
    begun, go_on = [], threading.Event()
    find = site.model.find_voice

    def slow(source, **how):
        begun.append(source)
        go_on.wait(60)
        return find(source, **how)

    monkeypatch.setattr(site.model, "find_voice", slow)

    def upload(i):
        files = {"voice_wav": ("me.wav", wav_of(hum(1.0, pitch=100 + i)))}
        how = httpx.Timeout(60, read=1.0 if i >= voices._AT_A_TIME else 60)
        return httpx.post(f"{site.url}/stream", data={"text": "Hi."}, files=files, timeout=how).status_code

    first = [crowd.submit(upload, i) for i in range(voices._AT_A_TIME)]
    wait_until(lambda: len(begun) == voices._AT_A_TIME)
    left = [crowd.submit(upload, i) for i in range(voices._AT_A_TIME, 12)]
    assert all(isinstance(upload.exception(), httpx.ReadTimeout) for upload in left)
    time.sleep(0.5)
    go_on.set()
    assert [upload.result() for upload in first] == [200] * voices._AT_A_TIME
    assert len(begun) == voices._AT_A_TIME
