"""The page on the real server: what the stand-in only pretends."""

import re

import pytest

from serving import wait_until

pytest.importorskip("playwright.sync_api")


def saved(page):
    with page.expect_download() as download:
        page.locator("#save-mp3").click()
    return download.value.path().read_bytes()


def test_it_speaks_clones_and_saves(browser, start, tiny):
    from playwright.sync_api import expect

    words = (
        "--config",
        tiny / "config.yaml",
        "--voice",
        tiny / "prompt.wav",
        "--port",
        "0",
        "--threads",
        "1",
    )
    process = start("serve", *words, "--eos-threshold", "-1e9", env={"POCKET_FAST_API_KEY": "s3cret"})
    said = []
    wait_until(lambda: said.append(process.stderr.readline().decode()) or "running on" in said[-1])
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(30_000)
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console", lambda line: problems.append(line.text) if "Content Security" in line.text else None
        )
        page.goto(re.search(r"http://\S+", said[-1])[0])
        page.locator("#key").fill("s3cret")
        page.locator("#key").press("Tab")
        page.locator("#text").fill("Hello there. How are you?")
        for clips in (1, 2):
            page.locator("#generate").click()
            expect(page.locator("#clips li")).to_have_count(clips, timeout=30_000)
            expect(page.locator("#save-mp3")).to_be_enabled(timeout=30_000)
            assert saved(page).startswith(b"\xff\xf3")
            page.locator("#file").set_input_files(tiny / "prompt.wav")
            expect(page.locator("#sample")).to_be_visible(timeout=30_000)
        assert page.locator("#error").is_hidden()
        assert problems == []
