"""How the body of a request becomes fields: JSON, or a form with a recording in it.

What is long is looked at beside the event loop, and in short steps: a thread that is in the midst of one long step of
Python's own C keeps the loop waiting as well.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from fastapi import Request
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.types import Message

from pocket_fast.server.answers import Refusal
from pocket_fast.server.fields import Fields, check
from pocket_fast.server.options import Options

_ENCODED = "application/x-www-form-urlencoded"
_FORMS = ("multipart/form-data", _ENCODED)
_JSON = (b"{", b"%7b", b"\xef\xbb\xbf{")  # how an object begins, also where curl encoded it for a form
_NULL = "null"  # what becomes of it in a form, which has no other values than texts and files
_SHORT = 1 << 16  # bytes that are looked at on the loop
_LONG = 1 << 16  # characters of a string that may be a recording
_STEP = 1 << 16
_MOST_FIELDS = 64  # of a form
_MOST_TEXT = 8 << 20  # bytes of a field of a form that is no file
_OTHER_VALUES = 4096  # in JSON, besides the signs of a text that look like more

F = TypeVar("F", bound=Fields)
T = TypeVar("T")


async def read(request: Request, model: type[F], options: Options, json_too: bool = True) -> F:
    """The fields of a body: a form, with a recording as the file voice_wav, or JSON.

    Raises Refusal (other media types, malformed bodies, a recording or a text above its limit) and
    RequestValidationError.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    recording, query = None, list(request.query_params)
    if kind in _FORMS:
        request, begins = await _begun(request)
        if begins.lstrip().lower().startswith(_JSON):
            instead = "send application/json" if json_too else "send the fields of a form"
            raise Refusal(415, f"the body is JSON, but its Content-Type says {kind}, a form; {instead}")
        data, recording = await _form(request, kind)
        data = {name: value for name, value in data.items() if value != _NULL or _is_required(model, name)}
        fields = check(model, data, query)
    elif not json_too:
        fields = check(model, {}, query)  # whatever the body is, no field is in it
    elif kind == "application/json":
        body = await _whole(request)
        fields = await aside(len(body), lambda: check(model, loads(body, options), query))
    else:
        raise Refusal(415, f"a body of type {kind or 'unknown'}; send application/json or a form")
    text = getattr(fields, "text", None) or getattr(fields, "input", "")
    if len(text) > options.max_text:
        raise Refusal(413, f"{len(text)} characters of text; this server takes {options.max_text}", "input")
    if recording is not None and (recording.size or 0) > options.max_upload:
        message = f"a recording of {recording.size} bytes; this server takes {options.max_upload}"
        raise Refusal(413, message, "voice_wav")
    fields._recording = recording
    return fields


async def _whole(request: Request) -> bytearray:
    """The body, which grows as it comes: to join what came takes long, in one go."""
    body = bytearray()
    async for part in request.stream():
        body += part
    return body


async def aside(size: int, work: Callable[[], T]) -> T:
    """work(), which takes the longer the larger `size` is, in bytes; in a thread if it is large."""
    return work() if size <= _SHORT else await asyncio.to_thread(work)


async def _begun(request: Request) -> tuple[Request, bytes]:
    """The request anew, and how its body begins: what is taken from a request to look at it is not there again."""
    messages: list[Message] = []
    while not messages or (messages[-1].get("more_body") and not messages[-1].get("body", b"").strip()):
        messages.append(await request.receive())
    begins = messages[-1].get("body", b"")

    async def receive() -> Message:
        return messages.pop(0) if messages else await request.receive()

    return Request(request.scope, receive), begins


# --- JSON ------------------------------------------------------------------------------------------


def loads(body: bytes | bytearray, options: Options) -> Any:
    """What a body of JSON says. Raises Refusal for what is none, and for more of it than any request needs.

    A recording in it is set aside before the rest is read.
    """
    strings: dict[str, tuple[int, int]] = {}
    rest: bytes | bytearray = body
    if len(body) > options.max_fields:
        strings, rest = _without_recordings(body, options.max_fields)
    if sum(rest.count(sign) for sign in (b"[", b"{", b",")) > options.max_text + _OTHER_VALUES:
        raise Refusal(400, "the body has more values than any request needs")
    try:
        data = json.loads(rest)
        if isinstance(data, dict):
            for name, value in data.items():
                if isinstance(value, str) and value in strings:
                    start, end = strings[value]
                    data[name] = str(memoryview(body)[start:end], "utf-8")
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise Refusal(400, "the body is not JSON") from None
    return data


def _without_recordings(body: bytes | bytearray, most: int) -> tuple[dict[str, tuple[int, int]], bytes]:
    """Where the long strings of JSON are, by what stands in their place; and the JSON with that in it.

    Raises Refusal where more than `most` bytes are left.
    """
    mark = secrets.token_hex(8)
    strings: dict[str, tuple[int, int]] = {}
    parts: list[bytes | bytearray] = []
    kept = left = 0
    for start, end in _strings(body, most):
        if end - start >= _LONG and body.find(b"\\", start, end) < 0:
            name = f"{mark}{len(strings)}"
            strings[name] = start, end
            parts += [body[kept:start], name.encode()]
            left += start - kept
            kept = end
        if left + end - kept > most:
            break
    if left + len(body) - kept > most:
        raise Refusal(413, f"a body of more than {most} bytes, not counting a recording, which is the limit")
    return strings, b"".join([*parts, body[kept:]])


def _strings(body: bytes | bytearray, most: int) -> Iterator[tuple[int, int]]:
    """The beginning and the end of each string of JSON, without its quotes. Those of more than `most` bytes with
    escapes in them end where they have so many."""
    at = 0
    while start := body.find(b'"', at) + 1:
        end = body.find(b'"', start)
        while end > start and end - start <= most and _is_escaped(body, start, end):
            end = body.find(b'"', end + 1)
        if end < 0:
            return
        yield start, end
        at = end + 1


def _is_escaped(body: bytes | bytearray, start: int, end: int) -> bool:
    first = end
    while first > start and body[first - 1] == ord("\\"):
        first -= 1
    return (end - first) % 2 == 1


# --- forms -----------------------------------------------------------------------------------------


async def _form(request: Request, kind: str) -> tuple[dict[str, str], UploadFile | None]:
    """Its fields that are not empty, and the recording in a nameless temporary file.

    What a client calls a file decides nothing; without any name it is a field left empty.
    """
    if kind == _ENCODED:
        body = await _whole(request)
        pairs: list[tuple[str, str | UploadFile]] = list(await aside(len(body), lambda: _decoded(body)))
    else:
        form = await request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_MOST_TEXT)
        pairs = form.multi_items()
    texts: dict[str, str] = {}
    recording = None
    for name, value in pairs:
        if (name == "voice_wav") != isinstance(value, UploadFile) and value not in ("", _NULL):
            raise Refusal(400, f"{name[:40]!r}: voice_wav is the one field that is a file", name[:40])
        if isinstance(value, UploadFile):
            recording = value if value.filename or value.size else recording
        elif value:
            texts[name] = value
    return texts, recording


def _decoded(body: bytes | bytearray) -> list[tuple[str, str]]:
    """The fields of an encoded form, in UTF-8 whether they are escaped or not (curl -d)."""
    pairs = [pair.partition(b"=") for pair in body.split(b"&", _MOST_FIELDS) if pair]
    if len(pairs) > _MOST_FIELDS:
        raise Refusal(400, f"a form of more than {_MOST_FIELDS} fields")
    return [(_unescaped(name), _unescaped(value)) for name, _, value in pairs]


def _unescaped(text: bytes | bytearray) -> str:
    text = text.replace(b"+", b" ")
    found, at = bytearray(), 0
    while at < len(text):
        end = min(at + _STEP, len(text))
        if end < len(text) and (begun := text.rfind(b"%", end - 2, end)) >= 0:
            end = begun  # of an escape
        found += unquote_to_bytes(bytes(text[at:end]))
        at = end
    return found.decode("utf-8", "replace")


def _is_required(model: type[BaseModel], name: str) -> bool:
    return name in model.model_fields and model.model_fields[name].is_required()
