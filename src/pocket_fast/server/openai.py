"""What clients of OpenAI's speech API call: /v1/audio/speech, /v1/models, /v1/audio/voices."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from pocket_fast.audio.encode import MEDIA_TYPES
from pocket_fast.server.answers import JSON
from pocket_fast.server.answers import described as refusals
from pocket_fast.server.bodies import read
from pocket_fast.server.fields import Forms, described
from pocket_fast.server.front import OPENAI
from pocket_fast.server.service import Service
from pocket_fast.server.speech import SoundResponse, check_format, file_of, waits

_SPEECH = {
    200: {
        "description": "Sound, sent as it is made.",
        "content": {
            "audio/*": {"schema": {"type": "string", "format": "binary"}},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    }
}


async def speech(request: Request) -> Response:
    """Speak, as OpenAI's API does: mp3 unless told otherwise, streamed."""
    service = Service.of(request)
    fields = await read(request, service.forms.openai, service.options)
    check_format(fields.response_format, "response_format")
    format, rate = fields.response_format, service.model.sample_rate
    chunks = await service.speak(request, fields, fields.input, live=not waits(format))
    if fields.stream_format == "audio":
        return SoundResponse(file_of(chunks, format, rate), MEDIA_TYPES[format], fields.headers)
    tokens = await asyncio.to_thread(service.model.count_tokens, fields.input)
    events = _events(chunks, format, tokens, rate)
    return SoundResponse(events, "text/event-stream", fields.headers)


async def models(request: Request) -> Response:
    """The one model that is loaded, under its name."""
    return JSON({"object": "list", "data": [_model(Service.of(request))]})


async def model(request: Request, name: str) -> Response:
    """The model by any name that a request for speech may give it (they all are the one, `root`), and its voices."""
    service = Service.of(request)
    names, _ = await _voices(service)
    return JSON({**_model(service), "id": name, "voices": [{"name": name} for name in names]})


async def audio_models(request: Request) -> Response:
    """The one model, as Open WebUI asks for it."""
    return JSON({"models": [_model(Service.of(request))]})


async def speech_voices(request: Request) -> Response:
    """The voices as Speaches lists them."""
    service = Service.of(request)
    names, _ = await _voices(service)
    return JSON([{"model_id": service.name, "voice_id": name, "id": name, "name": name} for name in names])


async def voices(request: Request) -> Response:
    """The voices that requests may name, and the one that speaks for those that name none."""
    service = Service.of(request)
    names, aliases = await _voices(service)
    return JSON(
        {
            "voices": [{"id": name, "name": name} for name in names],
            "default": service.voices.default,
            "aliases": aliases,
        }
    )


def router(forms: Forms) -> APIRouter:
    """Where they are."""
    routes = APIRouter(prefix=OPENAI, tags=["OpenAI"], responses=refusals(openai=True))
    routes.post("/audio/speech", responses=_SPEECH, openapi_extra=described(forms.openai))(speech)
    routes.get("/models")(models)
    routes.get("/models/{name:path}")(model)
    routes.get("/audio/voices")(voices)
    routes.get("/voices")(voices)
    routes.get("/audio/models")(audio_models)
    routes.get("/audio/speech/voices")(speech_voices)
    return routes


async def _voices(service: Service) -> tuple[list[str], Mapping[str, str]]:
    """Their names, and OpenAI's for them. A folder of voices may be slow to read."""
    return await asyncio.to_thread(lambda: (service.voices.names, service.voices.aliases))


def _model(service: Service) -> dict[str, Any]:
    name = service.name
    return {
        "id": name,
        "object": "model",
        "created": service.started,
        "owned_by": "pocket_fast",
        "root": name,
    }


async def _events(
    chunks: AsyncGenerator[np.ndarray, None], format: str, words: int, rate: int
) -> AsyncGenerator[bytes, None]:
    """Server-sent events. Tokens: those of the text, and one for every 80 ms of speech."""
    samples = 0

    async def counted() -> AsyncGenerator[np.ndarray, None]:
        nonlocal samples
        async with aclosing(chunks):
            async for chunk in chunks:
                samples += len(chunk)
                yield chunk

    async with aclosing(file_of(counted(), format, rate)) as parts:
        async for part in parts:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(part).decode()})
    frames = round(samples / rate * 12.5)
    usage = {"input_tokens": words, "output_tokens": frames, "total_tokens": words + frames}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(data: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % json.dumps(data).encode()
