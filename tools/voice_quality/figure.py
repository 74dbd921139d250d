"""A picture: spectrograms of what was said beside those of the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from plot_spectrogram import FLOOR_DB, spectrogram
from voice_quality.features import RATE

_TOP_HZ = 8000


def draw(
    path: Path, texts: Sequence[str], said: Sequence[np.ndarray], truths: Sequence[np.ndarray], title: str
) -> None:
    """A row for each text: the model on the left, the truth on the right."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(texts), 2, figsize=(14, 1.9 * len(texts)), layout="constrained", squeeze=False
    )
    figure.suptitle(title)
    for row, text, *pair in zip(axes, texts, said, truths, strict=True):
        longest = max(len(sound) for sound in pair) / RATE
        for axis, sound, whose in zip(row, pair, ("model", "truth"), strict=True):
            times, hertz, level = spectrogram(sound, RATE)
            low = hertz <= _TOP_HZ
            axis.pcolormesh(
                times, hertz[low], level[low], vmin=FLOOR_DB, vmax=-20, cmap="magma", shading="nearest"
            )
            axis.set(xlim=(0, longest), ylim=(0, _TOP_HZ))
            axis.set_title(f"{whose}: {text}", fontsize=8, loc="left")
    figure.savefig(path, dpi=70)
    pyplot.close(figure)
