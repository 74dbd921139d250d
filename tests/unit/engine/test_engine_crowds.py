"""Crowds at random: who writes and reads in fits and starts, leaves, is abandoned. Everyone hears their own, nobody
starves, and in the end everything is free."""

import random
import threading
import time

import numpy as np
import pytest

from pocket_fast.engine.engine import Engine
from pocket_fast.engine.listen import listen
from pocket_fast.errors import BusyError, IdleError
from ramp_model import FRAME, LONG_ENOUGH, Model, Ramp, eventually

WAYS = (
    "to the end",
    "to the end",
    "to the end",
    "leaves",
    "stops",
    "is abandoned by its writer",
    "or its reader",
)


class Paced(Model):
    """Whose calls take as long as they have to do, and go wrong when told to."""

    def prompt(self, utterances, rows, threads=0):
        before = sum(u.prompt_left for u in utterances)
        super().prompt(utterances, rows, threads)
        time.sleep(2e-6 * (before - sum(u.prompt_left for u in utterances)))


class Guest:
    def __init__(self, engine, dice, name):
        self.engine, self.name = engine, name
        self.way = dice.choice(WAYS)
        self.live, self.sequential = dice.random() < 0.6, dice.random() < 0.2
        self.pieces = [
            [
                *([dice.randrange(1, 4000)] if dice.random() < 0.2 else []),
                *(
                    (dice.randrange(1, 40), dice.choice([0, 1, 30, 3000]))
                    for _ in range(dice.randrange(1, 4))
                ),
            ]
            for _ in range(dice.randrange(1, 4))
        ]
        if self.way in ("is abandoned by its writer", "or its reader"):
            self.pieces.append([(200 if self.live else 1000, 5)])
        self.waits = [dice.choice([0, 0, 0.01, 0.08]) for _ in range(12)]
        self.leaves_after = dice.randrange(0, 20)
        self.heard, self.problem = [], None

    def expected(self):
        parts = []
        for piece in self.pieces:
            for part in piece:
                length, level = (part, 0) if isinstance(part, int) else (part[0] * FRAME, self.name)
                parts.append(np.full(length, level, np.float32))
        return np.concatenate(parts)

    def come(self):
        time.sleep(self.waits[0])
        stop = threading.Event()
        try:
            speech = self.engine.submit(live=self.live, sequential=self.sequential, stop=stop)
        except BusyError as busy:
            self.problem = busy
            return
        writer = threading.Thread(target=self._write, args=(speech,), daemon=True)
        writer.start()
        if self.way == "or its reader":
            writer.join(LONG_ENOUGH)
            eventually(lambda: speech.ended)
        sound = listen(speech)
        try:
            for i, samples in enumerate(sound):
                self.heard.append(samples)
                if i % 9 == 8:
                    time.sleep(self.waits[1 + i % 10])
                if i >= self.leaves_after and self.way == "leaves":
                    break
                if i >= self.leaves_after and self.way == "stops":
                    stop.set()
        except (BusyError, IdleError) as problem:
            self.problem = problem
        sound.close()
        writer.join(LONG_ENOUGH)

    def _write(self, speech):
        for piece, wait in zip(self.pieces, self.waits, strict=False):
            time.sleep(wait)
            speech.add(
                [p if isinstance(p, int) else (lambda p=p: Ramp(p[0], self.name, prompt=p[1])) for p in piece]
            )
        if self.way != "is abandoned by its writer":
            speech.close()

    def check(self):
        expected = self.expected()
        heard = np.concatenate([np.zeros(0, np.float32), *self.heard])
        same = heard == expected[: len(heard)]
        faded = 120 * sum(isinstance(p, int) for piece in self.pieces for p in piece)
        assert np.count_nonzero(~same) <= faded, f"{self.way}: not its own"
        if isinstance(self.problem, BusyError):
            return
        if self.way == "to the end":
            assert self.problem is None, self.problem
            assert len(heard) == len(expected)
        elif self.way in ("is abandoned by its writer", "or its reader"):
            assert isinstance(self.problem, IdleError)
            assert len(heard) <= len(expected)


@pytest.mark.parametrize(
    ("schedule", "max_streams", "max_queue"),
    [
        ("sequence", 1, 1000),
        ("side_by_side", 2, 1000),
        ("sequence", 3, 4),
        ("auto", 64, 1000),
    ],
)
def test_a_crowd(schedule, max_streams, max_queue):
    dice = random.Random(f"{schedule}{max_streams}")
    model = Paced()
    engine = Engine(model, schedule)
    engine.limit(max_streams, max_queue, idle_seconds=1.5)
    guests = [Guest(engine, dice, float(name)) for name in range(1, 41)]
    threads = [threading.Thread(target=guest.come, daemon=True) for guest in guests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_ENOUGH)
        assert not thread.is_alive(), "somebody starves"
    for guest in guests:
        guest.check()
    refused = sum(isinstance(guest.problem, BusyError) for guest in guests)
    assert refused < 40 if max_queue < 40 else refused == 0
    load = engine.load
    eventually(lambda: (load().running, load().waiting, load().resting, load().resting_bytes) == (0,) * 4)
    engine.close()
    engine.join(LONG_ENOUGH)
    assert not engine._thread.is_alive()
