"""How soon a server answers /health, looked at from a process of its own, and what of that is the machine's.

    python benches/serving_probe.py PORT    until its standard input ends; then it prints what it found

After each look it asks, as often, a server that does nothing but answer, in another process: what that takes is the
time that two processes beside the same load wait for a core.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import sys
import time
from typing import Any

from serving_http import get

EVERY = 0.1  # seconds between two looks
_PATIENCE = 10.0
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


def bare(listening: socket.socket) -> None:
    """Answers everything with the same, for ever."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_ANSWER)
        writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(answer, sock=listening) as server:
            await server.serve_forever()

    asyncio.run(serve())


async def looked(port: int) -> tuple[float, bool]:
    """Seconds until it answered, and whether it did so as it should."""
    asked = time.perf_counter()
    try:
        status, _ = await asyncio.wait_for(get(port, "/health"), _PATIENCE)
    except (OSError, EOFError, asyncio.TimeoutError):
        status = 0
    return time.perf_counter() - asked, status == 200


async def look(port: int, beside: int) -> dict[str, Any]:
    """At both, until the standard input ends."""
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    found: dict[str, list[float]] = {"health": [], "floor": []}
    sick = 0
    while not over.done():
        seconds, is_well = await looked(port)
        found["health"].append(seconds)
        sick += not is_well
        found["floor"].append((await looked(beside))[0])
        await asyncio.sleep(EVERY)
    return found | {"sick": sick}


def main(port: int) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    beside = multiprocessing.get_context("fork").Process(target=bare, args=(listening,), daemon=True)
    beside.start()
    found = asyncio.run(look(port, listening.getsockname()[1]))
    beside.kill()
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
