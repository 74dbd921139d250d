"""One implementation in a process of its own, driven by lines on stdin: what tools/bench_compare.py interleaves.

python benches/contenders.py NAME CONFIG VOICE THREADS    then lines: {"do": "speak", "text": ...}, ...
python benches/contenders.py --cold NAME CONFIG VOICE THREADS TEXT STARTED

NAME is the import name of the implementation, then what it computes in (none: what it does by itself).
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FRAME = 1920  # samples: 80 ms


class PocketFast:
    """Ours; the part after the dash is the compute type."""

    clones = True

    def __init__(self, name: str, config: str, threads: int):
        from pocket_fast import TTSModel

        compute_type = name.partition("-")[2] or "float32"
        self.model = TTSModel.load_model(config=config, threads=threads, compute_type=compute_type)

    def voice(self, path: str) -> Any:
        self.model.voice_cache.max_bytes = 0  # every call does the work
        return self.model.get_state_for_audio_prompt(path)

    def chunks(self, state: Any, text: str) -> Iterator[Any]:
        return self.model.generate_audio_stream(state, text)


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

    def chunks(self, state: Any, text: str) -> Iterator[Any]:
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

    def chunks(self, state: str, text: str) -> Iterator[Any]:
        return iter(self.model.stream(text, voice=state))


FAMILIES = {"pocket_fast": PocketFast, "pocket_tts": PocketTTS, "pocket_tts_mlx": PocketTTSMlx, "ptts": Ptts}


def family(name: str) -> str:
    return name.partition("-")[0]


def speak(contender: Any, state: Any, text: str) -> dict[str, Any]:
    """Speak a text once: when each array was there (s) and how long it is (samples), CPU s of all threads."""
    import numpy as np

    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    arrivals, sizes = [], []
    for chunk in contender.chunks(state, text):
        sizes.append(np.asarray(chunk).size)  # asarray: samples, and not the promise of some
        arrivals.append(time.perf_counter() - start)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"arrivals": arrivals, "sizes": sizes, "wall": wall, "cpu": cpu}


def frame_times(spoken: dict[str, Any]) -> list[float]:
    """What speak() answered -> seconds each frame took, from the array before to its own. Frames that came
    together share their time, which flatters those that hand out several at once."""
    times = []
    arrivals = spoken["arrivals"]
    for before, after, size in zip(arrivals, arrivals[1:], spoken["sizes"][1:], strict=False):
        times += [(after - before) * FRAME / size] * round(size / FRAME)
    return times


class Process:
    """A contender in a process of its own, seen from the one that drives it. `about` says what runs there."""

    def __init__(self, python: str, name: str, config: Path, voice: Path, threads: int):
        self._command = [python, __file__, name, str(config), str(voice), str(threads)]
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.about = self._read()

    def __call__(self, **order: str) -> dict[str, Any]:
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
    python: str, name: str, config: Path, voice: Path, threads: int, text: str
) -> dict[str, float]:
    """A fresh process: s from its start to the first sound, s of that from asking for speech, MiB at the peak."""
    command = [python, __file__, "--cold", name, config, voice, str(threads), text, str(time.monotonic())]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what an implementation prints is no answer
    cold = sys.argv[1] == "--cold"
    name, config, voice, threads, *rest = sys.argv[1 + cold :]
    contender = FAMILIES[family(name)](name, config, int(threads))
    state = contender.voice(voice)
    if cold:  # CLOCK_MONOTONIC is one clock for all processes: the parent's reading is our start
        asked = time.monotonic()
        spoken = speak(contender, state, rest[0])
        first = spoken["arrivals"][0]
        from machine import memory_mib

        answer = {"start": asked + first - float(rest[1]), "first": first, "rss": memory_mib("VmHWM")}
        print(json.dumps(answer), file=answers, flush=True)
        os._exit(0)  # the rival's threads need not end in order
    about = {"path": sys.path, "python": platform.python_version()}
    print(json.dumps(about), file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "speak":
            answer = speak(contender, state, order["text"])
        elif contender.clones:
            start = time.perf_counter()
            contender.voice(order["path"])
            answer = {"wall": time.perf_counter() - start}
        else:
            answer = {}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
