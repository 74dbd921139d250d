"""Fields that may be left out may also be null; what a model takes nothing of is ignored, and the answer says so."""

import json
import logging
from urllib.parse import quote, unquote

import pytest
from websockets.sync.client import connect

from pocket_fast.server.fields import Fields, Message, check
from qwen3_requests import BASE, CUSTOM, SMALL, SPEECH, ask, pcm, talk

TEXT = "Hello there."
POST = ("/generate", "/stream", "/tts", SPEECH)


def words(path):
    return "input" if path == SPEECH else "text"


def optional_fields(client, path, kind):
    """The names of all that may be left out, by the server's own description."""
    described = client.get("/openapi.json").json()["paths"][path]["post"]["requestBody"]["content"]
    schema = described[kind]["schema"]
    return sorted(set(schema["properties"]) - set(schema["required"]))


@pytest.mark.parametrize("path", ["/generate", "/stream", SPEECH])
def test_null_in_json_is_not_given(client, path):
    given = {words(path): TEXT, "seed": 1}
    expected = client.post(path, json=given)
    names = set(optional_fields(client, path, "application/json")) | {"lsd_steps", "sampler_decode_steps"}
    assert {"speed", "voice", "natural_pauses", "temperature"} < names
    answer = client.post(path, json=dict.fromkeys(names) | {"something_else": None} | given)
    assert answer.status_code == 200, answer.text
    assert answer.content == expected.content
    assert "x-ignored-fields" not in answer.headers


@pytest.mark.parametrize("path", POST)
@pytest.mark.parametrize("nothing", ["", "null"])
@pytest.mark.parametrize("multipart", [True, False])
def test_null_in_forms_is_not_given(client, path, nothing, multipart):
    given = {words(path): TEXT, "seed": "1"}
    expected = client.post(path, data=given)
    names = optional_fields(client, path, "multipart/form-data")
    fields = dict.fromkeys([*names, "voice_wav"], nothing) | given
    if multipart:
        answer = client.post(path, files={name: (None, value) for name, value in fields.items()})
    else:
        answer = client.post(path, data=fields)
    assert answer.status_code == 200, answer.text
    assert answer.content == expected.content


def test_null_is_a_word_where_there_must_be_one(client, said):
    assert client.post("/stream", data={"text": "null", "seed": 1}).content == said("null", seed=1).tobytes()


@pytest.mark.parametrize("path", ["/stream", SPEECH])
@pytest.mark.parametrize("model", [CUSTOM, BASE])
def test_null_for_the_second_family(sites, model, path):
    client = sites(model)
    names = optional_fields(client, path, "application/json")
    given = {words(path): TEXT, "seed": 1, "max_new_tokens": 9}
    if model == CUSTOM:
        assert {"language", "do_sample"} < set(names)
        assert client.post(path, json=dict.fromkeys(names) | given).status_code == 200
    else:  # it has no voice of its own
        answer = client.post(path, json=dict.fromkeys(names) | given)
        assert "recording" in answer.text


def test_null_in_every_message(site):
    """In the first one, with the settings, and in those behind it."""
    nothing = dict.fromkeys(Message.model_fields)
    expected = talk(site.client, seed=1)
    assert talk(site.client, **{**nothing, "seed": 1, "text": TEXT, "end": True}) == expected
    later = check(Message, nothing)
    assert (later.text, later.flush, later.cancel, later.end, later.format) == (
        "",
        False,
        False,
        False,
        "pcm",
    )


def test_one_of_two_names_may_be_null(client):
    """Of a setting with several names, the one that is null does not hide the other."""
    answers = [
        client.post("/stream", json={"text": TEXT, "seed": 1, **steps}).content
        for steps in ({"steps": 3}, {"steps": None, "lsd_steps": 3}, {"lsd_steps": None, "steps": 3}, {})
    ]
    assert answers[0] == answers[1] == answers[2] != answers[3]


def test_what_has_to_be_there_is_missed(client):
    assert client.post("/stream", json={"text": None}).status_code == 422
    assert client.post(SPEECH, json={"input": None}).json()["error"]["param"] == "input"


def test_every_form_drops_nulls():
    """Also a form that somebody adds later, in fields of any type."""

    class Later(Fields):
        number: int = 3
        flag: bool = True

    assert check(Later, {"number": None, "flag": None, "speed": None}) == Later()


def test_the_model_need_not_be_named(client, said):
    answer = client.post(SPEECH, json={"input": TEXT, "response_format": "pcm", "seed": 1})
    assert answer.content == said(TEXT, seed=1).tobytes()


@pytest.mark.parametrize("name", ["PCM", "Pcm"])
def test_formats_in_any_case(client, name):
    answer = client.post(SPEECH, json={"input": TEXT, "response_format": name, "stream_format": "Audio"})
    assert answer.headers["content-type"] == "audio/pcm"
    events = client.post(SPEECH, data={"input": TEXT, "response_format": name, "stream_format": "SSE"})
    assert events.headers["content-type"].startswith("text/event-stream")
    heard, _ = talk(client, format=name)
    assert heard[0]["format"] == "pcm"


def test_voices_in_any_case(sites):
    small = {"max_new_tokens": 9, "seed": 1, "text": TEXT}
    ryan, loud = (sites(SMALL).post("/stream", json={**small, "voice": name}) for name in ("eric", "ERIC"))
    assert (ryan.status_code, loud.status_code) == (200, 200)
    assert ryan.content == loud.content
    for name in ("Default", "ALLOY", "Nova"):
        assert sites(SMALL).post("/stream", json={**small, "voice": name}).status_code == 200, name


@pytest.mark.parametrize("name", ["Default", "DEFAULT", "Alloy", "SHIMMER", "ballad"])
def test_names_that_stand_for_the_only_voice(client, name):
    assert client.post("/stream", json={"text": TEXT, "voice": name}).status_code == 200


# --- what is ignored -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", POST)
@pytest.mark.parametrize("name", ["instructions", "instruct"])
def test_instructions_that_cannot_be_followed(start, path, name, caplog):
    with start() as site, caplog.at_level(logging.WARNING, "pocket_fast"):
        fields = {words(path): TEXT, "seed": 1}
        expected = site.client.post(path, data=fields)
        assert "x-ignored-fields" not in expected.headers
        for _ in range(3):
            answer = site.client.post(path, data={**fields, name: "Whisper, as if in a library."})
            assert answer.status_code == 200
            assert answer.content == expected.content
            assert answer.headers["x-ignored-fields"] == name
    lines = [line for line in caplog.messages if "instructions" in line]
    assert len(lines) == 1
    assert "custom" in lines[0]
    assert "library" not in caplog.text


@pytest.mark.parametrize("instructions", ["", " \n", None])
def test_blank_instructions_are_none(client, sites, instructions):
    answer = client.post(SPEECH, json={"input": TEXT, "instructions": instructions})
    assert answer.status_code == 200
    assert "x-ignored-fields" not in answer.headers
    plain = {"voice": "ryan", "max_new_tokens": 9}
    spoken = [
        ask(sites(CUSTOM), path, **plain, **more).content
        for path in (SPEECH, "/stream")
        for more in ({}, {"instruct": instructions})
    ]
    assert spoken[0] == spoken[1] == spoken[2] == spoken[3]


@pytest.mark.parametrize("instructions", [5, ["x"], {"a": 1}, "x" * 10_000])
def test_nothing_is_wrong_with_what_is_ignored(client, instructions):
    answer = client.post(SPEECH, json={"input": TEXT, "instructions": instructions})
    assert answer.status_code == 200
    assert answer.headers["x-ignored-fields"] == "instructions"


def test_a_model_that_can_follow_them_does_under_either_name(sites):
    quiet, *others = (
        pcm(sites(CUSTOM).post(path, json={"seed": 1, "max_new_tokens": 9, words(path): TEXT, **how}).content)
        for path in ("/stream",)
        for how in ({}, {"instruct": "Loud!"}, {"instructions": "Loud!"})
    )
    assert others[0].tobytes() == others[1].tobytes() != quiet.tobytes()
    said = [talk(sites(CUSTOM), **how)[1] for how in ({}, {"instruct": "Loud!"}, {"instructions": "Loud!"})]
    assert said[0] != said[1] == said[2]


def test_a_small_model_ignores_them(sites):
    answer = ask(sites(SMALL), SPEECH, instruct="Softly.")
    assert answer.status_code == 200
    assert answer.headers["x-ignored-fields"] == "instructions"


def test_conversations_say_what_they_ignore(client):
    heard, sound = talk(client, instructions="Softly.", lang_code="a")
    assert heard[0]["ignored"] == ["instructions", "lang_code", "max_new_tokens"]
    assert sound
    heard, _ = talk(client, max_new_tokens=None)
    assert "ignored" not in heard[0]


def test_names_that_no_header_can_hold_are_written_as_in_addresses(client):
    names = ["a\r\nSet-Cookie: b", "spéed", "", "x" * 41, "0", "fine", "\ud800", "a, b"]
    body = json.dumps({"text": TEXT, **dict.fromkeys(names, 1)})
    answer = client.post("/stream", content=body, headers={"Content-Type": "application/json"})
    assert sorted(map(unquote, answer.headers["x-ignored-fields"].split(", "))) == sorted(
        ["0", "a\r\nSet-Cookie: b", "a, b", "fine", "spéed", "x" * 40, "\ufffd\ufffd\ufffd"]
    )
    assert "set-cookie" not in answer.headers
    many = {"text": TEXT, **{f"n{i}": 1 for i in range(40)}}
    assert len(client.post("/stream", json=many).headers["x-ignored-fields"].split(", ")) == 16


@pytest.mark.parametrize("path", POST)
def test_what_stands_in_the_address_is_ignored_too(start, path, caplog):
    with start() as site, caplog.at_level(logging.WARNING, "pocket_fast"):
        for _ in range(2):
            answer = site.client.post(f"{path}?voice=alba&sped=2", data={words(path): TEXT, "tempo": "2"})
            assert answer.status_code == 200
            assert answer.headers["x-ignored-fields"] == "sped, tempo, voice"
    assert len([line for line in caplog.messages if "sped, tempo, voice" in line]) == 1


def test_what_later_messages_of_a_conversation_have_besides(site):
    with connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream") as socket:
        for message in (
            {"seed": 1, "sped": 2},
            {"seed": 1, "text": TEXT, "sped": 2},
            {"text": TEXT, "speed": 2, "txt": "a"},
            {"seed": 1, "txt": "b", "end": True},
        ):
            socket.send(json.dumps(message))
        marks = [json.loads(message) for message in socket if isinstance(message, str)]
    assert marks[0]["ignored"] == ["sped"]
    assert [mark["ignored"] for mark in marks if mark["mark"] == "ignored"] == [["speed", "txt"]]


# --- JSON that calls itself a form -----------------------------------------------------------------

BODY = json.dumps({"text": TEXT, "input": TEXT}).encode()


@pytest.mark.parametrize("path", POST)
@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",  # curl -d
        "application/x-www-form-urlencoded; charset=UTF-8",
        "multipart/form-data",
        "multipart/form-data; boundary=b",
        "Multipart/Form-Data; boundary=b",
    ],
)
@pytest.mark.parametrize(
    "body", [BODY, b" \n" + BODY, b"\xef\xbb\xbf" + BODY, quote(BODY).encode(), BODY[:20]], ids=range(5)
)
def test_json_that_calls_itself_a_form(client, path, kind, body):
    answer = client.post(path, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 415
    message = answer.json()["error"]["message"] if path == SPEECH else answer.json()["detail"]
    assert "the body is JSON" in message
    assert kind.partition(";")[0].lower() in message
    assert ("application/json" in message) == (path != "/tts")


def test_json_that_comes_in_pieces(client):
    def pieces():
        yield b""
        yield b" "
        yield from (BODY[i : i + 3] for i in range(0, len(BODY), 3))

    kind = {"Content-Type": "application/json"}
    assert client.post("/stream", content=pieces(), headers=kind).status_code == 200
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/stream", content=pieces(), headers=kind).status_code == 415


def test_forms_that_come_in_pieces(client, said):
    data = f"text={quote(TEXT)}&seed=1".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for size in (1, 3, 1000):
        pieces = (data[i : i + size] for i in range(0, len(data), size))
        answer = client.post("/stream", content=pieces, headers=kind)
        assert answer.content == said(TEXT, seed=1).tobytes()


def test_a_text_may_begin_with_a_brace(client):
    assert client.post("/stream", data={"text": "{Hello}"}).status_code == 200
    assert client.post("/stream", files={"text": (None, "{Hello}")}).status_code == 200
    assert client.post("/stream", json={"text": "{Hello}"}).status_code == 200
