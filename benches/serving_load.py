"""What bench_serving.py asks of an engine, in this process or behind HTTP: texts, listeners, bursts, cancels.

A source has `speak(text, voice, seed, live)`, an async generator of 80 ms frames, and `cpu()`, the seconds its
threads have computed. voice: a number; 0 is the default voice.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np

FRAME_SECONDS = 0.08
QUIET = 0.5  # seconds without computing that mean an end
LONGEST = 10.0  # seconds that an end is waited for
START_BUFFER = 2  # frames a listener waits for before it plays
NOT_THERE = 0.01  # seconds: what takes longer to take was not there; less is the event loop's own pace
_WORDS = """
amber anchor apple autumn barley basket beacon branch bridge bright candle carries castle cedar chalk circle
clever cloud copper corner cradle curtain daylight distant dusty eager early east echo ember evening falcon
feather fern finds follows forest fountain garden gentle glass golden granite green harbour harvest hidden
hollow honest island ivory journey keeper kettle ladder lantern leaves letter linen little marble meadow
merry mirror morning mossy narrow nearly north ocean old orchard paper patient pebble pepper plain
quarry quiet quilt ribbon river rooftop rusty saddle sailor season shadow silver sleepy slowly softly south
spring stone stream summer table tall tender thistle timber tower turns valley velvet village walks warm
water weather west whistle willow window winter wooden yellow
"""
WORDS = _WORDS.split()


def sentence(dice: random.Random, words: int) -> str:
    return " ".join(dice.choice(WORDS) for _ in range(words)).capitalize() + "."


def sentences(count: int, tokens: int, tokenizer: Any, seed: int = 0) -> list[str]:
    """Different ones of exactly `tokens` tokens, so that weights that never hear an end take equally long for each."""
    dice, found = random.Random(seed), set()
    while len(found) < count:
        words: list[str] = []
        text = ""
        while len(tokenizer.encode(text)) < tokens:
            words.append(dice.choice(WORDS))
            text = " ".join(words).capitalize() + "."
        if len(tokenizer.encode(text)) == tokens:
            found.add(text)
    return sorted(found)


def prose(words: int, seed: int = 0) -> str:
    """Sentences of 6 to 16 words, `words` in all."""
    dice, parts = random.Random(seed), []
    while words:
        length = min(words, dice.randint(6, 16))
        parts.append(sentence(dice, length))
        words -= length
    return " ".join(parts)


def recordings(path: Path, count: int, seconds: float = 10.0) -> list[np.ndarray]:
    """`count` voices of one length: the recording, each time begun elsewhere."""
    from pocket_fast.audio.read import read_audio
    from pocket_fast.audio.resample import resample

    pcm = resample(*read_audio(path), 24000)
    return [np.roll(pcm, -i * len(pcm) // count)[: int(seconds * 24000)] for i in range(count)]


def percentile(values: Sequence[float], percent: int) -> float:
    if len(values) < 2:
        return max(values, default=0.0)
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


class Here:
    """The engine in this process."""

    def __init__(self, config: Path, compute_type: str, threads: int, voices: Sequence[np.ndarray]):
        from pocket_fast import TTSModel

        self.model = TTSModel.load_model(config=config, compute_type=compute_type, threads=threads)
        self.model.limit(max_streams=4096)
        self.voices = [self.model.get_state_for_audio_prompt(voice) for voice in voices]
        self.step_ended = 0.0
        self.model.watch(self._watch)

    def _watch(self, event: str, value: float) -> None:
        if event == "step":
            self.step_ended = time.perf_counter()

    def speak(
        self, text: str, voice: int = 0, seed: int | None = None, live: bool = True
    ) -> AsyncIterator[np.ndarray]:
        return self.model.astream(self.voices[voice % len(self.voices)], text, seed=seed, live=live)

    def cpu(self) -> float:
        return time.process_time()

    async def stopped(self, asked: float) -> float:
        """Seconds from `asked` (perf_counter) until the engine computed no more."""
        while (now := time.perf_counter()) < max(asked, self.step_ended) + QUIET and now < asked + LONGEST:
            await asyncio.sleep(0.05)
        return max(0.0, self.step_ended - asked)

    def restart(self) -> None:
        raise RuntimeError(f"computing goes on {LONGEST:g} s after the last listener left")

    def close(self) -> None:
        self.model.close()


# --- files -------------------------------------------------------------------------------------------


async def hear(source: Any, text: str, voice: int = 0) -> int:
    """Frames of a text that nobody waits for."""
    frames = 0
    async with aclosing(source.speak(text, voice, live=False)) as sound:
        async for _ in sound:
            frames += 1
    return frames


async def burst(source: Any, texts: Sequence[str], voices: int = 1) -> dict[str, float]:
    """All texts at once, in the first `voices` voices by turns."""
    cpu, start = source.cpu(), time.perf_counter()
    frames = sum(await asyncio.gather(*(hear(source, t, i % voices) for i, t in enumerate(texts))))
    wall = time.perf_counter() - start
    return {"audio": frames * FRAME_SECONDS, "wall": wall, "cpu": source.cpu() - cpu, "frames": frames}


# --- listeners ---------------------------------------------------------------------------------------


class Listener:
    """Plays a text as a player does: waits for two frames, then takes one every 80 ms by the clock.

    missing: frames that were not there when they were asked for at their time; late: seconds after its time that
    each was had, which includes what this process itself slept too long.
    """

    def __init__(self) -> None:
        self.first = float("nan")
        self.missing = 0
        self.late: list[float] = []

    async def play(self, source: Any, text: str, voice: int, until: float) -> None:
        asked = time.perf_counter()
        async with aclosing(source.speak(text, voice)) as sound:
            await anext(sound)
            self.first = time.perf_counter() - asked
            for _ in range(START_BUFFER - 1):
                await anext(sound)
            begun, number = time.perf_counter(), START_BUFFER
            while (due := begun + number * FRAME_SECONDS) < until:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                asked_again = time.perf_counter()
                try:
                    await anext(sound)
                except StopAsyncIteration:
                    return
                self.missing += time.perf_counter() - asked_again > NOT_THERE
                self.late.append(time.perf_counter() - due)
                number += 1


async def crowd(
    source: Any, count: int, seconds: float, ramp: float | None = None, voices: int = 1
) -> dict[str, float]:
    """`count` listeners who come at random within `ramp` seconds and then all listen for `seconds`."""
    ramp = min(5.0, seconds / 4) if ramp is None else ramp
    dice, listeners = random.Random(count), [Listener() for _ in range(count)]
    start = time.perf_counter()
    words = int(5 * (ramp + seconds)) + 20

    async def one(i: int, listener: Listener) -> None:
        await asyncio.sleep(dice.uniform(0, ramp))
        await listener.play(source, prose(words, seed=i), i % voices, start + ramp + seconds)

    cpu = source.cpu()
    await asyncio.gather(*(one(i, listener) for i, listener in enumerate(listeners)))
    late = [seconds for listener in listeners for seconds in listener.late]
    return {
        "listeners": count,
        "seconds": seconds,
        "underruns": sum(listener.missing if listener.late else 1 for listener in listeners),
        "late_p50": percentile(late, 50),
        "late_p99": percentile(late, 99),
        "late_max": max(late, default=0.0),
        "first_p50": percentile([listener.first for listener in listeners], 50),
        "first_p95": percentile([listener.first for listener in listeners], 95),
        "cores": (source.cpu() - cpu) / (time.perf_counter() - start),
    }


def steady(heard: dict[str, float]) -> bool:
    return heard["underruns"] == 0 and heard["late_p99"] < FRAME_SECONDS


async def most_listeners(
    attempt: Callable[[int, float], Awaitable[dict[str, float]]],
    trial: float,
    seconds: float,
    start: int,
    most: int,
) -> list[dict[str, float]]:
    """All attempts; the last one is the largest crowd that stayed steady for `seconds`.

    By doubling and halving with `trial` seconds each, then for `seconds` with a few less until it holds.
    """
    tried, good, bad = [], 0, most + 1
    count = min(start, most)
    while bad - good > max(1, good // 32):
        tried.append(await attempt(count, trial))
        if steady(tried[-1]):
            good = count
        else:
            bad = count
        count = min(2 * good, most) if bad > most else (good + bad) // 2
        if count <= good:
            break
    while good:
        tried.append(await attempt(good, seconds))
        if steady(tried[-1]):
            break
        good -= max(1, good // 32)
    return tried


# --- first sound and last ------------------------------------------------------------------------


async def first_audio(source: Any, text: str) -> float:
    """Seconds until the first frame of a live text is here; then it is cancelled."""
    asked = time.perf_counter()
    async with aclosing(source.speak(text)) as sound:
        await anext(sound)
        return time.perf_counter() - asked


async def first_audios(source: Any, texts: Sequence[str], listeners: int, budget: float) -> list[float]:
    """Of one text after the other with pauses between, `listeners` listening meanwhile; what `budget` seconds allow."""
    start = time.perf_counter()
    plays = [
        asyncio.ensure_future(Listener().play(source, prose(int(8 * budget) + 40, i), 0, start + 10 * budget))
        for i in range(listeners)
    ]
    found: list[float] = []
    try:
        await asyncio.sleep(2.0 if listeners else 0.2)
        for i, text in enumerate(texts):
            if time.perf_counter() - start > budget:
                break
            found.append(await first_audio(source, text))
            await asyncio.sleep(0.2 + 0.01 * (i % 8))
    finally:
        for play in plays:
            play.cancel()
        await asyncio.gather(*plays, return_exceptions=True)
    return found


async def settle(source: Any) -> None:
    """Nothing is computed any more: what goes on for whom nobody hears would disturb what is measured next."""
    if await source.stopped(time.perf_counter()) >= LONGEST - QUIET:
        source.restart()
        await hear(source, "A first sentence warms everything up.")


async def cancel(source: Any, texts: Sequence[str], frames: int = 5) -> float:
    """Seconds from closing all of these texts' streams at once, in mid-speech, until nothing is computed any more."""
    streams = [source.speak(text) for text in texts]
    for _ in range(frames):
        for stream in streams:
            await anext(stream)
    asked = time.perf_counter()
    for stream in streams:
        await stream.aclose()
    return await source.stopped(asked)
