"""The npm package: what is in it, how large it is, and that it works where it was installed from its tarball."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

import pocket_fast
from node import ROOT, WEB, install, node, readme_examples
from pocket_fast.cli import main
from pocket_fast.cli.web_site import POLICY, SiteServer, lay_out


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An otherwise empty folder with the package installed in it, from its tarball, without a network."""
    folder = tmp_path_factory.mktemp("npm")
    install(folder)
    return folder


def test_the_example_runs_where_it_was_installed(installed):
    """That of the README, as it stands there; and it ends by itself."""
    assert main(["export-web", "builtin", str(installed / "builtin.pfweb"), "-q"]) == 0
    shutil.copy(ROOT / "ref.wav", installed / "me.wav")
    example, _ = readme_examples()
    (installed / "example.mjs").write_text(example, encoding="utf-8")
    done = subprocess.run([node(), "example.mjs"], cwd=installed, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    *frames, size = map(int, done.stdout.split())
    assert set(frames) == {1920}
    assert size > 40_000


def test_what_else_it_exports(installed):
    (installed / "other.mjs").write_text(
        """
        import { SpeechPlayer } from "pocket-fast/player";
        console.log(typeof SpeechPlayer, import.meta.resolve("pocket-fast/relaxed.wasm"));
        """,
        encoding="utf-8",
    )
    done = subprocess.run([node(), "other.mjs"], cwd=installed, capture_output=True, text=True, check=True)
    kind, place = done.stdout.split()
    assert kind == "function"
    assert place.endswith("relaxed.wasm")


def test_what_is_in_it(installed):
    folder = installed / "node_modules" / "pocket-fast"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {
        "LICENSE",
        "README.md",
        "index.js",
        "index.d.ts",
        "player.d.ts",
        "worker.js",
        "simd128.wasm",
    } <= files
    assert not [name for name in files if name.startswith("demo")]
    for name in re.findall(r"from \"(\.[^\"]+)\"", "".join(p.read_text() for p in folder.glob("*.js"))):
        assert (folder / name).is_file()


def test_the_package_file_is_that_of_the_project():
    package = json.loads((WEB / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == pocket_fast.__version__
    assert package["license"] == "MIT"
    assert "dependencies" not in package
    assert (WEB / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def compressed(files):
    return sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)


def test_sizes():
    """Compressed one by one, with their comments, as a web server sends the package's own files."""
    assert compressed(path for path in WEB.rglob("*.js") if "demo" not in path.parts) <= 85_000
    assert compressed([WEB / "relaxed.wasm"]) <= 30 * 1024
    assert compressed([WEB / "simd128.wasm"]) <= 30 * 1024


def test_sizes_when_it_is_bundled(tmp_path):
    """All of the JavaScript, with spelling, which most models do without, and the player."""
    esbuild = shutil.which("esbuild") or pytest.skip("needs esbuild")
    entries = [WEB / name for name in ("index.js", "worker.js", "sound/speech_player.js", "sound/worklet.js")]
    how = ["--bundle", "--minify", "--splitting", "--format=esm", "--platform=node", "--log-level=warning"]
    subprocess.run([esbuild, *entries, *how, f"--outdir={tmp_path}"], check=True)
    files = [*tmp_path.rglob("*.js")]
    assert any("spell" in path.name for path in files)
    assert compressed(files) <= 40_000


def test_nothing_but_its_own_files_is_imported():
    for path in WEB.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"(?:from|import\()\s*[\"'`]([^\"'`]+)[\"'`]", text):
            assert name.startswith((".", "node:")), (path, name)
            if name.startswith(".") and "demo" not in path.parts:
                assert (path.parent / name).is_file(), (path, name)


def test_every_public_name_has_its_types():
    names = set(
        re.findall(r"export (?:declare )?(?:class|function|const) (\w+)", (WEB / "index.d.ts").read_text())
    )
    script = (
        f"import('{(WEB / 'index.js').as_uri()}').then((m) => console.log(JSON.stringify(Object.keys(m))))"
    )
    done = subprocess.run([node(), "-e", script], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) == names


@pytest.fixture
def site(tmp_path):
    lay_out(tmp_path, "model.pfweb", {"carl": b"a voice"})
    return tmp_path


def test_a_site_is_served_with_its_policy_and_its_types(site):
    with SiteServer(site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            for name, kind in [
                ("", "text/html"),
                ("page/app.js", "text/javascript; charset=utf-8"),
                ("pocket-fast/relaxed.wasm", "application/wasm"),
                ("page/icon.svg", "image/svg+xml"),
            ]:
                with urllib.request.urlopen(server.address + name) as answer:
                    assert answer.headers["Content-Type"] == kind
                    assert answer.headers["Content-Security-Policy"] == POLICY
                    assert answer.read()
            for name in ("page/", "../secret", "nothing"):
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(server.address + name)
        finally:
            server.shutdown()
    assert POLICY in (site / "index.html").read_text(encoding="utf-8")
    assert json.loads((site / "site.json").read_text())["voices"] == {"carl": "voices/carl.safetensors"}


def test_a_page_is_written_only_where_nothing_else_is(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["wasm-demo", "--out", str(tmp_path)]) == 1
    assert "other files" in capsys.readouterr().err
    assert main(["wasm-demo", "--out", str(tmp_path / "a" / "b")]) == 1
    assert "no folder" in capsys.readouterr().err
    assert main(["wasm-demo", "--out", str(tmp_path / "mine.txt")]) == 1
    assert "not a folder" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt"]


def test_a_port_that_is_taken(site):
    with SiteServer(site) as first:
        taken = first.server_address[1]
        with pytest.raises(pocket_fast.errors.UnsupportedError, match="--port"):
            SiteServer(site, taken)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_the_command_serves_until_it_is_interrupted():
    command = [sys.executable, "-m", "pocket_fast", "wasm-demo", "--port", "0"]

    def heed() -> None:
        """A shell's job in the background, as these tests may be, is begun deaf to interrupts."""
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as process:
        try:
            address = re.search(r"http://127\.0\.0\.1:\d+/", process.stderr.readline())[0]
            with urllib.request.urlopen(f"{address}model.pfweb") as answer:
                assert answer.read(8) == b"\x89PFWEB\r\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
