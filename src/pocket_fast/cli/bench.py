"""Measure, in about a minute, what this machine can do and how fast a model speaks on it."""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pocket_fast import __version__
from pocket_fast.api import Speaking
from pocket_fast.cli.arguments import add_model_options, add_thread_option, asks_for_a_model, model_choice
from pocket_fast.cli.console import Interrupts, say
from pocket_fast.cli.model import load_speaker, voice_source
from pocket_fast.errors import ConfigError, PocketFastError
from pocket_fast.models.contract import Choice, Trial

_UTTERANCES = 3  # the fastest counts: others may be at work on the machine
_MOST_FRAMES = 75  # of each: a model may take its time to end
_STAGE_SECONDS = 6.0  # for all stages together
_MOST_ROUNDS = 100
_FEWEST_ROUNDS = 5
_BYTES_PER_SAMPLE = 2  # of what `generate --stream` writes

Results = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Everything `bench` takes."""
    add = parser.add_argument
    add(
        "name",
        nargs="?",
        metavar="MODEL",
        help="in any form that --model takes (default: the small built-in model)",
    )
    add("-v", "--voice", help="who speaks, in any form that `generate` takes (default: by model)")
    add("--compute-type", default="auto", metavar="TYPE", help="auto, float32, ... (see `info`)")
    add_thread_option(parser)
    add("--json", action="store_true", help="everything measured, as JSON")
    add("-q", "--quiet", action="store_true", help="no word about what is being measured")
    add_model_options(parser)


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Prints to standard output: a table and a line for reports, or JSON."""
    choice = _choice(options)
    with voice_source(options.voice, choice) as voice:
        results = _measure(choice, voice, options)
    if options.json:
        import json

        print(json.dumps(results, indent=2))
    else:
        print("\n".join([*_table(results), "", _line(results)]))
    return 0


def _choice(options: argparse.Namespace) -> Choice:
    if options.name is not None:
        if asks_for_a_model(options):
            raise ConfigError(f"a model was given twice: {options.name} and by an option; give one of them")
        options.model = options.name
    choice = model_choice(options)
    return choice if asks_for_a_model(options) or choice.stand_in is None else choice.stand_in


def _measure(choice: Choice, voice: str | Path | None, options: argparse.Namespace) -> Results:
    """All figures by name; a fresh process first, while this one is still small."""
    from pocket_fast.cpu import _dispatch, machine
    from pocket_fast.cpu._threads import resolve_threads

    def tell(what: str) -> None:
        if not options.quiet:
            say(f"measuring {what} ...")

    threads = resolve_threads(options.threads)
    tell("a fresh process")
    fresh = _fresh_process(choice, voice, options)
    tell("the machine")
    limits = machine.limits(threads)
    if threads > 1 and limits[f"float32_gflop_s_{threads}"] <= limits["float32_gflop_s_1"]:
        say(f"WARNING: {_threads(threads)} compute no more than one: something else is busy on this machine")
    start = time.perf_counter()
    speaker = load_speaker(
        choice,
        voice,
        chosen=options.voice is not None or isinstance(voice, Path),
        truncate=False,
        compute_type=options.compute_type,
        threads=threads,
    )
    ready, model = time.perf_counter() - start, speaker.model
    tell("speech")
    speech = _speech(model, speaker.state, choice.default_text)
    model.close()
    tell("the stages")
    trials = model.trials(speaker.state)
    before = _reads(trials, threads)
    times = _timed(trials)
    after = _reads(trials, threads)  # the better one counts: others may have kept us from it
    limits |= {name: max(rate, after[name]) for name, rate in before.items()}
    stages = _stages(trials, times, limits, threads)
    return {
        "pocket_fast": __version__,
        "python": platform.python_version(),
        "cpu": machine.cpu_name(),
        "instruction_set": _dispatch.isa(),
        "threads": threads,
        "model": choice.title,
        "compute_type": model.compute_type,
        "limits": limits,
        "stages": stages,
        "frame_ms": sum(stage["ms"] for stage in stages if stage["every_frame"]),
        "load_s": ready,
        **speech,
        **fresh,
    }


def _fresh_process(choice: Choice, voice: str | Path | None, options: argparse.Namespace) -> Results:
    """From starting Python to the first sound of `generate`, and the most memory that it had."""
    words = ["--stream", "--compute-type", options.compute_type, *_as_options(choice, options)]
    if voice is not None:
        words += ["--voice", str(voice)]
    if options.threads is not None:
        words += ["--threads", str(options.threads)]
    command = [sys.executable, "-m", "pocket_fast", "generate", *words]
    frames = _BYTES_PER_SAMPLE * choice.sample_rate * 2  # two seconds of sound
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        heard = process.stdout.read(1)
        first = time.perf_counter() - start
        process.stdout.read(frames)
        peak = _peak_mib(process.pid)
        process.stdout.close()
        error = process.stderr.read().decode(errors="replace").strip()
        process.wait()
    if not heard:
        raise PocketFastError(
            error.removeprefix("error: ") or "`generate` made no sound in a process of its own"
        )
    return {"process_to_first_sound_ms": first * 1e3, "peak_memory_mib": peak}


def _as_options(choice: Choice, options: argparse.Namespace) -> list[str]:
    """What was asked for, as `generate` takes it."""
    given = [
        word
        for name in ("model", *(option.name for option in choice.family.model_options))
        if (value := getattr(options, name)) is not None
        for word in (f"--{name}", str(value))
    ]
    return given or ["--model", str(choice.name)]


def _peak_mib(process: int) -> float | None:
    """MiB that a running process had at most; None where the system does not tell."""
    status = Path(f"/proc/{process}/status")
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)


def _speech(model: Speaking, voice: Any, text: str) -> Results:
    """Utterances from text to sound: the first one of this model, then the fastest of some more."""
    cold = _utterance(model, voice, text)
    warm = [_utterance(model, voice, text) for _ in range(_UTTERANCES)]
    return {
        "first_sound_cold_ms": cold["first"] * 1e3,
        "first_sound_ms": min(said["first"] for said in warm) * 1e3,
        "ms_per_frame": min(said["frame"] for said in warm) * 1e3,
        "times_real_time": max(said["speed"] for said in warm),
    }


def _utterance(model: Speaking, voice: Any, text: str) -> dict[str, float]:
    """Seconds to the first sound, and for each frame after it; seconds of sound for each second."""
    start = time.perf_counter()
    first, samples, frames = 0.0, 0, 0
    for sound in model.speak(voice, text, seed=0):
        first = first or time.perf_counter() - start
        samples += len(sound)
        frames += 1
        if frames == _MOST_FRAMES:
            break
    took = time.perf_counter() - start
    if frames == 0:
        raise PocketFastError("nothing was said: there is nothing to measure")
    return {
        "first": first,
        "frame": (took - first) / max(frames - 1, 1),
        "speed": samples / model.sample_rate / took,
    }


def _reads(trials: Sequence[Trial], threads: int) -> dict[str, float]:
    """How fast as much is read as the stages of a frame read, and as lies between what one of them reads twice."""
    from pocket_fast.cpu import machine

    frame = [trial.work for trial in trials if trial.every_frame]
    found = machine.reads(threads, round(sum(work.footprint for work in frame)))
    if between := max(work.between for work in frame):
        found |= machine.reads(threads, round(between), "again")
    return found


def _timed(trials: Sequence[Trial]) -> list[list[float]]:
    """Seconds of every call of each stage, in turn with the others."""
    times: list[list[float]] = [[] for _ in trials]
    end = time.perf_counter() + _STAGE_SECONDS
    while len(times[0]) < _FEWEST_ROUNDS or (time.perf_counter() < end and len(times[0]) < _MOST_ROUNDS):
        # what comes before the first frame would empty the caches for it
        once = len(times[0]) < _FEWEST_ROUNDS
        for trial, taken in zip(trials, times, strict=True):
            if trial.every_frame or once:
                start = time.perf_counter()
                trial.run()
                taken.append(time.perf_counter() - start)
    return times


def _stages(
    trials: Sequence[Trial], times: list[list[float]], limits: dict[str, float], threads: int
) -> list[Results]:
    """Each stage's median, and what share of the machine's limits it reached."""
    found = []
    for trial, taken in zip(trials, times, strict=True):
        seconds, work = statistics.median(taken), trial.work
        least = work.least_seconds(limits, threads)
        reads = work.reading(limits, threads) > work.computing(limits, threads)
        found.append(
            {
                "stage": trial.stage,
                "ms": seconds * 1e3,
                "of_limit": least / seconds,
                "limit": "reading" if reads else f"{work.product} products",
                "least_ms": least * 1e3,
                "nbytes": work.nbytes,
                "flops": work.flops,
                "gb_s": work.nbytes / seconds / 1e9,
                "gflop_s": work.flops / seconds / 1e9,
                "every_frame": trial.every_frame,
            }
        )
    return found


def _table(results: Results) -> list[str]:
    limits, threads = results["limits"], results["threads"]
    counts = sorted({1, threads})
    columns = "".join(f"{_threads(n):>12}" for n in counts)
    lines = [
        f"{results['cpu']}, {results['instruction_set']}; pocket_fast {results['pocket_fast']}, "
        f"Python {results['python']}",
        "",
        f"{'limits of this machine':<34}{columns}",
    ]
    for key in limits:
        name, _, end = key.rpartition("_")
        if end == "1":
            rates = "".join(f"{limits[f'{name}_{n}']:>12.4g}" for n in counts)
            lines.append(f"  {_limit_in_words(name):<32}{rates}")
    title = f"{results['model']}, {results['compute_type']}, {_threads(threads)}"
    lines += ["", f"{title:<34}{'ms':>12}{'of limit':>12}  limited by"]
    for stage in results["stages"]:
        lines.append(
            f"  {stage['stage']:<32}{stage['ms']:>12.3g}{stage['of_limit']:>11.0%}   {stage['limit']}"
        )
    lines.append(f"  {'all stages of a frame':<32}{results['frame_ms']:>12.3g}")
    figures = [
        ("a frame of speech (80 ms), ms", results["ms_per_frame"]),
        ("times real time", results["times_real_time"]),
        ("first sound, ms", results["first_sound_ms"]),
        ("the model's very first sound, ms", results["first_sound_cold_ms"]),
        ("from process start to sound, ms", results["process_to_first_sound_ms"]),
        ("peak memory, MiB", results["peak_memory_mib"]),
    ]
    lines += ["", "speech", *(f"  {name:<32}{value:>12.4g}" for name, value in figures if value is not None)]
    return lines


def _line(results: Results) -> str:
    """For a report: one line that says it all."""
    limits, threads = results["limits"], results["threads"]
    stages = " + ".join(f"{stage['ms']:.3g}" for stage in results["stages"] if stage["every_frame"])
    peak, version = results["peak_memory_mib"], results["pocket_fast"]
    reads, computes = limits[f"read_gb_s_{threads}"], limits[f"float32_gflop_s_{threads}"]
    return "; ".join(
        [
            f"pocket_fast {version}, {results['cpu']}, {results['instruction_set']}, {_threads(threads)}",
            f"{results['model']} {results['compute_type']}: {results['times_real_time']:.3g} x real time",
            f"{results['ms_per_frame']:.3g} ms a frame (stages {stages})",
            f"first sound {results['first_sound_ms']:.3g} ms, from process start "
            f"{results['process_to_first_sound_ms']:.0f} ms",
            *([f"{peak:.0f} MiB"] if peak is not None else []),
            f"reads {reads:.3g} GB/s, float32 {computes:.0f} GFLOP/s",
        ]
    )


def _limit_in_words(name: str) -> str:
    what, _, rate = name.partition("_")
    unit = "GB/s" if rate == "gb_s" else "GFLOP/s" if what != "int8" else "GOP/s"
    words = {
        "read": "reads as large as a frame's",
        "again": "of what a stage reads again",
        "l2": "reads in the L2 cache",
        "l3": "reads in the L3 cache",
    }
    return f"{words.get(what, f'{what} products')}, {unit}"


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"
