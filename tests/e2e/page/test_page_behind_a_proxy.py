"""The page on the real server behind a real nginx, over plain http, where browsers tell a site by its address only."""

import pytest

from pocket_fast import TTSModel
from pocket_fast.server.app import create_app
from pocket_fast.server.options import Options
from proxies import nginx
from recordings import hum
from serving import hosted

playwright = pytest.importorskip("playwright.sync_api", reason="needs `pip install playwright`")


@pytest.fixture(scope="module")
def server(tiny):
    model = TTSModel.load_model(config=tiny / "config.yaml", threads=1, eos_threshold=-1e9)
    options = Options(allowed_hosts=("speech.test",))
    with hosted(create_app(model, model.find_voice((hum(1.0), 24000)), options)) as (client, _):
        yield str(client.base_url)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("", "takes no requests from pages of other web sites"),
        ("proxy_set_header Host $http_host;", ""),
        ("proxy_set_header Host $host;", "takes no requests from pages of other web sites"),
        ("proxy_set_header Host $host; proxy_set_header X-Forwarded-Port $server_port;", ""),
        ("proxy_set_header X-Forwarded-Host $http_host;", ""),
        ("proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Port $server_port;", ""),
    ],
)
def test_what_the_proxy_has_to_pass_on(browser, server, tmp_path, lines, problem):
    with nginx(server, tmp_path, lines) as url, browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(url.replace("127.0.0.1", "speech.test"))
        page.locator("#text").fill("Hello there.")
        page.locator("#generate").click()
        if problem:
            playwright.expect(page.locator("#error")).to_contain_text(problem, timeout=30_000)
        else:
            playwright.expect(page.locator("#status")).to_contain_text("Done", timeout=30_000)
