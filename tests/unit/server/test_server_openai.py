"""/v1: formats, events, lists, errors in OpenAI's form, and its own client."""

import base64
import io
import json
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile

from pocket_fast.audio.encode import available_formats
from pocket_fast.audio.read import read_audio
from pocket_fast.server.voices import OPENAI_VOICES

TEXT = "Hello there. How are you?"
SPEECH = "/v1/audio/speech"


def ask(client, **fields):
    return client.post(SPEECH, json={"model": "tts-1", "input": TEXT, "seed": 1, **fields})


def problem(answer, status=400):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == ("invalid_request_error" if status < 500 else "server_error")
    return error


def sound_of(events):
    lines = [json.loads(line.removeprefix("data: ")) for line in events.split("\n\n") if line]
    return b"".join(base64.b64decode(event["audio"], validate=True) for event in lines[:-1])


@pytest.mark.parametrize(
    ("name", "media_type", "magic"),
    [
        ("mp3", "audio/mpeg", b"\xff"),
        ("opus", "audio/ogg", b"OggS"),
        ("flac", "audio/flac", b"fLaC"),
        ("wav", "audio/wav", b"RIFF"),
    ],
)
def test_formats_are_what_they_say(client, said, tmp_path, name, media_type, magic):
    with client.stream(
        "POST", SPEECH, json={"model": "m", "input": TEXT, "seed": 1, "response_format": name}
    ) as r:
        assert r.headers["content-type"] == media_type
        assert r.headers["transfer-encoding"] == "chunked"
        data = r.read()
    assert data.startswith(magic)
    (tmp_path / "file").write_bytes(data)
    sound, rate = read_audio(tmp_path / "file") if name != "wav" else (None, 24000)
    assert rate == 24000
    expected = said(TEXT, seed=1)
    if name == "wav":
        assert data[44:] == expected.tobytes()
    elif name == "flac":
        assert np.array_equal(sound, expected / np.float32(32768))
    else:
        assert abs(len(sound) - len(expected)) < 0.13 * 24000
        original = expected[2000:12000].astype(np.float32)
        place = 2000 + np.argmax(np.correlate(sound[2000:14000], original))  # at most 57 ms of delay
        assert np.corrcoef(sound[place : place + 10000], original)[0, 1] > 0.8


@pytest.mark.parametrize("events", [False, True])
def test_a_flac_states_its_length(client, said, events):
    """Or soundfile.read would make room for 2**63 samples."""
    answer = ask(client, response_format="flac", stream_format="sse" if events else "audio", speed=0.8)
    data = answer.content if not events else sound_of(answer.text)
    assert len(soundfile.read(io.BytesIO(data))[0]) == round(len(said(TEXT, seed=1)) / 0.8)


def test_a_flac_that_takes_long_is_sent_as_it_is_made(client, said, monkeypatch, tmp_path):
    monkeypatch.setattr("pocket_fast.server.speech.PATIENCE", 0.0)
    data = ask(client, response_format="flac").content
    (tmp_path / "a.flac").write_bytes(data)
    assert soundfile.info(tmp_path / "a.flac").frames > 1 << 60
    assert np.array_equal(read_audio(tmp_path / "a.flac")[0], said(TEXT, seed=1) / np.float32(32768))
    monkeypatch.undo()
    known = ask(client, response_format="flac").content
    assert len(known) == len(data)
    assert sum(a != b for a, b in zip(known, data, strict=True)) <= 5  # of its length


def test_mp3_unless_told_otherwise(client):
    answer = ask(client)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.content == ask(client, response_format="mp3").content


def test_pcm_has_no_header(client, said):
    answer = ask(client, response_format="pcm")
    assert answer.headers["content-type"] == "audio/pcm"
    assert answer.content == said(TEXT, seed=1).tobytes()


def test_aac_where_it_can_be_had(client, said):
    av = pytest.importorskip("av", reason="PyAV is not installed")
    answer = ask(client, response_format="AAC")
    assert answer.headers["content-type"] == "audio/aac"
    with av.open(io.BytesIO(answer.content), format="aac") as file:
        samples = sum(frame.samples for frame in file.decode(audio=0))
    assert 1024 <= samples - len(said(TEXT, seed=1)) < 2 * 1024 + 1


def test_aac_where_it_cannot(client, monkeypatch):
    monkeypatch.setattr("pocket_fast.audio.aac.find_spec", lambda name: None)
    available_formats.cache_clear()
    message = problem(ask(client, response_format="aac"))["message"]
    monkeypatch.undo()
    available_formats.cache_clear()
    assert "choose one of: mp3, opus, flac, wav, pcm; aac needs PyAV" in message


@pytest.mark.parametrize("name", ["m4a", "ogg", "", "mp4"])
def test_other_formats_are_refused_by_name(client, name):
    error = problem(ask(client, response_format=name))
    assert error["param"] == "response_format"
    assert "choose one of: mp3, opus, flac, wav, pcm" in error["message"]


@pytest.mark.parametrize("name", ["mp3", "pcm"])
def test_events(client, said, loaded, name):
    with client.stream(
        "POST",
        SPEECH,
        json={"model": "m", "input": TEXT, "seed": 1, "stream_format": "sse", "response_format": name},
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.read().decode().split("\n\n")
    assert lines.pop() == ""
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    data = b"".join(base64.b64decode(event["audio"], validate=True) for event in events[:-1])
    assert data == ask(client, response_format=name).content
    frames = len(said(TEXT, seed=1)) // 1920
    tokens = len(loaded._tokenizer.encode(TEXT))
    assert events[-1] == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": tokens, "output_tokens": frames, "total_tokens": tokens + frames},
    }


def test_speed_keeps_its_promise(client, said):
    answer = ask(client, response_format="pcm", speed=2.5)
    assert len(answer.content) // 2 == round(len(said(TEXT, seed=1)) / 2.5)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"speed": 0.2}, "speed"),
        ({"speed": 4.1}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"input": None}, "input"),
        ({"model": 5}, "model"),
        ({"input": "  "}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"voice": {"name": "alba"}}, "voice"),
        ({"voice": "alba"}, "voice"),
        ({"voice": "/etc/passwd"}, "voice"),
        ({"voice": "../ref.wav"}, "voice"),
        ({"voice": "data:audio/wav;base64,!!!"}, "voice"),
        ({"voice": "data:audio/wav,abc"}, "voice"),
        ({"voice": "A" * 200}, "voice"),
        ({"stream_format": "websocket"}, "stream_format"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"steps": 1000000}, "steps"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_is_wrong_is_named(client, fields, param):
    body = json.dumps({"model": "tts-1", "input": TEXT, **fields})
    answer = client.post(SPEECH, content=body, headers={"Content-Type": "application/json"})
    assert problem(answer)["param"] == param


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"1", b'"text"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_an_object_is_refused(client, body):
    problem(client.post(SPEECH, content=body, headers={"Content-Type": "application/json"}))


def test_half_a_character_is_refused(client):
    body = b'{"model": "m", "input": "\\ud800 hello", "voice": "\\udfff"}'
    problem(client.post(SPEECH, content=body, headers={"Content-Type": "application/json"}))


def test_other_media_types(client):
    problem(client.post(SPEECH, content=b"hello", headers={"Content-Type": "text/plain"}), 415)
    problem(client.post(SPEECH, content=b""), 415)


def test_other_paths_and_methods(client):
    problem(client.get("/v1/nothing"), 404)
    problem(client.get(SPEECH), 405)


def test_models(client):
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    (model,) = listed["data"]
    assert model["id"] == "custom"
    assert model["object"] == "model"
    assert model["root"] == "custom"
    assert client.get("/v1/audio/models").json() == {"models": [model]}  # Open WebUI


@pytest.mark.parametrize("name", ["custom", "tts-1", "gpt-4o-mini-tts", "kyutai/pocket-tts", "a b", "%C3%A9"])
def test_whatever_model_speech_takes_is_there(client, name):
    (listed,) = client.get("/v1/models").json()["data"]
    model = client.get(f"/v1/models/{name}").json()
    assert model.pop("voices") == [{"name": "default"}]  # Speaches
    assert model == {**listed, "id": unquote(name)}
    assert ask(client, model=unquote(name)).status_code == 200


def test_voices_of_a_custom_model(client):
    assert client.get("/v1/audio/voices").json() == {
        "voices": [{"id": "default", "name": "default"}],
        "default": "default",
        "aliases": dict.fromkeys(OPENAI_VOICES, "default"),
    }


def test_voices_as_other_servers_list_them(start):
    from pocket_fast.server.options import Options

    with start(Options(default_voice="giovanni"), language="italian") as site:
        names = [voice["id"] for voice in site.client.get("/v1/audio/voices").json()["voices"]]
        speaches = site.client.get("/v1/audio/speech/voices", params={"model_id": "italian"}).json()
        assert [(voice["model_id"], voice["voice_id"]) for voice in speaches] == [
            ("italian", n) for n in names
        ]
        assert [voice["name"] for voice in site.client.get("/v1/models/tts-1").json()["voices"]] == names


def test_voices_of_a_released_model(start):
    from pocket_fast.models.pocket.voices import OPENAI_VOICES, VOICES
    from pocket_fast.server.options import Options

    with start(Options(default_voice="giovanni"), language="italian") as site:
        answer = site.client.get("/v1/audio/voices").json()
        assert answer["voices"][0]["id"] == answer["default"] == "giovanni"
        assert sorted(voice["id"] for voice in answer["voices"]) == sorted(VOICES)
        assert answer["aliases"] == OPENAI_VOICES
        assert len(set(OPENAI_VOICES.values()) & set(VOICES)) == 13
        assert site.client.get("/v1/models").json()["data"][0]["id"] == "italian"
        assert "alba" not in problem(ask(site.client, voice="albert"))["message"]


@pytest.fixture
def openai(site):
    package = pytest.importorskip("openai", reason="the official client is not installed")
    with package.OpenAI(base_url=f"{site.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def test_the_official_client_blocking(openai, said, tmp_path):
    answer = openai.audio.speech.create(
        model="tts-1", voice="default", input=TEXT, response_format="pcm", extra_body={"seed": 1}
    )
    assert answer.read() == said(TEXT, seed=1).tobytes()
    answer = openai.audio.speech.create(model="tts-1", voice="default", input=TEXT)
    answer.write_to_file(tmp_path / "speech.mp3")
    assert soundfile.info(tmp_path / "speech.mp3").format == "MP3"


def test_the_official_client_streaming(openai, said):
    with openai.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts",
        voice="default",
        input=TEXT,
        response_format="pcm",
        speed=1.0,
        extra_body={"seed": 1},
    ) as answer:
        parts = list(answer.iter_bytes(3840))
    assert b"".join(parts) == said(TEXT, seed=1).tobytes()


def test_the_official_client_understands_errors(openai):
    import openai as package

    with pytest.raises(package.BadRequestError) as caught:
        openai.audio.speech.create(model="tts-1", voice="default", input=TEXT, response_format="m4a")
    assert caught.value.param == "response_format"
    assert "mp3" in str(caught.value)
    assert openai.models.retrieve("tts-1").id == "tts-1"
    assert [model.id for model in openai.models.list()] == ["custom"]
