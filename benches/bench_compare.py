"""pocket_fast against its rivals on the same weights, text and voice, interleaved in one run.

    python benches/bench_compare.py CONFIG [--rival-python PYTHON] [--rounds 5] [--markdown FILE]

Every contender lives in its own process and waits while another one runs; a round runs each once. Medians of
the rounds are quoted, and ratios to the first rival. PYTHON is an interpreter with pocket-tts==4.0.1 installed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine

ROOT = Path(__file__).resolve().parents[1]
TEXT = (
    "The ferry left the harbour before sunrise, and nobody on board noticed that the old "
    "lighthouse keeper had stayed behind on the island."
)
DEFAULT = "pocket_fast,pocket_tts,pocket_tts-2"


class Process:
    """A contender in its own process."""

    def __init__(self, python: str, name: str, config: Path, voice: Path, threads: int):
        self.name = name
        command = [python, ROOT / "benches" / "contenders.py", name, config, voice, str(threads)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._read()

    def __call__(self, **order) -> dict:
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended early with code {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def cold_start(python: str, name: str, config: Path, voice: Path, threads: int, text: str) -> dict:
    command = [python, ROOT / "benches" / "contenders.py", "--cold", name, config, voice, str(threads), text]
    started = time.monotonic()
    run = subprocess.run([*command, str(started)], capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def measure(arguments) -> dict:
    """{contender: {quantity: median}} and the machine."""
    names = arguments.contenders.split(",")
    pythons = {n: sys.executable if n.startswith("pocket_fast") else arguments.rival_python for n in names}
    config, voice, threads = arguments.config, arguments.voice, arguments.threads
    rounds: dict[str, list[dict]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "voice.safetensors"
        export_voice(config, voice, state)
        before = machine.describe(threads)
        processes = {n: Process(pythons[n], n, config, voice, threads) for n in names}
        for name in names:
            processes[name](do="speak", text="A first sentence warms everything up.")
        for _ in range(arguments.rounds):
            for name in names:
                spoken = processes[name](do="speak", text=arguments.text)
                frames, seconds = spoken["samples"] / 1920, spoken["samples"] / 24000
                rounds[name].append(
                    {
                        "ms per frame": (spoken["wall"] - spoken["first"]) / (frames - 1) * 1e3,
                        "times real time": seconds / spoken["wall"],
                        "first audio, warm, ms": spoken["first"] * 1e3,
                        "CPU s per audio s": spoken["cpu"] / seconds,
                    }
                )
                prompt = processes[name](do="voice", path=str(voice))
                rounds[name][-1]["10 s voice prompt, ms"] = prompt["wall"] * 1e3
        for process in processes.values():
            process.close()
        for _ in range(max(2, arguments.rounds // 2)):
            for name in names:
                cold = cold_start(pythons[name], name, config, state, threads, arguments.text)
                rounds[name].append(
                    {"process start to first audio, ms": cold["seconds"] * 1e3, "peak RSS, MiB": cold["rss"]}
                )
    results = {}
    for name, samples in rounds.items():
        quantities = dict.fromkeys(q for sample in samples for q in sample)
        results[name] = {q: statistics.median(s[q] for s in samples if q in s) for q in quantities}
    return {"results": results, "before": before, "after": machine.describe(threads)}


def export_voice(config: Path, voice: Path, to: Path) -> None:
    from pocket_fast import TTSModel, export_model_state

    export_model_state(TTSModel.load_model(config=config).get_state_for_audio_prompt(voice), to)


def markdown(measured: dict, arguments) -> str:
    """A table with a column per contender and the ratio of the first rival to us."""
    results = measured["results"]
    names = list(results)
    ours = names[0]
    rival = next((n for n in names if not n.startswith("pocket_fast")), None)
    lines = [
        f"| {arguments.title} | " + " | ".join(names) + (f" | {rival} / {ours} |" if rival else " |"),
        "|---" * (len(names) + 1 + bool(rival)) + "|",
    ]
    for quantity in results[ours]:
        cells = [f"{results[n][quantity]:.3g}" for n in names]
        if rival:
            ratio = results[rival][quantity] / results[ours][quantity]
            cells.append(f"{1 / ratio if quantity == 'times real time' else ratio:.2f}")
        lines.append(f"| {quantity} | " + " | ".join(cells) + " |")
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT
    )
    lines += [
        "",
        f"{time.strftime('%Y-%m-%d')}, commit {commit.stdout.strip()}, {arguments.rounds} interleaved rounds, medians. "
        f"Machine before: {measured['before']}; after: {measured['after']}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path, help="config.yaml of a checkpoint all contenders can load")
    parser.add_argument(
        "--rival-python", default=sys.executable, help="interpreter with pocket-tts installed"
    )
    parser.add_argument("--contenders", default=DEFAULT, help=f"comma list, default {DEFAULT}")
    parser.add_argument("--voice", type=Path, default=ROOT / "ref.wav")
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--title", default="measured")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", type=Path, help="append the table to this file")
    arguments = parser.parse_args()
    table = markdown(measure(arguments), arguments)
    print(table)
    if arguments.markdown:
        with arguments.markdown.open("a") as file:
            file.write(f"\n{table}\n")


if __name__ == "__main__":
    main()
