"""Requests to a server of a tiny Qwen3-TTS model: one for each way to get a voice."""

from __future__ import annotations

import contextlib
import io
import json
import wave
from dataclasses import dataclass, field

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from recordings import hum
from serving import wav_of

CUSTOM, SMALL = "qwen3-tiny-customvoice-wide", "qwen3-tiny-customvoice"
DESIGN, BASE = "qwen3-tiny-voicedesign", "qwen3-tiny-base"
TEXT = "Hello there."
WORDS = "This is what I said."
SPEECH = "/v1/audio/speech"
ENDPOINTS = (SPEECH, "/stream", "/generate", "/tts", "websocket")


@dataclass(frozen=True)
class Mode:
    """A model, who speaks, what else is asked of it, and the recording that a request brings."""

    model: str
    voice: str = ""
    settings: dict = field(default_factory=dict)
    recording: bytes | None = None
    words: str | None = None


SAMPLES = 0.8 * np.round(hum(1.2) * 32767) / 32768  # as a WAV of 16 bits has them
RECORDING = wav_of(SAMPLES * 32768 / 32767)
MODES = {
    "speaker": Mode(CUSTOM, "eric", {"instruct": "Softly.", "language": "english"}),
    "small": Mode(SMALL, "vivian", {"language": "chinese", "non_streaming_mode": False}),
    "described": Mode(DESIGN, "", {"instruct": "a deep old man"}),
    "x-vector": Mode(BASE, "", {}, RECORDING),
    "in context": Mode(BASE, "", {"language": "german"}, RECORDING, WORDS),
}


def ask(client, path, **fields):
    """A request with its recording, if it has one, in a form; else in JSON where that is taken."""
    fields = {"seed": 3, "max_new_tokens": 9, "input" if path == SPEECH else "text": TEXT, **fields}
    if path == SPEECH:
        fields = {"model": "tts-1", "response_format": "pcm", **fields}
        if "instruct" in fields:
            fields["instructions"] = fields.pop("instruct")
    recording = fields.pop("recording", None)
    if recording is None and path != "/tts":
        return client.post(path, json=fields)
    files = {} if recording is None else {"voice_wav": ("me.wav", recording)}
    return client.post(path, data=fields, files=files)


def talk(client, **fields):
    """(messages, sound) of a conversation whose one message has these fields."""
    said, sound = [], []
    with connect(f"{str(client.base_url).replace('http', 'ws')}/v1/audio/stream") as socket:
        socket.send(json.dumps({"seed": 3, "max_new_tokens": 9, "text": TEXT, "end": True, **fields}))
        with contextlib.suppress(ConnectionClosed):
            while True:
                received = socket.recv(timeout=60)
                (said if isinstance(received, str) else sound).append(received)
    return [json.loads(message) for message in said], b"".join(sound)


def pcm(data):
    """(n,) int16 of a WAV, or of samples."""
    if not data.startswith(b"RIFF"):
        return np.frombuffer(data, "<i2")
    with wave.open(io.BytesIO(data)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def problem(answer, status=400):
    assert answer.status_code == status, answer.text
    return answer.json()["error"]
