"""How speech ends, and many listeners at once: stop, errors, release, admission; on a model that does nothing."""

import gc
import math
import threading
import time
import weakref

import numpy as np
import pytest

from pocket_fast.engine import turns
from pocket_fast.engine.listen import listen
from pocket_fast.errors import BusyError
from ramp_model import FRAME, LONG_ENOUGH, Ramp, eventually, read_on, runs, silent

# --- ends ---------------------------------------------------------------------------------------


def test_stop_set_before_gives_nothing_and_begins_nothing(speak, engine):
    stop = threading.Event()
    stop.set()
    assert list(speak([5000, lambda: pytest.fail("begun"), 5000], stop=stop)) == []


@pytest.mark.parametrize("before_a_silence", [False, True])
def test_stop_during_speech_ends_it_within_a_frame(speak, model, engine, before_a_silence):
    stop = threading.Event()
    parts = [lambda: Ramp(10**6), 100] if before_a_silence else [lambda: Ramp(10**6)]
    frames = speak(parts, stop=stop)
    for _ in range(3):
        next(frames)
    stop.set()
    assert list(frames) == []
    eventually(lambda: engine.load().running == 0)
    assert silent(engine)


def test_stop_reaches_a_speech_that_nobody_reads(engine, model):
    stop = threading.Event()
    speech = engine.submit(stop=stop)
    speech.add([lambda: Ramp(10**6)])
    silent(engine)
    assert engine.load().resting == 1
    stop.set()
    eventually(lambda: engine.load().resting == 0)


def test_stop_reaches_a_listener_who_waits_for_text(engine):
    stop = threading.Event()
    speech = engine.submit(stop=stop)
    threading.Timer(0.05, stop.set).start()
    assert list(listen(speech)) == []


def test_stop_during_a_silence(speak):
    stop = threading.Event()
    frames = speak([24000 * 10, lambda: Ramp(10**6)], stop=stop)
    next(frames)
    stop.set()
    assert list(frames) == []


def test_only_what_was_spoken_to_its_end_is_reported(speak):
    finished = []
    first, second = Ramp(2), Ramp(10**6)
    frames = speak([lambda: first, lambda: second], finished=finished.append, sequential=True)
    for _ in range(3):
        next(frames)
    assert finished == [first]
    frames.close()
    assert finished == [first]


@pytest.mark.parametrize("place", ["begin", "prompt", "predict", "decode", "finished"])
def test_an_error_reaches_its_listener_and_nobody_else(engine, model, place, monkeypatch):
    other = engine.submit()
    other.add([lambda: Ramp(10**6, 5.0)])
    heard = listen(other)
    next(heard)
    silent(engine)  # it is ahead of its listener: the next step is not its own

    def boom(*given, **named):
        raise RuntimeError("boom")

    options = {"finished": boom} if place == "finished" else {}
    real = getattr(model, place, None)

    def guarded(things, *more):
        level = getattr(things[0], "level", 0)
        return boom() if level == 7.0 and len(things) == 1 else real(things, *more)

    if real is not None:
        monkeypatch.setattr(model, place, guarded)
    speech = engine.submit(**options)
    speech.add([boom if place == "begin" else lambda: Ramp(5, 7.0)])
    speech.close()
    with pytest.raises(RuntimeError, match="boom"):
        list(listen(speech))
    for _ in range(60):
        assert next(heard)[0] == 5


@pytest.mark.parametrize("live", [True, False])
def test_who_has_sound_in_hand_gets_frames_two_at_a_time(engine, model, live, monkeypatch):
    """The first one comes alone, and so does every one while there is little in hand."""
    calls, real = [], model.decode
    monkeypatch.setattr(model, "decode", lambda frames, threads=0: calls.append(len(frames)) or real(frames))
    for comfort in (turns._COMFORT, math.inf):
        monkeypatch.setattr(turns, "_COMFORT", comfort)
        calls.clear()
        speech = engine.submit(live=live)
        speech.add([lambda: Ramp(201)])
        speech.close()
        assert len(list(listen(speech))) == 201
        assert sum(calls) == 201
        assert calls[0] == 1
        assert set(calls) == ({1, 2} if comfort < math.inf else {1})


def test_what_was_said_before_an_error_is_heard(speak):
    def problem(utterance):
        raise RuntimeError("no end")

    sound = speak([lambda: Ramp(4)], finished=problem)
    assert len([next(sound) for _ in range(4)]) == 4
    with pytest.raises(RuntimeError, match="no end"):
        next(sound)


def test_closing_early_releases_the_utterance(speak, engine):
    refs = []

    def begin():
        utterance = Ramp(10**6)
        refs.append(weakref.ref(utterance))
        return utterance

    frames = speak([begin, 100])
    next(frames)
    assert refs[0]() is not None
    frames.close()
    silent(engine)
    gc.collect()
    assert refs[0]() is None


# --- many ---------------------------------------------------------------------------------------


def test_every_listener_hears_their_own(engine):
    speeches = []
    for level in range(1, 41):
        speech = engine.submit()
        speech.add([lambda level=level: Ramp(level, level), 50, lambda level=level: Ramp(3, -level)])
        speech.close()
        speeches.append(listen(speech))
    for level, heard in enumerate(speeches, 1):
        assert runs(np.concatenate(list(heard))) == [(level, level * FRAME - 119), (-level, 3 * FRAME)]


def test_listeners_share_steps(engine, model):
    model.gate.clear()
    speeches = [engine.submit() for _ in range(8)]
    for speech in speeches:
        speech.add([lambda: Ramp(10)])
        speech.close()
    model.gate.set()
    for speech in speeches:
        assert len(list(listen(speech))) == 10
    assert max(model.batches) >= 7
    assert model.steps < 40


def test_a_reader_that_stalls_is_paused_and_goes_on(engine, model):
    speech = engine.submit()
    speech.add([lambda: Ramp(200)])
    speech.close()
    silent(engine)
    assert model.steps <= 30  # about two seconds ahead
    assert sum(len(sound) for sound in listen(speech)) == 200 * FRAME


def test_newcomers_wait_while_those_who_listen_have_little_in_hand(engine, model, monkeypatch):
    monkeypatch.setattr(turns, "keeps_up", lambda speeches, now, rate: len(speeches) < 3)
    engine.limit(max_queue=2)
    model.pace = 0.002
    endless = [read_on(engine.submit()) for _ in range(3)]
    for speech in endless:
        speech.add([lambda: Ramp(10**6)])
    eventually(lambda: engine.load().running == 3)
    speeches = [engine.submit() for _ in range(2)]
    for speech in speeches:
        speech.add([lambda: Ramp(10)])
        speech.close()
    with pytest.raises(BusyError, match="not made faster than it is heard"):
        engine.submit()
    assert engine.load().running == 3
    for speech in endless:
        speech.cancel()
    for speech in speeches:
        assert len(list(listen(speech))) == 10


def test_refused_when_full_and_served_when_there_is_room(engine, model):
    engine.limit(max_streams=2, max_queue=1)
    model.pace = 0.002
    endless = [read_on(engine.submit()) for _ in range(2)]
    for speech in endless:
        speech.add([lambda: Ramp(10**6)])
    eventually(lambda: engine.load().running == 2)
    waiting = engine.submit()
    waiting.add([lambda: Ramp(2)])
    waiting.close()
    with pytest.raises(BusyError, match="limit") as refused:
        engine.submit()
    assert refused.value.retry_after >= 1
    with pytest.raises(TimeoutError):
        waiting.take(0.05)
    endless[0].cancel()
    assert len(list(listen(waiting))) == 2
    endless[1].cancel()


def test_who_waits_past_the_deadline_is_refused(engine, model):
    engine.limit(max_streams=1)
    model.pace = 0.002
    endless = read_on(engine.submit())
    endless.add([lambda: Ramp(10**6)])
    eventually(lambda: engine.load().running == 1)
    late = engine.submit(patience=0.05)
    time.sleep(0.1)  # it waits for nothing but its text
    late.add([lambda: Ramp(2)])
    with pytest.raises(BusyError, match="deadline"):
        list(listen(late))
    assert engine.load().waiting == 0
    endless.cancel()


def test_observers_hear_what_happens(engine):
    seen = {}
    engine.observers.append(lambda event, value: seen.setdefault(event, []).append(value))
    speech = engine.submit()
    speech.add([lambda: Ramp(10)])
    speech.close()
    list(listen(speech))
    eventually(lambda: "finished" in seen)
    assert set(seen) == {"wait", "step", "batch", "first_audio", "late", "audio", "finished"}
    assert sum(seen["audio"]) == pytest.approx(10 * 0.08)
    assert len(seen["first_audio"]) == 1
    assert len(seen["late"]) == 9


def test_closing_ends_everything(engine):
    speech = engine.submit()
    speech.add([lambda: Ramp(10**6)])
    next(heard := listen(speech))
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        engine.submit()
    engine.join(LONG_ENOUGH)
    assert list(heard) == []
    assert not engine._thread.is_alive()
