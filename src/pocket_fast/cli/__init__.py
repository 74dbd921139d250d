"""The command line: pocket-fast, or python -m pocket_fast. One module per command.

Standard output carries results only; everything else goes to standard error. Exit codes: 0 done, 1 failed
or interrupted, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Sequence

from pocket_fast import __version__
from pocket_fast.cli import (
    bench,
    export_voice,
    export_web,
    generate,
    info,
    quantize,
    serve,
    voices,
    wasm_demo,
)
from pocket_fast.cli.arguments import Parser
from pocket_fast.cli.console import Interrupts, logging_to_stderr, say
from pocket_fast.errors import PocketFastError, named, shortened

_COMMANDS = {
    "generate": generate,
    "serve": serve,
    "export-voice": export_voice,
    "export-web": export_web,
    "quantize": quantize,
    "wasm-demo": wasm_demo,
    "voices": voices,
    "info": info,
    "bench": bench,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Wrong usage, --help and --version raise SystemExit.

    Made for a process of its own: when standard output fails, or does not take what is left after an
    interruption, its file descriptor ends up on the null device.
    """
    try:
        return _run(_parser().parse_args(argv))
    finally:
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except (OSError, KeyboardInterrupt):
            _abandon_stdout()


def _run(options: argparse.Namespace) -> int:
    with logging_to_stderr(logging.ERROR if options.quiet else logging.INFO), Interrupts() as interrupts:
        try:
            code = options.run(options, interrupts)
            if sys.stdout is not None:
                sys.stdout.flush()
            return code
        except KeyboardInterrupt:
            _abandon_stdout()  # the reader may be why we were interrupted: flushing could wait for ever
            say("error: interrupted")
        except BrokenPipeError:
            pass  # nobody reads our output any more: nothing to say, but not all was delivered
        except Exception as error:
            _report(error)
    return 1


def _parser() -> Parser:
    parser = Parser(prog="pocket-fast", description="Text to speech on this machine's CPU.")
    parser.add_argument("-V", "--version", action="version", version=f"pocket-fast {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in _COMMANDS.items():
        summary = (command.__doc__ or "").splitlines()[0]
        subparser = commands.add_parser(name, help=summary, description=summary)
        command.add_options(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def _report(error: Exception) -> None:
    if os.environ.get("POCKET_FAST_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, PocketFastError):
        say(f"error: {error}")
    elif isinstance(error, OSError):
        where = f"{named(error.filename)}: " if error.filename is not None else ""
        say(f"error: {where}{shortened(str(error.strerror or error))}")
    else:
        what = shortened(f"{type(error).__name__}: {error}")
        say(f"error: {what}\nSet POCKET_FAST_DEBUG=1 to see where it happened.")


def _abandon_stdout() -> None:
    """Python flushes standard output once more when it ends: let that neither fail loudly nor wait."""
    with contextlib.suppress(OSError):  # not a file: something of the caller's
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
