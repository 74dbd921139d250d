"""Places on a clock of their own: whose sound runs out gets one in time, whoever else is there."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from pocket_fast.engine import places as places_module
from pocket_fast.engine import speech as speech_module
from pocket_fast.engine import turns
from pocket_fast.engine.places import Places
from pocket_fast.engine.speech import Speech, Standing
from ramp_model import FRAME, Ramp

RATE = 24000


class House:
    """Places on a clock of their own, and speeches that are read at the speed of speech, or at once."""

    def __init__(self, monkeypatch, max_streams):
        self.now = 1000.0
        clock = SimpleNamespace(monotonic=lambda: self.now)
        for module in (speech_module, places_module):
            monkeypatch.setattr(module, "time", clock)
        self.places = Places(RATE, lambda event, value: None)
        self.places.max_streams = max_streams
        self.gaps = {}
        self.most = 0

    def come(self, frames, **options):
        places = self.places
        speech = Speech(threading.Lock(), places.stirred, places.leave_later, RATE, **options)
        places.come(speech)
        speech.add([lambda: Ramp(frames, prompt=0)] * 3)
        speech.close()
        return speech

    def spend(self, seconds, cost, slow=(), fast=()):
        """cost: seconds of a step of `n` frames."""
        end = self.now + seconds
        while self.now < end:
            for speech in slow:
                self._play(speech)
            for speech in fast:
                while speech._out:
                    speech.take(0)
            self.places.sort_out(self.now)
            running = self.places.running
            turn = turns.choose(running, self.now, RATE, 48, 16)
            assert len(running) <= self.places.max_streams
            for part in turn.begin:
                part.utterance = part.begin()
            for speech in turn.idle:
                self.places.rest(speech, self.now)
            self.now += cost(len(turn.step)) if turn.step else 0.005
            self.most = max(self.most, len(turn.step))
            for part in turn.step:
                part.utterance.made += 1
                with part.speech._lock:
                    part.speech.arrive(part, np.zeros(FRAME, np.float32))
                    if part.utterance.made == part.utterance.count:
                        part.speech.finish(part)

    def _play(self, speech):
        """What a player that keeps nothing does."""
        if speech.first_sound is None or (speech.ended and not speech._out):
            return
        heard = self.gaps.setdefault(speech, [self.now, 0, 0.0])
        while heard[1] < (self.now - heard[0]) * RATE:
            if not speech._out:
                heard[2] += self.now - heard[0] - heard[1] / RATE
                heard[0] = self.now - heard[1] / RATE
                return
            heard[1] += len(speech.take(0))

    def gap(self, speech):
        return self.gaps[speech][2]


def cost(n):
    return 0.006 + 0.002 * n


@pytest.mark.parametrize("max_streams", [1, 2, 3])
def test_listeners_who_share_places_with_files_hear_no_gap(monkeypatch, max_streams):
    house = House(monkeypatch, max_streams)
    listeners = [house.come(400) for _ in range(3)]
    house.spend(5, cost, listeners)
    files = [house.come(10**6, live=False) for _ in range(4)]
    house.spend(60, cost, listeners, files)
    assert all(speech.given >= 60 * RATE for speech in listeners)
    assert max(map(house.gap, listeners)) < 0.1
    assert min(speech.given for speech in files[:max_streams]) > 60 * RATE  # and nobody starves


@pytest.mark.parametrize("max_streams", [1, 2])
def test_newcomers_get_the_place_of_who_does_not_need_it_now(monkeypatch, max_streams):
    house = House(monkeypatch, max_streams)
    listeners = [house.come(400) for _ in range(6)]
    house.spend(60, cost, listeners)
    assert max(map(house.gap, listeners)) < 0.1
    assert max(speech.first_sound for speech in listeners) < 1005


def test_of_those_who_read_at_once_the_next_one_waits_for_its_turn(monkeypatch):
    """A place is not taken from one who has much for one who has not been heard at all."""
    house = House(monkeypatch, 1)
    first, second = house.come(1000), house.come(50)
    house.spend(5, cost, fast=[first, second])
    assert first.given > 20 * RATE
    assert second.first_sound is None
    house.spend(60, cost, fast=[first, second])
    assert second.ended
    assert first.standing is second.standing is Standing.GONE


def test_whose_sound_runs_out_takes_the_place_of_one_with_plenty(monkeypatch):
    house = House(monkeypatch, 1)
    paced = house.come(1000)
    house.spend(3, cost, [paced])
    reader = house.come(1000)
    house.spend(40, cost, [paced], [reader])
    assert house.gap(paced) == 0
    assert reader.given > 60 * RATE
