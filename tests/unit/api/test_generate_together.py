"""One model, many threads: each hears what it would have heard alone."""

import copy
import threading

import numpy as np
import pytest

from pocket_fast import TTSModel
from recordings import hum

TEXTS = ["Hello there.", "How are you? Fine.", "One, two, three.", "Nobody knows [pause:50ms] yet."]


@pytest.fixture
def jobs(model, voice):
    """Calls that speak different texts with different seeds and voices."""
    other = model.get_state_for_audio_prompt(hum(0.5, pitch=300.0))
    return [
        lambda i=i, text=text: model.generate_audio(other if i % 2 else voice, text, 8, seed=i)
        for i, text in enumerate(TEXTS)
    ]


def test_threads_speak_what_each_speaks_alone(jobs, in_threads):
    alone = [job() for job in jobs]
    for _ in range(3):
        for found, expected in zip(in_threads(jobs), alone, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_threads_with_a_team_each(tiny, voice, jobs, in_threads, monkeypatch):
    """Two stage threads in each of four callers; the numbers are those of one thread."""
    from pocket_fast.cpu import _threads

    monkeypatch.setattr(_threads, "GRAIN_MACS", 0)
    model = TTSModel.load_model(config=tiny(), threads=2)
    calls = [
        lambda i=i, text=text: model.generate_audio(dict(voice), text, 8, seed=i)
        for i, text in enumerate(TEXTS)
    ]
    alone = [call() for call in calls]
    for found, expected in zip(in_threads(calls), alone, strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(alone[0], jobs[0]())


def test_a_seed_means_the_same_whatever_else_is_running(model, voice):
    expected = model.generate_audio(voice, TEXTS[0], seed=4)
    running, stop = threading.Event(), threading.Event()

    def noise():
        while not stop.is_set():
            for _ in model.generate_audio_stream(voice, TEXTS[1], stop=stop):
                running.set()

    thread = threading.Thread(target=noise)
    thread.start()
    try:
        assert running.wait(60)
        for _ in range(5):
            np.testing.assert_array_equal(model.generate_audio(voice, TEXTS[0], seed=4), expected)
    finally:
        stop.set()
        thread.join()


def test_streams_may_be_read_in_turns(model, voice):
    alone = [list(model.generate_audio_stream(voice, text, 8, seed=i)) for i, text in enumerate(TEXTS)]
    streams = [model.generate_audio_stream(voice, text, 8, seed=i) for i, text in enumerate(TEXTS)]
    heard = [[] for _ in TEXTS]
    while any(len(h) < len(a) for h, a in zip(heard, alone, strict=True)):
        for h, stream in zip(heard, streams, strict=True):
            h.extend(frame for frame in [next(stream, None)] if frame is not None)
    for h, a in zip(heard, alone, strict=True):
        np.testing.assert_array_equal(np.concatenate(h), np.concatenate(a))


def test_a_stream_may_move_between_threads(model, voice, in_threads):
    expected = list(model.generate_audio_stream(voice, TEXTS[0], seed=1))
    stream = model.generate_audio_stream(voice, TEXTS[0], seed=1)
    heard = [in_threads([lambda: next(stream)])[0] for _ in expected]
    np.testing.assert_array_equal(np.concatenate(heard), np.concatenate(expected))


def test_voices_can_be_made_while_others_speak(model, voice, in_threads, tmp_path):
    samples = [hum(0.4, pitch=150.0 + 40 * i) for i in range(3)]
    expected = [model.get_state_for_audio_prompt(s) for s in samples]
    calls = [lambda s=s: model.get_state_for_audio_prompt(s) for s in samples]
    *found, speech = in_threads([*calls, lambda: model.generate_audio(voice, TEXTS[0], seed=1)])
    np.testing.assert_array_equal(speech, model.generate_audio(voice, TEXTS[0], seed=1))
    for a, b in zip(found, expected, strict=True):
        for module in a:
            np.testing.assert_array_equal(a[module]["cache"], b[module]["cache"])


def test_settings_changed_meanwhile_hold_for_later_calls_only(model, voice):
    expected = model.generate_audio(voice, TEXTS[0], seed=1)
    stream = model.generate_audio_stream(voice, TEXTS[0], seed=1)
    heard = [next(stream)]
    model.temp, model.sampler_decode_steps, model.eos_threshold = 0.9, 4, -1e9
    heard.extend(stream)
    np.testing.assert_array_equal(np.concatenate(heard), expected)


def test_two_copies_of_a_voice_are_continued_independently(brief, voice, in_threads):
    def continued():
        state = copy.deepcopy(voice)
        return [
            brief.generate_audio(state, text, seed=1, copy_state=False) for text in TEXTS[:2]
        ], state.length

    alone, length = continued()
    for sound, found in in_threads([continued] * 3):
        assert found == length
        for a, b in zip(sound, alone, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_model_may_go_while_its_stream_goes_on(tiny, voice):
    import gc

    def speak():
        model = TTSModel.load_model(config=tiny(), threads=1)
        state = model.get_state_for_audio_prompt(hum(0.5))
        return model.generate_audio_stream(state, TEXTS[0], seed=1), model.generate_audio(
            state, TEXTS[0], seed=1
        )

    stream, expected = speak()
    gc.collect()
    np.testing.assert_array_equal(np.concatenate(list(stream)), expected)
