"""The page that computes for itself, and the JavaScript package, where things are not as they should be: in a folder
of a plain web server, and where a file lacks or comes only at the second time."""

from __future__ import annotations

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from page_steps import error, expect


class PlainHandler(SimpleHTTPRequestHandler):
    def log_message(self, format, *arguments):
        pass


@pytest.fixture
def page(browser):
    """A page of its own, nothing of which is expected to work."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    yield page
    context.close()


def generate(page, text="Hello."):
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_role("button", name="Generate").click()


@pytest.mark.parametrize("end", ["", "index.html?from=mail"])
def test_any_server_has_the_page_in_any_folder(page, demo_folder, end):
    handler = functools.partial(PlainHandler, directory=str(demo_folder.parent))
    problems = []
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on("response", lambda answer: None if answer.ok else problems.append(answer.url))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            page.goto(f"http://127.0.0.1:{server.server_address[1]}/{demo_folder.name}/{end}")
            page.get_by_label("Voice", exact=True).select_option("carl")
            generate(page)
            expect(page.get_by_role("status")).to_contain_text("Done:")
        finally:
            server.shutdown()
    assert problems == []


def test_a_voice_that_did_not_come_is_fetched_again(page, demo_address):
    page.goto(demo_address)
    expect(page.get_by_label("Voice", exact=True)).to_have_value("ada")
    page.get_by_label("Voice", exact=True).select_option("carl")
    page.route("**/carl.safetensors", lambda route: route.abort(), times=1)
    generate(page)
    assert "carl.safetensors" in error(page)
    generate(page)
    expect(page.get_by_role("status")).to_contain_text("Done:")


LOAD = """async (options) => {
  const { PocketTTS } = await import(new URL("pocket-fast/index.js", location));
  return PocketTTS.load({ model: "model.pfweb", ...options }).then((tts) => (window.tts = tts).isReady, (error) => {
    return `${error.name}: ${error.message}`;
  });
}"""


def test_a_worker_that_cannot_start(page, demo_address):
    page.goto(demo_address + "bench.html")
    page.route("**/pocket-fast/worker.js", lambda route: route.abort())
    said = page.evaluate(LOAD, {})
    assert said.startswith("UnsupportedError: the engine's worker stopped")
    assert 'engine: "main"' in said
    assert page.evaluate(LOAD, {"engine": "main"}) is True


def test_a_worklet_that_was_left_behind(page, demo_address):
    """As bundlers do: there is sound all the same."""
    page.goto(demo_address + "bench.html")
    page.route("**/pocket-fast/sound/worklet.js", lambda route: route.abort())
    assert page.evaluate(LOAD, {}) is True
    heard = page.evaluate(
        """async () => {
          const { SpeechPlayer } = await import(new URL("pocket-fast/sound/speech_player.js", location));
          let level = 0;
          const player = new SpeechPlayer((now) => (level = Math.max(level, now.level)));
          await player.play(tts.stream("Hello there."), tts.sampleRate);
          return level;
        }"""
    )
    assert heard > 0.01
