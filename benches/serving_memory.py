"""Many requests to one server, in several voices, some cancelled, some malformed: does it grow, does it mix up?"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import Counter
from typing import Any

from serving_http import Body, Ours, post
from serving_load import percentile, prose

AT_A_TIME = 8
CANCELLED, MALFORMED = 0.10, 0.05
EVERY = 50  # requests between looks at the memory
MALFORMED_BODIES = [  # each is to be refused with a status from 400 to 499
    (b"{", "application/json"),
    (b"\xff\xfe", "application/json"),
    (b"[]", "application/json"),
    (b"{}", "application/json"),
    (b"text=hello", "text/plain"),
    (json.dumps({"text": "  "}).encode(), "application/json"),
    (json.dumps({"text": "x" * 100_000}).encode(), "application/json"),
    (json.dumps({"text": "Hello.", "voice": "nobody"}).encode(), "application/json"),
    (json.dumps({"text": "Hello.", "voice": "A" * 4000}).encode(), "application/json"),
    (json.dumps({"text": "Hello.", "temperature": "hot"}).encode(), "application/json"),
    (json.dumps({"text": "Hello.", "steps": 1e9}).encode(), "application/json"),
    (b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nHi', "multipart/form-data; boundary=x"),
]


async def digest(body: Body) -> str:
    found = hashlib.sha256()
    while data := await body.read(1 << 16):
        found.update(data)
    return found.hexdigest()


async def answer(server: Ours, body: bytes) -> str:
    """The digest of what is said."""
    status, sound, writer = await post(server.port, "/stream", body)
    try:
        if status != 200:
            raise RuntimeError(f"/stream answered {status}: {(await sound.exactly(300)).decode()}")
        return await digest(sound)
    finally:
        writer.close()


async def load(server: Ours, requests: int, voices: int, different: int = 24) -> dict[str, Any]:
    """Counts by what happened, and the server's memory along the way (MiB)."""
    dice = random.Random(requests)
    bodies = [server.body(prose(3 + i % 5, seed=i), voice=i % voices, seed=i) for i in range(different)]
    alone = [await answer(server, body) for body in bodies]  # nobody else is there
    counts: Counter[str] = Counter()
    memory = [server.rss_mib()]
    refused: Counter[str] = Counter()

    async def good() -> str:
        i = dice.randrange(different)
        return "as alone" if await answer(server, bodies[i]) == alone[i] else "WRONG SOUND"

    async def cancelled() -> str:
        asking = post(server.port, "/stream", dice.choice(bodies))
        try:
            status, sound, writer = await asyncio.wait_for(asking, dice.choice((0.005, 60.0)))
        except asyncio.TimeoutError:
            return "cancelled"  # before there was anything to hear
        await sound.exactly(3840 * dice.randrange(4))
        writer.close()
        return "cancelled" if status == 200 else f"WRONG STATUS {status}"

    async def malformed() -> str:
        body, kind = dice.choice(MALFORMED_BODIES)
        status, _, writer = await post(server.port, "/stream", body, kind)
        writer.close()
        refused[str(status)] += 1
        return "refused" if 400 <= status < 500 else f"WRONG STATUS {status}"

    async def worker() -> None:
        while sum(counts.values()) + running[0] < requests:
            running[0] += 1
            die = dice.random()
            kind = cancelled if die < CANCELLED else malformed if die < CANCELLED + MALFORMED else good
            try:
                outcome = await kind()
            except (RuntimeError, OSError, asyncio.IncompleteReadError, ValueError) as error:
                outcome = f"WRONG: {type(error).__name__}"
            running[0] -= 1
            counts[outcome] += 1
            if sum(counts.values()) % EVERY == 0:
                memory.append(server.rss_mib())

    running = [0]
    await asyncio.gather(*(worker() for _ in range(AT_A_TIME)))
    settled = memory[len(memory) // 5 :]
    return {
        "requests": requests,
        "outcomes": dict(counts),
        "refusals": dict(refused),
        "rss_mib": memory,
        "grown_mib": percentile(settled[-4:], 50) - percentile(settled[:4], 50),
    }


def fit(found: dict[str, Any]) -> bool:
    """Nothing mixed up, nothing answered wrongly."""
    return not any(outcome.startswith("WRONG") for outcome in found["outcomes"])
