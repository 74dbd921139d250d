"""Speak over HTTP: a web page, OpenAI's speech API, streams, WebSockets."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocket_fast.audio.source import is_pipe
from pocket_fast.cli.arguments import (
    Parser,
    add_device_option,
    add_model_options,
    add_setting_options,
    add_words_option,
    given_settings,
    given_words,
    model_choice,
    number,
    whole,
    yes_or_no,
)
from pocket_fast.cli.console import Interrupts, logging_to_stderr, stderr_is_terminal
from pocket_fast.cli.model import Speaker, load_speaker, voice_source
from pocket_fast.cli.voice_folder import add_voices_option, given_folder, whose_voice
from pocket_fast.errors import ConfigError, PocketFastError, UnsupportedError
from pocket_fast.server.names import checked_name
from pocket_fast.server.options import Options

if TYPE_CHECKING:
    from fastapi import FastAPI

    from pocket_fast.api.speaking import Speaking
    from pocket_fast.api.voice_folder import VoiceFolder

_WORDS = "POCKET_FAST_SERVE"  # the command line, for processes that uvicorn starts
# That a thread of Python may keep frames and requests waiting; by itself, Python lets it 5 ms.
_SWITCH_SECONDS = 0.001
_OLD_GARBAGE = 50  # looks at what is young before all is looked through, not 10
_LEVELS = ("debug", "info", "warning", "error")

_log = logging.getLogger("pocket_fast")
_for_ever = contextlib.ExitStack()  # what a worker process leaves only when it ends


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `serve` takes."""
    parser.add_argument("-q", "--quiet", action="store_true", help="errors only")
    parser.add_argument("--log-level", choices=_LEVELS, default="info", help="(default info)")
    parser.add_argument("--access-log", action="store_true", help="a line for every request")
    _add_address_options(parser.add_argument_group("address"))
    _add_access_options(parser.add_argument_group("access and limits"))
    add_model_options(parser)
    _add_voice_options(parser.add_argument_group("voices"))
    add_setting_options(parser, parser.add_argument_group("speech", "where requests give none"), old_too=True)
    _add_machine_options(parser.add_argument_group("machine"))


def _add_address_options(group: Any) -> None:
    add = group.add_argument
    add("--host", default="127.0.0.1", help="(default 127.0.0.1: this machine only)")
    add(
        "-p",
        "--port",
        type=whole(0, 65535),
        default=8000,
        metavar="N",
        help="(default 8000; 0 takes a free one)",
    )
    add("--uds", metavar="PATH", help="a Unix socket instead of a port")
    add("--workers", type=whole(1), default=1, metavar="N", help="processes, each with a model of its own")
    add("--reload", action="store_true", help="start again when the package's sources change")
    add(
        "--shutdown-seconds",
        type=whole(0),
        default=10,
        metavar="S",
        help="when told to stop, cut streams that are still running after this long (default 10)",
    )


def _add_access_options(group: Any) -> None:
    add = group.add_argument
    add(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        type=_host,
        help="a name that it is asked by, such as that of a proxy in front of it: speech.example, *.example for all "
        "below it, or * for any; repeatable. Names of this machine for itself are known; unless --host is one of "
        "them, so are addresses, names without a dot and below .local and .internal",
    )
    add("--api-key", metavar="KEY", help="ask for this Bearer token (better: POCKET_FAST_API_KEY)")
    add(
        "--cors-origin",
        action="append",
        default=[],
        metavar="URL",
        type=_origin,
        help="web sites whose pages may use it, such as https://their.example, or * for all; repeatable",
    )
    add(
        "--forwarded-allow-ips",
        default=os.environ.get("FORWARDED_ALLOW_IPS"),
        metavar="LIST",
        help="addresses and networks of proxies that are believed whom they speak for (X-Forwarded-Host, -Port, "
        "-For, -Proto), separated by commas; * is all (default 127.0.0.1,::1, and * with --uds)",
    )
    add("--max-streams", type=whole(1), default=64, metavar="N", help="texts computed at once (default 64)")
    add("--max-queue", type=whole(0), default=256, metavar="N", help="texts waiting (default 256)")
    add("--max-wait", type=number(above=0), default=30, metavar="S", help="longest wait (default 30)")
    add(
        "--idle-seconds",
        type=number(above=0),
        default=600,
        metavar="S",
        help="end a text that is neither written nor listened to for this long (default 600)",
    )
    add(
        "--idle-bytes",
        type=whole(0),
        default=1 << 30,
        metavar="BYTES",
        help="most memory of texts that are paused by their writers or listeners (default 1 GiB)",
    )
    add("--max-text", type=whole(1), default=20_000, metavar="N", help="characters (default 20000)")
    add(
        "--max-upload",
        type=whole(1),
        default=25 << 20,
        metavar="BYTES",
        help="of a recording (default 25 MiB)",
    )
    add(
        "--max-upload-seconds",
        type=number(above=0),
        default=30,
        metavar="S",
        help="use only the beginning of a recording (default 30)",
    )
    add(
        "--max-connections",
        type=whole(1),
        default=1024,
        metavar="N",
        help="at once, as far as there are file handles (ulimit -n); beyond them, who has asked nothing yet gives way, "
        "and else all but /health and /metrics get 503 (default 1024)",
    )
    add(
        "--request-seconds",
        type=number(above=0),
        default=20,
        metavar="S",
        help="until a request has come: its head, and then its body, which has a second more for every 4 KB "
        "(default 20)",
    )
    add("--allow-voice-urls", action="store_true", help="fetch voices from https:// and hf:// for clients")


def _add_voice_options(group: Any) -> None:
    add = group.add_argument
    add("--default-voice", "--voice", metavar="VOICE", help="in any form that `generate --voice` takes")
    add_voices_option(group, "; a change of a file counts from the next request on")
    add_words_option(group)
    add("--prewarm-voices", metavar="NAMES", help="get these ready before listening; separated by commas")
    add("--voice-cache-capacity", type=whole(1), default=64, metavar="N", help="voices kept (default 64)")


def _add_machine_options(group: Any) -> None:
    add = group.add_argument
    add(
        "--warmup",
        type=yes_or_no,
        default=True,
        metavar="true|false",
        help="speak a word before listening (default true)",
    )
    add_device_option(group)
    add("--compute-type", default="auto", metavar="TYPE", help="auto, float32, ... (see `info`)")
    add("--quantize", "--quantized", action="store_true", help="the same as --compute-type int8")
    for_threads = {"type": whole(1), "metavar": "N"}
    add("--threads", **for_threads, help="most threads to use, in each process")
    add("--omp-threads", "--mkl-threads", dest="threads", **for_threads, help="another spelling of --threads")


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Serves until it is told to stop (SIGTERM or Ctrl+C; a second time: at once)."""
    import socket

    if options.uds is not None and not hasattr(socket, "AF_UNIX"):
        raise UnsupportedError("--uds: Python has no Unix sockets on this system; use --host and --port")
    try:
        import fastapi  # noqa: F401
        import multipart  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn
        import websockets  # noqa: F401
    except ImportError as error:
        raise UnsupportedError(
            f"`serve` needs {error.name}, which is not installed: pip install 'pocket-fast[server]'"
        ) from None
    from pocket_fast.server.connection import Connection
    from pocket_fast.server.listening import BACKLOG, Listening

    level = logging.ERROR if options.quiet else getattr(logging, options.log_level.upper())
    _log.setLevel(level)
    settings: dict[str, Any] = {
        "host": options.host,
        "port": options.port,
        "uds": options.uds,
        "http": Connection,
        "proxy_headers": False,  # the application does it
        "log_config": None,
        "access_log": options.access_log,
        "server_header": False,
        "timeout_graceful_shutdown": options.shutdown_seconds,
        "ws_max_size": 1 << 20,
        "ws_per_message_deflate": False,  # sound does not get smaller
        "backlog": BACKLOG,
    }
    _log_uvicorn(level, options.access_log)
    if options.workers > 1 or options.reload:
        choice = model_choice(options)  # what can be refused is refused here, once
        given_settings(options, choice)
        given_words(options, choice)
        given_folder(options.voices, choice)
        if options.default_voice == "-" or is_pipe(Path(options.default_voice or "")):
            raise ConfigError(
                f"--default-voice {options.default_voice}: what can be read only once is no voice for several "
                "processes; save the recording in a file"
            )
        os.environ[_WORDS] = json.dumps(sys.argv[1:])
        if options.reload:
            import pocket_fast

            settings |= {"reload": True, "reload_dirs": [os.path.dirname(pocket_fast.__file__)]}
        else:
            settings["workers"] = options.workers
        with interrupts.gently():
            uvicorn.run("pocket_fast.cli.serve:worker_app", factory=True, **settings)
        return 0
    app = _for_good(_app(options))
    server = Listening(uvicorn.Config(app, **settings))
    with interrupts.gently(), contextlib.suppress(SystemExit):  # uvicorn's, with codes of its own
        server.run()
    return 0 if server.started else 1


def worker_app() -> FastAPI:
    """The application in a process that uvicorn started: by the command line of its parent."""
    parser = Parser(prog="pocket-fast serve")
    add_options(parser)
    options = parser.parse_args(json.loads(os.environ[_WORDS])[1:])
    level = logging.ERROR if options.quiet else getattr(logging, options.log_level.upper())
    _for_ever.enter_context(logging_to_stderr(level))
    _log_uvicorn(level, options.access_log)
    return _for_good(_app(options))


def _app(options: argparse.Namespace) -> FastAPI:
    """The model, loaded and warm, behind the application."""
    from pocket_fast.api.voice_folder import name_of
    from pocket_fast.server.app import create_app
    from pocket_fast.server.handles import allow_handles

    allow_handles(options.max_connections)
    choice = model_choice(options)
    settings, words = given_settings(options, choice), given_words(options, choice)
    folder = given_folder(options.voices, choice)
    voice, words = whose_voice(options.default_voice, folder, choice, words)
    # known by its name in the folder, and its changes with it, unless other words were given for it
    own = voice if isinstance(voice, Path) and given_words(options, choice) is None else None
    with voice_source(voice, choice, words, settings, complete=False) as voice:
        speaker = load_speaker(
            choice,
            voice,
            chosen=options.default_voice is not None or isinstance(voice, Path),
            truncate=True,
            words=words,
            quantize=options.quantize,
            compute_type=options.compute_type,
            device=options.device,
            threads=options.threads,
            progress=not options.quiet and stderr_is_terminal(),
        )
    model = speaker.model
    model.voice_cache.max_voices = options.voice_cache_capacity
    model.limit(options.max_streams, options.max_queue)
    if folder is not None:
        folder.check(recordings=model.clones)
    _prewarm(model, options.prewarm_voices, folder)
    if options.warmup:
        model.warm_up()
    api_key = options.api_key or os.environ.get("POCKET_FAST_API_KEY") or None
    if api_key is None and options.uds is None and options.host not in ("127.0.0.1", "localhost", "::1"):
        _log.warning("Listening on %s without --api-key: whoever reaches it may use it", options.host)
    return create_app(
        model,
        speaker.state,
        Options(
            host=options.host,
            allowed_hosts=tuple(options.allowed_host),
            api_key=api_key,
            cors_origins=tuple(options.cors_origin),
            forwarded_allow_ips=_trusted_proxies(options),
            max_text=options.max_text,
            max_upload=options.max_upload,
            max_upload_seconds=options.max_upload_seconds,
            max_wait=options.max_wait,
            idle_seconds=options.idle_seconds,
            idle_bytes=options.idle_bytes,
            max_connections=options.max_connections,
            request_seconds=options.request_seconds,
            allow_voice_urls=options.allow_voice_urls,
            default_voice=_name_of(speaker) if own is None else name_of(own),
            voices=folder,
            settings=settings,
        ),
    )


def _for_good(app: FastAPI) -> FastAPI:
    """It, and word to Python that all there is now stays: looking through it for garbage, again and again, kept frames
    and requests waiting for tens of milliseconds. So does what hundreds of requests consist of, which is looked through
    less often, and so did threads, each of which may compute for 5 by itself."""
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _OLD_GARBAGE)
    sys.setswitchinterval(_SWITCH_SECONDS)
    return app


def _trusted_proxies(options: argparse.Namespace) -> str:
    if options.forwarded_allow_ips is not None:
        return options.forwarded_allow_ips
    # who may enter the folder of a Unix socket may be believed
    return Options.forwarded_allow_ips if options.uds is None else "*"


def _host(text: str) -> str:
    """An argparse type: a name of the server."""
    try:
        return checked_name(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _origin(text: str) -> str:
    """An argparse type: a web site as browsers call it in the header Origin."""
    origin = text.rstrip("/").lower()
    scheme, separator, host = origin.partition("://")
    if origin not in ("*", "null") and not (scheme and separator and host and "/" not in host):
        raise argparse.ArgumentTypeError(f"expected scheme://host or scheme://host:port, got {text!r:.100}")
    return origin


def _name_of(speaker: Speaker) -> str:
    """How the default voice is listed: by its name if it has one. Never by its path."""
    name = str(speaker.voice).lower()
    return next((known for known in speaker.model.voice_names if known.lower() == name), "default")


def _prewarm(model: Speaking, names: str | None, folder: VoiceFolder | None) -> None:
    """Get voices ready that requests may name. One that cannot be had is not worth more than a warning."""
    for name in filter(None, map(str.strip, (names or "").split(","))):
        try:
            if folder is not None and folder.find(name) is not None:
                folder.load(model, name)
            else:
                model.find_voice(name, truncate=True)
        except ConfigError:
            raise
        except PocketFastError as error:
            _log.warning("--prewarm-voices: %s", error)


def _log_uvicorn(level: int, access: bool) -> None:
    """uvicorn's lines go where ours go."""
    for name in ("uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.handlers = list(_log.handlers) if access or name != "uvicorn.access" else []
        logger.propagate = False
