"""From what was asked for to the bytes of an answer, as the engine makes the sound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import numpy as np
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from pocket_fast.api.speaking import Marks, Speaking
from pocket_fast.audio.encode import Encoder, available_formats, open_encoder
from pocket_fast.audio.stretch import TimeStretch
from pocket_fast.errors import TextError
from pocket_fast.server.answers import Refusal, refusal_of
from pocket_fast.server.beside import beside, beside_each
from pocket_fast.server.connection import OpenEnd, cut
from pocket_fast.server.fields import Fields
from pocket_fast.server.requests import log
from pocket_fast.text.pauses import Silence, cut_at_pauses

T = TypeVar("T")

MOST_SILENCE = 600  # seconds of pauses in one text: a few characters could ask for a year of them
PATIENCE = 20.0  # seconds that a file may wait for its length; proxies and clients have 30 and more
_PIECE = 1920  # samples that are stretched or encoded at a time
_BLOCK = 1 << 17  # bytes of what is all there that are sent in one go
TAIL_SECONDS = 0.2  # of silence behind what the official server sends: some players cut off the end


def check_pauses(text: str, sample_rate: int, natural: bool = False) -> None:
    """Raises TextError for more silence than anyone means."""
    pieces = cut_at_pauses(text, natural, sample_rate)
    check_silence(sum(piece.samples for piece in pieces if isinstance(piece, Silence)) / sample_rate)


def check_silence(seconds: float) -> None:
    """Raises TextError for more of it in one text than anyone means."""
    if seconds > MOST_SILENCE:
        raise TextError(f"pauses of {seconds:.0f} s; at most {MOST_SILENCE} s in one text")


async def sound(
    model: Speaking,
    state: Any,
    text: str | AsyncIterable[str],
    fields: Fields,
    settings: Mapping[str, Any],
    max_wait: float,
    live: bool = True,
    marks: Marks | None = None,
) -> AsyncGenerator[np.ndarray, None]:
    """What is said, (n,) float32 as it is made, at the speed that was asked for. Raises what aspeak raises."""
    stretch = TimeStretch(fields.speed, model.sample_rate)
    frames = model.aspeak(
        state,
        text,
        settings,
        seed=fields.seed,
        natural_pauses=fields.natural_pauses,
        live=live,
        deadline=max_wait,
        marks=marks,
    )
    async with aclosing(frames):
        async for frame in frames:
            yield await stretched(stretch, frame)
        yield await stretched(stretch)


async def stretched(stretch: TimeStretch, frame: np.ndarray | None = None) -> np.ndarray:
    """What comes out of it when a frame goes in; its end, where none does."""
    if stretch.speed == 1:
        return stretch.finish() if frame is None else frame
    if frame is None:
        return await beside(stretch.finish)
    return np.concatenate(await beside_each(stretch.push, _pieces(frame)))


async def encoded(
    chunks: AsyncGenerator[np.ndarray, None], encoder: Encoder, tail: int = 0
) -> AsyncGenerator[bytes, None]:
    """The bytes of a file of these chunks and `tail` silent samples. The first come with the first sound."""
    async with aclosing(chunks):
        async for chunk in chunks:
            if data := await encode(encoder, chunk):
                yield data
        yield await encode(encoder, np.zeros(tail, np.float32), last=True)


async def encode(encoder: Encoder, chunk: np.ndarray, last: bool = False) -> bytes:
    """The bytes that a chunk completes. last: with those that come after all chunks."""
    if not encoder.is_heavy:
        return encoder.encode(chunk) + (encoder.finish() if last else b"")
    parts = await beside_each(encoder.encode, _pieces(chunk))
    return b"".join([*parts, await beside(encoder.finish)] if last else parts)


def _pieces(sound: np.ndarray) -> Iterator[np.ndarray]:
    """It in frames: a second of silence takes no more of the threads at a time than others' frames do."""
    for start in range(0, max(1, len(sound)), _PIECE):
        yield sound[start : start + _PIECE]


def check_format(format: str, field: str) -> None:
    """Raises Refusal, which names the formats there are, for one that cannot be encoded here."""
    if format not in available_formats():
        how = "; aac needs PyAV at the server: pip install 'pocket-fast[aac]'" if format == "aac" else ""
        known = ", ".join(available_formats())
        raise Refusal(400, f"{field} {format[:20]!r} is not available; choose one of: {known}{how}", field)


def waits(format: str) -> bool:
    """Whether a file of this format is worth waiting for, so that it can state its length.

    libsndfile, which most of Python reads sound with, takes a FLAC of unknown length for one of 2**63 samples.
    """
    return format == "flac"


async def file_of(
    chunks: AsyncGenerator[np.ndarray, None], format: str, sample_rate: int
) -> AsyncGenerator[bytes, None]:
    """The bytes of a file of these chunks in a format that open_encoder takes, as soon as may be (see waits)."""
    async with aclosing(chunks):
        held, is_all = await _held(chunks) if waits(format) else ([], False)
        samples = sum(map(len, held)) if is_all else None
        encoder = open_encoder(format, sample_rate, samples=samples)
        async with aclosing(encoded(_after(held, chunks), encoder)) as parts:
            async for part in parts:
                yield part


async def _held(chunks: AsyncGenerator[np.ndarray, None]) -> tuple[list[np.ndarray], bool]:
    """What comes within PATIENCE seconds, and whether that is all."""
    held = []
    until = time.monotonic() + PATIENCE
    async for chunk in chunks:
        held.append(chunk)
        if time.monotonic() > until:
            return held, False
    return held, True


async def _after(
    held: list[np.ndarray], chunks: AsyncGenerator[np.ndarray, None]
) -> AsyncGenerator[np.ndarray, None]:
    for chunk in held:
        yield chunk
        await asyncio.sleep(0)  # others want their turn too
    held.clear()
    async for chunk in chunks:
        yield chunk


async def whole_wav(
    chunks: AsyncGenerator[np.ndarray, None], sample_rate: int
) -> AsyncGenerator[bytes, None]:
    """A WAV of known length, which nothing can be sent of before everything is there."""
    pcm = [part async for part in encoded(chunks, open_encoder("pcm", sample_rate))]
    samples = sum(map(len, pcm)) // 2
    yield open_encoder("wav", sample_rate, samples=samples).encode(np.zeros(0, np.float32))
    for part in pcm:
        yield part


class SoundResponse(Response):
    """Sends parts as they are made.

    The headers go out with the first part, so that whatever fails before it is still answered properly. What
    fails later ends the connection without the end of the body. A client that leaves ends the computing, also
    while nothing is being sent; one that reads slowly makes `parts` wait, and one that takes nothing for as long as
    the server's idle_seconds is cut off. whole: state the length, which is also done
    where a body that broke off could not be told from a complete one.
    """

    def __init__(
        self,
        parts: AsyncGenerator[bytes, None],
        media_type: str,
        headers: dict[str, str] | None = None,
        whole: bool = False,
    ):
        how = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx: pass it on as it comes
        super().__init__(media_type=media_type, headers={**how, **(headers or {})})
        del self.headers["content-length"]
        self._parts = parts
        self._whole = whole
        self._open_end: OpenEnd | None = None
        self._offered: float | None = None  # when the client was given what it has not taken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["http_version"] == "1.0" and not self._whole:
            self._open_end = OpenEnd.of(scope)
            self._whole = self._open_end is None
        sending = asyncio.ensure_future(self._send(send))
        gone = asyncio.ensure_future(_wait_until_gone(receive))
        try:
            if await self._stalls({sending, gone}, scope["app"].state.service.options.idle_seconds):
                log.warning("Cut off %s: its client took nothing for too long", scope["path"])
                cut(scope)
            elif sending.done():
                await sending
        finally:
            for task in (sending, gone):
                task.cancel()
            try:
                await asyncio.gather(sending, gone, return_exceptions=True)
            finally:  # a server that stops cancels twice
                await self._parts.aclose()

    async def _stalls(self, tasks: set[asyncio.Future[None]], most: float) -> bool:
        """Wait for the first of them, or until the client has taken nothing for `most` seconds."""
        clock = asyncio.get_running_loop().time
        while True:
            since = clock() if self._offered is None else self._offered
            done, _ = await asyncio.wait(tasks, timeout=since + most - clock(), return_when="FIRST_COMPLETED")
            if done:
                return False
            if self._offered is not None and clock() >= self._offered + most:
                return True

    async def _send(self, send: Send) -> None:
        send = self._offering(send)
        parts: AsyncIterator[bytes] = self._parts
        first = await anext(parts, b"")
        if self._whole:
            all_parts = [first, *[part async for part in parts]]
            self.headers["Content-Length"] = str(sum(map(len, all_parts)))
            first, parts = b"", _in_blocks(all_parts)
        elif self._open_end is not None:
            self._open_end.begin()
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        try:
            async for part in parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except Exception as error:
            refusal = refusal_of(error)
            log.error("Speech broke off after it had begun: %s", refusal.detail)
            return  # without the end of the body: the server closes the connection
        if self._open_end is not None:
            # waits for all before it
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            self._open_end.complete()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _offering(self, send: Send) -> Send:
        clock = asyncio.get_running_loop().time

        async def offer(message: Message) -> None:
            self._offered = clock()
            await send(message)
            self._offered = None

        return offer


async def _in_blocks(parts: list[bytes]) -> AsyncIterator[bytes]:
    """What they hold, a block at a time, each of which others may come between; no more is kept than is left."""
    parts.reverse()
    while parts:
        block = bytearray()
        while parts and len(block) < _BLOCK:
            block += parts.pop()
        yield bytes(block)
        await asyncio.sleep(0)


async def while_there(receive: Receive, making: Coroutine[Any, Any, T]) -> T:
    """What is made for a client, unless it leaves: then that ends, with ClientDisconnect."""
    task, gone = asyncio.ensure_future(making), asyncio.ensure_future(_wait_until_gone(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        for ending in (task, gone):
            ending.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
