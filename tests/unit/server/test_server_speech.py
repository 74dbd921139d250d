"""/generate, /stream and /tts: the sound, and the files it is in."""

import base64
import io
import wave

import numpy as np
import pytest

from pocket_fast import TTSModel
from pocket_fast.audio.codecs import wav_header
from recordings import hum
from serving import wav_of

TEXT = "Hello there. How are you?"


def samples_of(wav):
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_generate_gives_a_whole_wav(client, said):
    answer = client.post("/generate", json={"text": TEXT, "seed": 3})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["content-disposition"] == 'attachment; filename="pocket-tts-output.wav"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    expected = said(TEXT, seed=3)
    assert len(answer.content) == 44 + 2 * len(expected)
    assert np.array_equal(samples_of(answer.content), expected)


@pytest.mark.parametrize("how", ["json", "data"])
def test_stream_gives_raw_samples(client, said, how):
    with client.stream("POST", "/stream", **{how: {"text": TEXT, "seed": 3}}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-sample-rate"] == "24000"
        assert answer.headers["transfer-encoding"] == "chunked"
        data = answer.read()
    assert np.array_equal(np.frombuffer(data, "<i2"), said(TEXT, seed=3))


def test_tts_streams_a_wav_with_silence_behind(client, said):
    with client.stream("POST", "/tts", data={"text": TEXT, "seed": "3"}) as answer:
        assert answer.headers["content-type"] == "audio/wav"
        assert answer.headers["transfer-encoding"] == "chunked"
        assert answer.headers["content-disposition"] == "attachment; filename=generated_speech.wav"
        data = answer.read()
    assert data[:44] == wav_header(24000, None)
    assert np.array_equal(samples_of(data), np.append(said(TEXT, seed=3), np.zeros(4800)))


@pytest.mark.parametrize("text", ["...", "👍", "?!", "— ", "* * *", "[pause:0.1ms] ♪"])
def test_marks_and_emoji_alone_are_half_a_second_of_silence(client, text):
    silence = bytes(2 * 12000)
    assert client.post("/stream", json={"text": text}).content == silence
    assert samples_of(client.post("/generate", json={"text": text}).content).tobytes() == silence
    assert client.post("/tts", data={"text": text}).content[44:] == silence + bytes(2 * 4800)
    openai = {"input": text, "response_format": "pcm"}
    assert client.post("/v1/audio/speech", json=openai).content == silence


def test_every_setting_reaches_the_model(client, said):
    settings = {"temperature": 0.9, "steps": 3, "eos_threshold": 1e9, "seed": 5, "max_tokens": 4}
    expected = said(TEXT, temp=0.9, sampler_decode_steps=3, eos_threshold=1e9, seed=5, max_tokens=4)
    for how in ({"json": settings | {"text": TEXT}}, {"data": settings | {"text": TEXT}}):
        answer = client.post("/generate", **how)
        assert np.array_equal(samples_of(answer.content), expected)
    assert not np.array_equal(expected[:1920], said(TEXT, seed=5)[:1920])


@pytest.mark.parametrize("name", ["steps", "lsd_steps", "sampler_decode_steps"])
def test_names_of_the_steps(client, said, name):
    answer = client.post("/generate", json={"text": TEXT, "seed": 1, name: 2})
    assert np.array_equal(samples_of(answer.content), said(TEXT, seed=1, sampler_decode_steps=2))


def test_frames_after_the_end(client):
    lengths = [
        len(samples_of(client.post("/generate", json={"text": "Hi.", "frames_after_eos": n}).content))
        for n in (0, 4)
    ]
    assert lengths == [6 * 1920, 10 * 1920]


def test_settings_of_one_request_are_not_those_of_the_next(client, said):
    client.post("/generate", json={"text": TEXT, "temperature": 2, "seed": 1})
    answer = client.post("/generate", json={"text": TEXT, "seed": 1})
    assert np.array_equal(samples_of(answer.content), said(TEXT, seed=1))


@pytest.mark.parametrize("speed", [0.25, 0.8, 2, 4])
def test_speed_changes_the_length(client, said, speed):
    answer = client.post("/stream", json={"text": TEXT, "seed": 1, "speed": speed})
    assert len(answer.content) // 2 == round(len(said(TEXT, seed=1)) / speed)


@pytest.mark.parametrize("path", ["/generate", "/stream", "/tts"])
def test_an_uploaded_recording_speaks(client, said, loaded, path):
    recording = wav_of(hum(1.5, pitch=120))
    files = {"voice_wav": ("../../etc/passwd.wav", recording)}
    answer = client.post(path, data={"text": "Hi.", "seed": "2"}, files=files)
    assert answer.status_code == 200, answer.text
    state = loaded.get_state_for_audio_prompt(samples_of(recording).astype(np.float32) / 32768)
    expected = said("Hi.", state, seed=2).tobytes()
    assert expected in answer.content
    assert expected != said("Hi.", seed=2).tobytes()


@pytest.mark.parametrize("form", ["{}", "data:audio/wav;base64,{}"])
def test_a_recording_in_json(client, form):
    recording = wav_of(hum(1.5, pitch=120))
    files = {"voice_wav": ("me.wav", recording)}
    uploaded = client.post("/stream", data={"text": "Hi.", "seed": "2"}, files=files)
    voice = form.format(base64.b64encode(recording).decode())
    embedded = client.post("/stream", json={"text": "Hi.", "seed": 2, "voice": voice})
    assert embedded.status_code == 200
    assert embedded.content == uploaded.content


def test_an_exported_state_is_a_voice_too(client, said, voice, tmp_path):
    from pocket_fast import export_model_state

    export_model_state(voice, tmp_path / "voice.safetensors")
    files = {"voice_wav": ("blob", (tmp_path / "voice.safetensors").read_bytes())}
    answer = client.post("/stream", data={"text": "Hi.", "seed": "2"}, files=files)
    assert np.array_equal(np.frombuffer(answer.content, "<i2"), said("Hi.", seed=2))


def test_a_recording_is_made_a_voice_once(start):
    files = {"voice_wav": ("me.wav", wav_of(hum(1.0, pitch=150)))}
    with start() as site:
        for name in ("a.wav", "b.mp3"):
            site.client.post(
                "/stream", data={"text": "Hi."}, files={"voice_wav": (name, files["voice_wav"][1])}
            )
        assert site.metric("pocket_fast_voice_cache_misses_total") == 1
        assert site.metric("pocket_fast_voice_cache_hits_total") == 1


def test_only_the_beginning_of_a_long_recording_counts(client):
    sound = hum(31.0)
    answers = [
        client.post(
            "/stream", data={"text": "Hi.", "seed": "1"}, files={"voice_wav": ("a", wav_of(sound[:n]))}
        ).content
        for n in (30 * 24000, 31 * 24000)
    ]
    assert answers[0] == answers[1]


def test_a_file_field_left_empty_is_no_voice(client, said):
    answer = client.post(
        "/tts", data={"text": "Hi.", "seed": "1", "voice_url": ""}, files={"voice_wav": ("", b"")}
    )
    assert answer.status_code == 200
    assert said("Hi.", seed=1).tobytes() in answer.content


def test_names_reach_the_model(start, voice, monkeypatch, said):
    asked = []

    def find(self, name, **how):
        asked.append(name)
        return voice

    with start(language="english") as site:
        monkeypatch.setattr(TTSModel, "find_voice", find)
        for name in ("marius", "onyx", {"id": "sage"}, "", None, "default"):
            answer = site.client.post("/stream", json={"text": "Hi.", "seed": 1, "voice": name})
            assert np.array_equal(np.frombuffer(answer.content, "<i2"), said("Hi.", seed=1))
    assert asked == ["marius", "javert", "vera"]
