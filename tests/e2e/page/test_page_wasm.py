"""The page that computes for itself, and the JavaScript package in a page: in Chromium, with both builds."""

from __future__ import annotations

import base64

import numpy as np
import pytest

import pocket_fast
from page_steps import error, expect, until_state

TEXT = "Hello there. It is 9:30, and all is well."
LONG = "One and two and three and four and five and six and seven and eight and nine and ten. " * 10
BUILDS = ("simd128", "relaxed")


@pytest.fixture
def open_demo(browser, demo_address):
    """open_demo(path="", script="", **options of a context) -> a page of it, in which nothing may go wrong, that may
    ask nobody else for anything, and whose policy may not be hurt."""
    contexts, problems = [], []
    expect.set_options(timeout=60_000)

    def open_demo(path="", script="", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective}`));"
            + script
        )
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda problem: problems.append(str(problem)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        context.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((demo_address, "blob:", "data:"))
                else problems.append(f"asks {request.url}")
            ),
        )
        page.goto(demo_address + path)
        return page

    yield open_demo
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def package(open_demo):
    """package(build) -> a page with a model, `tts`, loaded there by hand with that build."""

    def package(build):
        page = open_demo("bench.html")
        runs = page.evaluate(
            """async (build) => {
              window.pf = await import(new URL("pocket-fast/index.js", location));
              const wasm = await pf.loadWasm({ build }).catch(() => null);
              if (!wasm) return false;
              window.tts = await pf.PocketTTS.load({ model: "model.pfweb", wasm });
              return true;
            }""",
            build,
        )
        if not runs:
            pytest.skip(f"this browser does not run {build}.wasm")
        return page

    return package


@pytest.fixture(scope="module")
def native():
    return pocket_fast.load("builtin")


BASE64 = """(samples) => {
  const bytes = new Uint8Array(samples.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}"""


def samples(page, code, argument=None):
    given = page.evaluate(f"async (given) => ({BASE64})(await ({code})(given))", argument)
    return np.frombuffer(base64.b64decode(given), dtype=np.float32)


@pytest.mark.parametrize("build", BUILDS)
def test_a_page_makes_the_samples_of_python(package, native, build):
    page = package(build)
    heard = samples(page, "(text) => tts.generate(text, { seed: 1 })", TEXT)
    expected = native.generate_audio(native.get_state_for_audio_prompt("ada"), TEXT, seed=1)
    assert heard.shape == expected.shape
    assert np.abs(heard - expected).max() < 1e-4


def test_a_voice_of_a_file(package, native, recording):
    page = package("simd128")
    data = base64.b64encode(recording.read_bytes()).decode()
    heard = samples(
        page,
        """async ([data, text]) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          await tts.loadVoice(new File([bytes], "me.wav"));
          return tts.generate(text);
        }""",
        [data, "Hello there."],
    )
    expected = native.generate_audio(native.get_state_for_audio_prompt(recording), "Hello there.")
    assert heard.shape == expected.shape
    assert np.abs(heard - expected).max() < 1e-4


@pytest.fixture
def recording():
    from node import ROOT

    return ROOT / "ref.wav"


@pytest.mark.parametrize("build", BUILDS)
def test_aborting_ends_the_computing_within_a_frame(package, build):
    """Counted in the engine, on the page's own thread, where it can be seen: no frame but the one under way."""
    page = package(build)
    counted = page.evaluate(
        """async (text) => {
          const { Engine } = await import(new URL("pocket-fast/engine.js", location));
          const { wasm } = { wasm: await pf.loadWasm({ build: (await tts.stats()).build }) };
          let drawn = 0;
          const speak = Engine.prototype.speak;
          Engine.prototype.speak = function* (...given) {
            for (const sound of speak.apply(this, given)) {
              if (sound) drawn += 1;
              yield sound;
            }
          };
          const here = await pf.PocketTTS.load({ model: "model.pfweb", wasm, engine: "main", warmUp: false });
          const abort = new AbortController();
          let atAbort = 0;
          let heard = 0;
          const failed = await (async () => {
            for await (const _ of here.stream(text, { signal: abort.signal })) {
              heard += 1;
              if (heard === 3) {
                atAbort = drawn;
                abort.abort();
              }
            }
          })().catch((error) => error.name);
          await new Promise((resolve) => setTimeout(resolve, 300));
          return { failed, heard, more: drawn - atAbort };
        }""",
        LONG,
    )
    assert counted["failed"] == "AbortError"
    assert counted["heard"] == 3
    assert counted["more"] <= 1


def test_memory_does_not_grow(package):
    page = package("simd128")
    sizes = page.evaluate(
        """async () => {
          const sizes = [];
          for (let i = 0; i < 50; i++) {
            await tts.generate(i % 2 ? "Hello there." : "Good night, and sleep well.");
            sizes.push((await tts.stats()).memory);
          }
          return sizes;
        }"""
    )
    assert len(set(sizes[2:])) == 1


def test_the_page_speaks(open_demo):
    page = open_demo()
    expect(page.get_by_label("Voice", exact=True)).to_have_value("ada")
    page.get_by_label("Text", exact=True).fill(TEXT)
    page.get_by_role("button", name="Generate").click()
    until_state(page, "still")
    expect(page.get_by_role("status")).to_contain_text("Done:")
    seconds = float(page.locator("#wave").get_attribute("aria-valuemax"))
    assert 2 < seconds < 6
    assert page.locator("#factor").inner_text().endswith("real time")
    assert "WebAssembly" in page.locator("#server").inner_text()


def test_the_page_s_other_voices_and_settings(open_demo):
    page = open_demo()
    expect(page.get_by_label("Voice", exact=True)).to_have_value("ada")
    page.get_by_label("Voice", exact=True).select_option("carl")
    page.locator("summary").click()
    page.get_by_label("Temperature").fill("0.5")
    page.get_by_label("Seed").fill("7")
    page.get_by_label("Text", exact=True).fill("Hello.")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("status")).to_contain_text("Done:")
    expect(page.locator("#title")).to_have_text("carl: Hello.")
    assert not page.get_by_label("Speed").is_visible()
    assert not page.get_by_role("button", name="Save MP3").is_visible()


def test_the_page_clones_a_recording(open_demo, recording):
    page = open_demo()
    page.locator("#file").set_input_files(str(recording))
    expect(page.locator("#sample-name")).to_have_text("ref.wav")
    page.get_by_label("Text", exact=True).fill("Hello.")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("status")).to_contain_text("Done:")


def test_the_page_says_what_cannot_be_said(open_demo):
    page = open_demo()
    expect(page.get_by_label("Voice", exact=True)).to_have_value("ada")
    page.get_by_label("Text", exact=True).fill("[pause:1234567890123456s]")
    page.get_by_role("button", name="Generate").click()
    assert "at most 15" in error(page)


def test_the_page_saves_a_wav_file(open_demo, tmp_path):
    page = open_demo()
    page.get_by_label("Text", exact=True).fill("Hello.")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("status")).to_contain_text("Done:")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save WAV").first.click()
    path = tmp_path / "speech.wav"
    download.value.save_as(path)
    assert path.read_bytes()[:4] == b"RIFF"


def test_the_bench_page(open_demo):
    page = open_demo("bench.html")
    page.get_by_label("times").fill("1")
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_role("status")).to_have_text("Done.")
    line = page.get_by_label("To paste into a report").input_value()
    assert line.startswith(f"pocket-fast {pocket_fast.__version__}, builtin auto: ")
    assert "x real time, first sound" in line
    assert page.locator("#results tbody tr").count() >= 1


def test_a_model_is_kept_and_what_is_damaged_is_fetched_again(open_demo):
    page = open_demo("bench.html")
    asked = page.evaluate(
        """async () => {
          const { PocketTTS } = await import(new URL("pocket-fast/index.js", location));
          const key = new URL("model.pfweb", location).href;
          const load = async () => (await PocketTTS.load({ model: "model.pfweb", warmUp: false })).close();
          const kept = async () => (await (await caches.open("pocket-fast")).match(key))?.arrayBuffer();
          await load();
          let bytes = null;
          for (let i = 0; i < 100 && !bytes; i++) {
            await new Promise((resolve) => setTimeout(resolve, 50));
            bytes = await kept();
          }
          const damaged = new Uint8Array(bytes.slice(0));
          damaged[damaged.length - 5] ^= 1;
          await (await caches.open("pocket-fast")).put(key, new Response(damaged));
          await load();
          return bytes.byteLength;
        }"""
    )
    assert asked > 7_000_000


def test_the_player(open_demo):
    """Waits, plays, pauses, tells how loud it is, and stops."""
    page = open_demo("bench.html")
    states = page.evaluate(
        """async (text) => {
          const { PocketTTS } = await import(new URL("pocket-fast/index.js", location));
          const { SpeechPlayer } = await import(new URL("pocket-fast/sound/speech_player.js", location));
          const tts = await PocketTTS.load({ model: "model.pfweb" });
          const states = [];
          let level = 0;
          const player = new SpeechPlayer(({ state, level: now }) => {
            if (states.at(-1) !== state) states.push(state);
            level = Math.max(level, now);
          });
          const until = async (state) => {
            while (player.state !== state) await new Promise((resolve) => setTimeout(resolve, 10));
          };
          const done = player.play(tts.stream(text), tts.sampleRate);
          await until("playing");
          await new Promise((resolve) => setTimeout(resolve, 400));
          player.pause();
          await until("paused");
          player.resume();
          await until("playing");
          player.stop();
          await done;
          await player.play(tts.stream("Hello."), tts.sampleRate);
          const failing = tts.stream("Hello.", { steps: 0 });
          const failed = await player.play(failing, tts.sampleRate).catch((error) => error.name);
          return { states, level, failed, still: player.state };
        }""",
        LONG,
    )
    assert states["states"][:5] == ["waiting", "playing", "paused", "playing", "still"]
    assert states["states"][-1] == states["still"] == "still"
    assert states["failed"] == "SettingError"
    assert states["level"] > 0.01


def test_the_page_clones_what_the_microphone_hears(open_demo):
    page = open_demo(permissions=["microphone"])
    expect(page.get_by_label("Voice", exact=True)).to_have_value("ada")
    page.get_by_role("button", name="Record").click()
    expect(page.locator("#elapsed")).to_have_text("0:02")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#sample-name")).to_have_text("your recording")
    page.get_by_label("Text", exact=True).fill("Hello.")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("status")).to_contain_text("Done:")
