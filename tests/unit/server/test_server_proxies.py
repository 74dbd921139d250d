"""Behind real proxies, set up as docs/serving.md says: everything works, and soon enough."""

import asyncio
import json
import re
import shutil
import subprocess

import httpx
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from proxies import documented, nginx
from recordings import hum
from serving import texts_in, wait_until, wav_of

ENDLESS = {"text": "This goes on and on. " * 900, "eos_threshold": 1e9}
KINDS = ["nginx", "caddyfile", "haproxy", "apache"]


@pytest.fixture(scope="module", params=KINDS)
def behind(request, shared, tmp_path_factory):
    """The address of a proxy in front of the server that all tests share."""
    folder = tmp_path_factory.mktemp("proxy")
    with documented(request.param, shared.url, folder) as url:
        yield url


@pytest.fixture(scope="module", params=[*KINDS, "nginx by default"])
def streaming(request, shared, tmp_path_factory):
    """The same, and nginx as it is installed."""
    folder = tmp_path_factory.mktemp("proxy")
    by_default = request.param not in KINDS
    with nginx(shared.url, folder) if by_default else documented(request.param, shared.url, folder) as url:
        yield url


def test_the_page_may_ask_over_plain_http(behind, site, said):
    origin = {"Origin": behind}
    answer = httpx.post(f"{behind}/stream", data={"text": "Hi.", "seed": 1}, headers=origin, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.content == said("Hi.", seed=1).tobytes()
    other = {"Origin": "http://other.example"}
    assert httpx.post(f"{behind}/stream", data={"text": "Hi."}, headers=other).status_code == 403


def test_conversations(behind, said):
    with connect(f"{behind.replace('http', 'ws')}/v1/audio/stream") as socket:
        socket.send(json.dumps({"seed": 1, "text": "Hello there.", "end": True}))
        sound = b"".join(message for message in socket if isinstance(message, bytes))
    assert sound == said("Hello there.", seed=1).tobytes()


def test_recordings_of_many_megabytes(behind):
    recording = wav_of(np.tile(hum(2.0), 25))  # 2.4 MB
    embedded = wav_of(np.tile(hum(2.0), 100))  # 9.6 MB
    for data in (recording, embedded):
        files = {"voice_wav": ("me.wav", data, "audio/wav")}
        answer = httpx.post(f"{behind}/generate", data={"text": "Hi."}, files=files, timeout=120)
        assert answer.status_code == 200, answer.text


def test_the_first_sound_does_not_wait_for_the_second(streaming, site, monkeypatch):
    """Frames are made one by one here; the second only once the first was heard."""
    speak, heard = site.model.aspeak, asyncio.Event()

    async def one_by_one(*given, **options):
        first = True
        async for frame in speak(*given, **options):
            yield frame
            while first and not heard.is_set():
                await asyncio.sleep(0.02)
            first = False

    monkeypatch.setattr(site.model, "aspeak", one_by_one)
    with httpx.stream("POST", f"{streaming}/stream", data={"text": "Hello there."}, timeout=20) as answer:
        sound = answer.iter_raw()
        assert next(sound)
        heard.set()
        assert sum(map(len, sound)) > 1000


def test_a_listener_that_leaves_ends_the_computing(streaming, site):
    cancelled = len(site.events("cancelled"))
    with httpx.stream("POST", f"{streaming}/tts", data=ENDLESS, timeout=60) as answer:
        sound = answer.iter_raw()
        assert next(sound)
        assert texts_in(site.model) == 1
    wait_until(lambda: texts_in(site.model) == 0)
    wait_until(lambda: len(site.events("cancelled")) == cancelled + 1)


def test_an_answer_that_breaks_off_is_an_error(streaming, site, request, break_encoding):
    if "caddyfile" in request.node.name and _version("caddy") < (2, 8):
        pytest.skip("Caddy before 2.8 ends broken answers as if they were complete")
    break_encoding(12)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{streaming}/stream", data=ENDLESS, timeout=60)


def _version(program):
    said = subprocess.run([shutil.which(program), "version"], capture_output=True, text=True).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:2]))


def test_a_conversation_whose_upgrade_is_dropped_is_told_so(site, tmp_path):
    with (
        nginx(site.url, tmp_path) as url,
        pytest.raises(InvalidStatus) as refused,
        connect(f"{url.replace('http', 'ws')}/v1/audio/stream"),
    ):
        pass
    answer = refused.value.response
    assert answer.status_code == 426
    assert b"proxy_set_header Upgrade" in answer.body


def test_below_a_path(site, tmp_path, said):
    """The page's addresses and the server's place in its description are relative."""
    with nginx(site.url, tmp_path, path="/tts-of/anna/") as url:
        place = httpx.URL(f"{url}/tts-of/anna/")
        for address in re.findall(r'(?:src|href)="([^"#]+)"', httpx.get(place).text):
            assert httpx.get(place.join(address)).status_code == 200
        description = place.join("openapi.json")
        (server,) = httpx.get(description).json()["servers"]
        found = description.join(server["url"]).join("stream")
        answer = httpx.post(found, data={"text": "Hi.", "seed": 1})
    assert answer.content == said("Hi.", seed=1).tobytes()
