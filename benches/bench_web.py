"""How fast this machine's Chromium speaks: the bench page of `wasm-demo`, for any number of models.

    python benches/bench_web.py [builtin english_2m_2026-10 DIR/config.yaml:int8 file.pfweb ...] [--times 5]

MODEL:TYPE is exported with that compute type. Prints the page's line for each. Needs playwright and Chromium
(POCKET_FAST_CHROMIUM names another).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from pocket_fast.cli import main as pocket_fast
from pocket_fast.cli.web_site import SiteServer, lay_out

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def exported(model: str, folder: Path) -> str:
    """The name in `folder` of the bundle that was made, or copied there."""
    name, _, kind = model.partition(":")
    target = folder / f"{Path(name).parent.name if name.endswith('.yaml') else Path(name).stem}{kind}.pfweb"
    if name.endswith(".pfweb"):
        shutil.copy(name, target)
    elif pocket_fast(["export-web", name, str(target), "--compute-type", kind or "auto", "--no-voice", "-q"]):
        sys.exit(f"{model} could not be exported")
    return target.name


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=["builtin"])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument(
        "--keep", type=Path, help="a folder for the bundles, so that they need not be made again"
    )
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    browser_path = os.environ.get("POCKET_FAST_CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as work, sync_playwright() as driver:
        folder = options.keep or Path(work)
        folder.mkdir(exist_ok=True)
        bundles = [exported(model, folder) for model in options.models]
        lay_out(folder, bundles[0], {})
        with SiteServer(folder) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            browser = driver.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
            for bundle in bundles:
                page = browser.new_page()
                page.set_default_timeout(600_000)
                page.goto(f"{server.address}bench.html?model={bundle}")
                page.get_by_label("times").fill(str(options.times))
                page.get_by_role("button", name="Measure").click()
                page.locator("#start:not(:disabled)").wait_for()
                print(page.locator("#error").inner_text() or page.locator("#line").input_value(), flush=True)
                page.close()
            browser.close()
            server.shutdown()


if __name__ == "__main__":
    main()
