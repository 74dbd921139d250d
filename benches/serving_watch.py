"""Listeners and a server under abuse: what they hear of it, how it is, and how soon all is free again."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from serving_http import Body, Ours
from serving_load import Listener, percentile, sentence

PROBE_SECONDS = 0.1  # between two looks at /health
SAMPLE_SECONDS = 2.0  # between two looks at memory, threads and files
FREE_SECONDS = 10.0  # that all being free again is waited for


class Abused(Ours):
    """A server with the limits that it has when nobody gives any."""

    command = ("pocket_fast", "serve", "-q", "--allow-voice-urls")

    def counts(self) -> dict[str, float]:
        """MiB of memory, threads, open files."""
        status = (self._tasks.parent / "status").read_text().splitlines()
        threads = next(int(line.split()[1]) for line in status if line.startswith("Threads"))
        files = len(list((self._tasks.parent / "fd").iterdir()))
        return {"rss": self.rss_mib(), "threads": threads, "files": files}


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


class Watch:
    """What happened so far."""

    def __init__(self, server: Abused, listeners: int):
        self._server = server
        self._listeners = listeners
        self.heard: list[Listener] = []
        self.unheard: list[str] = []  # sentences that were not spoken, and why
        self.health: list[float] = []
        self.sick = 0  # times that /health did not answer as it should
        self.counts: list[dict[str, float]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Listeners listen, and the server is looked at."""
        tasks = [asyncio.ensure_future(self._listen(i)) for i in range(self._listeners)]
        tasks += [asyncio.ensure_future(self._probe()), asyncio.ensure_future(self._sample())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    async def _listen(self, i: int) -> None:
        """One sentence after another."""
        dice = random.Random(i)
        await asyncio.sleep(i * 0.1)
        while True:
            listener = Listener()
            try:
                await listener.play(self._server, sentence(dice, 12), 0, time.perf_counter() + 3600)
            except StopAsyncIteration:  # shorter than a player's buffer
                pass
            except Exception as error:
                self.unheard.append(str(error) or type(error).__name__)
                await asyncio.sleep(1)
                continue
            self.heard.append(listener)

    async def _probe(self) -> None:
        while True:
            asked = time.perf_counter()
            try:
                status, _ = await asyncio.wait_for(get(self._server.port, "/health"), 10)
                self.sick += status != 200
            except Exception:
                self.sick += 1
            self.health.append(time.perf_counter() - asked)
            await asyncio.sleep(PROBE_SECONDS)

    async def _sample(self) -> None:
        while True:
            self.counts.append(self._server.counts())
            await asyncio.sleep(SAMPLE_SECONDS)

    async def free(self, before: dict[str, float]) -> float:
        """Seconds until nothing is left of who has left: speech, and files but for the listeners' own."""
        begun = time.perf_counter()
        while (passed := time.perf_counter() - begun) < FREE_SECONDS:
            _, text = await get(self._server.port, "/metrics")
            numbers = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if line[0] != "#")
            kept = sum(float(numbers[f"pocket_fast_{name}"]) for name in ("streams", "queue", "resting"))
            files = self._server.counts()["files"]
            if kept <= self._listeners and files <= before["files"] + self._listeners + 2:
                return passed
            await asyncio.sleep(0.05)
        return passed


async def abuse(
    server: Abused, config: Path, seconds: float, listeners: int, kinds: Sequence[str] = ()
) -> dict[str, Any]:
    """`listeners` for `seconds` alone, then for as long as the abusers are given, then until all is free."""
    from pocket_fast.models.pocket.config_file import load_config

    quiet, watch = Watch(server, listeners), Watch(server, listeners)
    with quiet.watching():
        await asyncio.sleep(min(15.0, max(5.0, seconds / 10)))
    before = max(quiet.counts, key=lambda counts: counts["files"])
    width = load_config(config).flow_lm.transformer.d_model
    words = [
        sys.executable,
        Path(__file__).with_name("serving_abuse.py"),
        server.port,
        seconds,
        width,
        *kinds,
    ]
    abusers = await asyncio.create_subprocess_exec(
        *map(str, words), stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    assert abusers.stdout is not None
    await abusers.stdout.readline()  # they have made up what they will send
    with watch.watching():
        said = await abusers.stdout.readline()
        await abusers.wait()
        during = len(watch.health), len(watch.counts)
        free = await watch.free(before)
    return {
        "seconds": seconds,
        "listeners": listeners,
        "done": json.loads(said),
        "quiet": _found(quiet, len(quiet.health), len(quiet.counts)),
        "abused": _found(watch, *during),
        "free": free,
        "after": server.counts(),
    }


def _found(watch: Watch, probes: int, samples: int) -> dict[str, Any]:
    late = [seconds for listener in watch.heard for seconds in listener.late]
    health = watch.health[:probes]
    return {
        "sentences": len(watch.heard),
        "unheard": watch.unheard,
        "gaps": sum(listener.missing for listener in watch.heard),
        "late_p99": percentile(late, 99),
        "late_max": max(late, default=0.0),
        "first_p95": percentile([listener.first for listener in watch.heard], 95),
        "health_p50": percentile(health, 50),
        "health_p99": percentile(health, 99),
        "health_max": max(health, default=0.0),
        "sick": watch.sick,
        "counts": watch.counts[:samples],
    }


def fit(found: dict[str, Any]) -> bool:
    """Whether nobody noticed anything, and nothing was left of it."""
    abused = found["abused"]
    counts = abused["counts"]
    third = max(1, len(counts) // 3)
    early, late = (max(c["rss"] for c in part) for part in (counts[:third], counts[-third:]))
    return (
        abused["gaps"] == 0
        and not abused["unheard"]
        and abused["sick"] == 0
        and abused["health_p99"] < 0.05
        and late < 1.1 * early
        and found["free"] < 1.0
        and not any(name.endswith(": 500") for name in found["done"])
    )
