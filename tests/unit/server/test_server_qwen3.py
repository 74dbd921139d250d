"""Qwen3-TTS behind the server: every kind of model through every endpoint, its lists, OpenAI's client."""

import base64
import contextlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

from pocket_fast.server.voices import OPENAI_VOICES
from qwen3_requests import (
    BASE,
    CUSTOM,
    DESIGN,
    ENDPOINTS,
    MODES,
    RECORDING,
    SAMPLES,
    SMALL,
    SPEECH,
    TEXT,
    WORDS,
    Mode,
    ask,
    pcm,
    problem,
    talk,
)
from recordings import hum
from serving import wav_of


@pytest.fixture
def said(qwen3):
    """said(mode, **more settings) -> what Python makes of it, (n,) int16."""

    def said(mode, **more):
        model = qwen3(mode.model)
        source = mode.voice if mode.recording is None else SAMPLES.astype(np.float32)
        voice = model.find_voice(source, words=mode.words) if len(source) else None
        frames = model.speak(voice, TEXT, {"max_new_tokens": 9, **mode.settings, **more}, seed=3)
        return (np.clip(np.concatenate(list(frames)), -1, 1) * np.float32(32767)).astype("<i2")

    return said


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_every_mode_through_every_endpoint(sites, said, mode, endpoint):
    client = sites(mode.model)
    fields = dict(mode.settings)
    if mode.voice:
        fields["voice"] = mode.voice
    if mode.words:
        fields["voice_text"] = mode.words
    if endpoint == "websocket":
        if mode.recording is not None:
            fields["voice"] = base64.b64encode(mode.recording).decode()
        messages, data = talk(client, **fields)
        assert messages[-1]["mark"] == "end", messages
    else:
        if mode.recording is not None:
            fields["recording"] = mode.recording
        answer = ask(client, endpoint, **fields)
        assert answer.status_code == 200, answer.text
        data = answer.content
    tail = 4800 if endpoint == "/tts" else 0
    heard = pcm(data)
    assert np.array_equal(heard[: len(heard) - tail], said(mode))
    assert not heard[len(heard) - tail :].any()


def test_recordings_are_resampled_as_by_the_command_line(sites, said, qwen3, tmp_path):
    path = tmp_path / "me.flac"
    soundfile.write(path, hum(1.2, rate=44100), 44100)
    voice = qwen3(BASE).find_voice(path, words=WORDS)
    frames = qwen3(BASE).speak(voice, TEXT, {"max_new_tokens": 9}, seed=3)
    expected = (np.clip(np.concatenate(list(frames)), -1, 1) * np.float32(32767)).astype("<i2")
    answer = ask(sites(BASE), "/stream", recording=path.read_bytes(), voice_text=WORDS)
    assert np.array_equal(pcm(answer.content), expected)


def test_exported_voices_come_with_their_words(sites, said, qwen3, tmp_path):
    model = qwen3(BASE)
    voice = model.find_voice(SAMPLES.astype(np.float32), words=WORDS)
    model.export_voice(voice, tmp_path / "me.safetensors")
    data = (tmp_path / "me.safetensors").read_bytes()
    expected = said(Mode(BASE, "", {}, RECORDING, WORDS))
    assert np.array_equal(pcm(ask(sites(BASE), "/stream", recording=data).content), expected)
    error = problem(ask(sites(BASE), SPEECH, recording=data, voice_text=WORDS))
    assert error["param"] == "voice_text"
    assert "has its words in it already" in error["message"]
    assert str(tmp_path) not in error["message"]


def test_the_same_recording_with_other_words_is_another_voice(sites):
    answers = [
        ask(sites(BASE), "/stream", recording=RECORDING, voice_text=words).content
        for words in (WORDS, "Something else.", "", WORDS)
    ]
    assert answers[0] == answers[3]
    assert len(set(answers)) == 3


def test_listeners_with_recordings_of_their_own_do_not_get_each_others_voice(sites):
    site = sites(BASE)
    recordings = [wav_of(hum(0.7 + 0.1 * i, 120.0 + 25 * i)) for i in range(6)]
    words = [WORDS if i % 2 else "" for i in range(6)]

    def listen(i, seed):
        answer = ask(site, "/stream", recording=recordings[i], voice_text=words[i], seed=seed)
        return answer.content

    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(listen, range(6), range(6)))  # all of them new to the server
    assert together == [listen(i, seed=i) for i in range(6)]
    assert len(set(together)) == 6


# --- lists ---------------------------------------------------------------------------------------


def test_fields_of_each_kind_of_model(sites):
    drawn = [
        *("do_sample", "temperature", "top_k", "top_p", "repetition_penalty"),
        *("subtalker_dosample", "subtalker_temperature", "subtalker_top_k", "subtalker_top_p"),
        *("max_new_tokens", "non_streaming_mode", "max_characters", "decode_in_blocks"),
    ]
    expected = {
        CUSTOM: ["voice", "language", "instruct", *drawn],
        SMALL: ["voice", "language", *drawn],  # it would not hear instructions
        DESIGN: ["language", "instruct", *drawn],
        BASE: ["voice_wav", "language", *drawn, "voice_text"],
    }
    for model, takes in expected.items():
        about = sites(model).get("/health").json()
        assert about["takes"] == takes
        assert about["cloning"] is (model == BASE)
        assert about["model"] == "custom"


def test_voices_by_name(sites, qwen3):
    listed = sites(CUSTOM).get("/v1/audio/voices").json()
    assert listed["default"] == listed["voices"][0]["id"] == "ryan"
    assert sorted(voice["id"] for voice in listed["voices"]) == sorted(qwen3(CUSTOM).voice_names)
    assert set(listed["aliases"]) == OPENAI_VOICES
    assert set(listed["aliases"].values()) <= set(qwen3(CUSTOM).voice_names)


def test_who_speaks_when_nobody_is_named(sites, said):
    mode = Mode(CUSTOM, "serena")
    for name in ("serena", "Serena"):
        site = sites(CUSTOM, "--voice", name)
        assert site.get("/v1/audio/voices").json()["default"] == "serena"
        assert np.array_equal(pcm(ask(site, "/stream").content), said(mode))
    assert np.array_equal(pcm(ask(sites(CUSTOM), "/stream").content), said(Mode(CUSTOM, "ryan")))


def test_names_in_any_case_and_those_of_openai(sites, said, qwen3):
    for name, who in {**qwen3(CUSTOM).voice_aliases, "Eric": "eric", "UNCLE_FU": "uncle_fu"}.items():
        for asked in (name, name.capitalize()):
            answer = ask(sites(CUSTOM), SPEECH, voice=asked)
            assert np.array_equal(pcm(answer.content), said(Mode(CUSTOM, who))), asked


def test_models_without_names_take_those_of_openai_for_their_default_voice(sites, said, tmp_path):
    (tmp_path / "me.wav").write_bytes(RECORDING)
    base = sites(BASE, "--voice", tmp_path / "me.wav", "--voice-text", WORDS)
    assert base.get("/v1/audio/voices").json() == {
        "voices": [{"id": "default", "name": "default"}],
        "default": "default",
        "aliases": dict.fromkeys(OPENAI_VOICES, "default"),
    }
    assert "voice" in base.get("/health").json()["takes"]
    design = sites(DESIGN)
    assert design.get("/v1/audio/voices").json() == {"voices": [], "default": None, "aliases": {}}
    own, described = said(Mode(BASE, "", {}, RECORDING, WORDS)), said(MODES["described"])
    for name in (*sorted(OPENAI_VOICES), "Alloy", "default", "", None):
        assert np.array_equal(pcm(ask(base, SPEECH, voice=name).content), own), name
        answer = ask(design, SPEECH, voice=name, instruct="a deep old man")
        assert np.array_equal(pcm(answer.content), described), name


def test_a_server_without_a_voice_waits_for_requests_to_bring_theirs(sites):
    site = sites(BASE)
    assert site.get("/v1/audio/voices").json() == {"voices": [], "default": None, "aliases": {}}
    for voice in ({}, {"voice": "alloy"}, {"voice": "default"}):
        error = problem(ask(site, SPEECH, **voice))
        assert error["param"] == "voice"
        assert "speaks in the voice of a recording" in error["message"]


def test_what_serve_was_told_counts_where_a_request_says_nothing(sites, said):
    site = sites(DESIGN, "--instruct", "a deep old man", "--max-new-tokens", "5", "--language", "german")
    told = Mode(DESIGN, "", {"instruct": "a deep old man", "language": "german", "max_new_tokens": 5})
    plain = {"model": "m", "input": TEXT, "seed": 3, "response_format": "pcm"}
    assert np.array_equal(pcm(site.post(SPEECH, json=plain).content), said(told))
    assert np.array_equal(pcm(site.post(SPEECH, json={**plain, "instructions": " "}).content), said(told))
    other = site.post(SPEECH, json={**plain, "instructions": "a child", "language": "auto"})
    assert np.array_equal(pcm(other.content), said(told, instruct="a child", language="auto"))


# --- OpenAI's own client -------------------------------------------------------------------------


@pytest.fixture
def openai(sites):
    """openai(model, *words of serve) -> OpenAI's client of a server."""
    package = pytest.importorskip("openai", reason="the official client is not installed")
    with contextlib.ExitStack() as opened:
        yield lambda model, *words: opened.enter_context(
            package.OpenAI(base_url=f"{sites(model, *words).base_url}/v1", api_key="unused", max_retries=0)
        )


def test_the_official_client(openai, said, tmp_path):
    how = {"model": "gpt-4o-mini-tts", "input": TEXT, "response_format": "pcm"}
    ours = {"extra_body": {"seed": 3, "max_new_tokens": 9}}
    custom = openai(CUSTOM).audio.speech.create(**how, **ours, voice="onyx", instructions="Softly.")
    assert custom.read() == said(Mode(CUSTOM, "uncle_fu", {"instruct": "Softly."})).tobytes()
    with openai(DESIGN).audio.speech.with_streaming_response.create(
        **how, **ours, voice="alloy", instructions="a deep old man"
    ) as answer:
        assert b"".join(answer.iter_bytes()) == said(MODES["described"]).tobytes()
    (tmp_path / "me.wav").write_bytes(RECORDING)
    base = openai(BASE, "--voice", tmp_path / "me.wav")
    assert base.audio.speech.create(**how, **ours, voice="nova").read() == said(MODES["x-vector"]).tobytes()


def test_the_official_client_understands_what_is_wrong(openai):
    import openai as package

    for model, fields, param in (
        (CUSTOM, {"voice": "alloy", "instructions": "x" * 2001}, "instructions"),
        (CUSTOM, {"voice": "nobody"}, "voice"),
        (DESIGN, {"voice": "ryan"}, "voice"),
    ):
        with pytest.raises(package.BadRequestError) as caught:
            openai(model).audio.speech.create(model="tts-1", input=TEXT, **fields)
        assert caught.value.param == param
