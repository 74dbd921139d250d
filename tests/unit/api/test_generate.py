"""generate_audio and generate_audio_stream: frames, chunks, seeds, pauses, stop, and the end of speech."""

import copy
import gc
import logging
import threading
import time
import weakref

import numpy as np
import pytest

from planned import plan
from pocket_fast.errors import ConfigError, TextError
from pocket_fast.models.pocket import pipeline
from recordings import hum

FRAME = 1920
FADE = 120  # 5 ms
TEXT = "Hello there, my friend."
LONG = "The first is short. The second is as long as that. And now the third of them. Last."


def silences(samples, shortest=200):
    """[(begin, length)] of the runs of exact zeros."""
    edges = np.flatnonzero(np.diff(np.concatenate([[1], samples != 0, [1]])))
    runs = edges.reshape(-1, 2)
    return [(int(a), int(b - a)) for a, b in runs if b - a >= shortest]


# --- frames -------------------------------------------------------------------------------------


def test_a_stream_is_frames_of_80_ms_and_the_whole_is_their_concatenation(model, voice):
    frames = list(model.generate_audio_stream(voice, TEXT, seed=1))
    assert all(f.shape == (FRAME,) and f.dtype == np.float32 for f in frames)
    whole = model.generate_audio(voice, TEXT, seed=1)
    np.testing.assert_array_equal(np.concatenate(frames), whole)
    assert 0.05 < whole.std() < 0.5
    assert np.isfinite(whole).all()


def test_the_rate_of_another_codec(new_model):
    model = new_model("tiny-odd")
    state = model.get_state_for_audio_prompt(hum(0.5, rate=8000))
    frames = list(model.generate_audio_stream(state, "Hello.", seed=1))
    assert {len(f) for f in frames} == {320}  # 8 kHz, 25 frames a second


def test_a_caller_may_keep_or_change_what_it_got(model, voice):
    expected = model.generate_audio(voice, TEXT, seed=1)
    kept = []
    for frame in model.generate_audio_stream(voice, TEXT, seed=1):
        kept.append(frame.copy())
        frame[:] = np.nan
    np.testing.assert_array_equal(np.concatenate(kept), expected)


def test_frames_are_made_when_asked_for_and_a_little_ahead(model, voice, monkeypatch):
    steps = []
    real = pipeline.PocketModel.predict
    monkeypatch.setattr(pipeline.PocketModel, "predict", lambda *a: steps.append(1) or real(*a))
    stream = model.generate_audio_stream(voice, LONG)
    time.sleep(0.05)
    assert not steps
    next(stream)
    while len(steps) < 20:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(steps) <= 2 * 27  # two chunks, two seconds of each, and what was on its way


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 4, 5])
def test_frames_after_the_end(brief, voice, frames):
    assert len(brief.generate_audio(voice, TEXT, frames_after_eos=frames)) == (6 + frames) * FRAME
    assert len(brief.generate_audio(voice, TEXT, 50, frames)) == (6 + frames) * FRAME


def test_frames_after_the_end_by_the_text(brief, voice):
    assert len(brief.generate_audio(voice, "One two three four.")) == 11 * FRAME
    assert len(brief.generate_audio(voice, "One two three four five.")) == 9 * FRAME


def test_any_number_of_frames_after_the_end_stays_within_the_limit(brief, endless, voice, caplog):
    limit = len(endless.generate_audio(voice, TEXT))
    caplog.clear()
    for frames in (limit // FRAME - 6, limit // FRAME - 5, 10**9):
        assert len(brief.generate_audio(voice, TEXT, frames_after_eos=frames)) == limit
    assert not caplog.records  # the end was heard


def test_no_end_of_speech(endless, voice, caplog, monkeypatch):
    caplog.set_level(logging.WARNING)
    samples = endless.generate_audio(voice, TEXT, seed=1)
    assert len(samples) == 88 * FRAME
    (record,) = caplog.records
    assert "No end of speech within 88 frames" in record.getMessage()
    monkeypatch.setenv("KPOCKET_TTS_ERROR_WITHOUT_EOS", "1")
    heard = []
    with pytest.raises(RuntimeError, match="no end of speech within 88 frames"):
        heard.extend(endless.generate_audio_stream(voice, TEXT, seed=1))
    np.testing.assert_array_equal(np.concatenate(heard), samples)


def test_the_variable_is_silent_when_speech_ends(brief, voice, monkeypatch):
    monkeypatch.setenv("KPOCKET_TTS_ERROR_WITHOUT_EOS", "1")
    brief.generate_audio(voice, LONG, 5)


# --- chunks -------------------------------------------------------------------------------------


def test_long_text_is_spoken_in_chunks_each_from_the_same_voice(model, voice):
    """At temperature 0 each chunk is what it would be alone."""
    model.temp = 0
    pieces = [c.text for c in plan(LONG, model._tokenizer, model.config, max_tokens=14)]
    assert len(pieces) >= 3
    whole = model.generate_audio(voice, LONG, 14)
    np.testing.assert_array_equal(whole, np.concatenate([model.generate_audio(voice, p) for p in pieces]))


def test_max_tokens(endless, voice):
    assert len(endless.generate_audio(voice, LONG, max_tokens=5)) > len(endless.generate_audio(voice, LONG))
    with pytest.raises(ConfigError, match="max_tokens: expected a whole number of at least 1, got 0"):
        endless.generate_audio(voice, LONG, max_tokens=0)


def test_every_chunk_fades_in(brief, voice):
    samples = brief.generate_audio(voice, LONG, 14, 0)
    begins = np.arange(0, len(samples), 6 * FRAME)
    assert len(begins) >= 3
    assert (samples[begins] == 0).all()
    for begin in begins:  # at the first samples the ramp is below 1/10
        assert np.abs(samples[begin : begin + 12]).max() < 0.1 * np.abs(samples).max()


# --- seeds --------------------------------------------------------------------------------------


def test_seeds(model, voice):
    def speak(seed, text=TEXT):
        return model.generate_audio(voice, text, seed=seed)

    first = speak(7)
    np.testing.assert_array_equal(speak(7), first)
    for other in (8, 2**70, None, None):
        assert np.abs(speak(other) - first).max() > 0.01
    assert np.abs(speak(None) - speak(None)).max() > 0.01


def test_every_chunk_has_noise_of_its_own(endless, voice):
    twice = endless.generate_audio(voice, "Hello. Hello.", 3, seed=7)
    first, second = np.split(twice, 2)
    assert np.abs(first - second).max() > 0.01
    np.testing.assert_array_equal(first, endless.generate_audio(voice, "Hello.", seed=7))


def test_temperature_0_needs_no_seed(model, voice):
    model.temp = 0.0
    a, b = (model.generate_audio(voice, TEXT, seed=seed) for seed in (None, 3))
    np.testing.assert_array_equal(a, b)
    model.noise_clamp = 0.5
    np.testing.assert_array_equal(model.generate_audio(voice, TEXT), a)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True, (1, 2)])
def test_bad_seeds(model, voice, seed):
    with pytest.raises(ConfigError, match="seed: expected a whole number of at least 0 or None"):
        model.generate_audio(voice, TEXT, seed=seed)


@pytest.mark.parametrize("name", ["tiny", "tiny-no-bos", "tiny-7m", "tiny-2m"])
def test_decode_steps(new_model, name):
    """More steps are another sample for lsd and flow matching; drifting and pointwise have but one."""
    model = new_model(name)
    state = model.get_state_for_audio_prompt(hum(0.5))
    sound = []
    for steps in (1, 2, 16):
        model.sampler_decode_steps = steps
        sound.append(model.generate_audio(state, "Hello.", seed=1))
        assert np.isfinite(sound[-1]).all()
    one_step = name in ("tiny-7m", "tiny-2m")
    assert [np.array_equal(sound[0], s) for s in sound[1:]] == [one_step] * 2


# --- pauses -------------------------------------------------------------------------------------


def test_a_pause_is_exact_zeros_of_the_right_length(brief, voice):
    samples = brief.generate_audio(voice, "Hello [pause:500ms] there[pause:1.5s] you", 50, 0, seed=1)
    spoken = 6 * FRAME
    assert len(samples) == 3 * spoken + 12000 + 36000
    found = [(begin // 100, length // 100) for begin, length in silences(samples)]
    assert found == [(spoken // 100, 120), ((2 * spoken + 12000) // 100, 360)]
    assert not samples[spoken : spoken + 12000].any()
    assert not samples[2 * spoken + 12000 : 2 * spoken + 48000].any()


def test_a_pause_does_not_click(brief, voice):
    """The samples on both sides of a border are close to zero, and what fades is what would be spoken."""
    samples = brief.generate_audio(voice, "Hello [pause:500ms] there", 50, 0, seed=1)
    end = 6 * FRAME
    begin = end + 12000
    loudest = np.abs(samples).max()
    assert samples[end - 1] == 0 == samples[begin]
    assert np.abs(samples[end - 6 : end]).max() < 0.06 * loudest
    assert np.abs(samples[begin : begin + 6]).max() < 0.06 * loudest
    plain = brief.generate_audio(voice, "Hello", 50, 0, seed=1)
    np.testing.assert_array_equal(samples[: end - FADE], plain[: end - FADE])
    ramp = np.linspace(1, 0, FADE, dtype=np.float32)
    np.testing.assert_array_equal(samples[end - FADE : end], plain[end - FADE : end] * ramp)
    assert np.abs(plain[end - 6 : end]).max() > 0.06 * loudest  # without the fade it would click


def test_speech_after_a_pause_starts_from_the_voice(model, voice):
    model.temp = 0
    samples = model.generate_audio(voice, "Hello. [pause:100ms] How are you?")
    alone = model.generate_audio(voice, "How are you?")
    np.testing.assert_array_equal(samples[-len(alone) :], alone)


@pytest.mark.parametrize("text", ["[pause:1s]", " [pause:300ms][pause:0.7s] ", "[pause:1s]..."])
def test_markers_alone_are_silence(model, voice, text):
    samples = model.generate_audio(voice, text)
    assert samples.dtype == np.float32
    assert len(samples) == 24000
    assert not samples.any()


def test_natural_pauses_are_an_option(brief, voice):
    text = "Well... yes, [pause:100ms] 1,000 times"
    off = brief.generate_audio(voice, text, 50, 0)
    assert len(off) == 2 * 6 * FRAME + 2400
    on = brief.generate_audio(voice, text, 50, 0, natural_pauses=True)
    assert len(on) == 3 * 6 * FRAME + 12000 + 4800 + 2400
    assert len(brief.generate_audio(voice, "Well... yes, no", 50, 0)) == 6 * FRAME


def test_pauses_keep_seeds_apart(endless, voice):
    samples = endless.generate_audio(voice, "Hello [pause:500ms] hello", seed=1)
    n = (len(samples) - 12000) // 2
    assert np.abs(samples[: n - FADE] - samples[-n:][: n - FADE]).max() > 0.01


# --- stop ---------------------------------------------------------------------------------------


def test_stop_set_before_gives_nothing(model, voice):
    stop = threading.Event()
    stop.set()
    assert list(model.generate_audio_stream(voice, TEXT, stop=stop)) == []
    found = model.generate_audio(voice, TEXT, stop=stop)
    assert (found.shape, found.dtype) == ((0,), np.float32)


def test_stop_during_speech_ends_within_a_frame(endless, voice):
    stop = threading.Event()
    expected = endless.generate_audio(voice, LONG, 14, seed=1)
    heard = []
    for i, frame in enumerate(endless.generate_audio_stream(voice, LONG, 14, stop=stop, seed=1)):
        heard.append(frame)
        if i == 4:
            stop.set()
    assert len(heard) == 5
    np.testing.assert_array_equal(np.concatenate(heard), expected[: 5 * FRAME])


def test_stop_from_another_thread_during_a_pause(model, voice):
    stop = threading.Event()
    stream = model.generate_audio_stream(voice, "[pause:999999999s] Hello.", stop=stop)
    assert not next(stream).any()
    thread = threading.Thread(target=stop.set)
    thread.start()
    thread.join()
    assert list(stream) == []


def test_a_stream_closed_early_lets_go_of_its_utterance(model, voice, monkeypatch):
    utterances = []
    real = pipeline.PocketModel.begin

    def begin(*arguments):
        utterance = real(*arguments)
        utterances.append(weakref.ref(utterance))
        return utterance

    monkeypatch.setattr(pipeline.PocketModel, "begin", begin)
    stream = model.generate_audio_stream(voice, TEXT)
    next(stream)
    assert utterances[0]() is not None
    stream.close()
    until = time.monotonic() + 60
    while utterances[0]() is not None:  # within a frame
        assert time.monotonic() < until
        time.sleep(0.002)
    for _ in range(20):
        next(model.generate_audio_stream(voice, TEXT))
    gc.collect()
    while any(u() for u in utterances):
        assert time.monotonic() < until
        time.sleep(0.002)


# --- copy_state=False ---------------------------------------------------------------------------


def test_by_default_a_voice_is_not_changed(model, voice):
    before = voice.prefix
    a = model.generate_audio(voice, LONG, 14, seed=1)
    assert voice.prefix is before
    np.testing.assert_array_equal(model.generate_audio(voice, LONG, 14, seed=1), a)


def test_a_voice_can_be_continued(brief, voice):
    brief.temp = 0
    state = copy.deepcopy(voice)
    module = "transformer.layers.1.self_attn"
    assert state[module]["offset"][0] == voice.length
    lengths = [state.length]
    for frame in brief.generate_audio_stream(state, LONG, 14, 2, copy_state=False):
        assert np.isfinite(frame).all()
        lengths.append(state.length)
    chunks = plan(LONG, brief._tokenizer, brief.config, max_tokens=14)
    grown = [len(c.tokens) + 6 + 2 + 1 for c in chunks]
    assert set(lengths) <= {voice.length + sum(grown[:i]) for i in range(len(chunks) + 1)}
    assert len(set(lengths)) > 1
    assert state.length == voice.length + sum(grown)
    assert state[module]["cache"].shape[2] == state[module]["offset"][0] == state.length
    np.testing.assert_array_equal(state[module]["cache"][:, :, :15], voice[module]["cache"])


def test_a_continued_voice_speaks_differently_and_from_where_it_was(brief, voice):
    brief.temp = 0
    state = copy.deepcopy(voice)
    first = brief.generate_audio(state, "Hello.", copy_state=False)
    second = brief.generate_audio(state, "Hello.", copy_state=False)
    assert np.abs(first - second).max() > 0.01
    both = brief.generate_audio(copy.deepcopy(voice), "Hello. Hello.", 3, copy_state=False)
    np.testing.assert_array_equal(both, np.concatenate([first, second]))


def test_a_chunk_that_was_stopped_is_not_added(endless, voice):
    state = copy.deepcopy(voice)
    stop = threading.Event()
    for _ in endless.generate_audio_stream(state, TEXT, copy_state=False, stop=stop):
        stop.set()
    assert state.prefix is voice.prefix
    stream = endless.generate_audio_stream(state, TEXT, copy_state=False)
    next(stream)
    stream.close()
    assert state.prefix is voice.prefix


# --- errors come at the first frame -------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "   ", "\n\t\r", "\u2003\u00a0", "[pause:0s]"])
def test_blank_text(model, voice, text):
    stream = model.generate_audio_stream(voice, text)
    with pytest.raises(TextError, match="blank"):
        next(stream)
    with pytest.raises(ValueError, match="blank"):
        model.generate_audio(voice, text)


def test_blank_text_is_an_error_even_when_stopped(model, voice):
    stop = threading.Event()
    stop.set()
    with pytest.raises(TextError):
        next(model.generate_audio_stream(voice, " ", stop=stop))


@pytest.mark.parametrize("frames", [-1, 0.5, "2"])
def test_bad_frames_after_the_end(model, voice, frames):
    with pytest.raises(ConfigError, match="frames_after_eos: expected a whole number"):
        model.generate_audio(voice, TEXT, frames_after_eos=frames)
