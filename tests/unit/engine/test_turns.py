"""Who goes next, without threads: single decisions, and whole conversations on a clock of their own."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from pocket_fast.engine import speech as speech_module
from pocket_fast.engine.speech import Speech
from pocket_fast.engine.turns import LEAD, choose, keeps_up
from ramp_model import FRAME, Ramp

RATE = 24000
MOST_TOGETHER = 16
MANY = 10**6


class Clock:
    """Time that passes only when told to."""

    def __init__(self):
        self.now = 1000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(speech_module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def newcomer(parts=1, frames=MANY, **options):
    speech = Speech(threading.Lock(), lambda speech: None, lambda speech: None, RATE, **options)
    speech.add([lambda: Ramp(frames, prompt=0)] * parts)
    return speech


def running(clock, slack, parts=1, prompt=0, **options):
    """A speech of 100 s so far, all taken, with `slack` seconds in hand and its first part in flight."""
    speech = newcomer(parts, **options)
    speech.given = 100 * RATE
    speech.first_sound = clock.now - 100 + slack
    speech.parts[0].utterance = Ramp(MANY, prompt=prompt)
    return speech


def turn(clock, *speeches, most_parts=48):
    """([(speech, place) to begin or prompt], [(speech, place) to step]), speeches by their number."""
    found = choose(speeches, clock.now, RATE, most_parts, MOST_TOGETHER)
    names = {id(part): (i, place) for i, s in enumerate(speeches) for place, part in enumerate(s.parts)}
    return [names[id(p)] for p in [*found.begin, *found.prompt]], [names[id(p)] for p in found.step]


def can_wait(clock, *speeches):
    return choose(speeches, clock.now, RATE, 48, MOST_TOGETHER).can_wait


def in_flight(speech, count):
    for part in list(speech.parts)[:count]:
        part.utterance = Ramp(MANY, prompt=0)
    return speech


def made(part, samples, over=False):
    with part.speech._lock:
        part.speech.arrive(part, np.zeros(samples, np.float32))
        if over:
            part.speech.finish(part)


# --- single decisions ---------------------------------------------------------------------------


def test_nothing_to_do(clock):
    assert not choose([], clock.now, RATE, 48, MOST_TOGETHER)
    assert not choose([newcomer(0)], clock.now, RATE, 48, MOST_TOGETHER)


@pytest.mark.parametrize("live", [True, False])
def test_a_newcomer_is_prompted_while_those_who_need_it_go_on(clock, live):
    speeches = [running(clock, 0.5), running(clock, 5.0), newcomer(20, live=live)]
    assert turn(clock, *speeches) == ([(2, 0)], [(0, 0)])


def test_the_newcomer_who_waited_longest_is_first(clock):
    speeches = []
    for _ in range(3):
        speeches.append(newcomer())
        clock.now += 0.1
    assert turn(clock, *reversed(speeches))[0] == [(2, 0), (1, 0), (0, 0)]


def test_who_is_behind_goes_first_and_alone_when_it_is_urgent(clock):
    ahead, file, behind, late = (
        running(clock, 3.0),
        in_flight(running(clock, 9.0, parts=3, live=False), 3),
        running(clock, 0.5),
        running(clock, -0.1),
    )
    assert turn(clock, ahead, file, behind, late) == ([], [(3, 0), (2, 0)])
    assert turn(clock, ahead, file, behind) == ([], [(2, 0), (0, 0), (1, 0), (1, 1), (1, 2)])


def test_a_file_below_the_speed_of_speech_is_behind_but_hurries_nobody(clock):
    slow = in_flight(running(clock, -5.0, parts=2, live=False), 2)
    ahead = running(clock, 3.0)
    assert turn(clock, ahead, slow) == ([], [(1, 0), (0, 0), (1, 1)])
    urgent = running(clock, 0.1)
    assert turn(clock, ahead, slow, urgent) == ([], [(1, 0), (2, 0)])


@pytest.mark.parametrize(
    ("slacks", "patient"),
    [([0.3], True), ([5.0, 0.3], True), ([0.2], False), ([-1.0], False), ([5.0, 0.2], False)],
)
@pytest.mark.parametrize("live", [True, False])
def test_frames_wait_for_the_next_step_only_if_nobody_has_little_in_hand(clock, slacks, patient, live):
    speeches = [running(clock, slack, live=live) for slack in slacks]
    assert can_wait(clock, *speeches) == patient


@pytest.mark.parametrize("live", [True, False])
def test_nor_do_they_while_somebody_waits_for_a_first_sound(clock, live):
    ahead = running(clock, 5.0)
    assert not can_wait(clock, ahead, newcomer(live=live))
    prompted = newcomer(live=live)
    prompted.parts[0].utterance = Ramp(MANY, prompt=9)
    assert not can_wait(clock, ahead, prompted)
    prompted.parts[0].utterance = Ramp(MANY, prompt=0)
    assert not can_wait(clock, ahead, prompted)


def test_later_parts_of_a_text_keep_nobody_from_waiting(clock):
    assert can_wait(clock, running(clock, 5.0, parts=3, live=False))


def test_at_most_so_many_together(clock):
    speeches = [running(clock, 0.5 + i / 1000) for i in range(40)]
    assert turn(clock, *speeches) == ([], [(i, 0) for i in range(MOST_TOGETHER)])
    assert len(turn(clock, in_flight(running(clock, 9.0, parts=30, live=False), 30))[1]) == MOST_TOGETHER


def test_a_listener_who_stalls_is_not_computed_for(clock):
    stalled = running(clock, 0.0)
    stalled.unread = 2 * RATE
    clock.now += 3600
    assert turn(clock, stalled) == ([], [])
    stalled.unread -= FRAME
    assert turn(clock, stalled) == ([], [(0, 0)])
    assert stalled.slack(clock.now) > 1  # and does not hurry the others
    file = running(clock, 0.0, live=False)
    file.unread = 60 * RATE
    assert turn(clock, file) == ([], [])


def test_a_text_has_so_many_parts_in_flight(clock):
    def prompted(slack, **options):
        return len(turn(clock, running(clock, slack, parts=50, **options), most_parts=48)[0])

    assert prompted(5.0, live=False) == 15
    assert prompted(5.0, live=True) == 1
    assert prompted(0.9, live=True) == 0
    assert prompted(5.0, live=False, sequential=True) == 0
    early = newcomer(50, live=False)
    assert turn(clock, early)[0] == [(0, 0)]
    early.parts[0].utterance = Ramp(MANY, prompt=0)
    early.given = int(LEAD * RATE) - 1
    assert turn(clock, early) == ([], [(0, 0)])


def test_all_texts_together_have_so_many_parts_in_flight(clock):
    files = [running(clock, 5.0, parts=50, live=False) for _ in range(4)]
    assert len(turn(clock, *files, most_parts=20)[0]) == 16
    assert len(turn(clock, *files, most_parts=3)[0]) == 0
    assert len(turn(clock, *files, newcomer(), most_parts=3)[0]) == 1  # but everyone has one


def test_parts_that_are_over_make_room(clock):
    file = in_flight(running(clock, 5.0, parts=40, live=False), 16)
    assert turn(clock, file)[0] == []
    for part in list(file.parts)[1:5]:
        made(part, 0, over=True)
    assert turn(clock, file)[0] == [(0, place) for place in range(16, 20)]


def test_sound_made_ahead_of_its_turn_is_bounded(clock):
    file = in_flight(running(clock, 5.0, parts=16, live=False), 16)
    for part in list(file.parts)[1:]:
        made(part, 20 * RATE)
    assert turn(clock, file) == ([], [(0, 0)])


def test_files_wait_while_a_prompt_is_waited_for(clock):
    file = in_flight(running(clock, 5.0, parts=4, live=False), 4)
    assert turn(clock, file, newcomer()) == ([(1, 0)], [])


def test_an_utterance_that_is_done_is_not_drawn_again(clock):
    speech = running(clock, 0.0)
    speech.parts[0].utterance.done = True
    assert turn(clock, speech) == ([], [])


def test_nobody_is_let_in_while_many_have_little_in_hand(clock):
    def many(count, slack, **options):
        return [running(clock, slack, **options) for _ in range(count)]

    assert not keeps_up(many(8, 0.2), clock.now, RATE)
    assert keeps_up(many(7, 0.2), clock.now, RATE)
    assert keeps_up(many(60, 0.8), clock.now, RATE)
    assert keeps_up(many(60, 0.2, live=False), clock.now, RATE)  # nobody hears a file's gaps


def test_who_waits_for_text_or_for_its_reader_keeps_nobody_out(clock):
    speeches = [running(clock, -5.0) for _ in range(20)]
    for speech in speeches[:10]:
        speech.parts.clear()
    for speech in speeches[10:]:
        speech.unread = 2 * RATE
    assert keeps_up(speeches, clock.now, RATE)


# --- conversations ------------------------------------------------------------------------------


def converse(clock, speeches, seconds, step_cost, frame_cost):
    """Let the policy run for a while; `speeches`: (speech, whether it is read at the speed of speech)."""
    end = clock.now + seconds
    starts = {id(speech): clock.now for speech, _ in speeches}
    while clock.now < end:
        for speech, slow in speeches:
            heard = (clock.now - starts[id(speech)]) * RATE
            while speech._out and (not slow or speech.given - speech.unread < heard):
                speech.take(0)
        chosen = choose([speech for speech, _ in speeches], clock.now, RATE, 48, MOST_TOGETHER)
        for part in chosen.begin:
            part.utterance = part.begin()
        clock.now += step_cost + frame_cost * len(chosen.step) if chosen else 0.01
        for part in chosen.step:
            part.utterance.made += 1
            made(part, FRAME, over=part.utterance.made == part.utterance.count)
    return [speech.given / RATE for speech, _ in speeches]


def test_two_long_files_share(clock):
    files = [(newcomer(100, frames=100, live=False), False) for _ in range(2)]
    first, second = converse(clock, files, 20, 0.01, 0.001)
    assert min(first, second) > 0.8 * max(first, second) > 100


def test_more_files_than_fit_in_a_batch_all_get_on(clock):
    files = [(newcomer(100, frames=100, live=False), False) for _ in range(40)]
    spoken = converse(clock, files, 20, 0.01, 0.001)
    assert min(spoken) > 0.8 * max(spoken)


def test_listeners_who_read_at_once_do_not_starve_files(clock):
    live = [(newcomer(100, frames=100), False) for _ in range(20)]
    files = [(newcomer(100, frames=100, live=False), False) for _ in range(2)]
    *heard, first, second = converse(clock, live + files, 20, 0.01, 0.001)
    assert min(first, second) > 0.8 * max(heard) > 20


def test_a_file_does_not_starve_listeners(clock):
    live = [(newcomer(100, frames=100), True) for _ in range(8)]
    files = [(newcomer(100, frames=100, live=False), False) for _ in range(4)]
    *heard, a, b, c, d = converse(clock, live + files, 20, 0.03, 0.003)
    assert min(heard) >= 19
    assert min(a, b, c, d) > 20


def test_too_many_are_all_served_a_little(clock):
    live = [(newcomer(100, frames=100), True) for _ in range(40)]
    files = [(newcomer(100, frames=100, live=False), False) for _ in range(4)]
    spoken = converse(clock, live + files, 20, 0.03, 0.006)
    assert min(spoken) > 0.5 * max(spoken)


def test_a_newcomer_is_heard_soon_among_those_who_are_ahead(clock):
    files = [(newcomer(100, frames=100, live=False), False) for _ in range(4)]
    converse(clock, files, 5, 0.02, 0.003)
    late = newcomer()
    before = clock.now
    converse(clock, [*files, (late, True)], 0.5, 0.02, 0.003)
    assert late.first_sound - before < 0.15
