"""docs/serving_curve.png, from what bench_serving.py kept: texts at once, and listeners at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plots import FAINT, INK, REAL_TIME, headline, plain_ticks, style

COLOURS = {
    "float32": "#0072b2",
    "int8": "#009e73",
    "pocket-tts": "#8a8a8a",
    "pocket-tts int8": "#c0a000",
}


def draw(data: dict[str, Any], to: Path) -> None:
    """A row for each model that has a curve: sound per second against texts, lateness against listeners."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    models = [model for model, commands in data.items() if "curve" in commands]
    figure = pyplot.figure(figsize=(11, 0.9 + 4.5 * len(models)))
    panels = figure.subplots(len(models), 2, squeeze=False)
    high = figure.get_figheight()
    figure.subplots_adjust(
        left=0.065, right=0.985, top=1 - 0.95 / high, bottom=0.55 / high, wspace=0.16, hspace=0.3
    )
    for row, model in zip(panels, models, strict=True):
        _curve(row[0], model, data[model]["curve"]["found"])
        _crowds(row[1], model, data[model].get("live", {}).get("found", {}))
    about = data[models[0]]["curve"]["about"]
    headline(figure, "Many voices at once", "")
    commit = f", commit {about['commit']}" if about["commit"] else ""  # none outside a checkout
    below = f"{about['cpu']}, {about['threads']} threads, {about['day']}{commit}."
    figure.text(0.012, 1 - 0.42 / high, below, fontsize=9.5, color="#666666", va="top")
    figure.savefig(to, dpi=110)


def _look(name: str) -> dict[str, Any]:
    """Solid: in process; dashed: over HTTP; dotted: a voice for each."""
    kind, _, way = name.partition(", ")
    dashes = {"": "-", "HTTP": "--"}.get(way, ":")
    return {"color": COLOURS.get(kind, FAINT), "linestyle": dashes, "linewidth": 1.6, "markersize": 5}


def _curve(axes: Any, model: str, found: dict[str, Any]) -> None:
    counts = sorted({int(count) for points in found.values() for count in points})
    for name, points in found.items():
        x = sorted(map(int, points))
        axes.plot(x, [points[str(n)]["times"] for n in x], marker="o", label=name, **_look(name))
    axes.set(
        xscale="log", yscale="log", xlabel="texts at once", ylabel="seconds of sound per second, all together"
    )
    plain_ticks(axes.xaxis, counts)
    low, high = axes.get_ylim()
    plain_ticks(axes.yaxis, [t for t in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if low <= t <= high])
    axes.set_title(f"{model}: files", loc="left", fontsize=11, color=INK)
    axes.legend(frameon=False, fontsize=8.5)
    style(axes)


def _crowds(axes: Any, model: str, found: dict[str, Any]) -> None:
    """Every crowd that was tried; hollow where somebody heard a gap, a ring around the one that counts."""
    for i, (name, tried) in enumerate(found.items()):
        look = _look(name)
        for crowd in tried:
            gap = crowd["underruns"] > 0
            fill = "white" if gap else look["color"]
            late = max(crowd["late_p99"] * 1e3, 0.1)
            axes.plot(crowd["listeners"], late, "o", color=look["color"], markerfacecolor=fill, markersize=6)
        last = tried[-1]
        axes.plot(
            last["listeners"], last["late_p99"] * 1e3, "o", color=look["color"], markerfacecolor="none", markersize=13
        )  # fmt: skip
        axes.annotate(
            f"{name}: {last['listeners']} listeners for {last['seconds']:g} s",
            (last["listeners"], last["late_p99"] * 1e3),
            xytext=(6, 14 + 16 * i), textcoords="offset points", ha="right",
            fontsize=9, fontweight="bold", color=look["color"],
        )  # fmt: skip
    axes.set(yscale="log", xlabel="live listeners", ylabel="ms that 1 frame of 100 is late (p99)")
    axes.axhline(80, color=REAL_TIME, linewidth=1.2)
    axes.text(0.01, 84, "80 ms: one frame", color=REAL_TIME, fontsize=9, transform=axes.get_yaxis_transform())
    title = f"{model}: live (hollow: somebody heard a gap)"
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    plain_ticks(axes.yaxis, [1, 10, 100, 1000, 10000])
    axes.set_xlim(0, None)
    axes.set_ylim(None, max(axes.get_ylim()[1], 150))
    style(axes)
