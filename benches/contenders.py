"""One implementation in a process of its own, driven by lines on stdin: what bench_compare.py interleaves.

python benches/contenders.py NAME CONFIG VOICE THREADS    then lines: {"do": "speak", "text": ...}, ...
python benches/contenders.py --cold NAME CONFIG VOICE THREADS TEXT STARTED
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path


class PocketFast:
    """Ours; the part after the dash is the compute type."""

    def __init__(self, name: str, config: str, threads: int):
        from pocket_fast import TTSModel

        compute_type = name.partition("-")[2] or "float32"
        self.model = TTSModel.load_model(config=config, threads=threads, compute_type=compute_type)

    def voice(self, path: str):
        self.model.voice_cache.max_bytes = 0  # every call does the work
        return self.model.get_state_for_audio_prompt(path)

    def chunks(self, state, text: str):
        return self.model.generate_audio_stream(state, text)


class PocketTTS:
    """The reference; pocket_tts is as it comes, pocket_tts-2 gives torch two threads inside each operation."""

    def __init__(self, name: str, config: str, threads: int):
        import torch
        from pocket_tts import TTSModel

        self.model = TTSModel.load_model(config=config, quantize="int8" in name)
        if name.endswith("-2"):
            torch.set_num_threads(threads)

    def voice(self, path: str):
        return self.model.get_state_for_audio_prompt(Path(path))

    def chunks(self, state, text: str):
        return self.model.generate_audio_stream(state, text)


def open_contender(name: str, config: str, threads: int):
    return (PocketFast if name.startswith("pocket_fast") else PocketTTS)(name, config, threads)


def speak(contender, state, text: str) -> dict:
    """Speak a text once: seconds to the first chunk and in all, samples, CPU seconds of all threads."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    first, samples = None, 0
    for chunk in contender.chunks(state, text):
        if first is None:
            first = time.perf_counter() - start
        samples += len(chunk)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"first": first, "wall": wall, "samples": samples, "cpu": cpu}


def peak_rss_mib() -> float:
    """Of this program: ru_maxrss would include what the parent held when it forked."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        / 1024
    )


def main() -> None:
    cold = sys.argv[1] == "--cold"
    name, config, voice, threads, *rest = sys.argv[1 + cold :]
    contender = open_contender(name, config, int(threads))
    state = contender.voice(voice)
    if cold:  # CLOCK_MONOTONIC is one clock for all processes: the parent's reading is our start
        next(iter(contender.chunks(state, rest[0])))
        print(json.dumps({"seconds": time.monotonic() - float(rest[1]), "rss": peak_rss_mib()}), flush=True)
        os._exit(0)  # the rest of the stream is not wanted, nor the rival's threads at exit
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "speak":
            answer = speak(contender, state, order["text"])
        elif order["do"] == "voice":
            start = time.perf_counter()
            contender.voice(order["path"])
            answer = {"wall": time.perf_counter() - start}
        else:
            answer = {"rss": peak_rss_mib()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
