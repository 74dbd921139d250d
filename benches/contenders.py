"""One implementation in a process of its own, driven by lines on stdin: what tools/bench_compare.py interleaves.

python benches/contenders.py NAME MODEL VOICE THREADS    then lines: {"do": "speak", "text": ..., "frames": ...}, ...
python benches/contenders.py --cold NAME MODEL VOICE THREADS TEXT FRAMES STARTED

NAME is the import name of the implementation, then what it computes in (none: what it does by itself). FRAMES: where
speech is cut off, of 80 ms each; 0: it ends by itself.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import runpy
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MEMORY = ROOT / "src" / "pocket_fast" / "cpu" / "resident.py"  # a rival's Python may have no pocket_fast
FRAME = 1920  # samples: 80 ms


class PocketFast:
    """Ours, with a model of any family; the part after the dash is the compute type."""

    def __init__(self, name: str, model: str, threads: int):
        import pocket_fast

        compute_type = name.partition("-")[2] or "float32"
        self.model = pocket_fast.load(model, threads=threads, compute_type=compute_type)
        self.clones = self.model.clones

    def voice(self, source: str) -> Any:
        self.model.voice_cache.max_bytes = 0  # every call does the work
        return self.model.find_voice(source)

    def chunks(self, state: Any, text: str, frames: int) -> Iterator[Any]:
        return self.model.speak(state, text, {"max_new_tokens": frames + 1} if frames else {})


class PocketTTS:
    """The reference; pocket_tts is as it comes, pocket_tts-2 gives torch two threads inside each operation."""

    clones = True

    def __init__(self, name: str, config: str, threads: int):
        import torch
        from pocket_tts import TTSModel

        self.model = TTSModel.load_model(config=config, quantize="int8" in name)
        if name.endswith("-2"):
            torch.set_num_threads(threads)

    def voice(self, path: str) -> Any:
        return self.model.get_state_for_audio_prompt(Path(path))

    def chunks(self, state: Any, text: str, frames: int) -> Iterator[Any]:
        return self.model.generate_audio_stream(state, text)


class PocketTTSMlx(PocketTTS):
    """The port to MLX, on its CPU backend: pip install pocket-tts-mlx "mlx[cpu]"."""

    def __init__(self, name: str, config: str, threads: int):
        from pocket_tts_mlx import TTSModel

        self.model = TTSModel.load_model(config=config)

    def voice(self, path: str) -> Any:
        import mlx.core

        state = self.model.get_state_for_audio_prompt(path)
        mlx.core.eval(state)  # or it would be computed by whoever looks at it first
        return state


class Ptts:
    """The Rust runtime of the wheel `ptts`; the part after the dash is its weight format, such as q8_0."""

    clones = False

    def __init__(self, name: str, config: str, threads: int):
        import ptts

        ptts.set_num_threads(threads)
        self.model = ptts.TTS(config, lang="none", quant=name.partition("-")[2] or None)

    def voice(self, path: str) -> str:
        return path  # of the voices that lie beside the model

    def chunks(self, state: str, text: str, frames: int) -> Iterator[Any]:
        return iter(self.model.stream(text, voice=state))


class QwenTTS:
    """The official package of Qwen3-TTS. Words after the dash: bf16 instead of float32, eager instead of fused (sdpa)
    attention. It hands out all of its sound at once."""

    clones = False

    def __init__(self, name: str, model: str, threads: int):
        import torch

        sys.path += [str(ROOT / "src"), str(ROOT / "tests")]  # an installed pocket_fast comes first
        from reference.qwen3.official import import_official

        torch.set_num_threads(threads)
        words = name.split("-")[1:]
        self.model = import_official().Qwen3TTSModel.from_pretrained(
            model,
            dtype=torch.bfloat16 if "bf16" in words else torch.float32,
            attn_implementation="eager" if "eager" in words else "sdpa",
        )

    def voice(self, source: str) -> str:
        return source  # of the speakers that the model was trained with

    def chunks(self, state: str, text: str, frames: int) -> Iterator[Any]:
        waves, _ = self.model.generate_custom_voice(text, state, max_new_tokens=frames + 1)
        return iter(waves)


class Vox:
    """vox-tts (C++), with a file of its own; the part after the dash is how many frames it hands out at a time."""

    clones = False

    def __init__(self, name: str, model: str, threads: int):
        import vox

        self.engine = vox.Engine(model, "cpu", threads)
        at_once = name.partition("-")[2]
        self.options = {"chunk_frames": int(at_once)} if at_once else {}

    def voice(self, source: str) -> Any:
        return self.engine.speaker_voice(source)

    def chunks(self, state: Any, text: str, frames: int) -> Iterator[Any]:
        return self.engine.stream(text, state, max_frames=frames, **self.options)


FAMILIES = {
    "pocket_fast": PocketFast,
    "pocket_tts": PocketTTS,
    "pocket_tts_mlx": PocketTTSMlx,
    "ptts": Ptts,
    "qwen_tts": QwenTTS,
    "vox": Vox,
}


def family(name: str) -> str:
    return name.partition("-")[0]


def speak(contender: Any, state: Any, text: str, frames: int) -> dict[str, Any]:
    """Speak a text once: when each array was there (s) and how long it is (samples), CPU s of all threads."""
    import numpy as np

    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    arrivals, sizes = [], []
    for chunk in contender.chunks(state, text, frames):
        sizes.append(np.asarray(chunk).size)  # asarray: samples, and not the promise of some
        arrivals.append(time.perf_counter() - start)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"arrivals": arrivals, "sizes": sizes, "wall": wall, "cpu": cpu}


def frame_times(spoken: dict[str, Any]) -> list[float]:
    """What speak() answered -> seconds each frame took, from the array before to its own. Frames that came
    together, in one array or with hardly a moment between, share their time, which flatters those that hand out several
    at once."""
    arrivals, sizes = spoken["arrivals"], spoken["sizes"]
    at_once = (arrivals[-1] - arrivals[0]) / max(1, len(arrivals) - 1) / 5
    together: list[list[float]] = []  # seconds and samples of each group
    for before, after, size in zip(arrivals, arrivals[1:], sizes[1:], strict=False):
        if together and after - before < at_once:
            together[-1][0] += after - before
            together[-1][1] += size
        else:
            together.append([after - before, size])
    times = []
    for seconds, samples in together:
        times += [seconds * FRAME / samples] * round(samples / FRAME)
    return times


class Process:
    """A contender in a process of its own, seen from the one that drives it. `about` says what runs there."""

    def __init__(self, python: str, name: str, model: Path, voice: Path | str, threads: int):
        self._command = [python, __file__, name, str(model), str(voice), str(threads)]
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.about = self._read()

    def __call__(self, **order: str | int) -> dict[str, Any]:
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise SystemExit(f"a contender ended early with {code}; to see why: {shlex.join(self._command)}")
        return json.loads(line)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def cold_start(
    python: str, name: str, model: Path, voice: Path | str, threads: int, text: str, frames: int
) -> dict[str, float]:
    """A fresh process: s from its start to the first sound, s of that from asking for speech, MiB at the peak."""
    command = [python, __file__, "--cold", name, model, voice, str(threads), text, str(frames)]
    command.append(str(time.monotonic()))
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what an implementation prints is no answer
    cold = sys.argv[1] == "--cold"
    name, model, voice, threads, *rest = sys.argv[1 + cold :]
    contender = FAMILIES[family(name)](name, model, int(threads))
    state = contender.voice(voice)
    if cold:  # CLOCK_MONOTONIC is one clock for all processes: the parent's reading is our start
        asked = time.monotonic()
        text, frames, started = rest
        spoken = speak(contender, state, text, int(frames))
        first = spoken["arrivals"][0]
        memory_mib = runpy.run_path(str(MEMORY))["memory_mib"]
        answer = {"start": asked + first - float(started), "first": first, "rss": memory_mib("VmHWM")}
        print(json.dumps(answer), file=answers, flush=True)
        os._exit(0)  # the rival's threads need not end in order
    about = {"path": sys.path, "python": platform.python_version()}
    print(json.dumps(about), file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "speak":
            answer = speak(contender, state, order["text"], order.get("frames", 0))
        elif contender.clones:
            start = time.perf_counter()
            contender.voice(order["path"])
            answer = {"wall": time.perf_counter() - start}
        else:
            answer = {}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
