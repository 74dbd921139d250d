"""The web page in headless Chromium: speaking, hearing, keeping, and what it says when that fails."""

import re

import numpy as np
import pytest

from page_server import sound
from page_steps import (
    COLUMNS,
    LONG,
    SHORT,
    TAP,
    error,
    expect,
    generate,
    position,
    samples_of,
    saved,
    until_heard,
    until_state,
)


@pytest.mark.parametrize(
    "script", ["", "delete BaseAudioContext.prototype.audioWorklet;"], ids=["worklet", "no worklet"]
)
def test_a_text_is_spoken_to_its_end_and_drawn(open_page, site, script):
    page = open_page(TAP + script)
    generate(page, LONG)
    until_state(page, "playing")
    until_heard(page, LONG)
    [(path, fields)] = site.requests
    assert path == "stream"
    assert set(fields) == {"text", "voice", "seed"}
    assert (fields["text"], fields["voice"]) == (LONG, "alba")
    expect(page.get_by_role("status")).to_have_text("Done: 2.2 s of speech.")
    assert re.fullmatch(r"\d+ ms", page.locator("#first").inner_text())
    assert re.fullmatch(r"\d+\.\d× real time", page.locator("#factor").inner_text())
    expect(page.locator("#gaps")).to_have_text("0")
    expect(page.locator("#seed")).to_have_text(fields["seed"])
    columns = page.evaluate(COLUMNS)
    assert columns["heard"] > 300
    assert columns["ahead"] == columns["missing"] == 0
    assert columns["tall"] > 0.8

    # Gapless: from where its start has faded in, each sample follows the one before it, up to the last.
    expected = sound(LONG, fields["seed"])[2000:]
    page.wait_for_function("(n) => heard.length > n", arg=len(sound(LONG, 0)))
    page.wait_for_timeout(900)  # the last block of the tap; then the context sleeps
    heard = np.round(np.array(page.evaluate("heard")) * 32768)
    starts = np.flatnonzero(heard == expected[0])
    assert any(np.array_equal(heard[s : s + len(expected)], expected) for s in starts)


def test_a_gap_is_waited_out_and_counted(page, site):
    site.hold_after = 1.0
    generate(page, LONG)
    until_state(page, "playing")
    until_state(page, "waiting")
    expect(page.locator("#gaps")).to_have_text("1")
    columns = page.evaluate(COLUMNS)
    assert min(columns["heard"], columns["missing"]) > 100  # what arrived, and room for what is expected
    assert page.get_by_role("button", name="Cancel").is_enabled()
    site.release.set()
    until_heard(page, LONG)
    expect(page.locator("#gaps")).to_have_text("1")
    assert page.evaluate(COLUMNS)["missing"] == 0
    _, data = saved(page, page.get_by_role("button", name="Save WAV", exact=True).click)
    # The server held back in the middle of a sample.
    np.testing.assert_array_equal(samples_of(data), sound(LONG, site.requests[0][1]["seed"]))


@pytest.mark.parametrize("by", ["button", "key"])
def test_cancel_stops_the_sound_and_the_server(page, site, by):
    site.hold_after = 1.0
    generate(page, LONG)
    until_state(page, "playing")
    if by == "button":
        page.get_by_role("button", name="Cancel").click()
    else:
        page.keyboard.press("Escape")
    until_state(page, "still")
    assert site.gone.wait(30)
    expect(page.get_by_role("status")).to_have_text("Cancelled.")
    assert page.get_by_role("alert").is_hidden()
    assert page.get_by_role("button", name="Cancel").is_disabled()
    expect(page.locator("#clips .facts")).to_have_text("alba, 0:01, cut short")
    assert page.get_by_role("button", name="Save MP3").is_disabled()
    site.hold_after = float("inf")
    generate(page, SHORT)  # and the next one plays
    until_heard(page, SHORT)


def test_a_new_text_replaces_the_one_being_spoken(page, site):
    site.hold_after = 0.5
    generate(page, LONG)
    until_state(page, "playing")
    site.hold_after = float("inf")
    generate(page, SHORT)
    assert site.gone.wait(30)
    until_heard(page, SHORT)
    expect(page.get_by_role("status")).to_have_text("Done: 0.7 s of speech.")


def test_seeking(page):
    generate(page, LONG)
    until_state(page, "playing")
    page.get_by_role("button", name="Pause").click()
    until_state(page, "still")
    box = page.locator("#wave")
    width = box.bounding_box()["width"]
    box.click(position={"x": width / 2, "y": 10})
    expect(box).to_have_attribute("aria-valuenow", re.compile(r"^1\.[01]$"))
    box.press("ArrowLeft")
    expect(box).to_have_attribute("aria-valuenow", re.compile(r"^0\.[01]$"))
    box.press("Home")
    expect(box).to_have_attribute("aria-valuenow", "0.0")
    box.press("ArrowRight")
    expect(box).to_have_attribute("aria-valuetext", "0:01 of 0:02")
    assert page.evaluate(COLUMNS)["heard"] < page.evaluate(COLUMNS)["ahead"]
    box.press(" ")
    until_heard(page, LONG)
    box.press("Enter")  # from the start again
    until_state(page, "playing")
    assert position(page) < 2.0
    box.press("End")
    until_heard(page, LONG)


def test_saved_files(page, site):
    generate(page, SHORT)
    until_heard(page, SHORT)
    name, data = saved(page, page.get_by_role("button", name="Save WAV", exact=True).click)
    assert name == "a-short-line.wav"
    fields = site.requests[0][1]
    np.testing.assert_array_equal(samples_of(data), sound(SHORT, fields["seed"]))
    name, data = saved(page, page.get_by_role("button", name="Save MP3").click)
    assert name == "a-short-line.mp3"
    assert data == b"ID3 of " + SHORT.encode()
    path, asked = site.requests[1]
    assert path == "v1/audio/speech"
    same = {"input": SHORT, "voice": "alba", "seed": int(fields["seed"])}
    assert asked == {**same, "model": "tts-1", "response_format": "mp3"}


def test_clips_are_kept(page, site):
    generate(page, LONG)
    until_state(page, "playing")
    generate(page, SHORT)
    until_heard(page, SHORT)
    clips = page.locator("#clips li")
    expect(clips).to_have_count(2)
    clips.nth(1).locator(".again").click()
    expect(clips.nth(1)).to_have_attribute("aria-current", "true")
    expect(page.locator("#title")).to_have_text(f"alba: {LONG}")
    until_heard(page, LONG)
    _, data = saved(page, clips.nth(0).get_by_role("button", name=f"Save WAV: {SHORT}").click)
    np.testing.assert_array_equal(samples_of(data), sound(SHORT, site.requests[1][1]["seed"]))
    clips.nth(0).get_by_role("button", name="Remove").click()
    expect(clips).to_have_count(1)
    expect(clips.get_by_role("button", name=f"Remove: {LONG}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#past")).to_be_hidden()
    expect(page.get_by_label("Text", exact=True)).to_be_focused()
    assert len(site.requests) == 2


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (
            (503, {"detail": "all streams are taken"}, {"Retry-After": 7}),
            "All streams are taken. Try again in 7 s.",
        ),
        ((503, {}, {}), "The server is busy. Try again soon."),
        ((400, {"detail": "Text cannot be empty"}, {}), "Text cannot be empty."),
        ((413, {"error": {"message": "too long"}}, {}), "Too long."),
        ((422, {"detail": [{"loc": ["body", "speed"], "msg": "too fast"}]}, {}), "Speed: too fast."),
        ((500, "?", {}), "The server failed (status 500)."),
    ],
)
def test_refusals_are_plain_sentences(page, site, refusal, sentence):
    site.refusal = refusal
    generate(page, SHORT)
    assert error(page) == sentence
    site.refusal = ()
    generate(page, SHORT)
    expect(page.get_by_role("alert")).to_be_hidden()
    until_heard(page, SHORT)


def test_connections_that_fail(page, site):
    site.hold_after = site.break_after = 1.0
    generate(page, LONG)
    expect(page.locator("#time")).to_contain_text("/ 0:01")
    site.release.set()
    assert error(page) == "The connection broke after 1.0 s of speech."
    expect(page.locator("#clips .facts")).to_have_text("alba, 0:01, cut short")
    until_state(page, "still")  # what arrived was played
    assert position(page) == 1.0
    site.close()
    generate(page, SHORT)
    expect(page.get_by_role("alert")).to_have_text("The server does not answer. Is it running?")


def test_a_server_with_a_key(page, site):
    site.refusal = (401, {"detail": "no key"}, {})
    page.get_by_label("Voice", exact=True).select_option("marius")
    generate(page, SHORT)
    assert error(page) == "This server asks for a key: enter it and try again."
    site.refusal = ()
    expect(page.get_by_label("Key of this server")).to_be_focused()
    page.keyboard.type("secret")
    generate(page, SHORT)
    until_heard(page, SHORT)
    assert site.authorization == [None, "Bearer secret"]
    assert [fields["voice"] for _, fields in site.requests] == ["marius", "marius"]


def test_the_feed_of_the_audio_thread(page):
    """Blocks of 8 samples; the lead is 0.16 s of 100 Hz, 16 samples.

    Its reports: id, position, playing, sounding, ended, gaps, and how loud it was since the one before.
    """
    blocks = page.evaluate("""async () => {
      const { Feed } = await import(new URL("page/feed.js", location));
      const feed = new Feed();
      const read = () => {
        const out = new Float32Array(8);
        feed.read(out);
        return [...out].map((value) => Math.round(value * 32768));
      };
      const ramp = (from, to) => Int16Array.from({ length: to - from }, (_, i) => 1000 + from + i);
      const blocks = {};
      feed.reset(1, 100);
      feed.play();
      feed.push(ramp(0, 15));
      blocks.tooLittle = read();
      feed.push(ramp(15, 16));
      feed.push(ramp(16, 27));
      blocks.fadedIn = read();
      blocks.second = read();
      blocks.third = read();
      blocks.gap = read();
      blocks.atGap = Object.values(feed.report());
      feed.push(ramp(27, 40));
      blocks.waiting = read();
      feed.push(ramp(40, 60));
      blocks.resumed = read();
      blocks.after = read();
      feed.seek(55);
      feed.finish();
      blocks.sought = read();
      blocks.atEnd = Object.values(feed.report());
      blocks.silence = [...read(), ...read()];
      return blocks;
    }""")

    def ramp(start, stop):
        return [1000 + i for i in range(start, stop)]

    def joined(values, latest):
        return [round((v * i + latest * (8 - i)) / 8) for i, v in enumerate(values)]

    def near(a, b):
        return max(abs(x - y) for x, y in zip(a, b, strict=True)) <= 1

    assert blocks["tooLittle"] == [0] * 8
    assert near(blocks["fadedIn"], joined(ramp(0, 8), 0))
    assert blocks["second"] + blocks["third"] == ramp(8, 24)
    assert near(blocks["gap"], joined([0] * 8, 1023))  # three samples are left, kept for later
    assert blocks["atGap"][:6] == [1, 24, True, False, False, 1]
    heard = [
        value / 32768 for name in ("tooLittle", "fadedIn", "second", "third", "gap") for value in blocks[name]
    ]
    assert blocks["atGap"][6] == pytest.approx((sum(v * v for v in heard) / len(heard)) ** 0.5, rel=0.01)
    assert max(map(abs, blocks["waiting"])) <= 128  # 16 are there, but after a gap it takes twice the lead
    assert near(blocks["resumed"][-4:], joined(ramp(24, 32), 0)[-4:])
    assert blocks["after"] == ramp(32, 40)
    assert near(blocks["sought"], joined([*ramp(55, 60), 0, 0, 0], 1039))
    assert blocks["atEnd"][:6] == [1, 60, False, True, True, 1]
    assert blocks["silence"][8:] == [0] * 8
