"""The page on a real server of each kind of Qwen3-TTS model: what can be asked there, and that it speaks."""

import re

import pytest

from command_line import REF_WAV
from serving import wait_until

pytest.importorskip("playwright.sync_api")

CUSTOM, SMALL = "qwen3-tiny-customvoice-wide", "qwen3-tiny-customvoice"
DESIGN, BASE = "qwen3-tiny-voicedesign", "qwen3-tiny-base"
# By how they are called, whatever the model.
ALWAYS = ["Text", "Temperature", "Seed", "Speed", "Language"]
DEPENDING = ["Voice", "Instructions", "The voice, described", "What the recording says", "Steps"]


@pytest.fixture
def visit(browser, start, tiny_qwen3):
    """visit(model, *words of serve) -> the page of a server of it, once it knows what the model takes."""
    from playwright.sync_api import expect

    expect.set_options(timeout=30_000)
    contexts, problems = [], []

    def visit(model, *words):
        command = ("serve", "--model", tiny_qwen3(model), "--port", "0", "--threads", "1", *words)
        process = start(*command, "--max-new-tokens", "9")
        said = [""]
        wait_until(lambda: said.append(process.stderr.readline().decode()) or "running on" in said[-1])
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(re.search(r"http://\S+", said[-1])[0])
        expect(page.locator("#server")).to_contain_text("custom")
        page.locator("#more").evaluate("more => (more.open = true)")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert problems == []


def fields(page):
    """Which of the fields that depend on the model are there; those that do not have to be."""
    for name in ALWAYS:
        assert page.get_by_label(name, exact=True).is_visible(), name
    return [name for name in DEPENDING if page.get_by_label(name, exact=True).is_visible()]


def speaks(page, clips):
    """It says the text; what that was as MP3."""
    from playwright.sync_api import expect

    page.locator("#text").fill("Hello there.")
    page.get_by_label("Seed").fill("7")
    page.locator("#generate").click()
    expect(page.locator("#clips li")).to_have_count(clips)
    expect(page.locator("#status")).to_have_text(re.compile(r"Done: 0\.\d s of speech\."))
    assert page.locator("#error").is_hidden()
    with page.expect_download() as download:
        page.locator("#save-mp3").click()
    data = download.value.path().read_bytes()
    assert data.startswith(b"\xff\xf3")
    return data


def test_speakers_and_instructions(visit, qwen3):
    page = visit(CUSTOM)
    assert fields(page) == ["Voice", "Instructions"]
    names = [option.inner_text() for option in page.locator("#voice option").all()]
    assert names == ["ryan", *(name for name in qwen3(CUSTOM).voice_names if name != "ryan")]
    assert page.locator("#upload").is_hidden()
    said = [speaks(page, 1)]
    page.get_by_label("Voice", exact=True).select_option("eric")
    said.append(speaks(page, 2))
    page.get_by_label("Instructions").fill("Softly.")
    said.append(speaks(page, 3))
    page.get_by_label("Language").fill("english")
    said.append(speaks(page, 4))
    assert len(set(said)) == 4
    page.get_by_label("Language").fill("klingon")
    page.locator("#generate").click()
    page.get_by_text("No language is called 'klingon'").wait_for()


def test_small_models_are_not_told_how_to_speak(visit):
    page = visit(SMALL)
    assert fields(page) == ["Voice"]
    speaks(page, 1)
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("Done: ").wait_for()


def test_described_voices(visit):
    page = visit(DESIGN)
    assert fields(page) == ["The voice, described"]
    assert page.get_by_role("button", name="Preview").is_hidden()
    assert page.locator("#upload").is_hidden()
    nobody = speaks(page, 1)
    page.get_by_label("The voice, described").fill("a deep old man")
    assert speaks(page, 2) != nobody


def test_recordings_and_their_words(visit):
    from playwright.sync_api import expect

    page = visit(BASE)
    assert fields(page) == ["What the recording says"]
    assert page.get_by_label("What the recording says").is_disabled()
    assert page.get_by_role("button", name="Preview").is_disabled()
    page.locator("#text").fill("Hello there.")
    page.locator("#generate").click()
    page.get_by_text("A base model speaks in the voice of a recording").wait_for()
    page.locator("#file").set_input_files(REF_WAV)
    expect(page.locator("#sample")).to_be_visible()
    assert page.get_by_label("What the recording says").is_enabled()
    by_x_vector = speaks(page, 1)
    page.get_by_label("What the recording says").fill("Welcome to the show.")
    assert speaks(page, 2) != by_x_vector
    page.locator("#remove").click()
    assert page.get_by_label("What the recording says").is_disabled()


def test_a_server_with_a_voice_of_its_own(visit):
    page = visit(BASE, "--voice", REF_WAV, "--voice-text", "Welcome to the show.")
    assert fields(page) == ["Voice", "What the recording says"]
    assert [option.inner_text() for option in page.locator("#voice option").all()] == ["default"]
    speaks(page, 1)
