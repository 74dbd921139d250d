"""A server in a process of its own, ours or pocket-tts's, and the least client that can listen to it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from serving_load import LONGEST, QUIET

FRAME_BYTES = 1920 * 2
WAV_HEADER = 44


class Body:
    """The body of an answer, with or without chunks, of known length or until the end."""

    def __init__(self, reader: asyncio.StreamReader, headers: dict[str, str]):
        self._reader = reader
        self._chunked = headers.get("transfer-encoding") == "chunked"
        self._left = 0 if self._chunked else int(headers.get("content-length", 1 << 62))
        self._first = True

    async def read(self, most: int) -> bytes:
        """At least a byte, at most `most`; none at the end. Raises IncompleteReadError where it breaks off."""
        if self._chunked and not self._left:
            if not self._first:
                await self._reader.readexactly(2)
            self._first = False
            line = await self._reader.readuntil(b"\r\n")
            self._left = int(line, 16)
            if not self._left:
                self._chunked = False
        if not self._left:
            return b""
        data = await self._reader.read(min(most, self._left))
        if not data and self._left < 1 << 61:
            raise asyncio.IncompleteReadError(b"", self._left)
        self._left -= len(data)
        return data

    async def exactly(self, count: int) -> bytes:
        """`count` bytes; fewer at the end."""
        parts = []
        while count and (data := await self.read(count)):
            parts.append(data)
            count -= len(data)
        return b"".join(parts)


async def post(
    port: int, path: str, body: bytes, kind: str = "application/json"
) -> tuple[int, Body, asyncio.StreamWriter]:
    """Status, body and connection (to be closed) of a request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except BaseException:
        writer.close()
        raise
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), Body(reader, headers), writer


async def get(port: int, path: str) -> tuple[int, bytes]:
    """On a connection of its own, as a monitor asks."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        return int(lines[0].split()[1]), await Body(reader, headers).exactly(1 << 24)
    finally:
        writer.close()


class Served:
    """A server on loopback."""

    command: Sequence[str]

    def __init__(self, python: str, *options: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the server
        self._words = [python, "-m", *self.command, "--host", "127.0.0.1", "--port", str(self.port), *options]
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(self._words, stdout=self._log, stderr=self._log)
        self._tasks = Path(f"/proc/{self._process.pid}/task")
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5):
                    return
            except OSError:
                if self._process.poll() is not None:
                    self._log.seek(0)
                    raise SystemExit(self._log.read().decode()[-2000:]) from None
                time.sleep(0.1)

    async def _frames(self, path: str, body: bytes, kind: str, skip: int) -> AsyncIterator[bytes]:
        status, answer, writer = await post(self.port, path, body, kind)
        try:
            if status != 200:
                raise RuntimeError(f"{path} answered {status}: {(await answer.exactly(300)).decode()}")
            await answer.exactly(skip)
            while frame := await answer.exactly(FRAME_BYTES):
                yield frame
        finally:
            writer.close()

    def cpu(self) -> float:
        """Seconds that all of its threads have computed."""
        total = 0
        for task in self._tasks.iterdir():
            with contextlib.suppress(OSError):  # it ended meanwhile
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def rss_mib(self) -> float:
        lines = (self._tasks.parent / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    async def stopped(self, asked: float) -> float:
        """Seconds from `asked` (perf_counter) until it computes for less than a third of the time.

        By the clocks of its threads over 10 ms, so threads that wait busily count as computing.
        """
        seen = [(time.perf_counter(), self.cpu())]
        last = asked
        while (now := time.perf_counter()) < last + QUIET and now < asked + LONGEST:
            seen.append((now, self.cpu()))
            before = next((s for s in reversed(seen) if s[0] <= now - 0.01), seen[0])
            if now > before[0] and (seen[-1][1] - before[1]) / (now - before[0]) > 0.33:
                last = now
            await asyncio.sleep(0.003)
        return last - asked

    def restart(self) -> None:
        self._process.kill()
        self._process.wait()
        self._start()

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


class Ours(Served):
    """python -m pocket_fast serve. Voices beyond the default one travel with each request."""

    command = ("pocket_fast", "serve", "-q", "--max-streams", "4096")

    def __init__(
        self,
        config: Path,
        voice: Path,
        compute_type: str,
        threads: int,
        recordings: Sequence[np.ndarray] = (),
    ):
        options = ("--compute-type", compute_type, "--threads", str(threads))
        super().__init__(sys.executable, "--config", str(config), "--default-voice", str(voice), *options)
        self._voices = [None, *map(as_base64, recordings)]

    def speak(
        self, text: str, voice: int = 0, seed: int | None = None, live: bool = True
    ) -> AsyncIterator[bytes]:
        """A listener's stream; or a file, of which nothing comes before its end."""
        body = self.body(text, voice, seed)
        path, skip = ("/stream", 0) if live else ("/generate", WAV_HEADER)
        return self._frames(path, body, "application/json", skip)

    def body(self, text: str, voice: int = 0, seed: int | None = None) -> bytes:
        fields: dict[str, Any] = {"text": text, "voice": self._voices[voice], "seed": seed}
        return json.dumps({k: v for k, v in fields.items() if v is not None}).encode()


class Rival(Served):
    """pocket-tts serve: one way to ask, in one voice."""

    command = ("pocket_tts", "serve")

    def __init__(self, python: str, config: Path, voice: Path, quantize: bool):
        options = ("--quantize",) if quantize else ()
        super().__init__(python, "--config", str(config), "--default-voice", str(voice), *options)

    def speak(
        self, text: str, voice: int = 0, seed: int | None = None, live: bool = True
    ) -> AsyncIterator[bytes]:
        return self._frames(
            "/tts", urlencode({"text": text}).encode(), "application/x-www-form-urlencoded", WAV_HEADER
        )


def as_base64(samples: np.ndarray) -> str:
    """A WAV file of 24 kHz samples."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setparams((1, 2, 24000, len(samples), "NONE", ""))
        wav.writeframes((samples * 32767).astype("<i2").tobytes())
    return base64.b64encode(file.getvalue()).decode()
