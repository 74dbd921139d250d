"""Where the system gives no more threads: the request that needs one fails, and the next one does not."""

import logging
import threading

import pytest

from pocket_fast.server import beside
from recordings import hum
from serving import texts_in, wait_until, wav_of

LONG = {"text": "This goes on and on. " * 120}  # is looked at, and planned, in threads
MP3 = {"model": "m", "input": "Hi.", "response_format": "mp3"}


@pytest.mark.parametrize(
    ("thread", "path", "body"),
    [
        ("asyncio", "/stream", {"json": LONG}),
        ("pocket_fast text", "/stream", {"json": LONG}),
        ("pocket_fast sound", "/v1/audio/speech", {"json": MP3}),
        ("pocket_fast voice", "/tts", {"data": {"text": "Hi."}, "files": {"voice_wav": wav_of(hum(1.0))}}),
    ],
)
def test_a_thread_that_cannot_be_started(start, monkeypatch, caplog, thread, path, body):
    beside._threads.cache_clear()  # which servers share
    real, refused = threading.Thread.start, []

    def refuse(self):
        if self.name.startswith(thread):
            refused.append(self.name)
            raise RuntimeError("can't start new thread")
        real(self)

    with start() as site:
        with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, "pocket_fast"):
            patch.setattr(threading.Thread, "start", refuse)
            for _ in range(3):
                assert site.client.post(path, **body).status_code == 500
        assert len(refused) == 3
        assert "can't start new thread" in caplog.text
        assert site.client.post(path, **body).status_code == 200
        wait_until(lambda: texts_in(site.model) == 0)
