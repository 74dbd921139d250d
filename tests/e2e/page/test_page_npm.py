"""The npm package in a page of somebody else: installed from its tarball, the README's examples as they stand."""

from __future__ import annotations

import shutil
import threading
from http.server import SimpleHTTPRequestHandler

import pytest

from node import ROOT, install, readme_examples
from page_steps import expect
from pocket_fast.cli import main
from pocket_fast.cli.web_site import SiteHandler, SiteServer

PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><button id="button">Speak</button>
<script type="importmap">{"imports": {
  "pocket-fast": "./node_modules/pocket-fast/index.js",
  "pocket-fast/player": "./node_modules/pocket-fast/sound/speech_player.js"
}}</script>
<script type="module" src="example.js"></script>"""


class Handler(SiteHandler):
    """Without a policy: the page has an import map in it."""

    def end_headers(self):
        SimpleHTTPRequestHandler.end_headers(self)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("npm")
    install(folder)
    assert main(["export-web", "builtin", str(folder / "builtin.pfweb"), "-q"]) == 0
    shutil.copy(ROOT / "ref.wav", folder / "me.wav")
    last = "\nObject.assign(window, { player });\ndocument.title = 'done';\n"
    (folder / "example.js").write_text("\n".join(readme_examples()) + last, encoding="utf-8")
    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    with SiteServer(folder, handler=Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.address
        server.shutdown()
        thread.join()


def test_the_examples_run_in_a_page(browser, address):
    problems, lines = [], []
    page = browser.new_page()
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.on("console", lambda line: (problems if line.type == "error" else lines).append(line.text))
    page.goto(address)
    expect(page).to_have_title("done", timeout=60_000)
    *frames, size = map(int, lines)
    assert set(frames) == {1920}
    assert size > 40_000
    page.get_by_role("button").click()
    page.wait_for_function("player.position > 0.2 && player.state === 'playing'", timeout=30_000)
    page.wait_for_function("player.state === 'still'", timeout=30_000)
    page.close()
    assert problems == []
