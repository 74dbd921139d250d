"""Many listeners of every kind, at random: each hears, bit for bit, what it would hear alone."""

import asyncio
import copy
import math
import random
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

from pocket_fast import TTSModel
from pocket_fast.cpu import _pace, _threads
from pocket_fast.cpu.pocket import backend
from pocket_fast.engine import intake, turns
from ramp_model import LONG_ENOUGH, eventually
from recordings import hum

TEXTS = [
    "Yes.",
    "Hello there, my friend. How are you today?",
    "One, two, three. [pause:50ms] Four, five, six! And seven?",
    "The first is short. The second is as long as that. And now the third of them. Last.",
    "And " * 25 + "so on, a prompt of many rows",
]
CROWD = 24


@dataclass(frozen=True)
class Wish:
    """What one listener wants to hear and how, and after how many sounds it leaves (None: it stays)."""

    text: int
    seed: int
    voice: int
    steps: int
    pieces: bool
    live: bool
    how: str
    leaves: int | None
    by_stop: bool
    pause: float  # before it begins, and now and then while it reads

    @property
    def spoken(self):
        whole = TEXTS[self.text]
        return self._written(whole) if self.pieces else whole

    def _written(self, whole):
        for i in range(0, len(whole), 9):
            time.sleep(self.pause)
            yield whole[i : i + 9]


def wishes(seed):
    dice = random.Random(seed)
    return [
        Wish(
            text=dice.randrange(len(TEXTS)),
            seed=dice.randrange(3),
            voice=dice.randrange(2),
            steps=dice.choice([1, 1, 2]),
            pieces=dice.random() < 0.3,
            live=dice.random() < 0.5,
            how=dice.choice(["thread", "task", "whole"]),
            leaves=dice.choice([None, None, 1, 7, 30]),
            by_stop=dice.random() < 0.5,
            pause=dice.choice([0, 0, 0.002, 0.02]),
        )
        for _ in range(CROWD)
    ]


class Stage:
    """A model and its voices."""

    def __init__(self, config, **options):
        self.model = TTSModel.load_model(config=config, **options)
        hums = [hum(0.5, pitch=150.0), hum(1.0, pitch=250.0)]
        self._voices = [self.model.get_state_for_audio_prompt(x) for x in hums]

    def _speaker(self, wish):
        speaker = copy.copy(self.model)
        speaker.sampler_decode_steps = wish.steps
        return speaker, (self._voices[wish.voice], wish.spoken, 14)

    def alone(self, wish):
        """To the end."""
        speaker, what = self._speaker(wish)
        return np.concatenate(list(speaker.generate_audio_stream(*what, seed=wish.seed)))

    def hear(self, wish):
        """In a thread."""
        speaker, what = self._speaker(wish)
        time.sleep(wish.pause)
        if wish.how == "whole" and not wish.pieces:
            return [speaker.generate_audio(*what, seed=wish.seed)]
        stop, heard = threading.Event(), []
        stream = speaker.generate_audio_stream(*what, seed=wish.seed, live=wish.live, stop=stop)
        for sound in stream:
            heard.append(sound)
            if len(heard) == wish.leaves:
                if not wish.by_stop:
                    break
                stop.set()
            if len(heard) % 10 == 0:
                time.sleep(wish.pause)
        stream.close()
        return heard

    async def ahear(self, wish):
        """In a task."""
        speaker, what = self._speaker(wish)
        await asyncio.sleep(wish.pause)
        heard = []
        stream = speaker.astream(*what, seed=wish.seed, live=wish.live)
        async for sound in stream:
            heard.append(sound)
            if len(heard) == wish.leaves:
                break
            if len(heard) % 10 == 0:
                await asyncio.sleep(wish.pause)
        await stream.aclose()
        return heard

    def hear_all(self, wishes):
        """{wish's place: what it heard}, all at the same time: threads, and tasks of one loop."""
        heard = {}

        def in_thread(i, wish):
            heard[i] = self.hear(wish)

        async def in_task(i, wish):
            heard[i] = await self.ahear(wish)

        async def in_loop():
            tasks = [in_task(i, wish) for i, wish in enumerate(wishes) if wish.how == "task"]
            await asyncio.wait_for(asyncio.gather(*tasks), LONG_ENOUGH)

        threads = [
            threading.Thread(target=in_thread, args=(i, wish), daemon=True)
            for i, wish in enumerate(wishes)
            if wish.how != "task"
        ]
        for thread in threads:
            thread.start()
        asyncio.run(in_loop())
        for thread in threads:
            thread.join(LONG_ENOUGH)
        return heard


@pytest.fixture(scope="module", autouse=True)
def teams():
    """Even a tiny model's stages use all the threads they may."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_threads, "GRAIN_MACS", 0)
        yield


@pytest.fixture(scope="module")
def alone(tiny):
    """alone(wish) -> all of what it would hear alone, on one thread."""
    stage, known = Stage(tiny(), schedule="sequence", threads=1), {}

    def alone(wish):
        key = wish.text, wish.seed, wish.voice, wish.steps, wish.pieces
        if key not in known:
            known[key] = stage.alone(wish)
        return known[key]

    yield alone
    stage.model.close()


@pytest.mark.parametrize(
    ("schedule", "threads", "max_streams", "rows"),
    [
        ("sequence", 1, 64, 256),
        ("sequence", 2, 3, 1),
        ("side_by_side", 2, 64, 256),
        ("side_by_side", 2, 1, 7),
        ("auto", 2, 64, 256),
        ("auto", 2, 3, 1),
    ],
)
def test_a_crowd_hears_what_each_hears_alone(tiny, alone, schedule, threads, max_streams, rows, monkeypatch):
    """Who is computed for at once, and how prompts are cut, changes nothing; everybody gets to the end."""
    monkeypatch.setattr(intake, "_LEAST_ROWS", 1)
    monkeypatch.setattr(intake, "_MOST_ROWS", rows)
    stage = Stage(tiny(), schedule=schedule, threads=threads)
    stage.model.limit(max_streams=max_streams)
    batches = []
    stage.model.watch(lambda event, value: batches.append(value) if event == "batch" else None)
    crowd = wishes(f"{schedule}{threads}{max_streams}")
    heard = stage.hear_all(crowd)
    for i, wish in enumerate(crowd):
        found, expected = np.concatenate(heard[i]), alone(wish)
        if wish.leaves is None or (wish.how == "whole" and not wish.pieces):
            assert len(found) == len(expected), wish
        assert len(found), wish
        np.testing.assert_array_equal(found, expected[: len(found)], err_msg=str(wish))
    assert max(batches) > 2
    load = stage.model.engine_load
    eventually(lambda: (load().running, load().waiting, load().resting, load().resting_bytes) == (0,) * 4)
    stage.model.close()


@pytest.mark.parametrize("most", [2, 3])
@pytest.mark.parametrize("compute_type", ["float32", "int8", "int4"])
def test_alone_it_is_the_same_in_every_schedule(tiny, monkeypatch, compute_type, most):
    """And if as many of its frames as possible go through the codec together."""
    monkeypatch.setattr(turns, "_COMFORT", -math.inf)
    expected = None
    for schedule, threads, in_a_row in (("sequence", 1, 1), ("side_by_side", 2, most), ("sequence", 2, most)):
        stage = Stage(tiny(), schedule=schedule, threads=threads, compute_type=compute_type)
        stage.model._model.most_in_a_row = in_a_row
        calls, decode = [], stage.model._model.decode
        stage.model._model.decode = lambda *given, of=decode, to=calls: to.append(len(given[0])) or of(*given)
        heard = [stage.alone(wish) for wish in wishes("alone")[:4]]
        for found, wanted in zip(heard, expected or heard, strict=True):
            np.testing.assert_array_equal(found, wanted)
        assert max(calls) >= in_a_row
        expected = heard
        stage.model.close()


def test_on_fewer_threads_it_is_the_same(tiny, alone, monkeypatch):
    """The limit of the thread that asks (threadpoolctl) reaches every stage, and changes no sample."""
    monkeypatch.setattr(backend, "openmp_max_threads", lambda: 4)
    stage = Stage(tiny(), schedule="side_by_side", threads=2)
    teams, real = [], _pace.threads_for
    monkeypatch.setattr(_pace, "threads_for", lambda most, macs: teams.append(most) or real(most, macs))
    monkeypatch.setattr(_threads, "openmp_max_threads", lambda: 1)
    for wish in wishes("limited")[:2]:
        teams.clear()
        np.testing.assert_array_equal(stage.alone(wish), alone(wish))
        assert set(teams) == {1}
    stage.model.close()
