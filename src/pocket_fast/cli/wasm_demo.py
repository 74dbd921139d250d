"""Speak in the browser: a page that computes for itself, on this machine or as files for any web server."""

from __future__ import annotations

import argparse
import logging
import tempfile
import threading
from pathlib import Path

from pocket_fast.cli import export_web
from pocket_fast.cli.arguments import add_thread_option, whole
from pocket_fast.cli.console import Interrupts
from pocket_fast.errors import ConfigError, NotFoundError, named
from pocket_fast.models import catalog

DEFAULT_MODEL = "builtin"
_MODEL = "model.pfweb"

_log = logging.getLogger("pocket_fast")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `wasm-demo` takes."""
    add = parser.add_argument
    add(
        "source",
        metavar="MODEL",
        nargs="?",
        default=DEFAULT_MODEL,
        help="a model by name, or in any other form that --model takes (default: the one inside the package)",
    )
    add(
        "--out",
        metavar="DIR",
        help="write the page into this folder, for any web server, and do not serve it",
    )
    export_web.add_bundle_options(parser)
    add(
        "-p",
        "--port",
        type=whole(0, 65535),
        default=8001,
        metavar="N",
        help="(default 8001; 0 takes a free one)",
    )
    add("--open", action="store_true", help="open the page in this machine's browser")
    add("-q", "--quiet", action="store_true", help="errors only")
    add_thread_option(parser)


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Serves on loopback until it is told to stop; or writes the folder."""
    from pocket_fast.cli.web_site import POLICY, SiteServer

    if options.out is not None:
        if options.open:
            raise ConfigError(
                "--out and --open were given; --out does not serve the page: leave out one of them"
            )
        folder = Path(options.out)
        _check_folder(folder)
        folder.mkdir(exist_ok=True)
        _make(folder, options)
        _log.info(
            "%s: serve it with any web server; its Content-Security-Policy is in the page: %s", folder, POLICY
        )
        return 0
    with tempfile.TemporaryDirectory(prefix="pocket_fast_page_") as work:
        _make(Path(work), options)
        with SiteServer(Path(work), options.port) as server:
            _log.info("the page is at %s (Ctrl+C ends it)", server.address)
            if options.open:
                import webbrowser

                webbrowser.open(server.address)
            with interrupts.gently() as stop:
                thread = threading.Thread(target=server.serve_forever, daemon=True)
                thread.start()
                stop.wait()
                server.shutdown()
    return 0


def _check_folder(folder: Path) -> None:
    """Raises for a place that is no folder of ours, or an empty one, or none yet."""
    if not folder.parent.is_dir():
        raise NotFoundError(
            f"cannot write {named(folder)}: there is no folder {named(folder.parent)}; create it"
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder; give the name of one")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "site.json").is_file():
        raise ConfigError(
            f"{folder} has other files in it; give the name of an empty folder, or of a new one"
        )


def _make(folder: Path, options: argparse.Namespace) -> None:
    from pocket_fast.cli.web_site import lay_out

    export_web.export(options, folder / _MODEL)
    lay_out(folder, _MODEL, _more_voices(options))


def _more_voices(options: argparse.Namespace) -> dict[str, bytes]:
    """Of the model inside the package, the voices that are not in the bundle: fetched by the page one by one, when they
    are chosen."""
    if options.source != DEFAULT_MODEL or options.voice or options.no_voice:
        return {}
    choice = catalog.choose({"model": options.source})
    names = [name for name in choice.voice_names if name != choice.default_voice]
    return dict(zip(names, export_web.states(choice, names, options.threads, False), strict=True))
