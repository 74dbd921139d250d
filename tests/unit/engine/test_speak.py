"""The engine on a model that does nothing: order, silences, fades, stop and release."""

import threading
import weakref

import numpy as np
import pytest

from pocket_fast.engine.speak import speak

FRAME = 1920


class Ramp:
    """An utterance of `count` frames of `level`; with `late_end` an empty frame tells that it ended."""

    def __init__(self, count, level=1.0, late_end=False):
        self.count, self.level, self.late_end = count, level, late_end
        self.made = 0
        self.done = False


class Model:
    sample_rate = 24000

    def __init__(self):
        self.steps = 0

    def step(self, utterances):
        (u,) = utterances
        assert not u.done
        self.steps += 1
        if u.made == u.count:
            u.done = True
            return [np.zeros(0, np.float32)]
        u.made += 1
        u.done = u.made == u.count and not u.late_end
        return [np.full(FRAME, u.level, np.float32)]


@pytest.fixture
def model():
    return Model()


def runs(samples):
    """[(value, how often in a row)] of the samples, fades left out."""
    edges = np.flatnonzero(np.diff(samples)) + 1
    return [(float(part[0]), len(part)) for part in np.split(samples, edges) if len(part) > 120]


def test_parts_come_in_order_and_begin_when_their_turn_comes(model):
    begun = []

    def begin(level):
        begun.append(level)
        return Ramp(2, level)

    frames = speak(model, [lambda: begin(1.0), lambda: begin(2.0)])
    assert begun == []
    assert next(frames)[0] == 1
    assert begun == [1]
    assert [frame[0] for frame in frames] == [1, 2, 2]
    assert begun == [1, 2]


def test_between_utterances_nothing_is_changed(model):
    samples = np.concatenate(list(speak(model, [lambda: Ramp(1), lambda: Ramp(1)])))
    assert (samples == 1).all()


@pytest.mark.parametrize("late_end", [False, True])
def test_speech_before_a_silence_fades_out_over_5_ms_and_the_silence_is_exact(model, late_end):
    samples = np.concatenate(list(speak(model, [lambda: Ramp(3, 1.0, late_end), 1000, lambda: Ramp(1, 2.0)])))
    end = 3 * FRAME
    assert (samples[: end - 120] == 1).all()
    assert np.abs(np.diff(samples[end - 121 : end])).max() < 1 / 110
    assert samples[end - 1] == 0
    assert (samples[end : end + 1000] == 0).all()
    assert (samples[end + 1000 :] == 2).all()


def test_the_fade_is_5_ms_at_any_rate(model):
    model.sample_rate = 8000
    samples = np.concatenate(list(speak(model, [lambda: Ramp(1), 10])))
    assert np.count_nonzero(samples == 1) == FRAME - 40 + 1  # the fade begins at 1
    assert samples[FRAME - 1] == 0


def test_speech_at_the_end_does_not_fade(model):
    samples = np.concatenate(list(speak(model, [500, lambda: Ramp(2)])))
    assert runs(samples) == [(0.0, 500), (1.0, 2 * FRAME)]


def test_an_utterance_without_any_frame(model):
    assert [len(x) for x in speak(model, [lambda: Ramp(0, late_end=True), 700])] == [700]


def test_long_silences_come_in_pieces_and_lazily(model):
    silence = speak(model, [10**15])  # a thousand years
    assert [len(next(silence)) for _ in range(3)] == [24000] * 3
    exact = [len(piece) for piece in speak(model, [50_001])]
    assert sum(exact) == 50_001
    assert max(exact) <= 24000


def test_stop_set_before_gives_nothing_and_begins_nothing(model):
    stop = threading.Event()
    stop.set()
    assert list(speak(model, [5000, lambda: pytest.fail("begun"), 5000], stop)) == []


@pytest.mark.parametrize("before_a_silence", [False, True])
def test_stop_during_speech_makes_no_further_frame(model, before_a_silence):
    stop = threading.Event()
    parts = [lambda: Ramp(100), 100] if before_a_silence else [lambda: Ramp(100)]
    frames = speak(model, parts, stop)
    for _ in range(3):
        next(frames)
    made = model.steps
    stop.set()
    rest = list(frames)
    assert model.steps == made
    assert len(rest) == (1 if before_a_silence else 0)  # the one held back for the fade, as it was
    assert all((frame == 1).all() for frame in rest)


def test_stop_during_a_silence(model):
    stop = threading.Event()
    frames = speak(model, [24000 * 10, lambda: pytest.fail("begun")], stop)
    next(frames)
    stop.set()
    assert list(frames) == []


def test_only_what_was_spoken_to_its_end_is_reported(model):
    finished = []
    stop = threading.Event()
    first, second = Ramp(2), Ramp(2)
    frames = speak(model, [lambda: first, lambda: second], stop, finished.append)
    for _ in range(3):
        next(frames)
    assert finished == [first]
    stop.set()
    assert list(frames) == []
    assert finished == [first]


def test_the_end_is_reported_before_the_next_part_begins(model):
    order = []
    parts = [lambda: Ramp(1), lambda: order.append("begin") or Ramp(1)]
    list(speak(model, parts, None, lambda utterance: order.append("finished")))
    assert order == ["finished", "begin", "finished"]


def test_an_error_in_a_step_reaches_the_consumer(model):
    def broken(utterances):
        raise RuntimeError("boom")

    model.step = broken
    with pytest.raises(RuntimeError, match="boom"):
        list(speak(model, [lambda: Ramp(1)]))


def test_closing_early_releases_the_utterance(model):
    refs = []

    def begin():
        utterance = Ramp(10)
        refs.append(weakref.ref(utterance))
        return utterance

    frames = speak(model, [begin, 100])
    next(frames)
    assert refs[0]() is not None
    frames.close()
    assert refs[0]() is None
