"""OpenAI's own JavaScript client in a page of another web site: allowed, and not allowed."""

import functools
import os
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from pocket_fast import TTSModel
from pocket_fast.server.app import create_app
from pocket_fast.server.options import Options
from recordings import hum
from serving import hosted

pytest.importorskip("playwright.sync_api", reason="needs `pip install playwright`")

TEXT = "Hello there. How are you?"
PACKAGE = Path(os.environ.get("POCKET_FAST_OPENAI_JS") or "openai-js")
PAGE = """<!doctype html><meta charset="utf-8"><title>A site</title><script type="module">
import OpenAI from "./openai/index.mjs";
window.client = (baseURL, more = {}) =>
  new OpenAI({ baseURL, apiKey: "s3cret", dangerouslyAllowBrowser: true, maxRetries: 0, ...more });
window.bytes = async (response) => [...new Uint8Array(await response.arrayBuffer())];
window.OpenAI = OpenAI;
</script>"""
SPEAK = """async ([url, fields, more]) => {
  const answer = await client(url, more).audio.speech.create(fields);
  return { bytes: await bytes(answer), ignored: answer.headers.get("x-ignored-fields") };
}"""
REFUSED = """async ([url, fields]) => client(url).audio.speech.create(fields).then(
  () => null,
  (error) => ({ kind: error.constructor.name, status: error.status, param: error.param, message: error.message }))"""


@pytest.fixture(scope="module")
def website(tmp_path_factory):
    """The address of a web site whose page has the client in it."""
    if not (PACKAGE / "index.mjs").is_file():
        pytest.skip("no npm package `openai`; unpack it and set POCKET_FAST_OPENAI_JS to its folder")
    folder = tmp_path_factory.mktemp("website")
    (folder / "index.html").write_text(PAGE)
    (folder / "openai").symlink_to(PACKAGE.resolve())

    class Quiet(SimpleHTTPRequestHandler):
        extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def model(tiny):
    return lambda: TTSModel.load_model(config=tiny / "config.yaml", threads=1, eos_threshold=-1e9)


@pytest.fixture(scope="module")
def serve(model):
    """serve(**options) -> context manager of a server's address, below which the client asks."""

    def serve(**options):
        speaker = model()
        return hosted(
            create_app(speaker, speaker.find_voice((hum(1.0), 24000)), Options(api_key="s3cret", **options))
        )

    return serve


@pytest.fixture
def visit(browser, website):
    """visit() -> the page of the web site, with the client loaded."""
    contexts = []

    def visit():
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.goto(website)
        page.wait_for_function("Boolean(window.OpenAI)")
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.mark.parametrize("allowed", ["the site", "*"])
def test_a_page_that_is_allowed_speaks(serve, visit, website, model, allowed):
    fields = {
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "input": TEXT,
        "response_format": "pcm",
        "instructions": "Cheerfully.",
        "seed": 1,
        "speed": None,
    }
    speaker = model()
    expected = speaker.generate_audio(speaker.find_voice((hum(1.0), 24000)), TEXT, seed=1)
    pcm = (np.clip(expected, -1, 1) * np.float32(32767)).astype("<i2").tobytes()
    with serve(cors_origins=(website if allowed == "the site" else "*",)) as (http, _):
        url = f"{str(http.base_url).rstrip('/')}/v1"
        page = visit()
        for more in ({}, {"defaultHeaders": {"X-Our-Own": "1", "OpenAI-Beta": "x"}, "organization": "o"}):
            answer = page.evaluate(SPEAK, [url, fields, more])
            assert bytes(answer["bytes"]) == pcm
            assert answer["ignored"] == "instructions"
        assert page.evaluate(
            "async (url) => (await client(url).models.list()).data.map((m) => m.id)", url
        ) == ["custom"]
        refused = page.evaluate(REFUSED, [url, {**fields, "voice": "nobody"}])
        assert (refused["kind"], refused["status"], refused["param"]) == ("BadRequestError", 400, "voice")
        refused = page.evaluate(REFUSED, [url, {**fields, "input": "x" * 30_000}])
        assert refused["status"] == 413


def test_a_page_that_sends_what_it_likes(serve, visit, website):
    asks = """async (url) => (await fetch(url + "/v1/models", {
      method: "PUT",
      credentials: "include",
      headers: { "x-a": "1", "content-type": "text/odd", authorization: "Bearer s3cret" },
    })).status"""
    with serve(cors_origins=(website,)) as (http, _):
        assert visit().evaluate(asks, str(http.base_url).rstrip("/")) == 405


def test_a_page_that_is_not_allowed_learns_nothing(serve, visit):
    fields = {"model": "m", "voice": "alloy", "input": TEXT}
    with serve(cors_origins=("https://elsewhere.example",)) as (http, _):
        url = f"{str(http.base_url).rstrip('/')}/v1"
        assert visit().evaluate(REFUSED, [url, fields])["kind"] == "APIConnectionError"
