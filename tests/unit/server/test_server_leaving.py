"""Whoever leaves in the middle ends the computing: on every route, directly and through a proxy that buffers."""

import json
from socket import SHUT_RDWR

import httpx
import pytest
from websockets.sync.client import connect

from pocket_fast.audio.encode import available_formats
from pocket_fast.server.speech import waits
from proxies import nginx
from serving import texts_in, wait_until

LONG = "This goes on and on. " * 900
ENDLESS = {"text": LONG, "input": LONG, "model": "m", "eos_threshold": 1e9}
ROUTES = {
    "stream": ("/stream", {}),
    "tts": ("/tts", {}),
    **{
        f"speech, {format}": ("/v1/audio/speech", {"response_format": format})
        for format in available_formats()
    },
    "speech, sse": ("/v1/audio/speech", {"stream_format": "sse"}),
    "generate": ("/generate", {}),
}
BUFFERS = """
    proxy_ignore_headers X-Accel-Buffering;
    proxy_buffers 64 64k; proxy_buffer_size 64k; proxy_max_temp_file_size 1024m;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
"""


@pytest.fixture(scope="module", params=["directly", "through a buffering proxy"])
def way(request, shared, tmp_path_factory):
    """The address of the server that all tests share, or of a proxy before it that keeps all it can get."""
    if request.param == "directly":
        yield shared.url
        return
    with nginx(shared.url, tmp_path_factory.mktemp("proxy"), BUFFERS) as url:
        yield url


@pytest.fixture
def ended(site, caplog):
    """ended(): waits until what was begun in this test is no longer computed, having been cancelled: no error."""
    before = len(site.events("cancelled"))

    def ended():
        wait_until(lambda: site.model.engine_load().running == site.model.engine_load().waiting == 0)
        wait_until(lambda: len(site.events("cancelled")) == before + 1)
        assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []

    return ended


@pytest.mark.parametrize(("path", "fields"), ROUTES.values(), ids=ROUTES)
def test_in_the_middle(way, site, ended, path, fields):
    data = ENDLESS | fields
    if path == "/generate" or waits(fields.get("response_format", "mp3")):  # nothing is sent for a long time
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(way + path, data=data, timeout=httpx.Timeout(60, read=0.3))
    else:
        with httpx.stream("POST", way + path, data=data, timeout=60) as answer:
            assert answer.status_code == 200
            sound = answer.iter_raw()  # held: dropping it would close the connection
            assert next(sound)
            assert texts_in(site.model) == 1
    ended()


@pytest.mark.parametrize("how", ["close", "vanish"])
def test_in_the_middle_of_a_conversation(way, ended, how):
    # max_queue: or it would not see the server's goodbye behind all the sound
    with connect(f"{way.replace('http', 'ws')}/v1/audio/stream", max_queue=None) as socket:
        socket.send(json.dumps({"text": LONG, "eos_threshold": 1e9, "flush": True}))
        while not isinstance(socket.recv(timeout=60), bytes):
            pass
        if how == "vanish":
            socket.socket.shutdown(SHUT_RDWR)  # closing alone would wait for the thread that receives from it
            socket.socket.close()
    ended()


def test_while_others_are_heard(way, site, said, ended):
    """Nobody else notices."""
    with httpx.stream("POST", f"{way}/stream", data=ENDLESS, timeout=60) as answer:
        sound = answer.iter_raw()
        assert next(sound)
        other = httpx.post(f"{way}/stream", data={"text": "Hi.", "seed": 4}, timeout=60)
    assert other.content == said("Hi.", seed=4).tobytes()
    ended()
