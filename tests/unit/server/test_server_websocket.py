"""Conversations: text in pieces, sound and marks out."""

import contextlib
import json
import time

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from pocket_fast.server import websocket
from pocket_fast.server.options import Options
from pocket_fast.text.arriving import passages
from serving import read_on, texts_in, wait_until

FIRST = "Hello there, my friend. How are you doing on this fine day? "
SECOND = "I am well."


@pytest.fixture
def talk(site):
    """talk(*messages, **connection options) -> what came back, to the end: (marks and errors, sound)"""

    def talk(*messages, url=None, **how):
        heard, sound = [], []
        with connect(f"{(url or site.url).replace('http', 'ws')}/v1/audio/stream", **how) as socket:
            for message in messages:
                socket.send(message if isinstance(message, str) else json.dumps(message))
            try:
                while True:
                    received = socket.recv(timeout=60)
                    (heard if isinstance(received, str) else sound).append(received)
            except ConnectionClosed as closed:
                code = closed.rcvd.code
        return [json.loads(line) for line in heard], b"".join(sound), code

    return talk


def marks(heard, kind):
    return [mark for mark in heard if mark.get("mark") == kind]


def pieces_of(text, size):
    return [{"text": text[i : i + size]} for i in range(0, len(text), size)]


@pytest.mark.parametrize("size", [3, 1000])
def test_text_in_pieces(talk, loaded, voice, size):
    heard, sound, code = talk({"seed": 7}, *pieces_of(FIRST + SECOND, size), {"end": True})
    frames = list(loaded.generate_audio_stream(voice, iter([FIRST + SECOND]), seed=7))
    expected = (np.clip(np.concatenate(frames), -1, 1) * np.float32(32767)).astype("<i2")
    assert np.array_equal(np.frombuffer(sound, "<i2"), expected)
    assert code == 1000
    assert heard[0] == {"mark": "start", "format": "pcm", "sample_rate": 24000}
    total = {"samples": len(expected), "seconds": len(expected) / 24000}
    assert heard[-2:] == [{"mark": "flush", **total}, {"mark": "end", **total}]


def test_marks_tell_where_each_passage_begins(talk, said):
    heard, sound, _ = talk({"seed": 7, "text": FIRST + SECOND, "end": True})
    texts = [mark["text"] for mark in marks(heard, "passage")]
    assert texts == list(passages([FIRST + SECOND]))
    assert len(texts) > 1
    samples = np.frombuffer(sound, "<i2")
    starts = [mark["samples"] for mark in marks(heard, "passage")]
    assert starts[0] == 0
    first = said(texts[0], seed=7)
    assert starts[1] == len(first)
    assert np.array_equal(samples[: starts[1]], first)


def test_marks_count_pauses(talk, said):
    heard, _, _ = talk({"text": "Wait. [pause:500ms] Go on, please.", "end": True})
    starts = {mark["text"]: mark["samples"] for mark in marks(heard, "passage")}
    *_, last = starts
    assert last == "Go on, please."
    assert starts[last] == len(said("Wait.")) + 12000


def test_marks_follow_the_speed(talk, said):
    heard, sound, _ = talk({"seed": 7, "text": FIRST + SECOND, "end": True, "speed": 2})
    first, second, *_ = marks(heard, "passage")
    assert second["samples"] == round(len(said(first["text"], seed=7)) / 2)
    assert len(sound) // 2 == marks(heard, "end")[0]["samples"]


def test_flush_speaks_at_once(site, said):
    with connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream") as socket:
        for text in ("No end of a sentence here", "and none here"):
            socket.send(json.dumps({"text": text, "flush": True, "seed": 1}))
            heard, sound = [], []
            while not marks(heard, "flush"):
                received = socket.recv(timeout=60)
                if isinstance(received, bytes):
                    sound.append(received)
                else:
                    heard.append(json.loads(received))
            assert len(b"".join(sound)) == said(text, seed=1).nbytes


@pytest.mark.parametrize("name", ["opus", "mp3", "flac", "wav"])
def test_every_utterance_is_a_file(talk, tmp_path, name, said):
    from pocket_fast.audio.read import read_audio

    heard, sound, _ = talk({"format": name, "text": "Hello there.", "seed": 1, "end": True})
    assert heard[0]["format"] == name
    (tmp_path / "file").write_bytes(sound)
    if name == "wav":
        assert sound[44:] == said("Hello there.", seed=1).tobytes()
    else:
        samples, rate = read_audio(tmp_path / "file")
        assert rate == 24000
        assert 0 <= len(samples) - len(said("Hello there.", seed=1)) < 0.13 * rate


def test_opus_utterances_chain(talk):
    _, sound, _ = talk({"format": "opus", "text": "One.", "flush": True}, {"text": "Two.", "end": True})
    assert sound.count(b"OpusHead") == 2


def test_cancel_forgets_what_was_said_before(start):
    with start() as site, connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream") as socket:
        endless = {"eos_threshold": 1e9, "seed": 1}
        socket.send(json.dumps(endless | {"text": "This goes on. " * 1000, "flush": True}))
        socket.send(json.dumps({"text": "This is never said.", "flush": True}))
        while not isinstance(socket.recv(timeout=60), bytes):
            pass
        socket.send(json.dumps({"cancel": True}))
        socket.send(json.dumps({"text": "Something else.", "end": True}))
        heard = []
        try:
            while True:
                received = socket.recv(timeout=60)
                if isinstance(received, str):
                    heard.append(json.loads(received))
        except ConnectionClosed:
            pass
        cancelled = next(i for i, mark in enumerate(heard) if mark["mark"] == "cancel")
        assert [mark.get("text") for mark in marks(heard[cancelled:], "passage")] == ["Something else."]
        assert "This is never said." not in [mark.get("text") for mark in heard]
        assert site.model.engine_load().running == 0


def test_a_listener_who_leaves(start):
    with start() as site:
        with connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream") as socket:
            socket.send(json.dumps({"text": "This goes on. " * 1000, "eos_threshold": 1e9, "end": True}))
            while not isinstance(socket.recv(timeout=60), bytes):
                pass
            assert texts_in(site.model) == 1
        wait_until(lambda: texts_in(site.model) == 0)


def test_an_open_connection_without_text_takes_no_place(start):
    with start(max_streams=1) as site, connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream") as socket:
        socket.send("{}")
        assert json.loads(socket.recv(timeout=60))["mark"] == "start"
        assert site.model.engine_load().running == 0
        assert site.client.post("/stream", json={"text": "Hi."}).status_code == 200


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[]", 400),
        ("[" * 100_000, 400),
        ({"text": 5}, 400),
        ({"speed": 9}, 400),
        ({"format": "m4a"}, 400),
        ({"voice": "nobody"}, 400),
        ({"voice": "/etc/passwd"}, 400),
        ({"text": "a" * 30_000}, 413),
        ({"text": "Hi. [pause:100000s]", "end": True}, 200),
    ],
)
def test_what_is_wrong(talk, message, status):
    heard, _, code = talk(message)
    errors = [line["error"] for line in heard if "error" in line]
    assert len(errors) == 1
    assert errors[0]["status"] == (400 if status == 200 else status)
    assert code == {400: 1007, 413: 1009, 200: 1000}[status]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_pauses_are_counted_however_the_text_is_cut(talk, size):
    for seconds, refused in ((290, False), (310, True)):
        text = f"Hi. [pause:{seconds}s] [pause: [pause:{seconds}.00s] x"
        heard, _, _ = talk(*pieces_of(text, size), {"cancel": not refused}, {"end": True})
        errors = [line["error"]["message"] for line in heard if "error" in line]
        assert bool(errors) == refused
        assert not errors or "pauses of 620 s" in errors[0]


def test_sound_is_no_text(site):
    with connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream") as socket:
        socket.send(b"\x00\x01")
        assert json.loads(socket.recv(timeout=60))["error"]["status"] == 400


def test_text_after_the_end(talk):
    heard, _, code = talk({"text": "Hello there. " * 50, "end": True}, {"text": "More."})
    assert heard[-1]["error"]["message"] == "text after the end"
    assert code == 1007


def test_blank_text_is_nothing_to_say(talk):
    heard, sound, code = talk({"text": "  \n ", "end": True})
    assert (sound, code) == (b"", 1000)
    assert heard[-1] == {"mark": "end", "samples": 0, "seconds": 0.0}


@pytest.mark.parametrize("text", ["...", "👍"])
def test_marks_and_emoji_alone_are_a_short_silence(talk, text):
    heard, sound, code = talk({"text": text, "end": True})
    assert (sound, code) == (bytes(2 * 12000), 1000)
    assert [line.get("mark") for line in heard] == ["start", "flush", "end"]


def test_a_busy_server_says_so_and_goes_on(start, talk):
    with (
        start(max_streams=1, max_queue=0) as site,
        site.client.stream(
            "POST", "/stream", json={"text": "On and on. " * 1000, "eos_threshold": 1e9}
        ) as held,
    ):
        site.slow_down()
        read_on(held)
        heard, _, code = talk({"text": "Hi.", "end": True}, url=site.url)
        assert [line["error"]["status"] for line in heard if "error" in line] == [503]
        assert code == 1000


def test_keys(start, talk):
    with start(Options(api_key="s3cret")) as site:
        for first in ({"end": True}, {"end": True, "api_key": "wrong"}, {"end": True, "api_key": ""}):
            heard, _, code = talk(first, url=site.url)
            assert heard[0]["error"]["status"] == 401
            assert code == 1008
        assert talk({"end": True, "api_key": "s3cret"}, url=site.url)[2] == 1000
        header = {"Authorization": "Bearer s3cret"}
        assert talk({"end": True}, url=site.url, additional_headers=header)[2] == 1000


def test_other_web_sites(site, talk):
    with pytest.raises(InvalidStatus) as caught:
        talk({"end": True}, origin="https://elsewhere.example")
    assert caught.value.response.status_code == 403
    assert talk({"end": True}, origin=site.url)[2] == 1000


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-WebSocket-Key": "eDEyMzQ1Njc4OTAxMjM0NQ==", "Sec-WebSocket-Version": "13"}]
)
@pytest.mark.parametrize("key", [None, "k"])
def test_where_the_upgrade_was_lost_the_reason_is_told(start, headers, key):
    with start(Options(api_key=key)) as site:
        answer = site.client.get("/v1/audio/stream", headers=headers)
    assert answer.status_code == 426
    assert answer.headers["upgrade"] == "websocket"
    assert "a proxy in between drops it" in answer.json()["error"]["message"]


def until_silence(socket):
    with contextlib.suppress(TimeoutError):
        while True:
            yield socket.recv(timeout=1.0)


def test_who_sends_more_than_a_turn_takes_has_to_wait(site, client, monkeypatch):
    """After a turn nothing more of theirs is looked at for a while, and everybody else is."""
    monkeypatch.setattr(websocket, "_REST", 3.0)
    with connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream") as socket:
        socket.send("{}")
        assert json.loads(socket.recv(timeout=60))["mark"] == "start"
        for _ in range(5000):
            socket.send('{"cancel": true}')
        assert 0 < sum(1 for _ in until_silence(socket)) < 5000
        assert client.get("/health").status_code == 200


def test_who_sends_a_word_now_and_then_does_not_wait(site, monkeypatch):
    monkeypatch.setattr(websocket, "_REST", 60.0)
    with connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream") as socket:
        socket.send("{}")
        assert json.loads(socket.recv(timeout=60))["mark"] == "start"
        for _ in range(4):
            time.sleep(0.5)
            socket.send('{"cancel": true}')
            assert json.loads(socket.recv(timeout=20))["mark"] == "cancel"
