"""/health, /generate, /stream, /tts: what the official server and the Rust port offer, with the fields of both."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from pocket_fast import __version__
from pocket_fast.audio.encode import open_encoder
from pocket_fast.server.answers import JSON, Refusal
from pocket_fast.server.answers import described as refusals
from pocket_fast.server.bodies import read
from pocket_fast.server.fields import Forms, described
from pocket_fast.server.service import Service
from pocket_fast.server.speech import TAIL_SECONDS, SoundResponse, encoded, whole_wav


def _sends(media_type: str) -> dict[int | str, dict]:
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": "Sound.", "content": {media_type: {"schema": schema}}}}


async def health(request: Request) -> Response:
    """That it runs, and what."""
    service = Service.of(request)
    return JSON(
        {
            "status": "healthy",
            "version": __version__,
            "model": service.name,
            "sample_rate": service.model.sample_rate,
            "cloning": service.model.clones,
            "compute_type": service.model.compute_type,
            "takes": service.forms.takes,
        }
    )


async def generate(request: Request) -> Response:
    """A whole WAV file, when all of it is made."""
    service = Service.of(request)
    fields = await read(request, service.forms.speech, service.options)
    chunks = await service.speak(request, fields, fields.text, live=False)
    name = {**fields.headers, "Content-Disposition": 'attachment; filename="pocket-tts-output.wav"'}
    return SoundResponse(whole_wav(chunks, service.model.sample_rate), "audio/wav", name, whole=True)


async def stream(request: Request) -> Response:
    """Samples as they are made: 16 bits, little-endian, mono, without any header."""
    service = Service.of(request)
    fields = await read(request, service.forms.speech, service.options)
    chunks = await service.speak(request, fields, fields.text)
    rate = service.model.sample_rate
    parts = encoded(chunks, open_encoder("pcm", rate))
    return SoundResponse(parts, "application/octet-stream", {**fields.headers, "X-Sample-Rate": str(rate)})


async def tts(request: Request) -> Response:
    """A WAV file, sent as it is made: its header announces more than will come. Ends with 200 ms of silence."""
    service = Service.of(request)
    fields = await read(request, service.forms.official, service.options, json_too=False)
    if not fields.text.strip():
        raise Refusal(400, "Text cannot be empty")
    if fields.voice_url and fields.recording is not None:
        raise Refusal(400, "Cannot provide both voice_url and voice_wav")
    fields.voice = fields.voice_url or fields.voice
    rate = service.model.sample_rate
    chunks = await service.speak(request, fields, fields.text)
    name = {**fields.headers, "Content-Disposition": "attachment; filename=generated_speech.wav"}
    parts = encoded(chunks, open_encoder("wav", rate), tail=int(TAIL_SECONDS * rate))
    return SoundResponse(parts, "audio/wav", name)


def router(forms: Forms) -> APIRouter:
    """Where they are."""
    routes = APIRouter(responses=refusals(openai=False))
    routes.get("/health")(health)
    text = described(forms.speech)
    routes.post("/generate", responses=_sends("audio/wav"), openapi_extra=text)(generate)
    routes.post("/stream", responses=_sends("application/octet-stream"), openapi_extra=text)(stream)
    official = described(forms.official, json_too=False)
    routes.post("/tts", responses=_sends("audio/wav"), openapi_extra=official)(tts)
    return routes
