"""One step after the other, by hand: which frames go to the codec together, and who hears of it."""

from types import SimpleNamespace

import numpy as np
import pytest

from pocket_fast.engine import schedule as schedule_module
from pocket_fast.engine.schedule import Crew
from ramp_model import Model, Ramp


class Stage(Model):
    """Frames tell when they were drawn; `decoded` lists the calls of the codec."""

    def __init__(self, most_in_a_row=2):
        super().__init__()
        self.most_in_a_row = most_in_a_row
        self.decoded = []

    def decode(self, frames, threads=0):
        self.decoded.append([(f.level, f.utterance.made) for f in frames])
        self.used.append((len(frames), threads))
        return [np.full(4, f.level, np.float32) for f in frames]


class Heard:
    """A crew, and what it delivered and failed."""

    def __init__(self, model, schedule="sequence"):
        self.sound, self.ended, self.failed = [], [], []
        self.crew = Crew(model, schedule, self._deliver, self._fail)

    def _deliver(self, who, frames, sound, ended):
        assert len(frames) == len(sound)
        for frame, samples in zip(frames, sound, strict=True):
            assert samples[0] == frame.level
            self.sound.append(who[id(frame.utterance)])
        self.ended += [who[id(u)] for u in ended]

    def _fail(self, who, error):
        self.failed.append((set(who.values()), str(error)))

    def step(self, *utterances, threads=0, can_wait=True):
        who = {id(u): u.level for u in utterances}
        steady = len(utterances) == 1
        self.crew.step(who, utterances, threads, steady=steady, can_wait=can_wait)


@pytest.fixture(params=["sequence", "side_by_side"])
def schedule(request):
    return request.param


def ramp(level, count=100):
    return Ramp(count, float(level), prompt=0)


def sizes(model):
    return [len(call) for call in model.decoded]


def test_frames_wait_for_those_of_the_next_step(schedule):
    model = Stage()
    heard, u = Heard(model, schedule), ramp(1)
    for _ in range(6):
        heard.step(u)
    heard.crew.finish()
    assert sizes(model) == [2, 2, 2]
    assert heard.sound == [1.0] * 6
    heard.crew.close()


@pytest.mark.parametrize("most", [1, 2, 3])
def test_as_many_as_the_codec_takes(schedule, most):
    model = Stage(most)
    heard, u = Heard(model, schedule), ramp(1)
    for _ in range(6):
        heard.step(u)
    heard.crew.finish()
    assert sizes(model) == [most] * (6 // most)
    heard.crew.close()


def test_whoever_cannot_wait_has_the_sound_at_once():
    model = Stage()
    heard, u = Heard(model), ramp(1)
    for n in range(1, 4):
        heard.step(u, can_wait=False)
        assert len(heard.sound) == n
    heard.step(u)
    assert len(heard.sound) == 3
    heard.step(u, can_wait=False)  # what waited goes along
    assert len(heard.sound) == 5
    assert sizes(model) == [1, 1, 1, 2]


def test_what_waits_is_decoded_where_no_step_follows(schedule):
    model = Stage()
    heard, u = Heard(model, schedule), ramp(1)
    assert not heard.crew.busy
    heard.step(u)
    assert heard.crew.busy
    heard.crew.finish()
    assert not heard.crew.busy
    assert heard.sound == [1.0]
    heard.crew.close()


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_end_is_not_kept_waiting(schedule, count, late):
    """Neither with the last frame, nor where a step without a frame tells that speech was over."""
    model = Stage()
    heard, u = Heard(model, schedule), ramp(1, count)
    u.late_end = late
    while not u.done:
        heard.step(u)
    heard.crew.finish()
    assert heard.sound == [1.0] * count
    assert heard.ended == [1.0]
    heard.crew.close()


def test_others_may_have_joined_or_left_meanwhile(schedule):
    model = Stage()
    heard = Heard(model, schedule)
    a, b, c = ramp(1), ramp(2), ramp(3)
    heard.step(a, b)
    heard.step(b, c)
    assert model.decoded == [[(1.0, 1), (2.0, 2), (2.0, 2), (3.0, 1)]]
    assert heard.sound == [1.0, 2.0, 2.0, 3.0]
    heard.step(a)
    heard.step(c)
    heard.crew.finish()
    assert heard.sound[4:] == [1.0, 3.0]
    heard.crew.close()


def test_the_least_limit_of_both_steps_holds():
    model = Stage()
    heard, a, b = Heard(model), ramp(1), ramp(2)
    for limits, together in [((0, 1), 1), ((1, 0), 1), ((2, 1), 1), ((0, 2), 2), ((0, 0), 0)]:
        heard.step(a, threads=limits[0])
        heard.step(b, threads=limits[1])
        assert model.used[-1] == (2, together)


def test_an_error_of_the_codec_reaches_all_whose_frames_it_had(schedule):
    model = Stage()
    heard = Heard(model, schedule)
    heard.step(ramp(1))

    def boom(frames, threads=0):
        raise RuntimeError("boom")

    model.decode = boom
    heard.step(ramp(2))
    heard.crew.finish()
    assert heard.failed == [({1.0, 2.0}, "boom")]
    assert not heard.crew.busy
    heard.crew.close()


def test_an_error_of_the_next_step_does_not_reach_who_waits(schedule, monkeypatch):
    model = Stage()
    heard, a = Heard(model, schedule), ramp(1)
    heard.step(a)

    def boom(utterances, threads=0):
        raise RuntimeError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(model, "predict", boom)
        with pytest.raises(RuntimeError, match="boom"):
            heard.step(ramp(2))
    heard.step(a)
    heard.crew.finish()
    assert heard.sound == [1.0, 1.0]
    assert heard.failed == []
    heard.crew.close()


def test_schedules_are_compared_by_the_time_of_a_frame(monkeypatch):
    """Two steps of the language model and one call of the codec are two frames."""
    now = [0.0]
    monkeypatch.setattr(schedule_module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    model, learnt = Stage(), []
    heard, u = Heard(model), ramp(1)
    heard.crew._choice.took = lambda side, seconds: learnt.append((side, seconds))
    for step in range(7):
        now[0] += 3.0
        heard.step(u, can_wait=step >= 3)
    assert learnt == [(False, 3.0)] * 4  # nothing before the first, nothing of what only waits
