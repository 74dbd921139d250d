"""pocket_fast against its rivals on the same weights, text and voice, interleaved in one run.

    python tools/bench_compare.py MODEL [--rival-python PYTHON] [--rounds 5] [--markdown FILE]

MODEL is the config.yaml of a Pocket TTS checkpoint, or the folder of a Qwen3-TTS model with speakers of its own.
Every contender lives in its own process and waits while another one runs; a round runs each once. Medians of
the rounds are quoted, and the ratios of a rival to us. A contender may name its interpreter:
`pocket_fast@venv/bin/python`; without it that is this one for pocket_fast, PYTHON for its rivals.
docs/speed.md says what each quantity is, and how to install the rivals.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pocket_fast.cpu import machine

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "benches"), str(ROOT / "tools")]

import installed  # noqa: E402
import rivals  # noqa: E402
from contenders import FRAME, Process, cold_start, family, frame_times  # noqa: E402

TEXT = (
    "The ferry left the harbour before sunrise, and nobody on board noticed that the old "
    "lighthouse keeper had stayed behind on the island."
)
REQUIREMENTS = {
    "pocket_fast": ["pocket-fast"],
    "pocket_tts": ["pocket-tts"],
    "pocket_tts_mlx": ["pocket-tts-mlx", "mlx[cpu]"],
    "ptts": ["ptts"],
    "qwen_tts": ["qwen-tts"],
    "vox": ["vox-tts"],
}
UNUSED = {
    "gradio",
    "onnxruntime",
    "sox",
    "torchaudio",
}  # what qwen-tts requires for its demo and 25 Hz models
COMPARED = ("pocket_tts", "qwen_tts", "vox")  # the rivals that ratios are quoted of
BRIEF = 10  # frames of the speech that is taken off a longer one
# In the order of the table. A missing one was not to be had from that contender.
QUANTITIES = [
    "ms per frame",
    "times real time",
    "frame time p99, ms",
    "frame time p99 / p50",
    "first audio, warm, ms",
    "first audio, cold, ms",
    "process start to first audio, ms",
    "10 s voice prompt, ms",
    "peak RSS, MiB",
    "CPU s per audio s",
    "install size, MiB",
    "sound made, s",
]
Results = dict[str, dict[str, float]]


@dataclasses.dataclass(frozen=True)
class Task:
    """What is measured of a model by default. voice: as contenders.py takes it; frames: where every speech is cut
    off, 0 for nowhere."""

    contenders: str
    voice: Path | str
    text: str
    frames: int


POCKET = Task(
    contenders="pocket_fast,pocket_fast-int8,pocket_tts,pocket_tts-2,pocket_tts-int8",
    voice=ROOT / "ref.wav",
    text=TEXT,
    frames=0,
)
QWEN3 = Task(
    contenders="pocket_fast,pocket_fast-bfloat16,pocket_fast-int8,qwen_tts,vox,vox-1",
    voice="ryan",
    text="The ferry left the harbour",  # as many bytes as TEXT is tokens: a synthetic vocabulary has no more
    frames=50,  # random weights do not know when to end
)


def spoken_quantities(spoken: dict[str, Any], brief: dict[str, Any] | None = None) -> dict[str, float]:
    """The quantities of one utterance.

    brief: the same speech cut off earlier, where all sound comes at once: the difference is what its frames took.
    """
    seconds = sum(spoken["sizes"]) / 24000
    first = spoken["arrivals"][0]
    steady, samples = spoken["wall"] - first, sum(spoken["sizes"][1:])
    if brief is not None:
        steady, samples = spoken["wall"] - brief["wall"], sum(spoken["sizes"]) - sum(brief["sizes"])
    quantities = {
        "times real time": seconds / spoken["wall"],
        "first audio, warm, ms": first * 1e3,
        "CPU s per audio s": spoken["cpu"] / seconds,
        "sound made, s": seconds,
    }
    if samples > 0:  # or it ended too early to tell
        quantities["ms per frame"] = steady / (samples / FRAME) * 1e3
    return quantities


def summary(samples: list[dict[str, float]], frames: list[float]) -> dict[str, float]:
    """Medians of the samples, and the frame times of all rounds together."""
    found = {q: [s[q] for s in samples if q in s] for q in QUANTITIES}
    result = {q: statistics.median(values) for q, values in found.items() if values}
    if len(frames) >= 100:
        p99 = statistics.quantiles(frames, n=100)[98]
        result["frame time p99, ms"] = p99 * 1e3
        result["frame time p99 / p50"] = p99 / statistics.median(frames)
    return {q: result[q] for q in QUANTITIES if q in result}


def cut_short(made: dict[str, list[float]], frames: int) -> list[str]:
    """A line about every contender that ended by itself; made: {contender: frames of each speech}."""
    return [
        f"{name}: {short} of {len(found)} speeches ended before {frames} frames, the shortest after {min(found):.0f}"
        for name, found in made.items()
        if (short := sum(n < frames for n in found))
    ]


def measure(arguments: argparse.Namespace) -> tuple[Results, list[str]]:
    """{contender: {quantity: value}}, and lines about the contenders and the machine."""
    pythons = {}
    for contender in arguments.contenders.split(","):
        name, _, python = contender.partition("@")
        ours = family(name) == "pocket_fast"
        pythons[name] = python or (sys.executable if ours else arguments.rival_python)
    text, threads, voice = arguments.text, arguments.threads, arguments.voice
    said = {"text": text, "frames": arguments.frames}
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in pythons}
    frames: dict[str, list[float]] = {name: [] for name in pythons}
    made: dict[str, list[float]] = {name: [] for name in pythons}
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        forms = {
            name: rivals.prepare(family(name), python, arguments.model, voice, Path(folder))
            for name, python in pythons.items()
        }
        before = machine.limits(threads)
        processes = {n: Process(python, n, *forms[n], threads) for n, python in pythons.items()}
        for name, process in processes.items():
            found = installed.needed(REQUIREMENTS[family(name)], process.about["path"], UNUSED)
            size = installed.size_mib(found.values())
            samples[name].append({} if size is None else {"install size, MiB": size})
            versions = ", ".join(f"{n} {found[n].version}" for n in ("torch", "mlx") if n in found)
            own = next(found[n] for n in found if n == REQUIREMENTS[family(name)][0])
            lines.append(
                f"{name}: {own.metadata['Name']} {own.version}{versions and f' with {versions}'}, "
                f"Python {process.about['python']}"
            )
        for process in processes.values():
            process(do="speak", text="A first sentence warms everything up.", frames=arguments.frames)
        for i in range(arguments.rounds):
            for name, process in processes.items():
                print(f"round {i + 1} of {arguments.rounds}: {name}", file=sys.stderr)
                spoken, brief = process(do="speak", **said), None
                if len(spoken["sizes"]) == 1:
                    brief = process(do="speak", text=text, frames=BRIEF)
                samples[name].append(spoken_quantities(spoken, brief))
                frames[name] += frame_times(spoken)
                made[name].append(sum(spoken["sizes"]) / FRAME)
                prompt = process(do="voice", path=str(voice))
                samples[name] += [{"10 s voice prompt, ms": s * 1e3} for s in prompt.values()]
        for process in processes.values():
            process.close()
        for _ in range(max(2, arguments.rounds // 2)):
            for name, python in pythons.items():
                print(f"cold start: {name}", file=sys.stderr)
                cold = cold_start(python, name, *forms[name], threads, **said)
                samples[name].append(
                    {
                        "process start to first audio, ms": cold["start"] * 1e3,
                        "first audio, cold, ms": cold["first"] * 1e3,
                        "peak RSS, MiB": cold["rss"],
                    }
                )
    lines += [
        *cut_short(made, arguments.frames),
        f"{machine.cpu_name()}; before: {machine.describe(before, threads)}; "
        f"after: {machine.describe(machine.limits(threads), threads)}",
    ]
    return {name: summary(samples[name], frames[name]) for name in pythons}, lines


def pairs(names: list[str]) -> list[tuple[str, str]]:
    """(ours, the rival to hold it against): 8 and 4 bits against 8 bits, everything else against the first that has
    more."""
    result = []
    for ours in names:
        for rival in names:
            both = family(ours) == "pocket_fast" and family(rival) in COMPARED
            if both and in_few_bits(ours) == in_few_bits(rival):
                result.append((ours, rival))
                break
    return result


def in_few_bits(name: str) -> bool:
    return any(bits in name for bits in ("int8", "int4")) or family(name) == "vox"


def figure(value: float | None) -> str:
    """Three digits, or all before the point."""
    return "" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def table(title: str, results: Results) -> list[str]:
    """Markdown: a column per contender, then how many times better than the rivals ours are."""
    names, compared = list(results), pairs(list(results))
    heads = [title, *names, *(f"{rival} / {ours}" for ours, rival in compared)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for quantity in QUANTITIES:
        if not any(quantity in results[n] for n in names):
            continue
        cells = [figure(results[n].get(quantity)) for n in names]
        for ours, rival in compared:
            a, b = results[ours].get(quantity), results[rival].get(quantity)
            if quantity == "times real time" and a and b:
                a, b = b, a
            cells.append(f"{b / a:.2f}" if a and b and quantity != "sound made, s" else "")
        lines.append(f"| {quantity} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="config.yaml or folder that all contenders can load")
    parser.add_argument("--rival-python", default=sys.executable, help="interpreter with the rivals")
    parser.add_argument("--contenders", metavar="NAME[@PYTHON],...")
    parser.add_argument("--voice", help="a recording; for a folder, one of the model's speakers")
    parser.add_argument("--text")
    parser.add_argument("--frames", type=int, help="where every speech is cut off; 0: nowhere")
    parser.add_argument("--title", default="measured")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", type=Path, help="append the table to this file")
    arguments = parser.parse_args()
    qwen3 = arguments.model.is_dir()
    for name, value in dataclasses.asdict(QWEN3 if qwen3 else POCKET).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    if not qwen3:
        arguments.voice = Path(arguments.voice)
    results, about = measure(arguments)
    commit = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(commit, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    day = time.strftime("%Y-%m-%d")
    about = [f"{day}, commit {commit}, {arguments.rounds} interleaved rounds, medians", *about]
    text = "\n".join([*table(arguments.title, results), "", *(f"- {line}." for line in about)])
    print(text)
    if arguments.markdown:
        with arguments.markdown.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}\n")


if __name__ == "__main__":
    main()
