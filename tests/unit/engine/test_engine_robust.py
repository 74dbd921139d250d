"""What must not stop the engine: garbage collection at any moment, limits that change, listeners who come and go."""

import gc
import threading
import time

import pytest

from pocket_fast.engine import turns
from pocket_fast.engine.engine import Engine, Engines
from pocket_fast.engine.listen import listen
from pocket_fast.engine.places import Places
from pocket_fast.engine.speech import Speech
from ramp_model import LONG_ENOUGH, Ramp, eventually, read_on, silent


@pytest.fixture
def hooked(monkeypatch):
    """hooked(hook): have `hook` called, once, in the engine's thread in the middle of what it does under its lock."""

    def hooked(hook):
        real, hooks = turns.choose, [hook]

        def choose(*given):
            if hooks:
                hooks.pop()()
            return real(*given)

        monkeypatch.setattr(turns, "choose", choose)

    return hooked


def in_time(call):
    """The result of call(), in a thread that may hang."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    thread.join(LONG_ENOUGH)
    assert results, "it hangs"
    return results[0]


def begin(engine, utterance, **options):
    speech = engine.submit(**options)
    speech.add([lambda: utterance])
    speech.close()
    return speech


# --- garbage ------------------------------------------------------------------------------------


def test_a_listener_may_be_collected_in_the_engines_thread(engine, hooked):
    def leave_a_cycle():
        heard = listen(begin(engine, Ramp(10**6)))
        next(heard)
        cycle = [heard]
        cycle.append(cycle)

    gc.disable()
    try:
        leave_a_cycle()
        silent(engine)
        hooked(gc.collect)
        assert in_time(lambda: len(list(listen(begin(engine, Ramp(5)))))) == 5
        eventually(lambda: engine.load().running == 0)
    finally:
        gc.enable()


def test_a_model_may_be_collected_in_its_engines_thread(model, hooked):
    engines = Engines(model, "auto")
    engine = engines.here()
    heard = listen(begin(engine, Ramp(10**6)))
    next(heard)
    silent(engine)
    cycle = [engines]
    cycle.append(cycle)
    gc.disable()
    try:
        del engines, cycle
        hooked(gc.collect)
        engine.submit()
        engine.join(LONG_ENOUGH)
        assert not engine._thread.is_alive()
        assert list(heard) == []
    finally:
        gc.enable()


def test_an_engine_that_never_spoke_can_be_closed(model):
    engine = Engine(model)
    engine.close()
    engine.join(1)
    with pytest.raises(RuntimeError, match="closed"):
        engine.submit()


# --- observers ----------------------------------------------------------------------------------


def test_an_observer_may_ask_for_the_load_and_may_fail(engine, caplog):
    loads = []
    engine.observers.append(lambda event, value: loads.append(engine.load()))
    engine.observers.insert(0, lambda event, value: 1 / 0)
    assert in_time(lambda: len(list(listen(begin(engine, Ramp(5)))))) == 5
    eventually(lambda: len(loads) > 5)
    assert len(engine.observers) == 1
    (record,) = caplog.records
    assert "observer" in record.getMessage()


def test_outcomes_are_counted_right(engine):
    events = []
    engine.observers.append(lambda event, value: events.append(event))
    for _ in range(50):
        list(listen(begin(engine, Ramp(2))))  # gone before the engine has noticed that it is over
    for _ in range(20):
        heard = listen(begin(engine, Ramp(10**6)))
        next(heard)
        heard.close()
    broken = engine.submit()
    broken.fail(KeyError("text"))
    with pytest.raises(KeyError):
        list(listen(broken))
    outcomes = ("finished", "cancelled", "failed")
    eventually(lambda: [events.count(outcome) for outcome in outcomes] == [50, 20, 1])


@pytest.mark.parametrize(
    ("given", "complete", "outcome"),
    [([], False, "cancelled"), ([lambda: Ramp(9)], True, "cancelled"), ([700], True, "finished")],
)
def test_how_it_ended_is_known_when_the_engine_looks_before_it_is_told(given, complete, outcome):
    """In the middle of cancel(): between the mark and the word of it."""
    told = []
    places = Places(24000, lambda event, value: told.append(event))
    word = []
    speech = Speech(threading.Lock(), lambda speech: None, word.append, 24000)
    places.come(speech)
    speech.add(given)
    speech.complete = complete
    places.stirred(speech)
    places.sort_out(0.0)
    speech.cancel()
    assert word == [speech]
    places.stirred(speech)
    places.sort_out(1.0)
    assert [event for event in told if event != "wait"] == [outcome]


def test_nobody_waits_for_ever_when_the_engine_itself_fails(engine, hooked):
    def boom():
        raise MemoryError("boom")

    hooked(boom)
    speech = begin(engine, Ramp(5))
    with pytest.raises(MemoryError, match="boom"):
        list(listen(speech))
    assert in_time(lambda: len(list(listen(begin(engine, Ramp(5)))))) == 5


# --- threads ------------------------------------------------------------------------------------


def test_the_limit_of_the_thread_that_asks_holds(engine, model):
    model.limit = 1
    assert len(list(listen(begin(engine, Ramp(30))))) == 30
    assert {threads for _, threads in model.used} == {1}
    model.limit, model.used = 0, []
    assert len(list(listen(begin(engine, Ramp(30))))) == 30
    assert (1, 0) in model.used


def test_the_least_limit_of_those_who_share_a_step_holds(model):
    engine = Engine(model, "sequence")
    model.gate.clear()
    heard = []
    for model.limit in (0, 2, 1):
        heard.append(listen(begin(engine, Ramp(5), live=False)))
    model.gate.set()
    for sound in heard:
        list(sound)
    assert {threads for utterances, threads in model.used if utterances == 3} == {1}
    engine.close()


# --- coming and going ---------------------------------------------------------------------------


def test_who_is_done_or_gone_takes_no_place(engine):
    """The next one comes before the engine has noticed."""
    engine.limit(max_streams=1, max_queue=0)
    for _ in range(50):
        assert len(list(listen(begin(engine, Ramp(2))))) == 2
    for _ in range(50):
        heard = listen(begin(engine, Ramp(10**6)))
        next(heard)
        heard.close()
        assert engine.load().running == 0


def test_no_patience_is_enough_when_there_is_room(engine):
    assert len(list(listen(begin(engine, Ramp(2), patience=0.0)))) == 2


def test_the_one_who_waits_enters_when_the_limit_rises(engine, model):
    engine.limit(1, None)
    model.pace = 0.002
    endless = read_on(begin(engine, Ramp(10**6)))
    eventually(lambda: engine.load().running == 1)
    waiting = begin(engine, Ramp(3))
    time.sleep(0.05)
    assert engine.load().waiting == 1
    engine.limit(2, None)
    assert in_time(lambda: len(list(listen(waiting)))) == 3
    endless.cancel()
