"""Many requests at once begin little by little: whoever is being served, and who looks after the server, has turns."""

import asyncio
import contextlib
import gc
import socket
import sys
import threading
import time

import pytest

from pocket_fast.cli.serve import _for_good
from pocket_fast.server import beside, crowd
from pocket_fast.server.line import Line
from pocket_fast.server.options import Options


async def rounds(counted):
    """Counts what the event loop goes through."""
    while True:
        counted.append(None)
        await asyncio.sleep(0)


def begun(count, path="/stream", kind="http", leaving=(), monitors=()):
    """In which round each of `count` requests of one moment began; then those of `monitors`, which came last."""

    async def ask():
        counted, found = [], {}

        async def app(scope, receive, send):
            found[scope["id"]] = len(counted)

        line = Line(app)
        counting = asyncio.ensure_future(rounds(counted))
        await asyncio.sleep(0)
        tasks = [
            asyncio.ensure_future(line({"type": kind, "path": path, "id": i}, None, None))
            for i in range(count)
        ]
        tasks += [
            asyncio.ensure_future(line({"type": "http", "path": path, "id": path}, None, None))
            for path in monitors
        ]
        await asyncio.sleep(0)
        for i in leaving:
            tasks[i].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        counting.cancel()
        again = asyncio.ensure_future(line({"type": kind, "path": path, "id": "again"}, None, None))
        await asyncio.wait_for(again, 10)
        return found

    return asyncio.run(asyncio.wait_for(ask(), 30))


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("count", [1, 4, 5, 50])
def test_a_few_begin_at_a_time_in_their_order(count, kind):
    found = begun(count, kind=kind)
    when = [found[i] for i in range(count)]
    assert when == sorted(when)
    assert max(when.count(number) for number in when) <= 4
    assert max(when) - min(when) <= count


def test_who_leaves_the_line_keeps_nobody_in_it():
    found = begun(30, leaving=range(6, 26))
    assert sorted(i for i in found if i != "again") == [*range(6), *range(26, 30)]


def test_monitors_pass():
    found = begun(60, monitors=("/health", "/metrics"))
    assert found["/health"] == found["/metrics"] == found[0] < found[59]


def test_the_line_is_of_a_server(start):
    """Fifty connections of ten requests each: all are answered, and /health between them."""
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10
    with start(Options()) as site, contextlib.ExitStack() as stack:
        host, port = site.url.removeprefix("http://").split(":")
        opened = [stack.enter_context(socket.create_connection((host, int(port)), 30)) for _ in range(50)]
        for connection in opened:
            connection.sendall(ask)
        assert site.client.get("/health").status_code == 200
        for connection in opened:
            data = b""
            while data.count(b"HTTP/1.1 200 OK") < 10:
                part = connection.recv(1 << 16)
                assert part
                data += part


def test_many_connections_are_looked_after_a_few_at_a_time(start, monkeypatch):
    looks, on = [], crowd.Crowd._look_on

    def look_on(self, unseen):
        before = len(unseen)
        on(self, unseen)
        looks.append(before - len(unseen))

    monkeypatch.setattr(crowd, "_TICK", 0.05)
    monkeypatch.setattr(crowd.Crowd, "_look_on", look_on)
    with start(Options(request_seconds=1.0)) as site, contextlib.ExitStack() as stack:
        host, port = site.url.removeprefix("http://").split(":")
        opened = [stack.enter_context(socket.create_connection((host, int(port)), 30)) for _ in range(70)]
        for connection in opened:
            connection.sendall(b"GET ")
        for connection in opened:
            assert b"408" in connection.recv(1 << 12)
    assert max(looks) == 16


def test_small_pieces_share_a_turn_of_the_threads_of_sound(monkeypatch):
    """As many as there is time for, in their order; each is done once, in one of these threads."""
    gone, named = [], set()

    def work(piece):
        named.add(threading.current_thread().name)
        time.sleep(0.0001)
        return piece * 2

    real = beside.beside

    async def counted(*given):
        gone.append(given)
        return await real(*given)

    monkeypatch.setattr(beside, "beside", counted)
    monkeypatch.setattr(beside, "_TURN", 60.0)
    assert asyncio.run(beside.beside_each(work, range(40))) == list(range(0, 80, 2))
    assert len(gone) == 1
    monkeypatch.setattr(beside, "_TURN", 0.0)
    assert asyncio.run(beside.beside_each(work, range(5))) == list(range(0, 10, 2))
    assert len(gone) == 6
    assert all(name.startswith("pocket_fast sound") for name in named)


def test_what_a_crowd_consists_of_is_seldom_looked_through():
    """A full search for garbage among the requests of a crowd holds Python, and everyone, for tens of milliseconds."""
    before, interval = gc.get_threshold(), sys.getswitchinterval()
    try:
        _for_good(None)
        assert gc.get_threshold()[:2] == before[:2]
        assert gc.get_threshold()[2] >= 5 * before[2]
        assert gc.get_freeze_count()
        assert sys.getswitchinterval() < interval
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
        sys.setswitchinterval(interval)
