"""Texts nobody should send: huge, unpunctuated, full of control characters, not text at all."""

import threading

import numpy as np
import pytest

from fresh_python import run_python
from pocket_fast.errors import TextError

FRAME = 1920


@pytest.mark.parametrize(
    "text",
    [
        "a\x00b",
        "\x07\x1b[31mred\x1b[0m\x08",
        "🙂 a",
        "👩‍👩‍👧‍👦 and 🇩🇪!",
        "שלום עולם",
        "مرحبا بالعالم.",
        "\u202eabc\u202c",
        "e\u0301\u0301\u0301",
        "日本語のテキスト。",
        "\u200b\u200da\ufeff",
        "... %",
        "[pause:500] [PAUSE:1s] [pause:-1s]",
        "ß" * 40,
    ],
    ids=ascii,
)
def test_strange_texts_are_spoken(brief, voice, text):
    samples = brief.generate_audio(voice, text, frames_after_eos=0)
    assert len(samples) % (6 * FRAME) == 0
    assert len(samples) > 0
    assert np.isfinite(samples).all()


@pytest.mark.parametrize(
    "text", ["\x00", "🙂", "\u200b\u200d\ufeff", "...", '"', "-- ", "?!?!?!", "�"], ids=ascii
)
def test_marks_and_emoji_alone_are_half_a_second_of_silence(model, voice, text):
    in_pieces = model.generate_audio_stream(voice, list(text))
    for samples in (model.generate_audio(voice, text), np.concatenate(list(in_pieces))):
        assert samples.tolist() == [0.0] * 12000


@pytest.mark.parametrize("text", [None, b"Hello", 5, [5]])
def test_what_is_not_text(model, voice, text):
    with pytest.raises(TextError, match="must be a str, got"):
        model.generate_audio(voice, text)


def test_half_a_character(model, voice):
    with pytest.raises(TextError, match=r"lone surrogate \(U\+D83D\) at character 3"):
        model.generate_audio(voice, "abc\ud83d")


def test_a_megabyte_starts_soon_and_stops(brief, voice):
    """Chunks begin when their turn comes: nothing is spoken, or kept, for the rest."""
    text = "It is a long story that nobody wants to hear. " * 22_000
    assert len(text) > 1_000_000
    stop = threading.Event()
    stream = brief.generate_audio_stream(voice, text, 50, 0, stop=stop)
    heard = [next(stream) for _ in range(20)]
    stop.set()
    assert list(stream) == []
    assert np.abs(heard[0]).max() > 0


def test_a_megabyte_in_one_word(brief, voice):
    with pytest.raises(TextError, match=r"tokens .* at most"):
        next(brief.generate_audio_stream(voice, "a" * 1_000_000))


def test_a_long_sentence_without_punctuation(brief, voice, caplog):
    """5,000 tokens in one chunk: more than was ever trained on, but it is spoken, with a warning."""
    words = "and then we went on and on " * 416
    stop = threading.Event()
    stream = brief.generate_audio_stream(voice, words, stop=stop)
    heard = [next(stream) for _ in range(3)]
    assert "may lose words; add punctuation" in caplog.text
    stop.set()
    assert list(stream) == []
    assert np.isfinite(np.concatenate(heard)).all()


def test_a_text_of_many_long_sentences_is_warned_of_once(brief, voice, caplog):
    brief.generate_audio(voice, "And then we went on and on. " * 5, max_tokens=4)
    assert caplog.text.count("may lose words") == 1


def test_a_long_sentence_takes_memory_for_what_is_said_not_for_what_might_be(tiny):
    """Its frames may be 20,000; they take their memory as they come."""
    code = """
import resource, sys
import numpy as np
from pocket_fast import TTSModel
model = TTSModel.load_model(config=sys.argv[1], threads=1)
model.eos_threshold = 1e9
voice = model.get_state_for_audio_prompt(np.sin(np.arange(24000) / 20) / 3)
list(model.generate_audio_stream(voice, "Hello."))
def rss():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = rss()
stream = model.generate_audio_stream(voice, "and then we went on and on " * 416)
for _ in range(50):
    next(stream)
print(rss() - before)
"""
    result = run_python(code, argv=[str(tiny("tiny-24l"))])
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) < 150_000  # KiB; all of its positions would be 300 MB
