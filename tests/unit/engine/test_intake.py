"""Prompts: in slices, short ones before long ones, each one's error its own."""

import random
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from pocket_fast.engine import intake as intake_module
from pocket_fast.engine.engine import Engine
from pocket_fast.engine.intake import SLICE, Intake
from pocket_fast.engine.listen import listen
from pocket_fast.engine.speech import Speech
from pocket_fast.engine.turns import choose
from ramp_model import LONG_ENOUGH, Model, Ramp, eventually, silent


class SlowModel(Model):
    """Whose prompts take time: `row` seconds each."""

    def __init__(self, row=0.0005):
        super().__init__()
        self.row = row
        self.calls = []  # rows of each

    def prompt(self, utterances, rows, threads=0):
        before = sum(u.prompt_left for u in utterances)
        super().prompt(utterances, rows, threads)
        self.calls.append(before - sum(u.prompt_left for u in utterances))
        time.sleep(self.row * self.calls[-1])


@pytest.fixture
def slow():
    model = SlowModel()
    engine = Engine(model, "sequence")
    yield engine, model
    engine.close()
    engine.join(LONG_ENOUGH)


def say(engine, *utterances, **options):
    speech = engine.submit(**options)
    speech.add([lambda u=u: u for u in utterances])
    speech.close()
    return speech


# --- slices -------------------------------------------------------------------------------------


def test_a_short_text_does_not_wait_for_a_long_prompt(slow):
    engine, _ = slow
    long = Ramp(2, prompt=4000)
    other = say(engine, long)
    eventually(lambda: long.prompt_left < 4000)
    for rows in (1, 5, 20):
        assert len(list(listen(say(engine, Ramp(3, prompt=rows))))) == 3
    assert long.prompt_left > 2000
    other.cancel()


@pytest.mark.parametrize("way", ["cancel", "stop", "close"])
def test_a_long_prompt_ends_with_its_listener(slow, way):
    engine, model = slow
    long, stop = Ramp(2, prompt=10**6), threading.Event()
    speech = say(engine, long, stop=stop)
    eventually(lambda: len(model.calls) > 3)
    if way == "cancel":
        speech.cancel()
    elif way == "stop":
        stop.set()
    else:
        engine.close()
    after = len(model.calls)
    if way == "close":
        engine.join(LONG_ENOUGH)
        assert not engine._thread.is_alive()
    else:
        silent(engine)
    assert len(model.calls) <= after + 3
    assert long.prompt_left > 900_000


class Timed(Model):
    """Whose prompts take time on a clock of its own: `row` seconds each, and something every call."""

    row, call = 0.001, 0.002

    def __init__(self, monkeypatch):
        super().__init__()
        self.calls = []  # rows of each
        self.now = 1000.0
        clock = SimpleNamespace(perf_counter=lambda: self.now, monotonic=lambda: self.now)
        monkeypatch.setattr(intake_module, "time", clock)

    def prompt(self, utterances, rows, threads=0):
        before = sum(u.prompt_left for u in utterances)
        super().prompt(utterances, rows, threads)
        self.calls.append(before - sum(u.prompt_left for u in utterances))
        self.now += self.call + self.row * self.calls[-1]


def fails(who, error):
    raise error


def test_slices_are_of_bounded_length(monkeypatch):
    """Whatever a row takes, and if that changes."""
    dice, model = random.Random(5), Timed(monkeypatch)
    intake = Intake(model, fails)
    speeches = [_speech(Ramp(1, prompt=dice.choice([3, 50, 500, 5000])), model.now) for _ in range(40)]
    parts = [speech.parts[0] for speech in speeches]
    took = []
    while left := [part for part in parts if part.utterance.prompt_left]:
        if dice.random() < 0.02:
            model.row = dice.choice([0.0001, 0.001, 0.003])
        dice.shuffle(left)
        before = model.now
        intake.take_in(left)
        took.append(model.now - before)
    assert sum(took) / len(took) > SLICE / 4
    assert sorted(took)[int(0.95 * len(took))] < 1.5 * SLICE
    assert max(took) < 256 * 0.003 + 0.01


def taken_in(model, intake, rows):
    """The rows of each call that a prompt of so many took."""
    model.calls.clear()
    part = _speech(Ramp(1, prompt=rows), model.now).parts[0]
    while part.utterance.prompt_left:
        intake.take_in([part])
    return model.calls


def test_a_big_models_weights_are_not_read_again_for_every_few_rows(monkeypatch):
    """Each call takes longer than a slice, and more rows hardly longer."""
    model = Timed(monkeypatch)
    model.call, model.row = 0.045, 0.001
    intake = Intake(model, fails)
    taken_in(model, intake, 300)
    assert taken_in(model, intake, 36) == [36]
    longest = max(taken_in(model, intake, 5000))
    assert model.call + longest * model.row < 4 * SLICE


def test_where_rows_are_slow_they_stay_few(monkeypatch):
    """Each call takes longer than a slice, and twice as many rows twice as long."""
    model = Timed(monkeypatch)
    model.call, model.row = 0.002, 0.02
    intake = Intake(model, fails)
    assert taken_in(model, intake, 500)[:4] == [8, 16, 8, 8]
    assert max(taken_in(model, intake, 500)) == 8


def test_short_prompts_do_not_starve_a_long_one(monkeypatch):
    """They come faster than they can be taken in, and still most of them are taken in before it."""
    model, finished = Timed(monkeypatch), 0
    intake = Intake(model, fails)
    long = Ramp(1, prompt=2001)
    speeches = [_speech(long, model.now)]
    while long.prompt_left:
        speeches += [_speech(Ramp(1, prompt=25), model.now) for _ in range(2)]
        intake.take_in(choose(speeches, model.now, 24000, 10**6, 16).prompt)
        finished += sum(not s.parts[0].utterance.prompt_left for s in speeches)
        speeches = [s for s in speeches if s.parts[0].utterance.prompt_left]
        assert model.now < 1025
    assert finished > 100


def _speech(utterance, now):
    speech = Speech(threading.Lock(), lambda speech: None, lambda speech: None, 24000)
    speech.add([lambda: utterance])
    speech.parts[0].utterance = utterance
    speech.asked = now
    return speech


def test_beginning_many_texts_does_not_take_long(slow):
    engine, model = slow
    begun = []

    def begin():
        time.sleep(SLICE / 2)
        begun.append(time.perf_counter())
        return Ramp(2)

    model.gate.clear()
    heard = []
    for _ in range(12):
        speech = engine.submit()
        speech.add([begin])
        speech.close()
        heard.append(listen(speech))
    eventually(lambda: begun)
    model.gate.set()
    next(heard[0])
    assert len(begun) < 12  # the first one did not wait for all of them
    for sound in heard:
        list(sound)


class Again(Ramp):
    """With something to be heard once more in the middle, as there is of Qwen3-TTS's when it decodes in blocks."""

    left = again = 0

    @property
    def prompt_left(self):
        return self.left or self.again

    @prompt_left.setter
    def prompt_left(self, rows):
        if self.left:
            self.left = rows
        elif self.again:
            self.again = rows
        else:
            self.left = rows


def test_there_may_be_more_to_take_in_between_frames(slow):
    engine, model = slow
    utterance, real = Again(9, prompt=3), model.predict

    def predict(utterances, threads=0):
        frames = real(utterances, threads)
        utterance.again = 25 if utterance.made == 5 else 0
        return frames

    model.predict = predict
    assert len(list(listen(say(engine, utterance)))) == 9
    assert sum(model.calls) == 28


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [[0], [3], [1, 2], [0, 1, 2, 3]])
def test_an_error_in_a_prompt_is_its_own(monkeypatch, bad):
    model = Model()
    engine = Engine(model, "sequence")
    real, sizes = model.prompt, []

    def prompt(utterances, rows, threads=0):
        sizes.append(len(utterances))
        if any(u.level < 0 for u in utterances):
            raise MemoryError("boom")
        real(utterances, rows, threads)

    model.prompt = prompt
    model.gate.clear()
    holder = say(engine, Ramp(10**6))
    eventually(lambda: sizes)  # in its step now: the others come together
    heard = [listen(say(engine, Ramp(20, -1.0 if i in bad else i + 1.0))) for i in range(4)]
    model.gate.set()
    for i, sound in enumerate(heard):
        if i in bad:
            with pytest.raises(MemoryError, match="boom"):
                list(sound)
        else:
            assert (np.concatenate(list(sound)) == i + 1).all()
    assert max(sizes) == 4
    holder.cancel()
    engine.close()


def test_the_engines_thread_cannot_be_started(monkeypatch):
    engine = Engine(Model(), "sequence")
    refuse_threads(monkeypatch, "pocket_fast engine", times=2)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="can't start new thread"):
            engine.submit()
    assert engine.load().resting == 0
    assert len(list(listen(say(engine, Ramp(3))))) == 3
    engine.close()


@pytest.mark.parametrize("others", [0, 3])
def test_the_codecs_thread_cannot_be_started(monkeypatch, others):
    model = Model()
    engine = Engine(model, "side_by_side")
    refuse_threads(monkeypatch, "pocket_fast codec", times=1)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(listen(say(engine, Ramp(50))))
    for _ in range(1 + others):
        assert len(list(listen(say(engine, Ramp(50))))) == 50
    load = engine.load()
    assert (load.running, load.waiting, load.resting) == (0, 0, 0)
    engine.close()


def refuse_threads(monkeypatch, name, times):
    """As where a process may have no more threads."""
    real, left = threading.Thread.start, [times]

    def start(thread):
        if thread.name == name and left[0]:
            left[0] -= 1
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
