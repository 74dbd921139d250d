"""Speak a text into a file, or to standard output."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pocket_fast.cli.arguments import (
    add_device_option,
    add_model_options,
    add_setting_options,
    add_thread_option,
    add_words_option,
    given_settings,
    given_words,
    model_choice,
    number,
    whole,
)
from pocket_fast.cli.console import Interrupts, progress, say, stderr_is_terminal
from pocket_fast.cli.model import load_speaker, voice_source
from pocket_fast.cli.targets import inputs_of, is_folder, is_same, made_folder, refuse_inputs
from pocket_fast.cli.voice_folder import add_voices_option, given_folder, whose_voice
from pocket_fast.errors import ConfigError, TextError
from pocket_fast.models.contract import Choice

if TYPE_CHECKING:
    from pocket_fast.audio.write import AudioWriter

_SILENCE_AT_END = 0.2  # seconds, of every file: some players cut off the end of what they play
MAX_TEXT_BYTES = 10 << 20  # a week of speech; more is a mistake, such as a film piped in

_log = logging.getLogger("pocket_fast")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `generate` takes."""
    add = parser.add_argument
    add("-t", "--text", help="what to speak; - reads standard input (default: a greeting)")
    add(
        "-v",
        "--voice",
        help="who speaks: a name (see `voices`); a recording (best 5 to 15 s of clear speech, at most 30) or "
        ".safetensors state as path, pipe, hf:// or https:// URL, or - for standard input; or base64 audio, bare or as "
        "a data: URL (default: by model)",
    )
    add_voices_option(parser)
    add_words_option(parser)
    add(
        "-o",
        "--output",
        "--output-path",
        metavar="FILE",
        help="- is standard output; in a folder (FOLDER/) it is tts_output.wav; every file ends with 200 ms of silence "
        "(default ./tts_output.wav)",
    )
    add("--format", help="of the output (default: by its suffix): wav, raw, flac, mp3, ogg, opus, ...")
    add("--stream", action="store_true", help="raw 16-bit samples to standard output as they are made; quiet")
    add("-q", "--quiet", action="store_true", help="errors only")
    add("--no-progress", action="store_true", help="no live line while speaking")
    add_model_options(parser)
    _add_speech_options(parser, parser.add_argument_group("speech"))
    _add_machine_options(parser.add_argument_group("machine"))


def _add_speech_options(parser: argparse.ArgumentParser, group: Any) -> None:
    add = group.add_argument
    add_setting_options(parser, group)
    add("--natural-pauses", action="store_true", help="also pause at ... and at commas")
    add(
        "--seed",
        type=whole(0),
        metavar="N",
        help="the same seed, the same audio (default: different each time)",
    )
    add(
        "--truncate",
        action="store_true",
        help="use the first 30 s of the voice recording: after a longer one speech runs on and starts late",
    )
    add("--voice-cache", type=Path, metavar="DIR", help="keep prepared voices of recordings there")


def _add_machine_options(group: Any) -> None:
    add = group.add_argument
    add_device_option(group)
    add("--use-metal", action="store_true", help="not in this version")
    add("--compute-type", default="auto", metavar="TYPE", help="auto, float32, ... (see `info`)")
    add("--quantize", "--quantized", action="store_true", help="the same as --compute-type int8")
    add_thread_option(group)


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Refuses whatever can be refused, then loads the model, then speaks."""
    from pocket_fast.audio.write import open_writer

    if options.stream:
        options.quiet = True
        _log.setLevel(logging.ERROR)
    choice = model_choice(options)
    settings, words = given_settings(options, choice), given_words(options, choice)
    voice, words = whose_voice(options.voice, given_folder(options.voices, choice), choice, words)
    target, file_format = _target(options)
    _refuse_mix_ups(options, choice, voice, target)
    text = _given_text(options)
    hold_back = _first_chunk_seconds()
    with (
        made_folder(target) if is_folder(options.output or "") else contextlib.nullcontext(),
        voice_source(voice, choice, words, settings) as voice,
        open_writer(target, file_format, choice.sample_rate) as writer,
    ):
        start = time.perf_counter()
        speaker = load_speaker(
            choice,
            voice,
            chosen=options.voice is not None or isinstance(voice, Path),
            truncate=options.truncate,
            words=words,
            voice_cache=options.voice_cache,
            quantize=options.quantize,
            compute_type=options.compute_type,
            device="metal" if options.use_metal else options.device,
            threads=options.threads,
            progress=not options.quiet and stderr_is_terminal(),
        )
        model = speaker.model
        ready = time.perf_counter() - start
        with interrupts.gently() as stop:
            frames = model.speak(
                speaker.state,
                speaker.choice.default_text if text is None else text,
                settings,
                seed=options.seed,
                stop=stop,
                natural_pauses=options.natural_pauses,
                live=options.stream,
            )
            shown = not (options.quiet or options.no_progress) and stderr_is_terminal()
            report = _write(_held_back(frames, int(hold_back * model.sample_rate)), writer, shown)
            if stop.is_set() and writer.samples == 0:
                raise KeyboardInterrupt
        if not options.stream:
            writer.silence(int(_SILENCE_AT_END * model.sample_rate))
    where = "standard output" if target == "-" else target
    if stop.is_set():
        say(f"error: interrupted after {report.audio:.2f} s of audio, kept in {where}")
        return 1
    clipped = f", {writer.clipped} samples clipped" if writer.clipped else ""
    _log.info("%s: %s%s; model and voice were ready after %.2f s", where, report, clipped, ready)
    return 0


def _given_text(options: argparse.Namespace) -> str | None:
    """The text that was given, known to have something in it; None if there was none. Raises TextError."""
    from pocket_fast.text.pauses import cut_at_pauses

    text = options.text
    if text is None:
        return None
    if text == "-":
        text = _standard_input()
    cut_at_pauses(text, options.natural_pauses)
    return text


def _standard_input() -> str:
    if sys.stdin is None:
        raise TextError("--text -: there is no standard input")
    data = sys.stdin.buffer.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise TextError(f"standard input holds over {MAX_TEXT_BYTES >> 20} MiB; give the text in parts")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextError(f"standard input is not UTF-8 text (byte {error.start}); convert it") from None


def _target(options: argparse.Namespace) -> tuple[str, str | None]:
    """Where to, and in what format; None goes by the suffix."""
    from pocket_fast.audio.formats import FORMATS, find_format

    asked = None if options.format is None else find_format(None, options.format)
    if options.stream and asked not in (None, FORMATS["raw"]):
        raise ConfigError(f"--stream writes raw samples, not {asked.name}; use --output - for other formats")
    target = "-" if options.stream else options.output
    if target == "-" and sys.stdout is not None and sys.stdout.isatty():
        raise ConfigError("standard output is a terminal; send it to a file or a player: ... | aplay")
    name = f"tts_output.{asked.name if asked else 'wav'}"
    if target is None:
        target = f"./{name}"
    elif target != "-" and is_folder(target):
        target = os.path.join(target, name)
    return target, "raw" if options.stream else options.format


def _refuse_mix_ups(
    options: argparse.Namespace, choice: Choice, voice: str | Path | None, target: str
) -> None:
    """Raises ConfigError for an output that is an input, and for two inputs that are one, before any is touched."""
    inputs = inputs_of(choice, sys.stdin if voice == "-" else voice)
    if options.text == "-":
        voice_is_stdin = voice == "-" or (voice is not None and is_same(voice, sys.stdin))
        if voice_is_stdin:
            raise ConfigError("--text and --voice are both standard input; give one of them as a file")
        inputs.append(("the text", sys.stdin))
    refuse_inputs(target, inputs)


def _first_chunk_seconds() -> float:
    """FIRST_CHUNK_LENGTH_SECONDS: a slow machine's player does not run dry if it starts late."""
    text = os.environ.get("FIRST_CHUNK_LENGTH_SECONDS") or "0"
    try:
        return number(least=0)(text)
    except argparse.ArgumentTypeError as error:
        raise ConfigError(f"FIRST_CHUNK_LENGTH_SECONDS: {error}") from None


def _held_back(chunks: Iterable[np.ndarray], samples: int) -> Iterator[np.ndarray]:
    """The chunks (n,), the first of them joined until they are `samples` long."""
    held: list[np.ndarray] = []
    for chunk in chunks:
        if samples > 0:
            held.append(chunk)
            samples -= len(chunk)
            if samples > 0:
                continue
            chunk = np.concatenate(held)
            held = []
        yield chunk
    if held:
        yield np.concatenate(held)


@dataclass(frozen=True)
class _Report:
    """Seconds: of audio, until it was all made, until its first piece was written."""

    audio: float
    wall: float
    first: float

    def __str__(self) -> str:
        return (
            f"{self.audio:.2f} s of audio in {self.wall:.2f} s, real-time factor {self.wall / self.audio:.3f}, "
            f"first audio after {self.first:.3f} s"
        )


def _write(chunks: Iterable[np.ndarray], writer: AudioWriter, shown: bool) -> _Report:
    start = time.perf_counter()
    first = 0.0
    with progress(shown) as advance:
        for chunk in chunks:
            writer.write(chunk)
            first = first or time.perf_counter() - start
            advance(len(chunk) / writer.sample_rate)
    return _Report(writer.samples / writer.sample_rate, time.perf_counter() - start, first)
