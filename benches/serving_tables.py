"""The tables of bench_serving.py: what is measured on which sources, and a row for each."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import statistics
import sys
import time
from typing import Any
from unittest import mock

import serving_load as load
import serving_memory
import serving_watch
from serving_http import Ours, Rival

TOKENS = 40  # of a text in the curve: one chunk
Table = list[list[str]]


def log(*words: Any) -> None:
    print(time.strftime("%H:%M:%S"), *words, file=sys.stderr, flush=True)


def figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


class Bench:
    """The sources that a command measures, by name; all of them stay until close()."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.sources: dict[str, Any] = {}
        self._stack = contextlib.ExitStack()
        self.tokenizer: Any = None

    def here(self, voices: int = 1) -> None:
        options = self.options
        prompts = load.recordings(options.voice, voices)
        for kind in options.compute_types:
            log(f"loading {kind}")
            source = load.Here(options.config, kind, options.threads, prompts)
            self.tokenizer = source.model._tokenizer
            self._add(kind, source)

    def served(self, voices: int = 1) -> None:
        options = self.options
        prompts = load.recordings(options.voice, voices, seconds=2.5)[1:]
        for kind in options.compute_types:
            log(f"serving {kind}")
            source = Ours(options.config, options.voice, kind, options.threads, prompts)
            self._add(f"{kind}, HTTP", source)

    def rivals(self) -> None:
        options = self.options
        if options.rival_python:
            for quantize in (False, True)[: 1 + ("int8" in options.compute_types)]:
                log("serving pocket-tts", "int8" if quantize else "")
                source = Rival(options.rival_python, options.config, options.voice, quantize)
                self._add("pocket-tts int8, HTTP" if quantize else "pocket-tts, HTTP", source)

    def _add(self, name: str, source: Any) -> None:
        self.sources[name] = source
        self._stack.callback(source.close)

    async def warm_up(self) -> None:
        for source in self.sources.values():
            await load.hear(source, "A first sentence warms everything up.")

    def close(self) -> None:
        self._stack.close()


# --- each returns the data, then a table of it ------------------------------------------------------


async def curve(bench: Bench) -> tuple[Any, Table]:
    """Texts at once, each one chunk of equal length, as files."""
    options = bench.options
    bench.here(voices=options.voices)
    if options.http or options.rival_python:
        bench.served()
        bench.rivals()
    await bench.warm_up()
    texts = load.sentences(max(options.streams), TOKENS, bench.tokenizer)
    runs: dict[str, dict[int, list[dict[str, float]]]] = {}
    for i in range(options.rounds):
        for count in options.streams:
            for name, source in bench.sources.items():
                if isinstance(source, Rival) and count > options.rival_streams:
                    continue
                kinds = [(name, 1)]
                if isinstance(source, load.Here) and count > 1 and options.voices > 1:
                    kinds.append((f"{name}, {options.voices} voices", options.voices))
                for key, voices in kinds:
                    measured = await load.burst(source, texts[:count], voices)
                    log(f"round {i + 1}: {key}: {count} at once: {measured['audio'] / measured['wall']:.1f}")
                    runs.setdefault(key, {}).setdefault(count, []).append(measured)
    data: dict[str, Any] = {}
    for name, counts in runs.items():
        for count, found in counts.items():
            data.setdefault(name, {})[str(count)] = {
                "times": statistics.median(m["audio"] / m["wall"] for m in found),
                "ms": statistics.median(m["wall"] / m["frames"] * 1e3 for m in found),
                "per_core": statistics.median(m["audio"] / m["cpu"] for m in found),
                "frames": found[0]["frames"],
            }
    rows = [["texts at once: times real time (ms per frame; times real time per core used)", *data]]
    for count in map(str, options.streams):
        cells = [data[name].get(count) for name in data]
        shown = [f"{figure(c['times'])} ({c['ms']:.2f}; {figure(c['per_core'])})" if c else "" for c in cells]
        rows.append([count, *shown])
    return data, rows


async def long(bench: Bench) -> tuple[Any, Table]:
    """generate_audio of one text, with as many chunks in flight as it takes, and with one."""
    from pocket_fast.engine import turns

    bench.here()
    await bench.warm_up()
    text, data = load.prose(bench.options.words), {}
    for name, source in bench.sources.items():
        runs: dict[str, list[float]] = {"batch": [], "one by one": []}
        sounds = set()
        for _ in range(bench.options.rounds):
            for way, most in (("batch", turns._FILE_PARTS), ("one by one", 1)):
                with mock.patch.object(turns, "_FILE_PARTS", most):
                    start = time.perf_counter()
                    sound = source.model.generate_audio(source.voices[0], text, seed=1)
                    seconds = time.perf_counter() - start
                sounds.add(hashlib.sha256(sound.tobytes()).hexdigest())
                runs[way].append(len(sound) / source.model.sample_rate / seconds)
                log(f"{name}: {way}: {runs[way][-1]:.1f} times real time")
        data[name] = {way: statistics.median(found) for way, found in runs.items()}
        data[name] |= {"same samples": len(sounds) == 1, "audio": len(sound) / source.model.sample_rate}
    rows = [
        [
            f"{bench.options.words} words",
            "chunks in a batch",
            "one after the other",
            "ratio",
            "same samples",
            "sound, s",
        ]
    ]
    for name, found in data.items():
        batch, single = found["batch"], found["one by one"]
        same = "yes" if found["same samples"] else "NO"
        rows.append(
            [name, figure(batch), figure(single), f"{batch / single:.2f}", same, figure(found["audio"])]
        )
    return data, rows


async def live(bench: Bench) -> tuple[Any, Table]:
    """The largest crowd of listeners that hears no gap."""
    options = bench.options
    if options.http:
        bench.served()
    else:
        bench.here()
    await bench.warm_up()
    data = {}
    for name, source in bench.sources.items():

        async def attempt(count: int, seconds: float, name: str = name, source: Any = source) -> dict:
            found = await load.crowd(source, count, seconds)
            log(
                f"{name}: {count} listeners for {seconds:g} s: {found['underruns']} underruns, "
                f"p99 {found['late_p99'] * 1e3:.1f} ms late, {found['cores']:.2f} cores"
            )
            return found

        data[name] = await load.most_listeners(
            attempt, options.trial_seconds, options.seconds, options.start, options.most
        )
    rows = [
        [
            "",
            "listeners",
            "seconds",
            "underruns",
            "frame lateness p50, ms",
            "p99, ms",
            "first audio p95, ms",
            "cores",
        ]
    ]
    for name, tried in data.items():
        last = tried[-1]
        best = last if load.steady(last) else {**last, "listeners": 0}
        late = [figure(last[q] * 1e3) for q in ("late_p50", "late_p99", "first_p95")]
        rows.append(
            [
                name,
                str(best["listeners"]),
                f"{last['seconds']:g}",
                str(last["underruns"]),
                *late,
                f"{last['cores']:.2f}",
            ]
        )
    return data, rows


async def first(bench: Bench) -> tuple[Any, Table]:
    """First audio of a warm voice, idle and beside listeners; and how soon a cancel is obeyed."""
    options = bench.options
    bench.here()
    bench.served()
    bench.rivals()
    await bench.warm_up()
    rounds = max(1, options.requests // 10)
    texts = load.sentences(10 * rounds, TOKENS, bench.tokenizer, seed=1)
    data: dict[str, Any] = {name: {"idle": [], "loaded": [], "cancel": []} for name in bench.sources}
    for i in range(rounds):
        for name, source in bench.sources.items():
            some, found = texts[10 * i : 10 * i + 10], data[name]
            found["idle"] += await load.first_audios(source, some, 0, options.budget)
            found["loaded"] += await load.first_audios(source, some, options.listeners, options.budget)
            await load.settle(source)
            for count in (1, options.listeners):
                found["cancel"].append(await load.cancel(source, some[:count]))
                await load.settle(source)
            shown = [f"{q} {load.percentile(found[q], 50) * 1e3:.1f} ms" for q in found]
            log(f"round {i + 1} of {rounds}: {name}: {', '.join(shown)}")
    beside = f"beside {options.listeners} listeners"
    rows = [
        ["first audio, ms", "idle p50", "p95", f"{beside} p50", "p95", "requests", "cancel to stopped, max"]
    ]
    for name, found in data.items():
        cells = [load.percentile(found[q], p) for q in ("idle", "loaded") for p in (50, 95)]
        last = max(found["cancel"])
        longest = figure(last * 1e3) if last < load.LONGEST - load.QUIET else f"over {load.LONGEST * 1e3:.0f}"
        requests = f"{len(found['idle'])}, {len(found['loaded'])}"
        shown = [figure(c * 1e3) for c in cells] + [requests, longest]
        rows.append([name, *shown])
    return data, rows


async def memory(bench: Bench) -> tuple[Any, Table]:
    """Requests in several voices, cancelled ones, malformed ones."""
    options = bench.options
    voices = min(5, options.voices)
    bench.served(voices)
    await bench.warm_up()
    data = {}
    rows = [
        ["", "requests", "outcomes", "refusals by status", "RSS MiB at 0, 20, 60, 100 %", "grown, MiB", ""]
    ]
    for name, source in bench.sources.items():
        found = data[name] = await serving_memory.load(source, options.requests, voices)
        rss = found["rss_mib"]
        at = [f"{rss[round(share * (len(rss) - 1))]:.0f}" for share in (0, 0.2, 0.6, 1)]
        outcomes, refusals = (
            ", ".join(f"{v} {k}" for k, v in sorted(found[q].items())) for q in ("outcomes", "refusals")
        )
        verdict = "nothing mixed up" if serving_memory.fit(found) else "NOT AS IT SHOULD BE"
        grown = f"{found['grown_mib']:+.1f}"
        rows.append([name, str(found["requests"]), outcomes, refusals, ", ".join(at), grown, verdict])
    return data, rows


async def abuse(bench: Bench) -> tuple[Any, Table]:
    """Everything that nobody should do to a server, at once, beside listeners of one sentence after another."""
    options = bench.options
    data = {}
    rows = [
        [
            *("", "sentences heard (refused)", "gaps", "frame late p99, ms", "first audio p95, ms"),
            *(
                "/health p50, p99, longest, ms",
                "what only answers, in a process beside",
                "MiB, threads, files: the three thirds, after",
                "free after, s",
                "",
            ),
        ]
    ]
    for kind in options.compute_types:
        log(f"serving {kind}")
        server = serving_watch.Abused(options.config, options.voice, kind, options.threads)
        try:
            await load.hear(server, "A first sentence warms everything up.")
            found = data[kind] = await serving_watch.abuse(
                server, options.config, options.seconds, options.listeners, options.kinds
            )
        finally:
            server.close()
        log(f"{kind}: {found['done']}; unheard: {found['abused']['unheard'][:5]}")
        for when in ("quiet", "abused"):
            rows.append(_abused_row(kind, when, found))
    return data, rows


def _abused_row(kind: str, when: str, found: dict[str, Any]) -> list[str]:
    seen, after = found[when], found["after"]
    third = max(1, len(seen["counts"]) // 3)
    counts = seen["counts"]
    parts = [counts[:third], counts[-2 * third : -third], counts[-third:], [after]]
    most = [
        ", ".join(f"{max(c[q] for c in part):.0f}" for q in ("rss", "threads", "files")) for part in parts
    ]
    abused = when == "abused"
    verdict = ("nobody noticed" if serving_watch.fit(found) else "NOT AS IT SHOULD BE") if abused else ""
    health, floor = (
        ", ".join(figure(seen[f"{name}_{q}"] * 1e3) for q in ("p50", "p99", "max"))
        for name in ("health", "floor")
    )
    return [
        f"{kind}, {found['seconds']:g} s of abuse" if abused else f"{kind}, quiet",
        f"{seen['sentences']} ({len(seen['unheard'])})",
        str(seen["gaps"]),
        figure(seen["late_p99"] * 1e3),
        figure(seen["first_p95"] * 1e3),
        health,
        floor,
        "; ".join(most if abused else most[:3]),
        f"{found['free']:.2f}" if abused else "",
        verdict,
    ]


COMMANDS = {f.__name__: f for f in (curve, long, live, first, memory, abuse)}
