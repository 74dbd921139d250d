"""generate_audio_stream with text that is still being written."""

import gc
import itertools
import threading
import time
import weakref

import numpy as np
import pytest

from pocket_fast.errors import TextError
from ramp_model import LONG_ENOUGH, eventually

TEXT = "Hello there, my friend. How are you today? [pause:100ms] I am fine, thank you. And so is he."


def idle(model):
    def idle():
        load = model.engine_load()
        return load.running == load.waiting == load.resting == 0

    return idle


def heard(model, voice, pieces, **options):
    return np.concatenate(list(model.generate_audio_stream(voice, pieces, **options)))


def cut(text, size):
    return [text[i : i + size] for i in range(0, len(text), size)]


# --- what is heard ------------------------------------------------------------------------------


def test_speech_starts_before_the_text_is_complete(brief, voice):
    go_on = threading.Event()

    def written():
        yield "Hello there, my friend. Ho"
        assert go_on.wait(LONG_ENOUGH)
        yield "w are you?"

    stream = brief.generate_audio_stream(voice, written(), seed=1, frames_after_eos=0)
    first = [next(stream) for _ in range(6)]  # all of the first sentence
    assert not go_on.is_set()
    go_on.set()
    rest = list(stream)
    assert len(rest) == 6
    alone = brief.generate_audio(voice, "Hello there, my friend.", seed=1, frames_after_eos=0)
    np.testing.assert_array_equal(np.concatenate(first), alone)


@pytest.mark.parametrize("live", [True, False])
def test_it_does_not_matter_how_the_text_was_cut(model, voice, live):
    expected = heard(model, voice, [TEXT], seed=2)
    for size in (1, 2, 7, 30):
        np.testing.assert_array_equal(heard(model, voice, cut(TEXT, size), seed=2, live=live), expected)
    slow = (time.sleep(0.001) or piece for piece in cut(TEXT, 5))
    np.testing.assert_array_equal(heard(model, voice, slow, seed=2, live=live), expected)


@pytest.mark.parametrize("at_once", [True, False])
def test_it_does_not_matter_when_a_pause_comes(model, voice, at_once):
    """What is said before it has been heard already, or has not."""
    spoken = threading.Event()
    if at_once:
        spoken.set()

    def written():
        yield "Hello there, my friend.\n\n"
        assert spoken.wait(LONG_ENOUGH)
        yield "[pause:100ms] Goodbye."

    sound = []
    count = len(list(model.generate_audio_stream(voice, "Hello there, my friend.", seed=2)))
    for frame in model.generate_audio_stream(voice, written(), seed=2):
        sound.append(frame)
        if len(sound) == count:
            spoken.set()
    np.testing.assert_array_equal(
        np.concatenate(sound),
        heard(model, voice, ["Hello there, my friend.\n\n[pause:100ms] Goodbye."], seed=2),
    )


def test_a_voice_can_be_continued(brief, voice):
    import copy

    whole, pieces = copy.deepcopy(voice), copy.deepcopy(voice)
    expected = heard(brief, whole, [TEXT], seed=1, copy_state=False)
    np.testing.assert_array_equal(heard(brief, pieces, cut(TEXT, 3), seed=1, copy_state=False), expected)
    assert pieces.length == whole.length > voice.length


@pytest.mark.parametrize("live", [True, False])
def test_marks_tell_where_passages_begin(brief, voice, live):
    found = []

    def mark(samples, text):
        found.append((samples, len(heard), text))
        brief.engine_load()  # nothing is locked

    heard = []
    stream = brief.generate_audio_stream(
        voice,
        ["Hello there, my friend. [pause:500ms] And ", "how are you on this fine day?"],
        frames_after_eos=0,
        live=live,
        marks=mark,
    )
    for sound in stream:
        heard.append(sound)
    second = 6 * 1920 + 12000
    assert found == [
        (0, 0, "Hello there, my friend. [pause:500ms]"),
        (second, 7, "And how are you on this fine day?"),
    ]


def test_what_goes_wrong_with_a_mark_is_the_listeners_own(brief, voice):
    other = brief.generate_audio_stream(voice, TEXT)
    next(other)

    def mark(samples, text):
        raise KeyError("mark")

    with pytest.raises(KeyError, match="mark"):
        list(brief.generate_audio_stream(voice, TEXT, marks=mark))
    assert len(list(other)) > 10
    eventually(idle(brief))


# --- nothing, too much, and problems ------------------------------------------------------------


@pytest.mark.parametrize("pieces", [[], [""], [" ", "\n"], ["[pause:0s]"]])
def test_nothing_to_say(model, voice, pieces):
    with pytest.raises(TextError, match="blank"):
        heard(model, voice, iter(pieces))
    eventually(idle(model))


def test_a_silence_is_something(model, voice):
    assert len(heard(model, voice, ["[pause:", "1s]"])) == 24000
    assert len(heard(model, voice, [".", ".", "."])) == 12000


@pytest.mark.parametrize(("piece", "error"), [(7, TextError), (b"Hello", TextError), ("\ud800", TextError)])
def test_a_piece_that_is_no_text(model, voice, piece, error):
    sound = []
    with pytest.raises(error):
        sound.extend(model.generate_audio_stream(voice, ["Hello there, my friend. ", "And ", piece], seed=1))
    np.testing.assert_array_equal(
        np.concatenate(sound), model.generate_audio(voice, "Hello there, my friend.", seed=1)
    )
    eventually(idle(model))


def test_a_writer_who_fails_is_heard_of_after_what_was_written(model, voice):
    def written():
        yield "Hello there, my friend. How are you on this fine day? And th"
        raise KeyError("no more")

    sound = []
    with pytest.raises(KeyError, match="no more"):
        sound.extend(model.generate_audio_stream(voice, written(), seed=1))
    expected = heard(model, voice, ["Hello there, my friend. How are you on this fine day?"], seed=1)
    np.testing.assert_array_equal(np.concatenate(sound), expected)
    eventually(idle(model))


@pytest.mark.parametrize("piece", [TEXT, "", "word "])
def test_a_writer_who_never_ends_is_left(model, voice, piece):
    closed = threading.Event()

    def written():
        try:
            yield "Hello there, my friend. How "
            yield from itertools.repeat(piece)
        finally:
            closed.set()

    stream = model.generate_audio_stream(voice, written())
    next(stream)
    stream.close()
    assert closed.wait(LONG_ENOUGH)
    eventually(idle(model))


def test_a_writer_who_waits_for_ever_keeps_nobody(model, voice):
    go_on = threading.Event()

    def written():
        yield "Hello there, my friend. Ho"
        go_on.wait()

    try:
        stream = model.generate_audio_stream(voice, written())
        next(stream)
        stream.close()
        eventually(idle(model))
        stop = threading.Event()
        stream = model.generate_audio_stream(voice, written(), stop=stop)
        next(stream)
        stop.set()
        assert list(stream) == []
        eventually(idle(model))
    finally:
        go_on.set()


def test_a_fast_writer_waits_for_a_slow_listener(model, voice):
    pieces = itertools.count()
    stream = model.generate_audio_stream(voice, (f"This is sentence {n} of many. " for n in pieces))
    for _ in range(10):
        next(stream)
    time.sleep(0.3)
    assert next(pieces) < 500
    stream.close()


def test_nothing_of_it_is_kept(model, voice):
    class Writer:
        def __iter__(self):
            return iter(cut(TEXT, 4))

    writer = Writer()
    gone = weakref.ref(writer)
    heard(model, voice, writer)
    del writer
    eventually(lambda: gc.collect() >= 0 and gone() is None)
