"""Whose is a place: of those for whom something is computed, and not of who waits for text or does not read."""

import math
import threading
import time

import numpy as np
import pytest

from pocket_fast.engine.listen import listen
from pocket_fast.engine.places import Places
from pocket_fast.engine.speech import Speech
from pocket_fast.errors import BusyError, IdleError
from ramp_model import FRAME, LONG_ENOUGH, Ramp, eventually, read_on, silent

RATE = 24000


def begin(engine, *parts, **options):
    speech = engine.submit(**options)
    speech.add(parts)
    return speech


def whole(engine, *parts, **options):
    speech = begin(engine, *parts, **options)
    speech.close()
    return speech


def frames(count, level=1.0, seen=None):
    def begin():
        if seen is not None:
            seen.append(level)
        return Ramp(count, level)

    return begin


def everything_free(engine):
    load = engine.load()
    return (load.running, load.waiting, load.resting, load.resting_bytes) == (0, 0, 0, 0)


# --- nothing to compute -------------------------------------------------------------------------


@pytest.mark.parametrize("silent_ones", [2, 7, 300])
def test_who_waits_for_text_holds_no_place(engine, silent_ones):
    engine.limit(max_streams=2, max_queue=1)
    waiting = [engine.submit() for _ in range(silent_ones)]
    for _ in range(3):
        assert len(list(listen(whole(engine, frames(40))))) == 40
    assert engine.load().resting == silent_ones
    for i, speech in enumerate(waiting):
        speech.add([frames(2, i)])
        speech.close()
        assert [x[0] for x in listen(speech)] == [i, i]
    eventually(lambda: everything_free(engine))


def test_whoever_has_not_ended_counts_at_all_times():
    """Also between the sound that is too much and the turn that takes the place."""
    places = Places(RATE, lambda event, value: None)
    speech = Speech(threading.Lock(), places.stirred, places.leave_later, RATE)

    def counts():
        return places.computed_for, places.waiting, places.resting

    places.come(speech)
    assert counts() == (0, 0, 1)
    speech.add([frames(900)])
    assert counts() == (0, 1, 0)
    places.sort_out(0.0)
    assert counts() == (1, 0, 0)
    speech.unread = 100 * RATE
    assert counts() == (0, 0, 1)
    places.rest(speech, 0.0)
    assert counts() == (0, 0, 1)
    speech.cancel()
    assert counts() == (0, 0, 0)


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("max_streams", [1, 3])
def test_who_does_not_read_holds_no_place(engine, live, max_streams):
    engine.limit(max_streams=max_streams, max_queue=0)
    stalled = []
    for level in range(max_streams + 2):
        stalled.append(whole(engine, frames(900, level), frames(5, -level), live=live))
        silent(engine)
    assert engine.load().resting == max_streams + 2
    assert len(list(listen(whole(engine, frames(30))))) == 30
    for level, speech in enumerate(stalled):
        heard = np.concatenate(list(listen(speech)))
        assert (heard[: 900 * FRAME] == level).all()
        assert (heard[900 * FRAME :] == -level).all()
        assert len(heard) == 905 * FRAME
    eventually(lambda: everything_free(engine))


def test_pauses_need_no_place(engine, model):
    engine.limit(max_streams=1, max_queue=0)
    model.pace = 0.002
    endless = read_on(begin(engine, frames(10**6)))
    eventually(lambda: engine.load().running == 1)
    pause = engine.submit
    with pytest.raises(BusyError):
        pause()
    endless.cancel()
    assert [len(x) for x in listen(whole(engine, 700))] == [700]


def test_places_are_given_in_turn(engine, model):
    """Also to who had one before, and waited for text."""
    engine.limit(max_streams=1)
    seen = []
    first = begin(engine, frames(3, 1.0, seen))
    assert [first.take()[0] for _ in range(3)] == [1, 1, 1]
    silent(engine)
    model.pace = 0.002
    holder = read_on(begin(engine, frames(10**6, 2.0, seen)))
    eventually(lambda: engine.load().running == 1)
    third = whole(engine, frames(3, 3.0, seen))
    first.add([frames(3, 4.0, seen)])
    first.close()
    fifth = whole(engine, frames(3, 5.0, seen))
    assert engine.load().waiting == 3
    holder.cancel()
    for speech in (fifth, first, third):
        assert len(list(listen(speech))) == 3
    assert seen == [1, 2, 3, 4, 5]


def test_who_comes_without_text_is_refused_when_it_has_some(engine, model):
    engine.limit(max_streams=1, max_queue=0)
    late = engine.submit()
    model.pace = 0.002
    endless = read_on(begin(engine, frames(10**6)))
    eventually(lambda: engine.load().running == 1)
    late.add([frames(2)])
    with pytest.raises(BusyError, match="limit"):
        late.take(LONG_ENOUGH)
    endless.cancel()
    eventually(lambda: everything_free(engine))


def test_who_was_let_in_is_not_refused_later(engine, model):
    engine.limit(max_streams=1, max_queue=0)
    talking = begin(engine, frames(3))
    assert len([talking.take() for _ in range(3)]) == 3
    silent(engine)
    model.pace = 0.002
    endless = read_on(begin(engine, frames(10**6)))
    eventually(lambda: engine.load().running == 1)
    talking.add([frames(3, 2.0)])
    with pytest.raises(TimeoutError):
        talking.take(0.1)
    endless.cancel()
    assert talking.take(LONG_ENOUGH)[0] == 2
    talking.cancel()


# --- the abandoned ------------------------------------------------------------------------------


def test_who_gets_no_text_for_long_is_ended(engine):
    engine.limit(idle_seconds=0.1)
    events = []
    engine.observers.append(lambda event, value: events.append(event))
    never, at_first = engine.submit(), begin(engine, frames(3))
    assert len([at_first.take() for _ in range(3)]) == 3
    for speech in (never, at_first):
        with pytest.raises(IdleError, match=r"no text came for 0\.1 s.*idle_seconds"):
            speech.take(LONG_ENOUGH)
        speech.add([frames(5)])
        with pytest.raises(IdleError):
            speech.take(LONG_ENOUGH)
    assert len(list(listen(whole(engine, frames(30))))) == 30
    eventually(lambda: events.count("abandoned") == 2)
    assert everything_free(engine)


@pytest.mark.parametrize("live", [True, False])
def test_who_does_not_read_for_long_is_ended(engine, live):
    engine.limit(idle_seconds=0.1)
    speech = whole(engine, frames(10**6), live=live)
    eventually(lambda: speech.ended)
    eventually(lambda: everything_free(engine))
    with pytest.raises(IdleError, match="took no sound"):
        speech.take(0)


def test_who_reads_or_writes_slowly_is_not(engine):
    engine.limit(idle_seconds=0.3)
    reading, writing = whole(engine, frames(60)), engine.submit()
    for level in range(25):
        assert reading.take()[0] == 1
        writing.add([frames(1, level), 10])
        assert writing.take(LONG_ENOUGH)[0] == level
        assert len(writing.take(LONG_ENOUGH)) == 10
        time.sleep(0.04)
    assert len(list(listen(reading))) == 35
    writing.close()
    assert list(listen(writing)) == []


def test_nobody_is_ended_unless_it_was_asked_for(engine):
    assert engine._places.idle_seconds == math.inf
    stalled = [whole(engine, frames(100)) for _ in range(5)]
    engine.limit(idle_bytes=1)
    silent(engine)
    for speech in stalled:
        assert len(list(listen(speech))) == 100


# --- memory -------------------------------------------------------------------------------------


class Heavy(Ramp):
    def __init__(self, count, megabytes):
        super().__init__(count)
        self.nbytes = megabytes << 20


def test_who_was_idle_for_longest_makes_room(engine):
    engine.limit(idle_seconds=60, idle_bytes=10 << 20)
    speeches = []
    for _ in range(4):
        speeches.append(whole(engine, lambda: Heavy(100, 3)))
        silent(engine)
        time.sleep(0.01)
    assert [speech.ended for speech in speeches] == [True, False, False, False]
    assert 9 << 20 <= engine.load().resting_bytes <= 10 << 20
    assert len([speeches[1].take() for _ in range(1)]) == 1  # now the third one is idle for longest
    silent(engine)
    speeches.append(whole(engine, lambda: Heavy(100, 3)))
    silent(engine)
    assert [speech.ended for speech in speeches] == [True, False, True, False, False]
    with pytest.raises(IdleError, match="memory was needed"):
        speeches[0].take(0)
    for i in (1, 3, 4):
        assert len(list(listen(speeches[i]))) == 100 - (i == 1)
    eventually(lambda: everything_free(engine))


def test_one_that_is_too_large_alone_is_ended(engine):
    engine.limit(idle_seconds=60, idle_bytes=10 << 20)
    large, small = (whole(engine, lambda n=n: Heavy(100, n)) for n in (11, 3))
    eventually(lambda: large.ended)
    with pytest.raises(IdleError):
        large.take(0)
    assert len(list(listen(small))) == 100


def test_where_nobody_is_ended_newcomers_wait_for_memory(engine):
    engine.limit(max_streams=2, idle_bytes=5 << 20)
    stalled = []
    for _ in range(2):
        stalled.append(whole(engine, lambda: Heavy(100, 3)))
        silent(engine)
    newcomer = whole(engine, frames(3))
    with pytest.raises(TimeoutError):
        newcomer.take(0.1)
    assert engine.load().waiting == 1
    assert len(list(listen(stalled[0]))) == 100
    assert len(list(listen(newcomer))) == 3
    assert len(list(listen(stalled[1]))) == 100
    eventually(lambda: everything_free(engine))
