"""The page that computes for itself: its files in a folder, and a web server for them on loopback."""

from __future__ import annotations

import contextlib
import functools
import html
import json
import shutil
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from pocket_fast import __version__
from pocket_fast.errors import UnsupportedError

# What the page may do: run its own scripts, WebAssembly and workers, and fetch its own files; nothing from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_PACKAGE = Path(__file__).resolve().parents[1]
_LEFT_OUT = ("demo", "README.md", "package.json", "*.d.ts", "spelling.json")


def lay_out(folder: Path, model: str, voices: dict[str, bytes]) -> None:
    """Everything but the model's file, which lies in `folder` already.

    Most of it is the server's own page: where that asks a server, demo/server.js answers. voices: states as
    export-voice writes them, by name, which are not in the model's file.
    """
    page = folder / "page"
    for source in (_PACKAGE / "server" / "page", _PACKAGE / "web" / "sound", _PACKAGE / "web" / "demo"):
        shutil.copytree(source, page, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.html"))
    shutil.copytree(
        _PACKAGE / "web",
        folder / "pocket-fast",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(*_LEFT_OUT),
    )
    pages = {
        "index.html": _PACKAGE / "server" / "page" / "index.html",
        "bench.html": _PACKAGE / "web" / "demo" / "bench.html",
    }
    for name, source in pages.items():
        (folder / name).write_text(_with_policy(source.read_text(encoding="utf-8")), encoding="utf-8")
    (folder / "voices").mkdir(exist_ok=True)
    for name, data in voices.items():
        (folder / "voices" / f"{name}.safetensors").write_bytes(data)
    site = {
        "model": model,
        "version": __version__,
        "voices": {name: f"voices/{name}.safetensors" for name in voices},
    }
    (folder / "site.json").write_text(json.dumps(site, indent=1) + "\n", encoding="utf-8")


def _with_policy(page: str) -> str:
    meta = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY, quote=False)}">'
    first = '<meta charset="utf-8">'
    return page.replace(first, f"{first}\n  {meta}", 1)


class SiteServer(ThreadingHTTPServer):
    """A folder on loopback, under a port or a free one (0). serve_forever() until shutdown()."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int = 0, handler: type[SiteHandler] | None = None):
        try:
            super().__init__(
                ("127.0.0.1", port), functools.partial(handler or SiteHandler, directory=str(folder))
            )
        except OSError as error:
            raise UnsupportedError(
                f"port {port} cannot be listened at: {error.strerror or error}; give another --port, or 0"
            ) from None

    @property
    def address(self) -> str:
        """Of the page."""
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers end connections as they like."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class SiteHandler(SimpleHTTPRequestHandler):
    """The files of a folder, each with the policy."""

    protocol_version = "HTTP/1.1"
    extensions_map: ClassVar = {**SimpleHTTPRequestHandler.extensions_map, **_TYPES}

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        with contextlib.suppress(ConnectionError):  # whoever asked has seen enough
            super().copyfile(source, outputfile)

    def list_directory(self, path: Any) -> None:
        self.send_error(404, "Not Found")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the page's own words are enough."""
