"""The JavaScript package in Firefox: a page of its own that speaks and reports what it heard."""

from __future__ import annotations

import base64
import json
import os
import queue
import shutil
import subprocess
import threading

import numpy as np
import pytest

import pocket_fast
from pocket_fast.cli import main
from pocket_fast.cli.web_site import POLICY, SiteHandler, SiteServer

FIREFOX = os.environ.get("POCKET_FAST_FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
TEXT = "Hello there. It is 9:30."
PAGE = f"""<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">
<script type="module" src="page/report.js"></script>"""
SCRIPT = """
const send = (report) => fetch("report", { method: "POST", body: JSON.stringify(report) });
const problems = [];
addEventListener("error", (event) => problems.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => problems.push(event.violatedDirective));
const { PocketTTS, bestBuild, loadWasm } = await import(new URL("pocket-fast/index.js", location));
const { SpeechPlayer } = await import(new URL("pocket-fast/sound/speech_player.js", location));
const base64 = (samples) => {
  const bytes = new Uint8Array(samples.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
};
try {
  const heard = {};
  for (const build of ["relaxed", "simd128"]) {
    const tts = await PocketTTS.load({ model: "model.pfweb", wasm: await loadWasm({ build }) });
    heard[build] = base64(await tts.generate("TEXT", { seed: 1 }));
    let frames = 0;
    for await (const _ of tts.stream("TEXT ".repeat(20))) if (++frames === 3) break;
    heard.left = frames;
    const { last } = await tts.stats();
    heard.realTime = last.realTime;
    tts.close();
  }
  await send({ best: bestBuild(), heard, problems, player: typeof SpeechPlayer });
} catch (error) {
  await send({ error: `${error.name}: ${error.message}` });
}
""".replace("TEXT", TEXT)


class Handler(SiteHandler):
    def do_POST(self):
        self.server.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    assert main(["wasm-demo", "--out", str(folder), "-q"]) == 0
    (folder / "report.html").write_text(PAGE)
    (folder / "page" / "report.js").write_text(SCRIPT)
    with SiteServer(folder, handler=Handler) as server:
        server.reports = queue.Queue()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.skipif(
    FIREFOX is None, reason="no Firefox found; install firefox-esr or set POCKET_FAST_FIREFOX"
)
def test_firefox_makes_the_samples_of_python(site, tmp_path):
    profile = tmp_path / "profile"
    profile.mkdir()
    url = f"{site.address}report.html"
    command = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), url]
    environment = {**os.environ, "HOME": str(tmp_path), "MOZ_CRASHREPORTER_DISABLE": "1"}
    firefox = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        report = site.reports.get(timeout=100)
    finally:
        firefox.terminate()
        firefox.wait(30)
    assert "error" not in report, report["error"]
    assert report["problems"] == []
    assert report["best"] == "relaxed"
    assert report["player"] == "function"
    assert report["heard"]["left"] == 3
    native = pocket_fast.load("builtin")
    expected = native.generate_audio(native.get_state_for_audio_prompt("ada"), TEXT, seed=1)
    for build in ("relaxed", "simd128"):
        heard = np.frombuffer(base64.b64decode(report["heard"][build]), dtype=np.float32)
        assert heard.shape == expected.shape
        assert np.abs(heard - expected).max() < 1e-4
    print("Firefox:", report["heard"]["realTime"], "x real time")
