"""astream: speech in event loops. Nothing blocks the loop, and every way of leaving ends the computing."""

import asyncio
import contextlib
import gc
import threading

import numpy as np
import pytest

from pocket_fast.engine.alisten import Bell
from pocket_fast.errors import BusyError, ConfigError, TextError
from ramp_model import eventually

TEXT = "Hello there, my friend. How are you today?"
PIECES = ["Hello th", "ere, my friend.", " How are you", " today?"]


async def all_of(stream):
    return np.concatenate([chunk async for chunk in stream])


async def until(condition):
    while not condition():
        await asyncio.sleep(0.002)


def idle(model):
    def idle():
        load = model.engine_load()
        return load.running == load.waiting == load.resting == 0

    return idle


@contextlib.asynccontextmanager
async def spoken_to(model, voice):
    """Somebody holds a place meanwhile: takes all sound as it is made, and much of it."""

    async def listen():
        async for _ in stream:
            begun.set()

    stream, begun = model.astream(voice, TEXT * 500), asyncio.Event()
    task = asyncio.create_task(listen())
    await begun.wait()
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await stream.aclose()


# --- what is heard ------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [True, False])
def test_it_is_what_generate_audio_says(model, voice, patient, live):
    found = patient(all_of(model.astream(voice, TEXT, 8, 1, seed=3, live=live)))
    np.testing.assert_array_equal(found, model.generate_audio(voice, TEXT, 8, 1, seed=3))


@pytest.mark.parametrize("kind", ["list", "generator", "async"])
def test_text_may_come_in_pieces(model, voice, patient, kind):
    async def pieces():
        for piece in PIECES:
            await asyncio.sleep(0)
            yield piece

    async def speak():
        text = {"list": PIECES, "generator": iter(PIECES), "async": pieces()}[kind]
        return await all_of(model.astream(voice, text, seed=3))

    found = patient(speak())
    np.testing.assert_array_equal(
        found, np.concatenate(list(model.generate_audio_stream(voice, [TEXT], seed=3)))
    )


def test_many_at_once(model, voice, patient):
    model.limit(max_streams=2)
    try:
        alone = [model.generate_audio(voice, TEXT, seed=i) for i in range(12)]

        async def speak():
            return await asyncio.gather(
                *(all_of(model.astream(voice, TEXT, seed=i, live=i % 3 > 0)) for i in range(12))
            )

        for found, expected in zip(patient(speak()), alone, strict=True):
            np.testing.assert_array_equal(found, expected)
    finally:
        model.limit(max_streams=64)


def test_two_loops_in_two_threads(model, voice, patient, in_threads):
    expected = [model.generate_audio(voice, TEXT, seed=seed) for seed in (1, 2)]
    calls = [lambda seed=seed: patient(all_of(model.astream(voice, TEXT, seed=seed))) for seed in (1, 2)]
    for _ in range(3):
        for found, alone in zip(in_threads(calls), expected, strict=True):
            np.testing.assert_array_equal(found, alone)


# --- the loop goes on ---------------------------------------------------------------------------


def test_others_run_while_speech_is_made(endless, voice, patient):
    ticks = []

    async def tick():
        while True:
            ticks.append(1)
            await asyncio.sleep(0)

    async def speak():
        ticking = asyncio.create_task(tick())
        between = []
        async for _ in endless.astream(voice, "Hello."):
            between.append(len(ticks))
            ticks.clear()
        ticking.cancel()
        return between

    between = patient(speak())
    assert len(between) > 20
    assert all(between[1:])


def test_a_long_silence_does_not_keep_the_loop(model, voice, patient):
    """All of it is there at once."""

    async def speak():
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(all_of(model.astream(voice, "[pause:9999999s]")), 0.05)

    patient(speak())
    eventually(idle(model))


# --- leaving ------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("way", ["break", "aclose", "cancel", "wait_for", "raise"])
def test_leaving_ends_the_computing(endless, voice, patient, way, in_pieces):
    cleaned = []

    async def pieces():
        try:
            while True:
                yield TEXT
                await asyncio.sleep(0)
        finally:
            cleaned.append(True)

    async def listen(stream, heard):
        async for _ in stream:
            heard.set()
            if way == "break":
                break
            if way == "raise":
                raise KeyError

    async def leave():
        stream = endless.astream(voice, pieces() if in_pieces else TEXT * 50)
        heard = asyncio.Event()
        if way in ("break", "raise"):
            with contextlib.suppress(KeyError):
                await listen(stream, heard)
            await stream.aclose()
        elif way == "aclose":
            await anext(stream)
            await stream.aclose()
        elif way == "cancel":
            task = asyncio.create_task(listen(stream, heard))
            await heard.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            await anext(stream)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(listen(stream, heard), 0.01)
        await until(idle(endless))
        await until(lambda: cleaned or not in_pieces)
        assert [chunk async for chunk in stream] == []

    patient(leave())


def test_a_task_cancelled_while_it_waits_for_its_turn(endless, voice, patient):
    async def leave():
        async with spoken_to(endless, voice):
            task = asyncio.create_task(all_of(endless.astream(voice, TEXT)))
            await until(lambda: endless.engine_load().waiting == 1)
            task.cancel()
            await until(lambda: endless.engine_load().waiting == 0)

    endless.limit(max_streams=1)
    try:
        patient(leave())
        eventually(idle(endless))
    finally:
        endless.limit(max_streams=64)


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_loop_that_is_closed_early(endless, voice, in_pieces):
    """No generator is finished by such a loop."""

    async def begin(stream):
        await anext(stream)

    def leave():
        loop = asyncio.new_event_loop()
        stream = endless.astream(voice, [TEXT] * 50 if in_pieces else TEXT * 50)
        loop.run_until_complete(begin(stream))
        loop.close()

    leave()
    gc.collect()
    eventually(idle(endless))


def test_a_loop_that_ends_with_speech_under_way(endless, voice):
    async def leave():
        await anext(endless.astream(voice, TEXT * 50))
        stream = endless.astream(voice, TEXT * 50)
        await anext(stream)
        return stream

    asyncio.run(leave())
    eventually(idle(endless))


# --- problems -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [iter, list])
@pytest.mark.parametrize("pieces", [[], [""], [" ", "\n"], ["[pause:0s]"]])
def test_nothing_to_say_in_pieces(model, voice, patient, pieces, kind):
    async def later():
        for piece in pieces:
            yield piece

    for text in (kind(pieces), later()):
        with pytest.raises(TextError, match="blank"):
            patient(all_of(model.astream(voice, text)))
    eventually(idle(model))


@pytest.mark.parametrize("text", ["", "  ", "[pause:0s]"])
def test_nothing_to_say(model, voice, patient, text):
    with pytest.raises(TextError, match="blank"):
        patient(all_of(model.astream(voice, text)))


@pytest.mark.parametrize("error", [KeyError("text"), asyncio.CancelledError("text")])
def test_what_goes_wrong_with_the_text_is_heard_after_what_came_before(model, voice, patient, error):
    async def pieces():
        yield "Hello there, my friend. And this is lo"
        raise error

    heard = []

    async def speak():
        async for chunk in model.astream(voice, pieces(), seed=1):
            heard.append(chunk)

    with pytest.raises(type(error), match="text"):
        patient(speak())
    expected = model.generate_audio(voice, "Hello there, my friend.", seed=1)
    np.testing.assert_array_equal(np.concatenate(heard), expected)
    eventually(idle(model))


def test_the_deadline(endless, voice, patient):
    async def speak():
        async with spoken_to(endless, voice):
            with pytest.raises(BusyError, match="deadline") as refused:
                await all_of(endless.astream(voice, TEXT, deadline=0.01))
            assert refused.value.retry_after > 0

    endless.limit(max_streams=1)
    try:
        patient(speak())
    finally:
        endless.limit(max_streams=64)
    for deadline in (-1, "soon", float("nan"), True):
        with pytest.raises(ConfigError, match="deadline"):
            patient(all_of(endless.astream(voice, TEXT, deadline=deadline)))


def test_the_queue(endless, voice, patient):
    async def speak():
        async with spoken_to(endless, voice):
            with pytest.raises(BusyError, match="limit"):
                await all_of(endless.astream(voice, TEXT))
        await all_of(endless.astream(voice, "Hello."))  # there is room again at once

    endless.limit(max_streams=1, max_queue=0)
    try:
        patient(speak())
    finally:
        endless.limit(max_streams=64, max_queue=256)


def test_it_needs_a_loop(model, voice):
    model.generate_audio(voice, "Hello.")  # the engine runs
    before = threading.active_count()
    for _ in range(5):
        stream = model.astream(voice, TEXT)
        with pytest.raises(RuntimeError, match="event loop"):
            stream.__anext__().send(None)
    eventually(idle(model))
    assert threading.active_count() <= before


# --- waking the loop ------------------------------------------------------------------------------


def test_one_call_wakes_a_loop_for_all_who_are_rung_for(patient, monkeypatch):
    """A step of the engine rings for everyone in its batch."""

    async def ring_twice():
        loop, calls = asyncio.get_running_loop(), []
        real = loop.call_soon_threadsafe
        monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *given: calls.append(given) or real(*given))
        bells = [Bell() for _ in range(20)]
        for _ in range(2):
            ringer = threading.Thread(target=lambda: [bell.ring() for bell in bells for _ in range(3)])
            ringer.start()
            ringer.join()  # the loop hears nothing meanwhile
            await asyncio.gather(*(bell.wait() for bell in bells))
        return calls

    assert len(patient(ring_twice())) == 2


def test_loops_in_turn_have_their_own_bells(patient):
    async def rung():
        bell = Bell()
        threading.Thread(target=bell.ring).start()
        await bell.wait()
        return bell

    for bell in [patient(rung()) for _ in range(3)]:
        bell.ring()  # to loops that have closed: nobody hears it, and nothing is raised
