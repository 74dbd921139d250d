"""Helpers of the server's tests."""

import contextlib
import io
import threading
import time
import wave

import httpx
import uvicorn

from pocket_fast.server.connection import Connection


def wait_until(condition, seconds=60):
    """Polls. Fails loudly rather than waiting for ever."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


def texts_in(model):
    """How many its engine has: those it computes for, those who wait for that, and those who rest."""
    load = model.engine_load()
    return load.running + load.waiting + load.resting


def read_on(answer):
    """Have a streamed answer read in a thread, to its end or until it is closed: it holds a place for so long.

    Returns when its first sound is there.
    """
    begun = threading.Event()

    def read():
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError):
            for _ in answer.iter_raw(1000):
                begun.set()

    threading.Thread(target=read, daemon=True).start()
    assert begun.wait(60)


def wav_of(sound, rate=24000):
    """A WAV file of (n,) float samples in [-1, 1]."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes((sound * 32767).astype("<i2").tobytes())
    return file.getvalue()


@contextlib.contextmanager
def hosted(app, uds=None, **client_options):
    """(httpx.Client, uvicorn.Server) of this application, on loopback or the Unix socket uds.

    The client's base_url is where.
    """
    place = {"port": 0} if uds is None else {"uds": str(uds)}
    config = uvicorn.Config(
        app,
        http=Connection,
        proxy_headers=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=5,
        **place,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    if uds is None:
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    else:
        url, client_options["transport"] = "http://here", httpx.HTTPTransport(uds=str(uds))
    with httpx.Client(base_url=url, timeout=60, **client_options) as client:
        yield client, server
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()
