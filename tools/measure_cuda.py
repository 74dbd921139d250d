"""How fast models are on a GPU, beside the CPU of the same machine and, where they are installed, other programs.

    python tools/measure_cuda.py english qwen3-tts-12hz-1.7b-customvoice --json cuda.json --page cuda.md

Weights are synthetic, of the released shapes: speed is that of the real ones. A row is so many streams that are drawn
and decoded together, frame by frame, as the engine does; times real time, of each and of all; for one stream also how
long its first sound took, from the text to the samples. --seconds: end in time, with what there is then.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests"), str(ROOT / "src")]  # the installed package comes first

import pocket_fast  # noqa: E402
from pocket_fast.api.speaking import Speaking  # noqa: E402
from pocket_fast.cuda import devices  # noqa: E402
from reference.qwen3 import QWEN3_MODELS, make_qwen3_model  # noqa: E402
from reference.synthetic import make_model  # noqa: E402

TEXT = "The quick brown fox jumps over the lazy dog, and nobody on the farm is the least surprised."
STREAMS = (1, 8, 64, 256, 512)
FRAMES, FIRST_SOUNDS = 40, 30
COLUMNS = ("streams", "each", "all", "ms a frame", "first p50", "first p95", "GiB", "watts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "models", nargs="+", metavar="NAME", help="as tools/make_synthetic_model.py takes them"
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--compute-types", nargs="+", default=["bfloat16", "float32"], metavar="TYPE")
    parser.add_argument("--streams", nargs="+", type=int, default=STREAMS, metavar="N")
    parser.add_argument(
        "--frames", type=int, default=FRAMES, help="of each row, after as many uncounted ones / 4"
    )
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    ends = time.monotonic() + arguments.seconds
    found: dict[str, Any] = {"machine": machine(), "tables": []}
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models:
            where = written(Path(folder) / name, name)
            places = [(arguments.device, t) for t in arguments.compute_types] + [("cpu", "auto")]
            for device, compute_type in places:
                if time.monotonic() < ends:
                    rows = list(table(where, device, compute_type, arguments, ends))
                    found["tables"].append(
                        {"model": name, "device": device, "compute type": compute_type, "rows": rows}
                    )
                    keep(found, arguments)
            if time.monotonic() < ends:
                found["tables"].append(rival(name, where, arguments.device))
                keep(found, arguments)


def written(folder: Path, name: str) -> Path:
    """A synthetic checkpoint of that name."""
    if name in QWEN3_MODELS:
        return make_qwen3_model(folder, name, endless=True)
    return make_model(folder, name)


def table(where: Path, device: str, compute_type: str, how: Any, ends: float) -> Iterator[dict[str, Any]]:
    """A row for every number of streams that there is time and memory for."""
    model = pocket_fast.load(where, device=device, compute_type=compute_type)
    try:
        for streams in how.streams if device != "cpu" else [n for n in how.streams if n <= 8]:
            if time.monotonic() > ends:
                return
            yield row(model, streams, how.frames, device)
    except Exception as error:  # out of memory: what was measured before counts
        yield {"streams": streams, "error": f"{type(error).__name__}: {error}"[:200]}
    finally:
        model.close()
        del model
        gc.collect()


def row(model: Speaking, streams: int, frames: int, device: str) -> dict[str, Any]:
    """One row of a table, of utterances that the model itself steps, without the engine's clock."""
    core: Any = model._model
    found: dict[str, Any] = {"streams": streams}
    if streams == 1:
        times = sorted(first_sound(model) for _ in range(FIRST_SOUNDS))
        found["first p50"] = 1000 * times[len(times) // 2]
        found["first p95"] = 1000 * times[int(len(times) * 0.95)]
    going = [begun(model, i) for i in range(streams)]
    while any(u.prompt_left for u in going):
        core.prompt([u for u in going if u.prompt_left], 4096)
    for _ in range(frames // 4):
        core.decode(core.predict(going))
    start = time.perf_counter()
    for _ in range(frames):
        core.decode(core.predict(going))
    took = (time.perf_counter() - start) / frames
    sound = core.samples_per_frame / core.sample_rate
    found |= {"each": sound / took, "all": streams * sound / took, "ms a frame": 1000 * took}
    if device != "cpu":
        found["GiB"], found["watts"] = memory_used(), watts()
    return found


def begun(model: Speaking, seed: int) -> Any:
    """An utterance of the text that does not end by itself soon, with nothing computed yet."""
    voice, settings = voice_and_settings(model)
    script = model._script(voice, settings, seed=seed, natural_pauses=False)
    return next(part for part in script.whole(TEXT) if callable(part))()


def voice_and_settings(model: Speaking) -> tuple[Any, dict[str, Any]]:
    """A voice, made once, and settings with which speech goes on."""
    names = {setting.name for setting in model.settings}
    if not hasattr(model, "measured_voice"):
        if "eos_threshold" in names:
            voice = model.find_voice(ROOT / "ref.wav", truncate=True)
        else:
            voice = model.find_voice(str(model.default_voice))
        model.measured_voice = voice
    return model.measured_voice, {"eos_threshold": 1e9} if "eos_threshold" in names else {}


def first_sound(model: Speaking) -> float:
    """Seconds from a text to its first samples, nothing else going on."""
    core: Any = model._model
    start = time.perf_counter()
    utterance = begun(model, 1)
    while utterance.prompt_left:
        core.prompt([utterance], 4096)
    core.decode(core.predict([utterance]))
    return time.perf_counter() - start


def rival(name: str, where: Path, device: str) -> dict[str, Any]:
    """What PyTorch's package makes of the same weights on the same GPU: one stream, times real time."""
    who, speak = ("qwen-tts", qwen_tts) if name in QWEN3_MODELS else ("pocket-tts", pocket_tts)
    found: dict[str, Any] = {"model": name, "device": device, "rival": who}
    try:
        found["rows"] = [speak(where, device)]
    except Exception as error:
        found["rows"] = [{"streams": 1, "error": f"{type(error).__name__}: {error}"[:200]}]
    return found


def pocket_tts(where: Path, device: str) -> dict[str, Any]:
    from pocket_tts import TTSModel

    model = TTSModel.load_model(config=str(where)).to(device)
    voice = model.get_state_for_audio_prompt(str(ROOT / "ref.wav"))
    return timed(
        lambda: sum(len(chunk) for chunk in model.generate_audio_stream(voice, TEXT)), model.sample_rate
    )


def qwen_tts(where: Path, device: str) -> dict[str, Any]:
    import torch
    from qwen_tts import Qwen3TTSModel

    model = Qwen3TTSModel.from_pretrained(str(where), device_map=device, dtype=torch.bfloat16)
    speak = model.generate_custom_voice

    def once() -> int:
        waves, _ = speak(TEXT, speaker="ryan", language="english", max_new_tokens=60)
        return len(waves[0])

    return timed(once, 24000)


def timed(speak: Any, rate: int) -> dict[str, Any]:
    speak()
    start = time.perf_counter()
    samples = speak()
    took = time.perf_counter() - start
    return {"streams": 1, "each": samples / rate / took, "all": samples / rate / took}


def memory_used() -> float:
    cupy = devices.import_cupy()
    free, total = cupy.cuda.runtime.memGetInfo()
    return (total - free) / 2**30


def watts() -> float | None:
    """What the first GPU takes, if nvidia-smi says so."""
    command = ["nvidia-smi", "--query-gpu=power.draw", "--format=csv,noheader,nounits"]
    try:
        return float(subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def machine() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    return {
        "GPUs": devices.listing(),
        "CPU": f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs",
        "python": platform.python_version(),
        "commit": commit or None,
        "frames": FRAMES,
    }


def keep(found: dict[str, Any], how: Any) -> None:
    """Write what there is so far."""
    if how.json:
        how.json.write_text(json.dumps(found, indent=2) + "\n")
    text = page(found)
    if how.page:
        how.page.write_text(text)
    else:
        print(text)


def page(found: dict[str, Any]) -> str:
    """Markdown tables."""
    facts = found["machine"]
    lines = [
        f"Measured on {', '.join(facts['GPUs'].values())}; {facts['CPU']}; commit {facts['commit']}.",
        "",
    ]
    for each in found["tables"]:
        who = each.get("rival") or f"pocket_fast {each['compute type']}"
        lines += [f"**{each['model']}**, {who}, {each['device']}", ""]
        lines += ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
        for r in each["rows"]:
            cells = [_cell(r.get(column)) for column in COLUMNS]
            lines.append("| " + " | ".join(cells) + " |" + (f" {r['error']}" if "error" in r else ""))
        lines.append("")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
