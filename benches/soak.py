"""A long utterance in one stream: is the last minute as fast and as small as the first?

    python benches/soak.py CONFIG [--minutes 10] [--compute-type int8]

First the stages alone, one utterance that never ends; then the API with a text as long. Prints time per frame
and memory of the first and the last minute. The language model attends to all of its past, so its keys and
values grow and its step with them; that is reported, and their bytes are taken off the memory. Ends with 1 if
memory grew by more than 2 MiB, or the codec's frame by more than 20 %.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pocket_fast.cpu.resident import memory_mib

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "benches"))

MINUTE = 750  # frames
MORE_MEMORY, MORE_TIME = 2.0, 1.2
SENTENCE = "The ferry left the harbour before sunrise, and nobody noticed that the keeper had stayed behind. "


def stages(model: Any, voice: Any, frames: int) -> Iterator[dict[str, float]]:
    """Every frame of one stream: seconds of each stage, its keys and values so far, in MiB."""
    from pocket_fast.models.pocket.trials import Batch

    batch = Batch(model, voice, 1, frames + 1)
    t = model.config.flow_lm.transformer
    position = t.num_layers * 2 * t.kv_dim * 4 / 2**20  # MiB
    for i in range(frames):
        backbone, head, codec = batch.timed_frame()
        batch.latents, batch.next = batch.next, batch.latents
        yield {"backbone": backbone, "flow head": head, "codec": codec, "keys and values": i * position}


def api(model: Any, voice: Any, frames: int) -> Iterator[dict[str, float]]:
    """Every frame of a text long enough, as it arrives."""
    text = SENTENCE * (frames // 40)  # a sentence is more than 40 frames even if it is cut short
    start = time.perf_counter()
    for i, _ in enumerate(model.generate_audio_stream(voice, text)):
        end = time.perf_counter()
        yield {"frame": end - start, "keys and values": 0.0}
        if i + 1 == frames:
            return
        start = time.perf_counter()


def watch(name: str, frames: Iterator[dict[str, float]]) -> bool:
    """Print the first and the last minute; whether the run is fit to go on for ever."""
    minutes: list[dict[str, float]] = []
    collected: list[dict[str, float]] = []
    for frame in frames:
        collected.append(frame)
        if len(collected) == MINUTE:
            kept = frame.pop("keys and values")
            minutes.append({k: statistics.median(f[k] for f in collected) for k in frame})
            minutes[-1]["memory"] = memory_mib("VmRSS") - kept
            collected.clear()
            print(f"{name}, minute {len(minutes)}", file=sys.stderr)
    first, last = minutes[0], minutes[-1]
    print(f"{name}: {len(minutes)} minutes in one stream, first and last")
    for what in first:
        if what != "memory":
            grown = last[what] / first[what]
            print(f"  {what}: {first[what] * 1e3:.3g} and {last[what] * 1e3:.3g} ms per frame ({grown:.2f})")
    grown = last["memory"] - first["memory"]
    print(f"  memory: {first['memory']:.1f} and {last['memory']:.1f} MiB ({grown:+.1f})")
    return grown <= MORE_MEMORY and last.get("codec", 0) <= MORE_TIME * first.get("codec", 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path, help="config.yaml of a checkpoint")
    parser.add_argument("--minutes", type=int, default=10, help="of sound, at least 2")
    parser.add_argument("--compute-type", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--voice", type=Path, default=ROOT / "ref.wav")
    arguments = parser.parse_args()
    if arguments.minutes < 2:
        parser.error("--minutes: the last one must not be the first")

    from pocket_fast import TTSModel

    # random weights do not hear the end of a sentence, and a warning for each would bury the figures
    logging.getLogger("pocket_fast").setLevel(logging.ERROR)
    model = TTSModel.load_model(
        config=arguments.config, compute_type=arguments.compute_type, threads=arguments.threads
    )
    voice = model.get_state_for_audio_prompt(arguments.voice)
    frames = arguments.minutes * MINUTE
    fit = [watch("stages", stages(model, voice, frames)), watch("API", api(model, voice, frames))]
    print("flat" if all(fit) else "NOT FLAT")
    return 0 if all(fit) else 1


if __name__ == "__main__":
    sys.exit(main())
