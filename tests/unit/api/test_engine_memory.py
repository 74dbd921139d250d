"""What many utterances leave behind: nothing."""

import gc
import random
import threading
from collections import Counter

import pytest

from pocket_fast.engine.speech import Part, Speech
from pocket_fast.models.pocket.pipeline import PocketFrame, PocketUtterance
from pocket_fast.models.pocket.script import PocketScript
from pocket_fast.models.voice_cache import VoiceCache
from ramp_model import eventually
from recordings import hum

OURS = (Speech, Part, PocketScript, PocketUtterance, PocketFrame)
TEXTS = ["Yes.", "Hello there. How are you?", "One, [pause:20ms] two.", "No, no, no."]


def alive():
    gc.collect()
    # by type(): isinstance asks an object for its __class__, and numpy's npz files hold some that fail at that
    return Counter(type(thing).__name__ for thing in gc.get_objects() if issubclass(type(thing), OURS))


@pytest.fixture
def before():
    """What other tests have left behind, and may still go."""
    return alive()


def test_200_utterances_leave_nothing(brief, voice, before):
    dice = random.Random(1)

    def listen(count):
        for i in range(count):
            pieces = i % 3 == 0
            text = dice.choice(TEXTS)
            stop = threading.Event()
            stream = brief.generate_audio_stream(
                voice, [text, " "] if pieces else text, 8, seed=i, live=i % 2 == 0, stop=stop
            )
            if i % 10 == 4:
                next(stream)
                stream.close()
            elif i % 10 == 7:
                next(stream)
                stop.set()
            for _ in stream:
                pass

    threads = [threading.Thread(target=listen, args=(50,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: not alive() - before)
    load = brief.engine_load()
    assert (load.running, load.waiting, load.resting, load.resting_bytes) == (0, 0, 0, 0)


def test_listeners_who_are_forgotten_leave_nothing(endless, voice, before):
    streams = [endless.generate_audio_stream(voice, TEXTS[1], seed=i) for i in range(10)]
    for stream in streams:
        next(stream)
    assert alive()["Speech"] == before["Speech"] + 10
    del streams, stream
    eventually(lambda: not alive() - before)


def test_texts_that_fail_leave_nothing(model, voice, before):
    def written():
        yield "Hello there, my friend. And th"
        raise KeyError

    for _ in range(5):
        with pytest.raises(KeyError):
            list(model.generate_audio_stream(voice, written()))
    eventually(lambda: not alive() - before)


def test_voices_are_bounded_in_bytes_while_they_are_spoken_with(model, monkeypatch, tmp_path):
    import soundfile

    one = model.get_state_for_audio_prompt(hum(0.5)).nbytes
    model.voice_cache = VoiceCache(max_bytes=3 * one, model="tests")
    for i in range(8):
        path = tmp_path / f"{i}.wav"
        soundfile.write(path, hum(0.5, pitch=120.0 + 20 * i), 24000)
        next(model.generate_audio_stream(model.get_state_for_audio_prompt(path), "Yes."))
        assert 0 < model.voice_cache.nbytes <= 3 * one
