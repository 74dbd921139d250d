"""What requests may ask for: the fields, their bounds, and how a body becomes them."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError
from starlette.datastructures import UploadFile

from pocket_fast.server.answers import Refusal
from pocket_fast.server.options import Options

_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_Number = Annotated[float, Field(allow_inf_nan=False)]
F = TypeVar("F", bound="Settings")


def _voice_id(value: Any) -> Any:
    """OpenAI also writes {"id": "..."}."""
    return value.get("id", value) if isinstance(value, dict) else value


Voice = Annotated[str | None, BeforeValidator(_voice_id)]


class Settings(BaseModel):
    """How to speak. What is left out is the model's default."""

    model_config = ConfigDict(extra="ignore")

    voice: Voice = Field(
        None,
        description="A name from /v1/audio/voices, or a recording: base64, bare or as a data: URL; an https:// or "
        "hf:// URL where the server allows that.",
    )
    temperature: _Number | None = Field(None, ge=0, le=10, description="Variance of the noise.")
    steps: int | None = Field(
        None,
        ge=1,
        le=64,
        validation_alias=AliasChoices("steps", "sampler_decode_steps", "lsd_steps"),
        description="Sampler steps per frame; also called sampler_decode_steps and lsd_steps.",
    )
    noise_clamp: _Number | None = Field(None, gt=0, description="No noise beyond plus or minus this.")
    eos_threshold: _Number | None = Field(None, description="Speech ends above it.")
    frames_after_eos: int | None = Field(None, ge=0, le=125, description="80 ms frames kept after the end.")
    max_tokens: int | None = Field(None, ge=1, le=1000, description="Longest chunk of text.")
    seed: int | None = Field(None, ge=0, lt=1 << 64, description="The same seed, the same samples.")
    natural_pauses: bool = Field(False, description="Also pause at ... and at commas.")
    speed: _Number = Field(1.0, ge=0.25, le=4, description="How fast, at the same pitch.")
    _recording: UploadFile | None = PrivateAttr(None)

    @property
    def recording(self) -> UploadFile | None:
        """The file voice_wav of a form."""
        return self._recording


class SpeechFields(Settings):
    """POST /generate and /stream."""

    text: str = Field(description="What to say.")


class OfficialFields(Settings):
    """POST /tts, as pocket-tts has it."""

    text: str = Field(description="What to say.")
    voice_url: str | None = Field(None, description="As voice.")


class OpenAIFields(Settings):
    """POST /v1/audio/speech, as OpenAI has it, and all of Settings."""

    model: str = Field(description="Any name: there is one model, see /v1/models.")
    input: str = Field(description="What to say.")
    response_format: str = Field("mp3", description="mp3, opus, flac, wav or pcm.")
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str | None = Field(None, description="Must be empty: these models take none.")


async def read(request: Request, model: type[F], options: Options, json_too: bool = True) -> F:
    """The fields of a body: a form, with a recording as the file voice_wav, or JSON.

    Raises Refusal (other media types, malformed bodies, a recording or a text above its limit) and
    RequestValidationError.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    recording = None
    if kind in _FORMS:
        data, recording = await _form(request, options)
    elif not json_too:
        data = {}  # whatever it is, no field is in it
    elif kind == "application/json":
        data = _json(await request.body())
    else:
        raise Refusal(415, f"a body of type {kind or 'unknown'}; send application/json or a form")
    fields = check(model, data)
    text = getattr(fields, "text", None) or getattr(fields, "input", "")
    if len(text) > options.max_text:
        raise Refusal(413, f"{len(text)} characters of text; this server takes {options.max_text}", "input")
    if recording is not None and (recording.size or 0) > options.max_upload:
        message = f"a recording of {recording.size} bytes; this server takes {options.max_upload}"
        raise Refusal(413, message, "voice_wav")
    fields._recording = recording
    return fields


def check(model: type[F], data: Any) -> F:
    """The fields of JSON. Raises RequestValidationError."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**p, "loc": ("body", *p["loc"])} for p in problems]) from None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise Refusal(400, "the body is not JSON") from None


async def _form(request: Request, options: Options) -> tuple[dict[str, str], UploadFile | None]:
    """Its fields that are not empty, and the recording in a nameless temporary file.

    What a client calls a file decides nothing; without any name it is a field left empty.
    """
    form = await request.form(max_files=1, max_fields=64, max_part_size=options.max_body)
    texts: dict[str, str] = {}
    recording = None
    for name, value in form.multi_items():
        if (name == "voice_wav") != isinstance(value, UploadFile) and value:
            raise Refusal(400, f"{name[:40]!r}: voice_wav is the one field that is a file", name[:40])
        if isinstance(value, UploadFile):
            recording = value if value.filename or value.size else recording
        elif value:
            texts[name] = value
    return texts, recording


def described(model: type[BaseModel], *, json_too: bool = True) -> dict[str, Any]:
    """The request body of a model for OpenAPI."""
    schema = model.model_json_schema(mode="validation")
    form = {**schema, "properties": {**schema["properties"], "voice_wav": _FILE}}
    content = {"multipart/form-data": {"schema": form}}
    if json_too:
        content["application/json"] = {"schema": schema}
    return {"requestBody": {"required": True, "content": content}}


_FILE = {"type": "string", "format": "binary", "description": "A recording of the voice to clone."}
