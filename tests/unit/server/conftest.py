"""A tiny model behind a real server on loopback."""

import contextlib
import copy
import time
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn

from pocket_fast import TTSModel
from pocket_fast.audio.encode import Encoder
from pocket_fast.cli import _parser
from pocket_fast.cli.serve import _app
from pocket_fast.server.app import create_app
from pocket_fast.server.options import Options
from recordings import hum
from reference.synthetic import make_model
from serving import hosted


@pytest.fixture(scope="session")
def load(tmp_path_factory):
    """load() -> a tiny model that hears the end of speech as soon as it may."""
    config = make_model(tmp_path_factory.mktemp("tiny"), "tiny")
    return lambda: TTSModel.load_model(config=config, threads=1, eos_threshold=-1e9)


@pytest.fixture(scope="session")
def loaded(load):
    """What all servers should say the same as. Not to be changed."""
    return load()


@pytest.fixture(scope="session")
def voice(loaded):
    """The default voice of all servers."""
    return loaded.get_state_for_audio_prompt(hum(1.0))


@dataclass
class Site:
    """A running server: `client` for requests, `model` for what is behind it."""

    url: str
    client: httpx.Client
    model: TTSModel
    server: uvicorn.Server

    def events(self, name: str) -> list[float]:
        """The values of an engine event so far."""
        return [value for event, value in self.told if event == name]

    def slow_down(self, seconds: float = 0.01) -> None:
        """Every step takes so long more: who reads is faster, and holds its place."""
        model = self.model._model
        predict = model.predict

        def slowly(*given: Any) -> Any:
            time.sleep(seconds)
            return predict(*given)

        model.predict = slowly

    def metric(self, line: str) -> float:
        """The value of a line of /metrics."""
        for found in self.client.get("/metrics").text.splitlines():
            if found.startswith(line + " "):
                return float(found.split()[-1])
        raise AssertionError(f"no {line} in /metrics")


@pytest.fixture(scope="session")
def start(load):
    """start(options, **engine limits) -> context manager of a Site with an engine of its own."""

    @contextlib.contextmanager
    def start(options=None, headers=None, language=None, **limits):
        model = load()
        model.language = language
        model.limit(**limits)
        app = create_app(model, model.get_state_for_audio_prompt(hum(1.0)), options or Options())
        with hosted(app, headers=headers) as (client, server):
            site = Site(str(client.base_url), client, model, server)
            site.told = []
            model.watch(lambda *event: site.told.append(event))
            yield site

    return start


@pytest.fixture(scope="session")
def shared(start):
    with start() as site:
        yield site


@pytest.fixture
def site(shared):
    """A server with the default options that all tests share."""
    return shared


@pytest.fixture
def client(site):
    return site.client


@pytest.fixture
def said(loaded, voice):
    """said(text, **options) -> what the default voice says, (n,) int16."""

    def said(text, state=None, **options: Any):
        model = copy.copy(loaded)
        for name in ("temp", "sampler_decode_steps", "eos_threshold"):
            if name in options:
                setattr(model, name, options.pop(name))
        return as_pcm(model.generate_audio(state or voice, text, **options))

    return said


@pytest.fixture
def break_encoding(monkeypatch):
    """break_encoding(after): from now on, every file breaks off after so many pieces of sound."""
    encode = Encoder.encode

    def break_encoding(after):
        calls = {}

        def broken(self, chunk):
            calls[self] = calls.get(self, 0) + 1
            if calls[self] > after:
                raise OSError("/some/path: no space left on device")
            return encode(self, chunk)

        monkeypatch.setattr(Encoder, "encode", broken)

    return break_encoding


def as_pcm(sound):
    return (np.clip(sound, -1, 1) * np.float32(32767)).astype("<i2")


@pytest.fixture(scope="session")
def sites(tiny_qwen3):
    """sites(model, *words of serve) -> httpx.Client of a server of a tiny Qwen3-TTS model, kept for all tests."""
    running, found = contextlib.ExitStack(), {}

    def sites(model, *words):
        command = ("serve", "-q", "--model", tiny_qwen3(model), "--threads", "1", "--warmup", "false", *words)
        command = tuple(map(str, command))
        if command not in found:
            app = _app(_parser().parse_args(command))
            found[command], _ = running.enter_context(hosted(app))
        return found[command]

    with running:
        yield sites
