"""A model that does nothing, for tests of the engine, and what they ask of its sound."""

import threading
import time
from types import SimpleNamespace

import numpy as np

from pocket_fast.engine.listen import listen

FRAME = 1920
LONG_ENOUGH = 60  # seconds until a test that hangs gives up


class Ramp:
    """An utterance of `count` frames of `level`; with `late_end` a step without a frame tells that it ended."""

    def __init__(self, count, level=1.0, late_end=False, prompt=3):
        self.count, self.level, self.late_end = count, level, late_end
        self.prompt_left = prompt
        self.made = 0
        self.done = False
        self.nbytes = 1000


class Model:
    """Counts its steps; `gate`, when closed, holds every step back, and each takes `pace` seconds."""

    sample_rate = 24000
    samples_per_frame = FRAME
    threads = 2

    def __init__(self):
        self.steps = 0
        self.most_together = 16
        self.most_in_a_row = 2
        self.limit = 0
        self.pace = 0.0
        self.used = []  # how many utterances and threads every call had
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()

    def prepare(self, streams):
        pass

    def thread_limit(self):
        return self.limit

    def prompt(self, utterances, rows, threads=0):
        self.used.append((len(utterances), threads))
        for u in utterances:
            taken = min(rows, u.prompt_left)
            u.prompt_left -= taken
            rows -= taken

    def predict(self, utterances, threads=0):
        assert self.gate.wait(LONG_ENOUGH)
        time.sleep(self.pace)
        self.steps += 1
        self.used.append((len(utterances), threads))
        self.batches.append(len(utterances))
        frames = []
        for u in utterances:
            assert not u.done
            assert not u.prompt_left
            if u.made == u.count:
                u.done = True
                continue
            u.made += 1
            u.done = u.made == u.count and not u.late_end
            frames.append(SimpleNamespace(utterance=u, level=u.level))
        return frames

    def decode(self, frames, threads=0):
        self.used.append((len(frames), threads))
        return [np.full(FRAME, frame.level, np.float32) for frame in frames]


def runs(samples):
    """[(value, how often in a row)] of the samples, fades left out."""
    edges = np.flatnonzero(np.diff(samples)) + 1
    return [(float(part[0]), len(part)) for part in np.split(samples, edges) if len(part) > 120]


def eventually(condition):
    until = time.monotonic() + LONG_ENOUGH
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.002)


def read_on(speech):
    """Have all of its sound taken as it comes, in a thread: something is computed for it until it ends."""
    thread = threading.Thread(target=lambda: all(True for _ in listen(speech)), daemon=True)
    thread.start()
    return speech


def silent(engine):
    """Everything so far has been noticed, and no frame is being made any more."""
    engine.compute(lambda threads: _nothing())
    eventually(lambda: _is_idle(engine))
    return True


def _nothing():
    yield


def _is_idle(engine):
    with engine._lock:
        return engine._idle
