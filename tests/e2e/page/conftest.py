"""A browser, the stand-in of the server, and pages open in one of the other."""

import os
import shutil
import threading

import pytest

from page_server import PageServer
from pocket_fast.cli import main
from pocket_fast.cli.web_site import SiteServer

CHROMIUM = (
    os.environ.get("POCKET_FAST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--host-resolver-rules=MAP speech.test 127.0.0.1",  # a name to which plain http is no secure origin
]


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.skip("no Chromium found; install it or set POCKET_FAST_CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory):
    """The page that computes for itself, as `wasm-demo --out` writes it."""
    folder = tmp_path_factory.mktemp("demo") / "site"
    assert main(["wasm-demo", "--out", str(folder), "-q"]) == 0
    return folder


@pytest.fixture(scope="module")
def demo_address(demo_folder):
    """Of that page, served as `wasm-demo` serves it."""
    with SiteServer(demo_folder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.address
        server.shutdown()
        thread.join()


@pytest.fixture
def site():
    with PageServer() as site:
        yield site


@pytest.fixture
def open_page(browser, site):
    """open_page(script="", voices=3, url=the server's, **context options) -> the page, ready, with that many voices.

    Nothing may go wrong in it unnoticed.
    """
    expect = pytest.importorskip("playwright.sync_api").expect
    contexts, problems = [], []

    def open_page(script="", voices=3, url=None, **options):
        context = browser.new_context(**{"viewport": {"width": 1000, "height": 900}, **options})
        contexts.append(context)
        context.add_init_script(script)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: line.type in ("error", "warning") and problems.append(line.text))
        page.goto(url or site.url)
        expect(page.locator("#voice option")).to_have_count(voices)
        expect(page.locator("#generate")).to_be_visible()
        return page

    expect.set_options(timeout=30_000)
    yield open_page
    for context in contexts:
        context.close()
    # Chromium reports refused and broken requests by itself; what the page says of them is tested.
    expected = ("Failed to load resource: ", "The ScriptProcessorNode is deprecated", "Canvas2D: ")
    assert [problem for problem in problems if not problem.startswith(expected)] == []


@pytest.fixture
def page(open_page):
    return open_page()
