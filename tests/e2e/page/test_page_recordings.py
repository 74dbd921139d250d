"""What the web page makes of recordings before it sends them: small, whole where that is possible, and at most 30 s."""

import base64
import contextlib
import io

import numpy as np
import pytest
import soundfile

from page_server import RATE, PageServer
from page_steps import SHORT, error, expect, generate, until_heard
from proxies import nginx

RNG = np.random.default_rng(7)
PASSES = 1 << 20  # bytes that nginx lets through
ENCODE = """async ([data, rate, most]) => {
  const { flac } = await import(new URL("page/flac.js", location));
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const file = await flac(new Int16Array(bytes.buffer), rate, most ?? Infinity).arrayBuffer();
  let text = "";
  for (const byte of new Uint8Array(file)) text += String.fromCharCode(byte);
  return btoa(text);
}"""


def flac(page, sound, rate=RATE, most=None):
    """(the bytes that the page makes of (n,) int16, what soundfile reads in them)"""
    given = base64.b64encode(np.asarray(sound, "<i2").tobytes()).decode()
    data = base64.b64decode(page.evaluate(ENCODE, [given, rate, most]))
    heard, found = soundfile.read(io.BytesIO(data), dtype="int16")
    assert found == rate
    return data, heard


def speechlike(n):
    """A hum that swells, with some noise."""
    t = np.arange(n) / RATE
    hum = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 12)) * np.sin(np.pi * 2.3 * t) ** 2
    return np.clip(6000 * hum + RNG.normal(0, 20, n), -32768, 32767).astype("<i2")


SOUNDS = {
    "one sample": [-7],
    "two extremes": [-32768, 32767],
    "five": [1, -1, 2, -2, 3],
    "silence": np.zeros(10_000),
    "as loud as can be": np.where(np.arange(20_000) // 37 % 2, 32767, -32768),
    "a ramp": np.arange(-32768, 32768),
    "noise": RNG.integers(-32768, 32768, 30_001),
    "a block": RNG.integers(-9, 9, 4096),
    "a block and one": RNG.integers(-900, 900, 4097),
    "nearly a block": RNG.integers(-900, 900, 4095),
    "a click": np.eye(1, 9000, 5000)[0] * 32767,
    "more than 128 frames": speechlike(600_000),
}


def test_flac_keeps_every_sample(page):
    for name, sound in SOUNDS.items():
        assert np.array_equal(flac(page, sound)[1], np.asarray(sound, "<i2")), name


def test_flac_of_other_rates(page):
    sound = speechlike(5000)
    for rate in (8000, 16000, 44100, 48000):
        assert np.array_equal(flac(page, sound, rate)[1], sound), rate


def test_flac_makes_speech_smaller(page):
    sound = speechlike(RATE * 10)
    assert len(flac(page, sound)[0]) < 0.6 * sound.nbytes


def test_noise_loses_only_what_is_far_below_it(page):
    for loudness in (300, 3000, 30_000):
        sound = np.clip(RNG.normal(0, loudness, 200_000), -32768, 32767).astype("<i2")
        whole = len(flac(page, sound)[0])
        data, heard = flac(page, sound, most=int(0.75 * whole))
        assert len(data) <= 0.75 * whole
        lost = np.std(heard.astype(float) - sound)
        assert 0 < lost < 0.06 * loudness


# -- what is sent -----------------------------------------------------------------------------------


def uploaded(page, site, sound, rate, format="WAV", name="me"):
    """What the server gets of (n,) or (n, channels) samples as a file: (seconds of it, its bytes)."""
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=format)
    kind = f"audio/{format.lower()}"
    page.locator("#file").set_input_files({"name": name, "mimeType": kind, "buffer": file.getvalue()})
    expect(page.locator("#sample-name")).to_have_text(name)
    generate(page, SHORT)
    until_heard(page, SHORT)
    data = site.requests[-1][1]["voice_wav"]
    return soundfile.read(io.BytesIO(data), dtype="int16")[0], data


@pytest.mark.parametrize("loudness", [0.02, 0.9])
def test_a_long_recording_is_sent_as_30_s_that_pass(page, site, loudness):
    n = 48000 * 32
    hum = 0.1 * np.sin(np.arange(n) * 0.03)
    both = np.stack([hum, hum], 1) + RNG.uniform(-loudness, loudness, (n, 1))
    sound, data = uploaded(page, site, np.clip(both, -1, 1), 48000)
    assert len(sound) == 30 * RATE
    assert len(data) < PASSES - 100_000


def test_channels_that_cancel_are_one_voice(page, site):
    hum = 0.3 * np.sin(np.arange(2 * RATE) * 0.05)
    sound, _ = uploaded(page, site, np.stack([hum, -hum], 1), RATE)
    assert np.abs(sound).max() > 9000


def test_the_rate_is_the_models(open_page, site):
    site.health["sample_rate"] = 16000
    page = open_page()
    _, data = uploaded(page, site, 0.3 * np.sin(np.arange(2 * RATE) * 0.05), RATE)
    assert soundfile.info(io.BytesIO(data)).samplerate == 16000


# -- through a proxy --------------------------------------------------------------------------------


@pytest.fixture
def running():
    """What outlives the pages of a test."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def through(running, open_page, tmp_path):
    """through(lines) -> (the page behind nginx with these lines, the server behind it)"""

    def through(lines=""):
        site = running.enter_context(PageServer())
        url = running.enter_context(nginx(site.url.rpartition("/behind")[0], tmp_path, lines))
        return open_page(url=url + "/behind/a/proxy/"), site

    return through


def test_cloning_passes_a_proxy_with_its_defaults(through):
    page, site = through()
    noise = RNG.uniform(-0.9, 0.9, (44100 * 31, 2))
    sound, _ = uploaded(page, site, noise, 44100)
    assert len(sound) == 30 * RATE


def test_a_proxy_that_lets_nothing_through_is_explained(through):
    page, site = through("client_max_body_size 10k;")
    file = io.BytesIO()
    soundfile.write(file, RNG.uniform(-0.5, 0.5, 60_000), RATE, format="WAV")
    page.locator("#file").set_input_files({"name": "me", "mimeType": "audio/wav", "buffer": file.getvalue()})
    expect(page.locator("#sample-name")).to_have_text("me")
    generate(page, SHORT)
    assert "status 413" in error(page)
    assert "shorter recording" in error(page)
    assert site.requests == []
    page.get_by_role("button", name="Remove", exact=True).click()
    generate(page, SHORT)
    until_heard(page, SHORT)
