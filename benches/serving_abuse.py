"""What nobody should do to a server, all of it at once, beside listeners who should not notice.

    python benches/serving_abuse.py PORT SECONDS WIDTH [KIND ...]    as bench_serving.py abuse starts it

They are a process of their own, of low priority: they stand for other machines. WIDTH: floats of a row of a
voice's prompt in the model that is served. KIND: names of those functions that are to run; all if there are none.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import sys
import time
import wave
from collections import Counter
from io import BytesIO
from typing import Any

import numpy as np

from serving_http import post

LONG = "This goes on and on. " * 950  # nearly as much text as there may be
FORM = "application/x-www-form-urlencoded"

seen: Counter[str] = Counter()
"""How often each was done, and `NAME: STATUS` of what was answered."""


# --- connections -----------------------------------------------------------------------------------


async def dial(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


async def half_heads(port: int) -> None:
    """200 connections that begin to ask."""
    await held(port, 200, b"POST /stream HTTP/1.1\r\nHost: localhost\r\nX-Half: ")


async def half_bodies(port: int) -> None:
    """100 that never get on with what they began, a byte a second."""
    head = f"POST /stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\nContent-Length: 9000\r\n\r\ntext="
    await held(port, 100, head.encode(), drip=b"a")


async def half_handshakes(port: int) -> None:
    """50 that would like a WebSocket some day."""
    head = "GET /v1/audio/stream HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    await held(port, 50, head.encode())


async def unread_answers(port: int) -> None:
    """50 that ask for as much as they are given, and read none of it."""
    await held(port, 50, b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10)


async def held(port: int, count: int, begins: bytes, drip: bytes = b"") -> None:
    """Keep that many connections for 30 seconds, or for as long as they are let."""
    opened: list[asyncio.StreamWriter] = []
    try:
        for _ in range(count):
            _, writer = await dial(port)
            await asyncio.sleep(0.005)
            opened.append(writer)
            writer.write(begins)
        for _ in range(30):
            await asyncio.sleep(1)
            for writer in opened if drip else ():
                if not writer.is_closing():
                    writer.write(drip)
    finally:
        for writer in opened:
            writer.transport.abort()


async def deaf(port: int) -> None:
    """16 listeners who read nothing of a long text."""
    opened: list[Any] = []
    try:
        for _ in range(16):
            opened.append(await post(port, "/stream", json.dumps({"text": LONG}).encode()))
            opened[-1][2].transport.pause_reading()
        await asyncio.sleep(20)
    finally:
        for _, _, writer in opened:
            writer.transport.abort()


# --- conversations ---------------------------------------------------------------------------------


async def talk(port: int, messages: list[dict[str, Any]], seconds: float, after: float = 0.0) -> None:
    from websockets.asyncio.client import connect

    await asyncio.sleep(after)
    async with connect(f"ws://127.0.0.1:{port}/v1/audio/stream", ping_interval=None) as socket:
        for message in messages:
            await socket.send(json.dumps(message))
        await asyncio.sleep(seconds)


async def half_words(port: int) -> None:
    """70 that are in the middle of a word."""
    await asyncio.gather(*(talk(port, [{"text": "Hel"}], 25, after=i * 0.02) for i in range(70)))


async def silent(port: int) -> None:
    """70 that say nothing at all."""
    await asyncio.gather(*(talk(port, [], 25, after=i * 0.02) for i in range(70)))


async def letter_by_letter(port: int) -> None:
    """20,000 messages of a sign each, of those that are looked at most closely."""
    signs = random.choice(["]", "[pause:1", ".", ",", ")", " »", "[", "9"])
    messages = [{"text": "Hello [pause:"}, *({"text": signs[i % len(signs)]} for i in range(19_000))]
    await talk(port, messages, 1)


# --- requests --------------------------------------------------------------------------------------


async def ask(
    name: str, port: int, path: str, body: bytes, kind: str = "application/json", seconds: float = 30
) -> None:
    """Send it, read the answer, and leave after so long at the latest."""
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_ask(name, port, path, body, kind), seconds)


async def _ask(name: str, port: int, path: str, body: bytes, kind: str) -> None:
    status, answer, writer = await post(port, path, body, kind)
    seen[f"{name}: {status}"] += 1
    try:
        while await answer.read(1 << 16):
            pass
    finally:
        writer.transport.abort()


async def long_plans(port: int) -> None:
    """20,000 characters that are cut in as many places as there can be; who asks leaves at once."""
    pauses = random.choice([True, False])
    text = "Wait, well, so; then. " * 900 if not pauses else f"{'Wait, well... so. ' * 600}{'Then. ' * 1500}"
    body = {"text": text, "natural_pauses": pauses, "max_tokens": random.choice([5, 50])}
    await ask("long_plans", port, "/stream", json.dumps(body).encode(), seconds=0.5)


async def long_prompts(port: int) -> None:
    """As much text as can be taken in as one prompt; who asks leaves within a second."""
    body = {"text": "word " * 3900, "max_tokens": 1000}
    await ask("long_prompts", port, "/stream", json.dumps(body).encode(), seconds=1)


async def silences(port: int) -> None:
    """Ten minutes of silence, slowed down, as MP3."""
    body = {"model": "m", "input": "[pause:590s] Hello.", "response_format": "mp3", "speed": 0.5}
    await ask("silences", port, "/v1/audio/speech", json.dumps(body).encode())


async def strangers(port: int) -> None:
    """Names, letters and lengths that nobody has."""
    for body in (
        b'{"text": "\\ud800"}',
        b'{"text": "Hi.", "voice": "\\udfff"}',
        b"[" * 60_000,
        b'{"a":' * 20_000,
    ):
        await ask("strangers", port, "/stream", body)
    reader, writer = await dial(port)
    writer.write(b"POST /stream HTTP/1.1\r\nHost: evil.example\r\nContent-Length: \xc2\xb2\r\n\r\n")
    await reader.read(100)
    writer.transport.abort()


async def leaving(port: int) -> None:
    """Leave before the first sound."""
    await ask("leaving", port, "/stream", json.dumps({"text": LONG}).encode(), seconds=random.uniform(0, 0.2))


class Uploads:
    """Voices that cost the server more than their sender."""

    def __init__(self, width: int):
        from safetensors.numpy import save

        rows = np.random.default_rng(0).standard_normal((1, 16_000, width)).astype(np.float16)
        self._rows = save({"audio_prompt": rows})
        entries = (f'"t{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for i in range(380_000))
        header = "{" + ",".join(entries) + "}"
        self._header = len(header).to_bytes(8, "little") + header.encode()
        sound = BytesIO()
        with wave.open(sound, "wb") as file:
            file.setparams((1, 1, 383_999, 0, "NONE", ""))
            file.writeframes(os.urandom(30 * 383_999))
        self._fast = sound.getvalue()
        self._large = json.dumps({"text": "Hi.", "voice": base64.b64encode(self._fast).decode()}).encode()

    async def _upload(self, name: str, port: int, data: bytes, seconds: float) -> None:
        fields = '--abuse\r\nContent-Disposition: form-data; name="text"\r\n\r\nHi.\r\n'
        fields += '--abuse\r\nContent-Disposition: form-data; name="voice_wav"; filename="a"\r\n\r\n'
        body = fields.encode() + data + b"\r\n--abuse--\r\n"
        await ask(name, port, "/tts", body, "multipart/form-data; boundary=abuse", seconds)

    async def long_voices(self, port: int) -> None:
        """16,000 positions of a voice state."""
        await self._upload("long_voices", port, self._rows, 5)

    async def many_tensors(self, port: int) -> None:
        """A header of 380,000 empty tensors."""
        await self._upload("many_tensors", port, self._header, 10)

    async def fast_recordings(self, port: int) -> None:
        """30 s at a rate that has no factor in common with ours."""
        await self._upload("fast_recordings", port, self._fast, 10)

    async def large_bodies(self, port: int) -> None:
        """A recording as JSON, as large as may be."""
        await ask("large_bodies", port, "/stream", self._large, seconds=10)


async def links(port: int) -> None:
    """Voices from hosts that there are not."""
    for i in range(20):
        voice = f"https://{random.randrange(1 << 30)}.invalid/{i}.wav"
        await ask("links", port, "/stream", json.dumps({"text": "Hi.", "voice": voice}).encode())


Abuse = Any  # a coroutine function of a port


def all_of_it(width: int) -> list[Abuse]:
    """All kinds of abuse."""
    uploads = Uploads(width)
    connections = [half_heads, half_bodies, half_handshakes, unread_answers, deaf]
    requests = [long_plans, long_prompts, silences, strangers, leaving, links]
    voices = [uploads.long_voices, uploads.many_tensors, uploads.fast_recordings, uploads.large_bodies]
    return [*connections, half_words, silent, letter_by_letter, *requests, *voices]


async def again_and_again(abuse: Abuse, port: int, until: float) -> None:
    """One kind of it, until the time is over; then everybody leaves at once."""
    name = abuse.__name__
    while (left := until - time.monotonic()) > 0:
        with contextlib.suppress(Exception):  # who abuses has to expect anything
            await asyncio.wait_for(abuse(port), left)
        seen[name] += 1
        await asyncio.sleep(0.1)


async def main(port: int, seconds: float, width: int, names: list[str]) -> None:
    kinds = [kind for kind in all_of_it(width) if not names or kind.__name__ in names]
    until = time.monotonic() + seconds
    print("ready", flush=True)
    await asyncio.gather(*(again_and_again(abuse, port, until) for abuse in kinds))
    print(json.dumps(seen), flush=True)
    os._exit(0)  # nothing of it is closed politely


if __name__ == "__main__":
    os.nice(10)
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
