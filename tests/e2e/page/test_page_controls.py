"""The web page in headless Chromium: voices, parameters, keys, screens."""

import io
import wave

import numpy as np
import pytest
import soundfile

from command_line import REF_WAV
from page_server import RATE
from page_steps import LONG, SHORT, error, expect, generate, saved, until_heard, until_state


def test_an_uploaded_voice(page, site):
    page.locator("#file").set_input_files(REF_WAV)
    expect(page.locator("#sample-name")).to_have_text("ref.wav")
    assert page.get_by_label("Voice", exact=True).is_disabled()
    generate(page, SHORT)
    until_heard(page, SHORT)
    fields = site.requests[0][1]
    assert "voice" not in fields
    sent, rate = soundfile.read(io.BytesIO(fields["voice_wav"]), dtype="int16")
    assert rate == RATE
    with wave.open(str(REF_WAV)) as file:
        original = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    np.testing.assert_allclose(sent, original, atol=1)  # the same rate: only rounding differs
    saved(page, page.get_by_role("button", name="Save MP3").click)
    assert site.requests[1][1]["voice_wav"] == fields["voice_wav"]
    assert site.requests[1][1]["input"] == SHORT
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_label("Voice", exact=True)).to_be_focused()
    generate(page, SHORT)
    until_heard(page, SHORT)
    assert site.requests[2][1]["voice"] == "alba"


def test_uploads_that_are_no_voice(page, site):
    page.locator("#file").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"})
    assert error(page) == "“notes.txt” is not a sound file that this browser can read. Try WAV or MP3."
    silence = io.BytesIO()
    with wave.open(silence, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(bytes(4 * RATE))
    page.locator("#file").set_input_files(
        {"name": "a.wav", "mimeType": "audio/wav", "buffer": silence.getvalue()}
    )
    expect(page.get_by_role("alert")).to_contain_text("only silence")
    assert page.locator("#sample").is_hidden()


def test_the_microphone(page, site):
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Recording")
    expect(page.locator("#elapsed")).to_have_text("0:02")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#sample-name")).to_have_text("your recording")
    generate(page, SHORT)
    until_heard(page, SHORT)
    sent, _ = soundfile.read(io.BytesIO(site.requests[0][1]["voice_wav"]), dtype="int16")
    assert len(sent) > RATE
    assert np.abs(sent).max() > 1000  # the fake device beeps
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("#elapsed")).to_have_text("0:02")
    page.keyboard.press("Control+Enter")
    assert error(page) == "Stop the recording first."
    page.keyboard.press("Escape")  # thrown away
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()
    assert page.locator("#sample").is_hidden()
    assert len(site.requests) == 1


def test_what_cannot_be_said_is_not_asked_for(page, site):
    generate(page, "  ")
    assert error(page) == "Write something to say first."
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Speed").fill("9")
    page.get_by_text("More", exact=True).click()
    generate(page, SHORT)
    expect(page.get_by_label("Speed")).to_be_focused()  # opened again, the browser says why
    assert site.requests == []


def test_parameters(page, site):
    page.get_by_text("More", exact=True).click()
    given = {"Temperature": "0.35", "Steps": "2", "Seed": "77", "Speed": "1.25", "End threshold": "-3.5"}
    for label, value in given.items():
        page.get_by_label(label).fill(value)
    page.get_by_label("Tokens per chunk").fill("40")
    page.get_by_label("Voice", exact=True).select_option("marius")
    generate(page, SHORT)
    until_heard(page, SHORT)
    numbers = {
        "temperature": 0.35,
        "steps": 2,
        "seed": 77,
        "speed": 1.25,
        "eos_threshold": -3.5,
        "max_tokens": 40,
    }
    fields = {name: str(value) for name, value in numbers.items()}
    assert site.requests[0][1] == {"text": SHORT, "voice": "marius", **fields}
    saved(page, page.get_by_role("button", name="Save MP3").click)
    assert site.requests[1][1].items() >= {"input": SHORT, "voice": "marius", **numbers}.items()


def test_preview(page, site):
    page.get_by_label("Voice", exact=True).select_option("marius")
    page.get_by_role("button", name="Preview").click()
    said = "Hello, this is how I sound."
    until_heard(page, said)
    page.get_by_role("button", name="Preview").click()
    until_state(page, "playing")  # from memory
    assert [fields for _, fields in site.requests] == [{"text": said, "voice": "marius", "seed": "1"}]
    assert page.locator("#past").is_hidden()


def test_the_length_is_estimated_and_learns(page, site):
    text = page.get_by_label("Text", exact=True)
    text.fill("a" * 140)
    expect(page.locator("#count")).to_have_text("140 characters, about 10 s")
    text.fill("é")
    expect(page.locator("#count")).to_have_text("1 character, about 1 s")
    generate(page, "a" * 200)  # 20 a second here
    expect(page.get_by_role("status")).to_have_text("Done: 10.0 s of speech.")
    text.fill("a" * 170)
    expect(page.locator("#count")).to_have_text("170 characters, about 10 s")


def test_keyboard_alone(page, site):
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type(SHORT)
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert page.evaluate(outline) == "solid"
    assert reached == ["voice", "preview", "upload", "record", "SUMMARY", "generate", "wave"]
    page.keyboard.press("Control+Enter")
    until_heard(page, SHORT)
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    until_state(page, "playing")
    page.keyboard.press("Escape")
    until_state(page, "still")
    assert len(site.requests) == 1


def test_every_control_has_a_name(page):
    generate(page, SHORT)
    until_heard(page, SHORT)
    unnamed = """() => [...document.querySelectorAll("button, input, select, textarea, [role=slider]")]
      .filter((e) => !(e.ariaLabel || e.labels?.[0]?.textContent.trim()))
      .filter((e) => !(e.matches("button") && e.textContent.trim()))
      .map((e) => e.outerHTML)"""
    assert page.evaluate(unnamed) == []


@pytest.mark.parametrize("width", [360, 320])
def test_a_phone_needs_no_sideways_scrolling(open_page, site, width):
    page = open_page(viewport={"width": width, "height": 700}, has_touch=True)
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Voice", exact=True).select_option("a-voice-with-quite-a-long-name-of-its-own")
    file = {"name": f"{'recording' * 9}.wav", "mimeType": "audio/wav", "buffer": REF_WAV.read_bytes()}
    page.locator("#file").set_input_files(file)
    expect(page.locator("#sample")).to_be_visible()
    generate(page, "Donaudampfschifffahrtsgesellschaft" * 3)
    until_state(page, "playing")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    outside = f"[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > {width}).length"
    assert page.evaluate(outside) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_schemes(open_page, site, scheme):
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    site.refusal = (400, {"detail": "no"}, {})
    page.keyboard.press("Control+Enter")
    error(page)
    ratios = page.evaluate("""() => {
      const light = (colour) => {
        const line = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        const [r, g, b] = colour.match(/[\\d.]+/g).map((v) => line(v / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ground = (e) => {
        const colour = getComputedStyle(e).backgroundColor;
        return colour === "rgba(0, 0, 0, 0)" ? ground(e.parentElement) : colour;
      };
      const found = {};
      for (const e of document.querySelectorAll("body *")) {
        const own = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
        if (!own || !e.checkVisibility() || e.matches(":disabled, :disabled *")) continue;
        const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
        found[`${e.tagName} ${e.textContent}`] = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      }
      return found;
    }""")
    assert len(ratios) > 15
    assert {what: ratio for what, ratio in ratios.items() if ratio < 4.5} == {}
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 22, 24)"
    assert dark == (scheme == "dark")


def test_nothing_moves_for_those_who_asked(open_page, site):
    site.hold_after = 0.5
    moving = "getComputedStyle(document.getElementById('play')).animationName"
    for choice, name in (("no-preference", "wait"), ("reduce", "none")):
        page = open_page(reduced_motion=choice)
        generate(page, LONG)
        expect(page.locator("#gaps")).to_have_text("1")
        until_state(page, "waiting")
        assert page.evaluate(moving) == name


def test_a_model_without_cloning_offers_none(open_page, site):
    site.health = {"model": "french_24l", "version": "2", "cloning": False}
    page = open_page()
    expect(page.locator("#cloning")).to_be_hidden()
    expect(page.locator("#server")).to_have_text("french_24l · 2")
    assert page.get_by_label("Text", exact=True).input_value().startswith("Bonjour")


OURS = [
    "voice",
    "voice_wav",
    "temperature",
    "steps",
    "noise_clamp",
    "eos_threshold",
    "frames_after_eos",
    "max_tokens",
]
EXTRA = ["Instructions", "What the recording says", "Language"]


def labels(page):
    """What may be filled in, as it is called."""
    page.locator("#more").evaluate("more => (more.open = true)")
    return [
        label.inner_text().strip()
        for label in page.locator("label:has(input):visible, label[for]:visible").all()
        if label.inner_text().strip()
    ]


def test_a_server_that_says_what_its_model_takes_looks_the_same(open_page, site):
    before = labels(open_page())
    site.health["takes"] = OURS
    page = open_page()
    assert labels(page) == before
    assert not set(EXTRA) & set(before)
    page.locator("#file").set_input_files(REF_WAV)
    expect(page.locator("#sample")).to_be_visible()
    assert labels(page) == before


def test_instructions_languages_and_the_words_of_a_recording(open_page, site):
    site.health["takes"] = ["voice", "voice_wav", "voice_text", "instruct", "language", "temperature"]
    page = open_page()
    expect(page.get_by_label("Instructions")).to_be_visible()
    assert page.get_by_label("What the recording says").is_disabled()
    named = {"Text", "Voice", "What the recording says", "Instructions"}
    assert set(labels(page)) == named | {"Temperature", "Seed", "Speed", "Language"}
    page.get_by_label("Instructions").fill("Slowly, please.")
    page.get_by_label("Language").fill("german")
    page.get_by_label("Temperature").fill("0.5")
    page.get_by_label("Seed").fill("7")
    generate(page, SHORT)
    until_heard(page, SHORT)
    said = {
        "text": SHORT,
        "instruct": "Slowly, please.",
        "language": "german",
        "temperature": "0.5",
        "seed": "7",
    }
    assert site.requests[0][1] == {**said, "voice": "alba"}
    saved(page, page.get_by_role("button", name="Save MP3").click)
    assert site.requests[1][1].items() >= {"instruct": "Slowly, please.", "language": "german"}.items()

    page.locator("#file").set_input_files(REF_WAV)
    page.get_by_label("What the recording says").fill("What I said.")
    generate(page, LONG)
    until_heard(page, LONG)
    fields = site.requests[2][1]
    assert fields.pop("voice_wav")
    assert fields == {**said, "text": LONG, "voice_text": "What I said."}
    page.get_by_role("button", name="Remove", exact=True).click()
    assert page.get_by_label("What the recording says").is_disabled()
    generate(page, SHORT)
    until_heard(page, SHORT)
    assert site.requests[3][1] == {**said, "voice": "alba"}


def test_a_voice_that_is_described(open_page, site):
    site.health.update(takes=["instruct"], cloning=False)
    page = open_page()
    expect(page.get_by_label("The voice, described")).to_be_visible()
    assert labels(page) == ["Text", "The voice, described", "Seed", "Speed"]
    assert page.get_by_role("button", name="Preview").is_hidden()
