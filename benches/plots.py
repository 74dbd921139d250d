"""The pictures of docs/speed.md: how long each frame takes, and how close each stage comes to the machine's limits.

    python benches/plots.py CONFIG [--rival-python PYTHON] [--data FILE]

measures for some minutes, in rounds, and writes docs/frame_times.png and docs/roofline.png. --data keeps what
was measured in a JSON file, and draws from it if it is there already.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pocket_fast.cpu import machine

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "benches"), str(ROOT / "tools")]

TEXT = (
    "The ferry left the harbour before sunrise, and nobody on board noticed that the old "
    "lighthouse keeper had stayed behind on the island."
)
OURS = ["pocket_fast", "pocket_fast-int8"]
RIVALS = ["pocket_tts", "pocket_tts-int8"]
NAMES = {
    "pocket_fast": "pocket_fast float32",
    "pocket_fast-int8": "pocket_fast int8",
    "pocket_tts": "pocket-tts",
    "pocket_tts-int8": "pocket-tts int8",
}
COLOURS = {
    "pocket_fast": "#0072b2",
    "pocket_fast-int8": "#009e73",
    "pocket_tts": "#8a8a8a",
    "pocket_tts-int8": "#c0a000",
}
STAGES = {
    "backbone step": ("#0072b2", "o"),
    "backbone, 8 streams": ("#56b4e9", "s"),
    "flow head": ("#cc79a7", "D"),
    "codec frame": ("#d55e00", "^"),
    "prompt, 35 tokens": ("#009e73", "v"),
}
FRAMES, WARM_UP, STREAMS = 60, 10, 8
INK, FAINT, REAL_TIME = "#222222", "#9a9a9a", "#d55e00"


# --- measuring -----------------------------------------------------------------------------------


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    names = OURS + (RIVALS if arguments.rival_python else [])
    return {
        "model": arguments.config.parent.name,
        "day": time.strftime("%Y-%m-%d"),
        "cpu": machine.cpu_name(),
        "threads": arguments.threads,
        "frames": speak_for(arguments, names),
        "stages": {kind: stages(arguments, kind) for kind in ("float32", "int8")},
    }


def speak_for(arguments: argparse.Namespace, names: list[str]) -> dict[str, list[float]]:
    """{contender: seconds of each frame}, sentence after sentence in turn, for --seconds of sound each."""
    import rivals
    from contenders import Process, family, frame_times

    with tempfile.TemporaryDirectory() as folder:
        processes = {}
        for name in names:
            python = sys.executable if name in OURS else arguments.rival_python
            forms = rivals.prepare(family(name), python, arguments.config, arguments.voice, Path(folder))
            processes[name] = Process(python, name, *forms, arguments.threads)
            processes[name](do="speak", text="A first sentence warms everything up.")
        frames: dict[str, list[float]] = {name: [] for name in names}
        while any(len(found) * 0.08 < arguments.seconds for found in frames.values()):
            for name, process in processes.items():
                frames[name] += frame_times(process(do="speak", text=TEXT))
                print(f"{name}: {len(frames[name]) * 0.08:.0f} s of sound", file=sys.stderr)
        for process in processes.values():
            process.close()
    return frames


def stages(arguments: argparse.Namespace, compute_type: str) -> dict[str, Any]:
    """Every stage with one thread and with all, and the better limits of before and after."""
    from pocket_fast import TTSModel
    from pocket_fast.models.pocket import trials as work
    from pocket_fast.models.pocket.trials import Batch

    points, before, footprint = [], machine.limits(arguments.threads), 0.0
    for threads in sorted({1, arguments.threads}):
        model = TTSModel.load_model(config=arguments.config, threads=threads, compute_type=compute_type)
        voice = model.get_state_for_audio_prompt(arguments.voice)
        capacity, own = WARM_UP + FRAMES + 1, WARM_UP + FRAMES / 2
        one, many = Batch(model, voice, 1, capacity), Batch(model, voice, STREAMS, capacity)
        backbone = model.stages.backbone
        prompted = backbone.stream(40, voice.prefix)
        embeddings = backbone.embed_text(list(range(300, 335)))

        prompts = []
        for _ in range(WARM_UP + FRAMES):
            one.frame()
            prompted.reset()
            start = time.perf_counter()
            backbone.prefill([prompted], [embeddings])
            prompts.append(time.perf_counter() - start)
        for batch in (one, many):
            for stream in batch.streams:
                stream.reset()
        alone = [one.timed_frame() for _ in range(WARM_UP + FRAMES)]
        together = [many.timed_frame()[0] for _ in range(WARM_UP + FRAMES)]
        steps, samples, decodes = zip(*alone, strict=True)
        frame = work.backbone(model, voice, own), work.flow_head(model), work.codec(model)
        footprint = sum(stage.footprint for stage in frame)
        for name, times, todo in (
            ("backbone step", steps, work.backbone(model, voice, own)),
            ("backbone, 8 streams", together, work.backbone(model, voice, own, streams=STREAMS)),
            ("flow head", samples, work.flow_head(model)),
            ("codec frame", decodes, work.codec(model)),
            ("prompt, 35 tokens", prompts, work.text_prompt(model, voice, 35)),
        ):
            seconds = statistics.median(times[WARM_UP:])
            points.append(
                {
                    "stage": name,
                    "threads": threads,
                    "product": todo.product,
                    "intensity": todo.intensity,
                    "gflop_s": todo.flops / seconds / 1e9,
                }
            )
    after = machine.limits(arguments.threads)
    after |= machine.reads(arguments.threads, round(footprint))  # a cache may hold it
    return {"points": points, "limits": {k: max(v, after[k]) for k, v in before.items()}}


# --- drawing -------------------------------------------------------------------------------------


def style(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(which="both", color=FAINT, labelcolor=INK)
    axes.grid(True, which="major", color="#e8e8e8", linewidth=0.8)
    axes.set_axisbelow(True)


def headline(figure: Any, title: str, below: str) -> None:
    figure.text(0.012, 0.975, title, fontsize=14, fontweight="bold", color=INK, va="top")
    figure.text(0.012, 0.915, below, fontsize=9.5, color="#666666", va="top")


def plain_ticks(axis: Any, ticks: list[float]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def draw_frame_times(data: dict[str, Any], to: Path) -> None:
    """Every frame as a point over the sound made so far, their distribution beside it."""
    import numpy as np
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(11, 5.6))
    over, beside = figure.subplots(1, 2, sharey=True, width_ratios=[4, 1])
    figure.subplots_adjust(left=0.06, right=0.825, top=0.84, bottom=0.1, wspace=0.03)
    ms = {name: np.array(times) * 1e3 for name, times in data["frames"].items()}
    low = min(np.percentile(times, 2) for times in ms.values()) * 0.8
    bins = np.geomspace(low, 110, 240)
    apart = (110 / low) ** 0.085  # labels need this much room
    label_at = 0.0
    for name, times in sorted(ms.items(), key=lambda item: np.median(item[1])):
        colour, (p50, p99) = COLOURS[name], np.percentile(times, [50, 99])
        seconds = np.arange(len(times)) * 0.08
        over.plot(seconds, times, ".", markersize=3.5, color=colour, alpha=0.6, markeredgewidth=0)
        counts, _ = np.histogram(times, bins)
        beside.fill_betweenx(
            bins[:-1], counts / counts.max(), step="post", color=colour, alpha=0.45, linewidth=0
        )
        for axes in (over, beside):
            axes.axhline(p50, color=colour, linewidth=1)
            axes.axhline(p99, color=colour, linewidth=1, dashes=(4, 3))
        label_at = max(p50, label_at * apart)
        where = {"transform": beside.get_yaxis_transform(), "color": colour, "clip_on": False}
        beside.text(1.06, label_at, NAMES[name], fontsize=9.5, fontweight="bold", va="bottom", **where)
        figures = f"p50 {p50:.3g}, p99 {p99:.3g} ms: {p99 / p50:.2f}"
        beside.text(1.06, label_at, figures, fontsize=8.5, va="top", **where)
    over.axhline(80, color=REAL_TIME, linewidth=1.2)
    over.text(0.4, 77, "80 ms: real time", color=REAL_TIME, fontsize=9, va="top")
    over.set(yscale="log", ylim=(low, 110), xlim=(0, None), xlabel="seconds of sound", ylabel="ms per frame")
    plain_ticks(over.yaxis, [t for t in (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if t >= low])
    beside.set(xlim=(0, 1.08), xticks=[], xlabel="distribution")
    for axes in (over, beside):
        style(axes)
    headline(
        figure,
        f"Time of each 80 ms frame: {data['model']}",
        f"{data['cpu']}, {data['threads']} threads, {data['day']}. A sentence spoken again and again, its first frame "
        "(first audio) left out. Lines: p50, dashed: p99.",
    )
    figure.savefig(to, dpi=110)


def draw_roofline(data: dict[str, Any], to: Path) -> None:
    """A panel per compute type: what the machine allows at each intensity, and where each stage is."""
    import numpy as np
    from matplotlib import pyplot
    from matplotlib.lines import Line2D

    most = data["threads"]
    figure = pyplot.figure(figsize=(11, 5.8))
    panels = figure.subplots(1, 2, sharey=True)
    figure.subplots_adjust(left=0.08, right=0.985, top=0.82, bottom=0.2, wspace=0.05)
    x = np.geomspace(0.4, 600, 400)
    top = 2 * max(
        measured["limits"][f"{point['product']}_gflop_s_{most}"]
        for measured in data["stages"].values()
        for point in measured["points"]
    )
    for axes, (kind, measured) in zip(panels, data["stages"].items(), strict=True):
        found, limits = measured["points"], measured["limits"]
        axes.set(
            xscale="log", yscale="log", xlim=(0.4, 600), ylim=(8, top), xlabel="operations per byte read"
        )
        axes.set_title(kind, loc="left", fontsize=11, color=INK)
        style(axes)
        plain_ticks(axes.xaxis, [1, 10, 100])
        plain_ticks(axes.yaxis, [tick for tick in (10, 100, 1000, 10000) if tick < top])
        (left, low), (right, high) = axes.transData.transform([(1, 10), (10, 100)])
        slope = np.degrees(np.arctan2(high - low, right - left))
        for threads in sorted({1, most}):
            read, whole = limits[f"read_gb_s_{threads}"], threads == most
            ink = {"color": INK, "alpha": 1.0 if whole else 0.45}
            text = {"fontsize": 8.5, "color": INK, "alpha": 1.0 if whole else 0.65}
            products = sorted({point["product"] for point in found})
            for product in products:
                roof = limits[f"{product}_gflop_s_{threads}"]
                axes.plot(x, np.minimum(x * read, roof), linewidth=1.3, **ink)
                if not whole and len(products) > 1:  # it would lie on another one
                    continue
                axes.text(
                    570, roof * (1.05 if whole else 0.95), f"{product} {roof:.0f} GFLOP/s",
                    ha="right", va="bottom" if whole else "top", **text,
                )  # fmt: skip
            axes.text(
                0.45, 0.45 * read * (1.3 if whole else 0.83), f"{read:.0f} GB/s", rotation=slope,
                rotation_mode="anchor", va="bottom" if whole else "top", **text,
            )  # fmt: skip
        for stage, (colour, marker) in STAGES.items():
            points = [p for p in found if p["stage"] == stage]
            axes.plot(
                [p["intensity"] for p in points],
                [p["gflop_s"] for p in points],
                color=colour,
                linewidth=1.2,
                zorder=3,
            )
            for p in points:
                look = {
                    "markerfacecolor": colour if p["threads"] == most else "white",
                    "markeredgecolor": colour,
                }
                axes.plot(
                    p["intensity"], p["gflop_s"], marker, markersize=8, markeredgewidth=1.6, zorder=4, **look
                )
    panels[0].set_ylabel("GFLOP/s")
    handles = [
        Line2D([], [], marker=marker, linewidth=0, markersize=8, color=colour, label=stage)
        for stage, (colour, marker) in STAGES.items()
    ]
    for fill, threads in (("white", 1), ("#777777", most)):
        label = f"{threads} thread" + "s" * (threads > 1)
        look = {"markerfacecolor": fill, "markeredgecolor": "#777777", "markeredgewidth": 1.6}
        handles.append(Line2D([], [], marker="o", linewidth=0, markersize=8, label=label, **look))
    figure.legend(handles=handles, loc="lower center", ncols=7, frameon=False, fontsize=9, columnspacing=1.6)
    headline(
        figure,
        f"Stages under the machine's roofs: {data['model']}",
        f"{data['cpu']}, {data['day']}. Lines: what reading memory and multiplying at the measured limits allow, "
        f"with 1 thread (faint) and {most}.",
    )
    figure.savefig(to, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path, help="config.yaml of a checkpoint")
    parser.add_argument("--rival-python", help="interpreter with pocket-tts, to have it in the first picture")
    parser.add_argument("--voice", type=Path, default=ROOT / "ref.wav")
    parser.add_argument("--seconds", type=float, default=60, help="of sound each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, help="JSON file of what was measured")
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    arguments = parser.parse_args()
    if arguments.data and arguments.data.exists():
        data = json.loads(arguments.data.read_text(encoding="utf-8"))
    else:
        data = measure(arguments)
        if arguments.data:
            arguments.data.write_text(json.dumps(data), encoding="utf-8")

    import matplotlib

    matplotlib.use("Agg")
    arguments.out.mkdir(exist_ok=True)
    draw_frame_times(data, arguments.out / "frame_times.png")
    draw_roofline(data, arguments.out / "roofline.png")
    for name, times in data["frames"].items():
        cuts = statistics.quantiles(times, n=100)
        print(
            f"{NAMES[name]}: p50 {cuts[49] * 1e3:.3g} ms, p99 {cuts[98] * 1e3:.3g} ms, {cuts[98] / cuts[49]:.2f}"
        )


if __name__ == "__main__":
    main()
