"""Voices that requests bring: no form of them may be longer than recordings, and who leaves ends their making."""

import base64
import contextlib
import json
import time

import httpx
import numpy as np
import pytest
from safetensors.numpy import save
from websockets.sync.client import connect

from pocket_fast.models.pocket import voice as pocket_voice
from pocket_fast.server.options import Options
from recordings import hum
from serving import wait_until, wav_of


@pytest.fixture(scope="module")
def prompt(loaded):
    """prompt(rows) -> a voice file of so many rows that are still to be taken in."""
    width = len(loaded.stages.backbone.embed_text([0])[0])
    dice = np.random.default_rng(1)
    return lambda rows: save({"audio_prompt": dice.standard_normal((1, rows, width)).astype(np.float32) / 10})


@pytest.fixture
def slow(monkeypatch):
    """slow(): from now on voices take for ever. Returns when their slices were made."""

    def slow():
        made = []

        def slowly(*given, **named):
            while True:
                made.append(time.monotonic())
                time.sleep(0.01)
                yield

        monkeypatch.setattr(pocket_voice, "hearing", slowly)
        monkeypatch.setattr(pocket_voice, "taking_in", slowly)
        return made

    return slow


def ends(made):
    """Whether nothing is made any more."""
    count = len(made)
    time.sleep(0.2)
    return len(made) == count


def test_uploaded_prompts_are_not_longer_than_recordings(client, prompt):
    for rows, status in ((375, 200), (389, 400), (16_000, 400)):
        answer = client.post(
            "/generate", data={"text": "Hi."}, files={"voice_wav": ("voice.safetensors", prompt(rows))}
        )
        assert answer.status_code == status, rows
    assert "16000 positions" in answer.json()["detail"]
    assert "at most 30 s" in answer.json()["detail"]
    assert "/" not in answer.json()["detail"]


def test_the_servers_own_limit_counts(start, prompt):
    with start(Options(max_upload_seconds=2)) as site:
        for rows, status in ((25, 200), (60, 400)):
            voice = base64.b64encode(prompt(rows)).decode()
            assert site.client.post("/stream", json={"text": "Hi.", "voice": voice}).status_code == status


@pytest.mark.parametrize("form", ["recording", "prompt"])
@pytest.mark.parametrize("path", ["/stream", "/v1/audio/speech", "/generate"])
def test_who_leaves_ends_the_making_of_a_voice(start, slow, prompt, path, form):
    voice = wav_of(hum(2.0)) if form == "recording" else prompt(300)
    body = {"text": "Hi.", "input": "Hi.", "model": "m", "voice": base64.b64encode(voice).decode()}
    with start() as site, httpx.Client(base_url=site.url, timeout=60) as other:
        made = slow()
        with contextlib.suppress(httpx.ReadTimeout):
            site.client.post(path, json=body, timeout=httpx.Timeout(60, read=0.3))
        assert other.post("/stream", json={"text": "Hi."}).status_code == 200
        wait_until(lambda: ends(made))
        assert made


def test_who_leaves_a_conversation_ends_the_making_of_its_voice(start, slow, prompt):
    voice = base64.b64encode(prompt(300)).decode()
    with start() as site:
        made = slow()
        with connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream") as opened:
            opened.send(json.dumps({"voice": voice, "text": "Hello there. "}))
            wait_until(lambda: made)
            opened.send(json.dumps({"text": "And more.", "cancel": True}))
        wait_until(lambda: ends(made))


def test_a_server_that_stops_ends_the_making_of_a_voice(start, slow, prompt):
    voice = base64.b64encode(prompt(300)).decode()
    with start() as site:
        made = slow()
        site.server.config.timeout_graceful_shutdown = 0.3
        with contextlib.suppress(httpx.HTTPError):
            site.client.post(
                "/stream", json={"text": "Hi.", "voice": voice}, timeout=httpx.Timeout(60, read=0.3)
            )
    assert ends(made)


def test_marks_wait_for_the_voice(start, prompt):
    with start() as site, connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream") as opened:
        voice = base64.b64encode(prompt(300)).decode()
        opened.send(json.dumps({"voice": voice, "cancel": True}))
        opened.send(json.dumps({"text": "Hi.", "end": True}))
        marks = []
        with contextlib.suppress(Exception):
            while True:
                received = opened.recv(timeout=60)
                marks += [json.loads(received)["mark"]] if isinstance(received, str) else []
        assert marks[:2] == ["start", "cancel"]
        assert marks[-1] == "end"
