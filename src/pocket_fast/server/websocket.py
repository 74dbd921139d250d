"""A conversation: text comes in as it is written, sound goes out as it is made, with marks of what is where.

docs/serving.md describes the messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from starlette.websockets import WebSocketDisconnect

from pocket_fast.audio.encode import open_encoder
from pocket_fast.audio.stretch import TimeStretch
from pocket_fast.server.answers import Refusal, refusal_of
from pocket_fast.server.bodies import aside, loads
from pocket_fast.server.fields import Message, check, named
from pocket_fast.server.service import Service
from pocket_fast.server.shell import CONVERSATION, has_key, same, unauthorized
from pocket_fast.server.sites import foreign, is_foreign
from pocket_fast.server.speech import check_format, check_silence, encode, sound, stretched
from pocket_fast.text.pauses import Pauses

router = APIRouter()

_FIRST_MESSAGE_SECONDS = 30.0
_TURN = 0.001  # seconds that messages are taken in one after the other,
_REST = 0.01  # and then none, for so long: others want the loop too, and thousands a second are enough
_MOST_WAITING = 16  # utterances that were ended but not begun
_EVERY = {"text", "flush", "cancel", "end"}  # fields that count in every message
_MOST_IGNORED = 64  # names that a connection is told of
_CLOSE = {401: 1008, 403: 1008, 413: 1009, 503: 1013}  # RFC 6455 and its registry; 1013: try again later


class _Utterance:
    """Text up to a flush, as it comes in: an async iterable of its pieces, which raises TextError for absurd pauses."""

    def __init__(self, most: int):
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue()
        self._left = most

    def add(self, piece: str) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise Refusal(413, "the text is too long; send flush in between", "text")
        self._pieces.put_nowait(piece)

    def close(self) -> None:
        self._pieces.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[str]:
        pauses = Pauses()
        while (piece := await self._pieces.get()) is not None:
            pauses.push(piece)
            check_silence(pauses.milliseconds / 1000)
            yield piece


@router.get(CONVERSATION, include_in_schema=False)
async def no_conversation() -> Response:
    """For those who ask for the address as for a page, and those whose wish for a WebSocket was lost on the way."""
    raise Refusal(
        426,
        "this address speaks WebSocket, and the request came without the header Upgrade: websocket. If it was sent, a "
        "proxy in between drops it (nginx passes it on with proxy_http_version 1.1, proxy_set_header Upgrade "
        "$http_upgrade and proxy_set_header Connection upgrade)",
        code="upgrade_required",
        headers={"Upgrade": "websocket", "Connection": "Upgrade"},
    )


@router.websocket(CONVERSATION)
async def conversation(socket: WebSocket) -> None:
    """One listener for as long as the connection lasts."""
    options = Service.of(socket).options
    if is_foreign(socket.headers, socket.scope["scheme"], options.cors_origins):
        return await socket.close(reason=foreign(socket.headers))  # before it is accepted: status 403
    await socket.accept()
    try:
        first = await asyncio.wait_for(_receive(socket), _FIRST_MESSAGE_SECONDS)
        key = options.api_key
        if not has_key(socket.headers, key) and not (first.api_key and same(first.api_key, key or "")):
            raise unauthorized()
        await _Conversation(socket, first).run(first)
        await socket.close()
    except WebSocketDisconnect:
        pass
    except Exception as error:
        if isinstance(error, asyncio.TimeoutError):
            error = Refusal(408, "no message came")
        refusal = _refusal(error)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it may have left meanwhile
            await _say(socket, _as_message(refusal))
            await socket.close(_CLOSE.get(refusal.status_code, 1011 if refusal.status_code >= 500 else 1007))


class _Conversation:
    """The settings of a connection, what waits to be said, and how much was said."""

    def __init__(self, socket: WebSocket, settings: Message):
        self._socket = socket
        self._service = Service.of(socket)
        self._settings = settings
        self._waiting: asyncio.Queue[_Utterance | None] = asyncio.Queue()
        self._open: _Utterance | None = None  # text is still added to it
        self._speaking: asyncio.Task[None] | None = None
        self._rate = self._service.model.sample_rate
        self._samples = 0  # sent since the connection began
        self._early: list[dict[str, Any]] | None = []  # what is to be said when the voice is ready
        check_format(settings.format, "format")

    async def run(self, first: Message) -> None:
        """Until the client has ended its text and heard all of it. Raises what is wrong with the connection."""
        self._ignored = set(first.ignored)
        self._service.tell_ignored(first.ignored)
        listening = asyncio.ensure_future(self._listen(first))
        answering = asyncio.ensure_future(self._answer(first))
        try:
            await asyncio.wait((listening, answering), return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                await listening  # raises if the client left or sent nonsense
            await answering
        finally:
            for task in (listening, answering):
                task.cancel()
            await asyncio.gather(listening, answering, return_exceptions=True)

    async def _listen(self, message: Message) -> None:
        """Take in messages until the client leaves; the end of its text is not the end of its listening."""
        ended, since = False, time.perf_counter()
        while True:
            if ended and (message.text or message.flush or message.end):
                raise Refusal(400, "text after the end", "text")
            await self._take(message)
            ended = ended or message.end
            asked = time.perf_counter()
            message = await _receive(self._socket)
            now = time.perf_counter()
            if now > asked + _TURN:  # it had to be waited for, and all had the loop meanwhile
                since = now
            elif now > since + _TURN:
                await asyncio.sleep(_REST)
                since = time.perf_counter()

    async def _take(self, message: Message) -> None:
        if message.cancel:
            await self._cancel()
        if message.text:
            if self._open is None:
                if self._waiting.qsize() >= _MOST_WAITING:
                    raise Refusal(413, "too many texts are waiting to be spoken", "flush")
                self._open = _Utterance(self._service.options.max_text)
                self._waiting.put_nowait(self._open)
            self._open.add(message.text)
        if (message.flush or message.end) and self._open is not None:
            self._open.close()
            self._open = None
        if message.end:
            self._waiting.put_nowait(None)
        await self._tell_ignored(message)

    async def _tell_ignored(self, message: Message) -> None:
        """Say what of a message means nothing, once for each name: unknown fields, and settings that come too late."""
        first = self._settings
        late = [
            name
            for name in message.model_fields_set - _EVERY
            if getattr(message, name) != getattr(first, name)
        ]
        new = set(named([*message.ignored, *late])) - self._ignored
        if new and len(self._ignored) < _MOST_IGNORED:
            self._ignored |= new
            await self._tell({"mark": "ignored", "ignored": sorted(new)})
            self._service.tell_ignored(new)

    async def _cancel(self) -> None:
        """Forget all text that came so far; what comes later is spoken."""
        ended = False
        while not self._waiting.empty():
            ended = self._waiting.get_nowait() is None or ended
        self._open = None
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)
        await self._mark("cancel", self._samples)
        if ended:
            self._waiting.put_nowait(None)

    async def _start(self, first: Message) -> None:
        """Make the voice ready, which ends if the client leaves meanwhile."""
        self._state = await self._service.voices.find(self._settings.voice, words=self._settings.words)
        start = {"mark": "start", "format": first.format, "sample_rate": self._rate}
        await _say(self._socket, start | ({"ignored": first.ignored} if first.ignored else {}))
        while self._early:
            await _say(self._socket, self._early.pop(0))
        self._early = None

    async def _answer(self, first: Message) -> None:
        await self._start(first)
        while (utterance := await self._waiting.get()) is not None:
            self._speaking = asyncio.ensure_future(self._speak(utterance))
            try:
                await asyncio.wait((self._speaking,))
            finally:
                self._speaking.cancel()
            if not self._speaking.cancelled() and (error := self._speaking.exception()) is not None:
                if isinstance(error, WebSocketDisconnect):
                    raise error  # noticed here before it is where messages are read
                refusal = _refusal(error)
                if refusal.status_code not in (400, 408, 503):
                    raise refusal
                await _say(self._socket, _as_message(refusal))  # the next text may do better
                if utterance is self._open:
                    self._open = None
            self._speaking = None
        await self._mark("end", self._samples)

    async def _speak(self, utterance: _Utterance) -> None:
        """One utterance: a stream of the engine, and for formats with a header a file, of its own."""
        settings = self._settings
        marks: deque[tuple[int, str]] = deque()
        encoder = open_encoder(settings.format, self._rate)
        stretch = TimeStretch(settings.speed, self._rate)
        normal = settings.model_copy(update={"speed": 1.0})
        before, taken = self._samples, 0
        frames = sound(
            self._service.model,
            self._state,
            utterance,
            normal,
            self._service.settings(normal),
            self._service.options.max_wait,
            marks=lambda samples, text: marks.append((samples, text)),
        )
        async with contextlib.aclosing(frames):
            async for frame in frames:
                while marks and marks[0][0] < taken + len(frame):
                    start, text = marks.popleft()
                    await self._mark("passage", before + stretch.length(start), text)
                taken += len(frame)
                await self._send(await encode(encoder, await stretched(stretch, frame)))
                self._samples = before + stretch.length(taken)
        await self._send(await encode(encoder, await stretched(stretch), last=True))
        await self._mark("flush", self._samples)

    async def _send(self, data: bytes) -> None:
        if data:
            await self._socket.send_bytes(data)

    async def _mark(self, kind: str, samples: int, text: str | None = None) -> None:
        mark: dict[str, Any] = {"mark": kind, "samples": samples, "seconds": round(samples / self._rate, 4)}
        await self._tell(mark if text is None else {**mark, "text": text})

    async def _tell(self, message: dict[str, Any]) -> None:
        if self._early is None:
            await _say(self._socket, message)
        else:
            self._early.append(message)


async def _receive(socket: WebSocket) -> Message:
    """The next message. Raises WebSocketDisconnect, Refusal, RequestValidationError."""
    received = await socket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1005))
    service = Service.of(socket)
    text = (received.get("text") or "").encode()
    try:
        return await aside(len(text), lambda: check(service.forms.message, loads(text, service.options)))
    except Refusal as refusal:
        refusal.detail = f"expected a JSON object in a text frame: {refusal.detail}"
        raise


def _refusal(error: BaseException) -> Refusal:
    if isinstance(error, RequestValidationError):
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"][1:]))
        return Refusal(400, f"{where or 'message'}: {problem['msg']}", where or None)
    assert isinstance(error, Exception)
    refusal = refusal_of(error)
    if refusal.param == "input":
        refusal.param = "text"  # what it is called here
    return refusal


def _as_message(refusal: Refusal) -> dict[str, Any]:
    problem = {"message": refusal.detail, "param": refusal.param, "code": refusal.code}
    return {"error": {**problem, "status": refusal.status_code}}


async def _say(socket: WebSocket, message: dict[str, Any]) -> None:
    await socket.send_text(json.dumps(message))
