"""Long texts in event loops: planned beside them, a few chunks at a time."""

import asyncio
import os
import threading
import time

import numpy as np
import pytest

from pocket_fast.engine import listen
from pocket_fast.errors import TextError
from pocket_fast.models.pocket.script import PocketScript
from pocket_fast.text.arriving import apassages
from ramp_model import LONG_ENOUGH, eventually

LONG = " ".join(
    f"This is sentence {i}, and not the last one.{' [pause:40ms]' if i % 7 == 3 else ''}" for i in range(30)
)


async def all_of(stream):
    return np.concatenate([chunk async for chunk in stream])


@pytest.mark.parametrize(
    "text", [LONG, f"[pause:50ms] {LONG} [pause:50ms][pause:50ms]", LONG.replace(".", ",")]
)
def test_long_texts_are_planned_in_pieces_and_sound_the_same(brief, voice, patient, text):
    found = patient(all_of(brief.astream(voice, text, seed=4, natural_pauses=len(text) % 2 == 0)))
    expected = brief.generate_audio(voice, text, seed=4, natural_pauses=len(text) % 2 == 0)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("how", ["whole", "one piece", "small pieces"])
def test_planning_is_not_waited_for(brief, voice, patient, monkeypatch, how):
    """Not by the first sound, nor by the loop."""
    go_on, threads, real = threading.Event(), set(), PocketScript.plan

    def plan(self, text):
        for i, chunk in enumerate(real(self, text)):
            if len(text) > 300:
                threads.add(threading.current_thread().name)
            if i == 3 and how == "whole":
                assert go_on.wait(LONG_ENOUGH)
            yield chunk

    async def pieces():
        size = len(LONG) if how == "one piece" else 50
        for i in range(0, len(LONG), size):
            yield LONG[i : i + size]

    async def speak():
        stream = brief.astream(voice, LONG if how == "whole" else pieces(), seed=1)
        first = await anext(stream)
        go_on.set()
        return np.concatenate([first, *[chunk async for chunk in stream]])

    monkeypatch.setattr(PocketScript, "plan", plan)
    found = patient(speak())
    assert threads == ({"pocket_fast text"} if how == "whole" else set())
    monkeypatch.undo()
    if how == "whole":
        np.testing.assert_array_equal(found, brief.generate_audio(voice, LONG, seed=1))


def test_a_passage_without_any_place_to_cut_is_planned_elsewhere(brief, voice, patient, monkeypatch):
    threads, real = set(), PocketScript.plan

    def plan(self, text):
        threads.add((len(text) > 300, threading.current_thread() is threading.main_thread()))
        return real(self, text)

    async def pieces():
        yield "Hello there, my friend. "
        yield "a" * 500 + ". And the rest."

    monkeypatch.setattr(PocketScript, "plan", plan)
    patient(all_of(brief.astream(voice, pieces())))
    assert threads == {(False, True), (True, False)}


def test_many_long_texts_are_planned_one_at_a_time(brief, voice, patient, monkeypatch):
    """Python computes for one thread at a time: the others would only stand in the way of the engine and the loop."""
    at_work, most, real = [], [], PocketScript.plan

    def plan(self, text):
        planned = real(self, text)
        while True:
            at_work.append(None)
            most.append(len(at_work))
            time.sleep(0.0005)
            chunk = next(planned, None)
            at_work.pop()
            if chunk is None:
                return
            yield chunk

    async def speak():
        return await asyncio.gather(*(all_of(brief.astream(voice, LONG, seed=i)) for i in range(6)))

    monkeypatch.setattr(PocketScript, "plan", plan)
    found = patient(speak())
    assert max(most) == 1
    monkeypatch.undo()
    for i, sound in enumerate(found):
        np.testing.assert_array_equal(sound, brief.generate_audio(voice, LONG, seed=i))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_need_not_wait_for_what_was_planned_in_its_parent(brief):
    with listen._planning:
        if not (child := os.fork()):
            os._exit(not listen._planning.acquire(timeout=1))
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("end", ["a" * 20_000, "and so " * 3000, "Hm. [pause:1s] " + "x" * 10_500 + ". Yes."])
def test_what_is_wrong_with_the_end_of_a_long_text_is_heard_of_before_anything_is_said(
    brief, voice, patient, end
):
    heard = []

    async def speak():
        async for chunk in brief.astream(voice, f"{LONG} {end}", seed=1):
            heard.append(chunk)

    with pytest.raises(TextError, match="without a mark"):
        patient(speak())
    assert not heard
    eventually(lambda: brief.engine_load().running == brief.engine_load().resting == 0)


def test_what_only_planning_finds_is_heard_of_after_what_came_before(brief, voice, patient):
    """Periods within numbers are marks, but no places to cut at."""
    heard = []

    async def speak():
        async for chunk in brief.astream(voice, f"{LONG} {'1.' * 6000}1", seed=1):
            heard.append(chunk)

    with pytest.raises(TextError, match="without a mark"):
        patient(speak())
    assert len(heard) > 30
    eventually(lambda: brief.engine_load().running == brief.engine_load().resting == 0)


def test_others_run_while_a_long_piece_of_text_is_judged(brief, voice, patient):
    async def speak():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        async for _ in apassages([LONG * 8]):
            pass
        ticking.cancel()
        return ticks

    assert patient(speak()) >= 10
