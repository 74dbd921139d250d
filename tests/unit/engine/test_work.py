"""What is computed beside speech: it comes out, goes wrong, is given up, and stops nobody."""

import threading
import time

import pytest

from pocket_fast.engine.engine import Engine
from pocket_fast.engine.listen import listen
from pocket_fast.errors import StoppedError
from ramp_model import LONG_ENOUGH, Model, Ramp, eventually, silent


class Making:
    """Slices that take a while, and what became of them."""

    def __init__(self, count=10, seconds=0.005, error=None):
        self.count, self.seconds, self.error = count, seconds, error
        self.done = 0
        self.threads = None
        self.closed = False
        self.where = set()

    def __call__(self, threads):
        self.threads = threads
        return self.run()

    def run(self):
        try:
            while self.done < self.count:
                time.sleep(self.seconds)
                self.done += 1
                self.where.add(threading.current_thread().name)
                yield
            if self.error is not None:
                raise self.error
            return self.done * 7
        finally:
            self.closed = True


def in_thread(call):
    found = {}

    def run():
        try:
            found["result"] = call()
        except BaseException as error:
            found["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, found


def test_what_was_made_comes_back(engine, model):
    model.limit = 3
    making = Making()
    assert engine.compute(making) == 70
    assert making.threads == 3
    assert making.where == {"pocket_fast engine"}


def test_what_goes_wrong_reaches_who_asked(engine):
    with pytest.raises(KeyError, match="inside"):
        engine.compute(Making(error=KeyError("inside")))
    assert engine.compute(Making(3)) == 21


@pytest.mark.parametrize("schedule", ["sequence", "side_by_side"])
def test_speech_goes_on_beside_it(schedule):
    model = Model()
    engine = Engine(model, schedule)
    making = Making(100)
    thread, found = in_thread(lambda: engine.compute(making))
    eventually(lambda: making.done)
    for _ in range(2):
        speech = engine.submit()
        speech.add([lambda: Ramp(10)])
        speech.close()
        assert len(list(listen(speech))) == 10
    assert making.done < 100
    thread.join(LONG_ENOUGH)
    assert found == {"result": 700}
    engine.close()


def test_it_goes_on_beside_speech_that_never_ends(engine, model):
    model.pace = 0.002
    heard = listen(_endless(engine))
    next(heard)
    thread, found = in_thread(lambda: engine.compute(Making(60)))
    steps = 0
    while thread.is_alive():
        next(heard)
        steps += 1
    assert found == {"result": 420}
    assert steps > 5
    heard.close()


def test_several_are_made_in_turn(engine):
    small, large = Making(5), Making(300)
    threads = [in_thread(lambda m=m: engine.compute(m)) for m in (large, small)]
    threads[1][0].join(LONG_ENOUGH)
    assert small.done == 5
    assert large.done < 300
    engine.close()
    threads[0][0].join(LONG_ENOUGH)


@pytest.mark.parametrize("early", [True, False])
def test_it_can_be_given_up(engine, early):
    stop, making = threading.Event(), Making(10**6)
    if early:
        stop.set()
    thread, found = in_thread(lambda: engine.compute(making, stop))
    if not early:
        eventually(lambda: making.done > 3)
        stop.set()
    thread.join(LONG_ENOUGH)
    assert isinstance(found["error"], StoppedError)
    silent(engine)
    assert making.closed or making.done == 0
    assert making.done < 1000


def test_closing_gives_it_up(engine):
    making = Making(10**6)
    thread, found = in_thread(lambda: engine.compute(making))
    eventually(lambda: making.done > 3)
    engine.close()
    thread.join(LONG_ENOUGH)
    assert "closed" in str(found["error"])
    with pytest.raises(RuntimeError, match="closed"):
        engine.compute(Making())


def _endless(engine):
    speech = engine.submit()
    speech.add([lambda: Ramp(10**6)])
    return speech
