"""The web page keeps still: whatever appears or goes, no control moves, and no press misses what it was aimed at."""

import pytest

from command_line import REF_WAV
from page_steps import LONG, SHORT, error, expect, generate, until_heard, until_state

ALL = [
    "voice",
    "voice_wav",
    "voice_text",
    "instruct",
    "language",
    "temperature",
    "steps",
    "eos_threshold",
    "max_tokens",
]
# Where every control that is there is, in the page.
PLACES = """() => Object.fromEntries(
  [...document.querySelectorAll("button, input, select, textarea, summary, #wave, #title, #past")]
    .filter((e) => e.checkVisibility() && !e.closest("#past ol"))
    .map((e) => {
      const { left, top, width, height } = e.getBoundingClientRect();
      return [e.id || e.name || e.tagName, [left + scrollX, top + scrollY, width, height].map(Math.round)];
    }))"""

# Buttons and fields that lie on one another.
OVERLAPS = """() => {
  const shown = [...document.querySelectorAll("button, input, select, textarea, summary, #wave")]
    .filter((e) => e.checkVisibility()).map((e) => [e, e.getBoundingClientRect()]);
  const apart = (p, q) => p.right <= q.left || q.right <= p.left || p.bottom <= q.top || q.bottom <= p.top;
  const on = ([a, p], [b, q]) => a !== b && !apart(p, q);
  return shown.flatMap((one) => shown.filter((other) => on(one, other)).map(([e]) => `${one[0].id} on ${e.id}`));
}"""


def press_down(page, control):
    """The first half of a press."""
    control.scroll_into_view_if_needed()
    box = control.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()


def slow_press(page, control):
    """As a hand presses: down, and up after 90 ms."""
    press_down(page, control)
    page.wait_for_timeout(90)
    page.mouse.up()


class Still:
    """Holds all controls to where they were when they were first seen."""

    def __init__(self, page):
        self.page = page
        self.places = {}
        self.look("at first")

    def look(self, when):
        found = self.page.evaluate(PLACES)
        assert len(found) > 9
        moved = {
            name: (self.places[name], place)
            for name, place in found.items()
            if place != self.places.get(name, place)
        }
        assert not moved, when
        self.places |= found
        assert not self.page.evaluate(OVERLAPS), when


@pytest.mark.parametrize("width", [1000, 640, 360])
def test_nothing_moves(open_page, site, width):
    site.health["takes"] = ALL
    site.key = "secret"
    page = open_page(viewport={"width": width, "height": 800}, voices=1)
    still = Still(page)
    assert error(page).startswith("This server asks for a key")
    generate(page, SHORT)
    error(page)
    still.look("without the key")
    page.get_by_label("Key of this server").fill("secret")
    page.get_by_label("Text", exact=True).focus()
    expect(page.locator("#voice option")).to_have_count(3)
    expect(page.get_by_role("alert")).to_be_hidden()
    still.look("with the key, and with voices")
    page.get_by_label("Text", exact=True).fill("a" * 19_999)
    still.look("with the estimate of a long text")
    generate(page, " ")
    assert error(page) == "Write something to say first."
    still.look("with an error")
    site.refusal = (
        400,
        {"detail": [{"loc": ["body", "text"], "msg": "this and that is wrong " * 9}] * 4},
        {},
    )
    generate(page, SHORT)
    expect(page.get_by_role("alert")).to_contain_text("this and that is wrong")
    still.look("with a long error")
    site.refusal = ()
    site.hold_after = 1.0
    generate(page, LONG)
    until_state(page, "playing")
    still.look("while it speaks")
    until_state(page, "waiting")
    still.look("while it waits")
    site.release.set()
    until_heard(page, LONG)
    still.look("after speaking")
    page.locator("#file").set_input_files({"name": "no", "mimeType": "text/plain", "buffer": b"no"})
    error(page)
    still.look("with a wrong recording")
    long_name = {"name": f"{'recording ' * 9}.wav", "mimeType": "audio/wav", "buffer": REF_WAV.read_bytes()}
    page.locator("#file").set_input_files(long_name)
    expect(page.locator("#sample")).to_be_visible()
    still.look("with a recording")
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator("#elapsed")).to_have_text("0:01")
    still.look("while it records")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()
    page.get_by_role("button", name="Remove", exact=True).click()
    still.look("without the recording")


@pytest.mark.parametrize(
    "takes",
    [["voice_wav", "voice_text", "language"], ["instruct"], ["voice", "temperature", "steps"]],
    ids="+".join,
)
def test_nothing_moves_whatever_the_model_takes(open_page, site, takes):
    site.health |= {"takes": takes, "cloning": "voice_wav" in takes}
    site.key = "secret"
    page = open_page(voices=1)
    still = Still(page)
    page.get_by_label("Key of this server").fill("secret")
    generate(page, SHORT)
    until_heard(page, SHORT)
    still.look("after speaking")
    if "voice_wav" in takes:
        page.locator("#file").set_input_files(REF_WAV)
        expect(page.locator("#sample")).to_be_visible()
        still.look("with a recording")
        page.get_by_role("button", name="Remove", exact=True).click()
        still.look("without it")


def test_nothing_is_shown_before_it_is_known_what_there_is(page):
    asked = []

    def answer(route):
        asked.append(page.locator("#generate").is_visible())
        route.continue_()

    page.route("**/health", answer)
    page.reload()
    expect(page.locator("#generate")).to_be_visible()
    assert asked == [False]


def test_the_page_appears_where_the_server_is_slow_to_say_what_there_is(page):
    page.route("**/health", lambda route: None)  # never answered
    page.reload()
    expect(page.locator("#generate")).to_be_visible()
    page.unroute_all(behavior="ignoreErrors")


FIELDS = ["#text", "#words", "#instruct", "[name=temperature]", "[name=steps]", "[name=seed]", "[name=speed]"]
FIELDS += ["[name=eos_threshold]", "[name=max_tokens]", "[name=language]"]


def test_a_slow_press_on_generate_counts_after_every_field(open_page, site):
    site.health["takes"] = ALL
    page = open_page()
    page.get_by_text("More", exact=True).click()
    page.locator("#file").set_input_files(REF_WAV)
    expect(page.locator("#sample")).to_be_visible()
    for field in FIELDS:
        site.refusal = (400, {"detail": "Not this."}, {})
        generate(page, SHORT)
        error(page)
        site.refusal = ()
        asked = len(site.requests)
        page.locator(field).fill("2")
        slow_press(page, page.get_by_role("button", name="Generate"))
        expect(page.get_by_role("alert")).to_be_hidden()
        expect(page.get_by_role("status")).to_contain_text("Done")
        assert len(site.requests) == asked + 1, field


CONTROLS = ["generate", "upload", "record", "preview", "text", "wave", "instruct"]


@pytest.mark.parametrize("control", CONTROLS)
def test_a_slow_press_on_anything_counts_after_the_key(open_page, site, control):
    site.key = "secret"
    site.health["takes"] = ALL
    page = open_page(voices=1)
    error(page)
    page.evaluate(
        "id => document.getElementById(id).addEventListener('click', () => (window.clicked = true))", control
    )
    page.locator("#key").fill("secret")
    slow_press(page, page.locator(f"#{control}"))
    assert page.evaluate("window.clicked === true")
    expect(page.locator("#voice option")).to_have_count(3)
    expect(page.get_by_role("alert")).to_be_hidden()
    if control == "generate":
        expect(page.get_by_role("status")).to_contain_text("Done")
        assert site.authorization == ["Bearer secret"]


def test_what_a_press_would_miss_waits_for_its_end(open_page, site):
    """The model's fields become known late, in the middle of a press: they would take the button away from it."""
    page = open_page()
    held = []
    page.route("**/health", lambda route: held.append(route))
    page.reload()
    expect(page.locator("#generate")).to_be_visible()
    page.evaluate(
        "document.getElementById('preview').addEventListener('click', () => (window.clicked = true))"
    )
    press_down(page, page.locator("#preview"))
    held[0].fulfill(json={"takes": ["instruct"], "cloning": False, "model": "late"})
    expect(page.locator("#server")).to_have_text("late")
    page.wait_for_timeout(50)
    assert page.locator("#preview").is_visible()
    page.mouse.up()
    expect(page.locator("#preview")).to_be_hidden()
    assert page.evaluate("window.clicked === true")


def test_a_new_clip_waits_for_the_end_of_a_press(page, site):
    generate(page, SHORT)
    until_heard(page, SHORT)
    site.hold_after = 0.0
    generate(page, LONG)
    press_down(page, page.get_by_role("button", name=f"Save WAV: {SHORT}"))
    site.release.set()
    until_state(page, "playing")
    expect(page.locator("#clips li")).to_have_count(1)
    with page.expect_download() as download:
        page.mouse.up()
    assert download.value.suggested_filename == "a-short-line.wav"
    expect(page.locator("#clips li")).to_have_count(2)


def test_changes_do_not_wait_for_ever(page, site):
    """A list that drops down swallows the end of the press on it."""
    page.evaluate(
        "document.getElementById('voice').dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))"
    )
    page.locator("#file").set_input_files(REF_WAV)
    expect(page.locator("#sample")).to_be_visible()
