"""Draw the spectrograms of sound files under each other, to look at what a model says.

    pip install matplotlib
    python tools/plot_spectrogram.py a.wav b.flac ... -o picture.png [--seconds 5] [--top-hz 12000]

Each row: level in dB over time and frequency (25 ms windows every 5 ms), with the waveform above it.
"""

import argparse
from pathlib import Path

import numpy as np

from pocket_fast.audio.read import read_audio

FLOOR_DB = -90.0


def spectrogram(x: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (n,) float32 -> times (t,) in s, frequencies (f,) in Hz, level (f, t) in dB of a full-scale sine."""
    window, hop = int(0.025 * rate), max(1, int(0.005 * rate))
    x = np.pad(x, (window // 2, window))
    frames = np.lib.stride_tricks.sliding_window_view(x, window)[::hop]
    hann = np.hanning(window)
    magnitude = np.abs(np.fft.rfft(frames * hann, axis=1)) * (2 / hann.sum())
    level = np.maximum(20 * np.log10(magnitude + 1e-12), FLOOR_DB)
    return np.arange(len(frames)) * hop / rate, np.fft.rfftfreq(window, 1 / rate), level.T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("spectrogram.png"))
    parser.add_argument("--seconds", type=float, default=30.0, help="how much of each file (default 30)")
    parser.add_argument("--top-hz", type=float, default=12000.0, help="highest frequency drawn")
    args = parser.parse_args()

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        2 * len(args.files),
        1,
        figsize=(14, 4 * len(args.files)),
        height_ratios=[1, 4] * len(args.files),
        layout="constrained",
        squeeze=False,
    )
    for i, path in enumerate(args.files):
        x, rate = read_audio(path, max_seconds=args.seconds)
        wave, picture = axes[2 * i, 0], axes[2 * i + 1, 0]
        rms, peak = np.sqrt(np.mean(x**2)), np.abs(x).max()
        wave.set_title(f"{path.name}: {len(x) / rate:.2f} s at {rate} Hz, rms {rms:.3f}, peak {peak:.3f}")
        wave.plot(np.arange(len(x)) / rate, x, linewidth=0.4)
        wave.set(xlim=(0, len(x) / rate), ylim=(-1, 1), xticks=[])
        times, hertz, level = spectrogram(x, rate)
        picture.pcolormesh(times, hertz, level, vmin=FLOOR_DB, vmax=-20, cmap="magma", shading="nearest")
        picture.set(xlim=(0, len(x) / rate), ylim=(0, min(args.top_hz, rate / 2)), ylabel="Hz")
    axes[-1, 0].set_xlabel("s")
    figure.savefig(args.output, dpi=100)
    print(args.output)


if __name__ == "__main__":
    main()
