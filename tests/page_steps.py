"""What the tests of the web page do with it, and how they look at it."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from page_server import CHARACTERS_PER_SECOND, RATE

playwright = pytest.importorskip("playwright.sync_api", reason="needs `pip install playwright`")
expect = playwright.expect

SHORT = "A short line."
LONG = "The harbour was quiet before dawn, and dark."
# Everything that reaches the loudspeaker is also kept in window.heard.
TAP = """
window.heard = [];
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target === this.context.destination) {
    const tap = this.context.createScriptProcessor(16384, 1, 1);
    tap.onaudioprocess = (event) => heard.push(...event.inputBuffer.getChannelData(0));
    connect.call(this, tap);
    connect.call(tap, target);
  }
  return connect.call(this, target, ...rest);
};
"""
# Counts the columns of the waveform by what their colour says.
COLUMNS = """() => {
  const canvas = document.querySelector("#wave canvas");
  const style = getComputedStyle(canvas);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const paints = Object.entries({ heard: "--accent", ahead: "--wave", missing: "--line" }).map(([name, property]) => {
    const hex = style.getPropertyValue(property);
    return [name, [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16))];
  });
  const found = { heard: 0, ahead: 0, missing: 0, tall: 0 };
  for (let x = 0; x < canvas.width; x++) {
    const seen = { heard: 0, ahead: 0, missing: 0 };
    for (let y = 0; y < canvas.height; y++) {
      const pixel = data.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 4);
      const paint = paints.find(([, colour]) => colour.every((v, i) => Math.abs(v - pixel[i]) < 4));
      if (paint && pixel[3] > 100) seen[paint[0]]++;
    }
    for (const name in seen) if (seen[name]) found[name]++;
    found.tall = Math.max(found.tall, (seen.heard + seen.ahead) / canvas.height);
  }
  return found;
}"""


def generate(page, text):
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_role("button", name="Generate").click()


def until_state(page, state):
    expect(page.locator("#player")).to_have_attribute("data-state", state)


def until_heard(page, text):
    until_state(page, "still")
    clock = f"0:{int(len(text) / CHARACTERS_PER_SECOND):02}"
    expect(page.locator("#time")).to_have_text(f"{clock} / {clock}")


def position(page):
    return float(page.locator("#wave").get_attribute("aria-valuenow"))


def error(page):
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    return alert.inner_text()


def saved(page, press):
    with page.expect_download() as download:
        press()
    return download.value.suggested_filename, download.value.path().read_bytes()


def samples_of(data):
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        assert file.getnframes() * 2 + 44 == len(data)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")
