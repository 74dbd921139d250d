"""Listeners and a server under abuse: what they hear of it, how it is, and how soon all is free again."""

from __future__ import annotations

import asyncio
import json
import math
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from serving_http import Ours, get
from serving_load import Listener, percentile, sentence

QUIET_SECONDS = 20.0  # at least, before anyone abuses it
WORDS = 6  # of a sentence
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


class Watch:
    """What happened so far."""

    def __init__(self, server: Abused, listeners: int):
        self._server = server
        self._listeners = listeners
        self.heard: list[Listener] = []  # a sentence each, from its first sound on
        self.unheard: list[str] = []  # sentences that were not spoken, or not to their end, and why
        self.answers: dict[str, Any] = {}  # of /health: what serving_probe.py found
        self.counts: list[dict[str, float]] = []

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Listeners listen, and the server is looked at."""
        tasks = [asyncio.ensure_future(self._listen(i)) for i in range(self._listeners)]
        tasks.append(asyncio.ensure_future(self._sample()))
        probe = await asyncio.create_subprocess_exec(
            *(sys.executable, Path(__file__).with_name("serving_probe.py"), str(self._server.port)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            self.answers = json.loads((await probe.communicate(b""))[0])

    async def _listen(self, i: int) -> None:
        """One sentence after another."""
        dice = random.Random(i)
        await asyncio.sleep(i * 0.1)
        while True:
            listener = Listener()
            self.heard.append(listener)
            try:
                await listener.play(self._server, sentence(dice, WORDS), 0, math.inf)
            except StopAsyncIteration:  # shorter than a player's buffer
                pass
            except Exception as error:
                self.unheard.append(str(error) or type(error).__name__)
                await asyncio.sleep(1)

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
    async with quiet.watching():
        await asyncio.sleep(QUIET_SECONDS)
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
    async with watch.watching():
        said = await abusers.stdout.readline()
        await abusers.wait()
        samples = len(watch.counts)
        free = await watch.free(before)
    return {
        "seconds": seconds,
        "listeners": listeners,
        "done": json.loads(said),
        "quiet": _found(quiet, len(quiet.counts)),
        "abused": _found(watch, samples),
        "free": free,
        "after": server.counts(),
    }


def _found(watch: Watch, samples: int) -> dict[str, Any]:
    heard = [listener for listener in watch.heard if not math.isnan(listener.first)]
    late = [seconds for listener in heard for seconds in listener.late]
    times = {name: watch.answers[name] for name in ("health", "floor")}
    return {
        "sentences": len(heard),
        "unheard": watch.unheard,
        "gaps": sum(listener.missing for listener in heard),
        "late_p99": percentile(late, 99),
        "late_max": max(late, default=0.0),
        "first_p95": percentile([listener.first for listener in heard], 95),
        **{f"{name}_p{p}": percentile(seconds, p) for name, seconds in times.items() for p in (50, 95, 99)},
        **{f"{name}_max": max(seconds) for name, seconds in times.items()},
        "sick": watch.answers["sick"],
        "counts": watch.counts[:samples],
    }


def fit(found: dict[str, Any]) -> bool:
    """Whether nobody noticed anything, and nothing was left of it."""
    abused = found["abused"]
    counts = abused["counts"]
    third = max(1, len(counts) // 3)
    before, late = (max(c["rss"] for c in part) for part in (counts[-2 * third : -third], counts[-third:]))
    return (
        abused["gaps"] == 0
        and not abused["unheard"]
        and abused["sick"] == 0
        and abused["health_p99"] < 0.05
        and late < 1.05 * before
        and found["free"] < 1.0
        and not any(name.endswith(": 500") for name in found["done"])
    )
