"""Qwen3TTSModel: what its methods take, and what what they give may depend on."""

import math
import threading

import numpy as np
import pytest

from guarded import same_bits
from pocket_fast.engine import intake, turns
from pocket_fast.errors import ConfigError, PocketFastError, TextError, VoiceError
from pocket_fast.models.qwen3.chunks import most_frames

FRAME = 1920
TEXTS = ["Hello there.", "How are you doing today?", "Fine."]
BRIEF = {"max_new_tokens": 9, "seed": 3}
CUSTOM, DESIGN = "qwen3-tiny-customvoice-wide", "qwen3-tiny-voicedesign"


@pytest.fixture(scope="module")
def custom(qwen3):
    return qwen3(CUSTOM)


def speak(model, text, speaker="ryan", **how):
    waves, rate = model.generate_custom_voice(text, speaker, **{**BRIEF, **how})
    assert rate == 24000
    return waves


# --- lists --------------------------------------------------------------------------------------


def test_one_text_or_many(custom):
    (alone,) = speak(custom, TEXTS[0])
    assert alone.dtype == np.float32
    assert alone.shape == (8 * FRAME,)  # the last token never becomes a frame
    together = speak(custom, TEXTS)
    assert same_bits(together[0], alone)
    assert len(together) == 3


def test_one_for_each_text_or_one_for_all(custom):
    each = speak(
        custom, TEXTS[:2], ["ryan", "eric"], language=["english", "auto"], instruct=["Softly.", None]
    )
    assert same_bits(each[0], speak(custom, TEXTS[0], "ryan", language="English", instruct="Softly.")[0])
    assert same_bits(each[1], speak(custom, TEXTS[1], "Eric")[0])
    shared = speak(custom, TEXTS[:2], ["ryan"], language=["german"])
    assert same_bits(shared[1], speak(custom, TEXTS[1], "ryan", language="german")[0])


@pytest.mark.parametrize("name", ["speaker", "language", "instruct"])
def test_lists_of_other_lengths_are_refused(custom, name):
    with pytest.raises(ConfigError, match=f"{name}: 2 for 3 texts"):
        speak(custom, TEXTS, **{"speaker": "ryan", name: ["ryan", "eric"]})


def test_no_texts_are_refused(custom):
    with pytest.raises(ConfigError, match="no texts"):
        speak(custom, [])


def test_more_texts_than_are_given_to_the_engine_at_once(custom):
    waves = speak(custom, ["Yes."] * 70, max_new_tokens=3)
    assert len(waves) == 70
    assert all(same_bits(wave, waves[0]) for wave in waves)


# --- what the sound depends on ------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"speaker": "vivian"},
        {"language": "german"},
        {"instruct": "Angrily."},
        {"non_streaming_mode": False},
        {"temperature": 2.0},
        {"top_k": 1},
        {"top_p": 0.1},
        {"repetition_penalty": 9.0},
        {"subtalker_temperature": 2.0},
        {"subtalker_top_k": 1},
        {"subtalker_top_p": 0.1},
        {"do_sample": False},
        {"subtalker_dosample": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_setting_is_heard(custom, change):
    base = {"speaker": "ryan", "max_new_tokens": 12}
    assert not same_bits(speak(custom, TEXTS[1], **base)[0], speak(custom, TEXTS[1], **base | change)[0])


def test_more_than_all_codes_are_all_codes(custom):
    every, *more = (speak(custom, TEXTS[0], top_k=k, subtalker_top_k=k)[0] for k in (0, 5000, 2**31, 2**70))
    assert all(same_bits(every, wave) for wave in more)


def test_greedy_takes_no_chances(custom):
    greedy = {"do_sample": False, "subtalker_dosample": False}
    waves = [speak(custom, TEXTS[0], seed=seed, **greedy)[0] for seed in (1, 2)]
    assert same_bits(*waves)


def test_without_a_seed_it_is_another_speech_each_time(custom):
    waves = [speak(custom, TEXTS[0], seed=None)[0] for _ in range(2)]
    assert not same_bits(*waves)


def test_the_small_model_hears_no_instructions_and_says_so(qwen3, caplog):
    small = qwen3("qwen3-tiny-customvoice")
    without = speak(small, TEXTS[0])[0]
    assert "instructions" not in caplog.text
    assert same_bits(speak(small, TEXTS[0], instruct="Angrily.")[0], without)
    assert "takes no instructions" in caplog.text


def test_dialects_come_with_their_speakers(custom):
    auto, chinese, english = (
        speak(custom, TEXTS[0], "eric", language=name)[0] for name in (None, "chinese", "english")
    )
    assert same_bits(auto, chinese)
    assert not same_bits(auto, english)


def test_threads_change_nothing(tiny_qwen3, custom):
    from pocket_fast import Qwen3TTSModel

    two = Qwen3TTSModel.from_pretrained(tiny_qwen3(CUSTOM), threads=2)
    assert same_bits(speak(two, TEXTS[1])[0], speak(custom, TEXTS[1])[0])
    two.close()


# --- streams ------------------------------------------------------------------------------------


def test_a_stream_gives_a_frame_at_a_time_and_the_same_sound(custom):
    frames = list(custom.stream(TEXTS[1], voice="ryan", **BRIEF))
    assert [len(frame) for frame in frames] == [FRAME] * 8
    assert same_bits(np.concatenate(frames), speak(custom, TEXTS[1])[0])


def test_text_in_pieces_is_spoken_sentence_by_sentence(custom):
    sentences = [
        "The ferry left the harbour before sunrise. ",
        "Nobody on board noticed who had stayed behind.",
    ]
    pieces = [sentences[0][:20], sentences[0][20:] + sentences[1][:5], sentences[1][5:]]
    assert _marked(custom, pieces) == [(0, sentences[0].strip()), (8 * FRAME, sentences[1])]


def _marked(model, pieces):
    marks = []
    options = {"marks": lambda at, text: marks.append((at, text))}
    for _ in model.stream(iter(pieces), voice="ryan", **options, **BRIEF):
        pass
    return marks


def test_stop_ends_it_within_a_frame(custom):
    stop = threading.Event()
    heard = []
    for frame in custom.stream(
        TEXTS[1], voice="ryan", stop=stop, seed=3, max_new_tokens=2000, do_sample=False
    ):
        heard.append(frame)
        if len(heard) == 2:
            stop.set()
    assert len(heard) == 2


def test_astream(custom):
    import asyncio

    async def listen():
        return [frame async for frame in custom.astream(TEXTS[0], voice="ryan", **BRIEF)]

    assert same_bits(np.concatenate(asyncio.run(listen())), speak(custom, TEXTS[0])[0])


def test_streams_share_steps_and_hear_only_themselves(custom, in_threads):
    alone = [speak(custom, text, seed=i)[0] for i, text in enumerate(TEXTS)]
    batches = []
    custom.watch(lambda event, value: batches.append(value) if event == "batch" else None)
    calls = [
        lambda i=i, t=t: np.concatenate(
            list(custom.stream(t, voice="ryan", live=False, max_new_tokens=9, seed=i))
        )
        for i, t in enumerate(TEXTS)
    ]
    for _ in range(20):
        for found, expected in zip(in_threads(calls), alone, strict=True):
            assert same_bits(found, expected)
        if max(batches) > 1:
            break
    assert max(batches) > 1


def test_pauses_and_long_texts(custom):
    endless = {"do_sample": False, "repetition_penalty": 0.5}
    (wave,) = speak(custom, "One. [pause:500ms] Two.", **endless)
    assert len(wave) == 16 * FRAME + 12_000
    assert not wave[8 * FRAME : 8 * FRAME + 12_000].any()
    long = "The ferry left the harbour before sunrise. " * 8
    lengths = [len(speak(custom, long, max_characters=most, **endless)[0]) for most in (None, 0, 50)]
    assert lengths == [2 * 8 * FRAME, 8 * FRAME, 8 * 8 * FRAME]


def test_speech_that_does_not_end_is_bounded_by_its_text_and_warned_of(custom, caplog):
    greedy = {"do_sample": False, "subtalker_dosample": False}
    (wave,), _ = custom.generate_custom_voice("No.", "ryan", **greedy)  # it has no end of its own
    assert len(wave) == most_frames("No.") * FRAME
    assert "no end of speech" in caplog.text
    assert len(speak(custom, "No.", max_new_tokens=100, **greedy)[0]) == 99 * FRAME


def test_blocks_differ_after_the_first_one(custom):
    endless = {"do_sample": False, "repetition_penalty": 0.5, "max_new_tokens": 346}
    one, blocks = (speak(custom, "No.", **endless, decode_in_blocks=on)[0] for on in (False, True))
    assert same_bits(one[: 300 * FRAME], blocks[: 300 * FRAME])
    assert len(one) == len(blocks) == 345 * FRAME
    assert np.abs(one[300 * FRAME :] - blocks[300 * FRAME :]).max() > 1e-3


@pytest.mark.parametrize("rows", [1, 5, 256])
def test_what_is_heard_again_between_blocks_may_be_cut_anywhere(custom, rows, monkeypatch):
    """And others are spoken to meanwhile."""
    endless = {"do_sample": False, "repetition_penalty": 0.5, "max_new_tokens": 346, "decode_in_blocks": True}
    expected = speak(custom, "No.", **endless)[0]
    monkeypatch.setattr(intake, "_LEAST_ROWS", 1)
    monkeypatch.setattr(intake, "_MOST_ROWS", rows)
    found = speak(custom, ["No.", *TEXTS], **endless)
    assert same_bits(found[0], expected)


@pytest.mark.parametrize("others", [[], TEXTS])
def test_frames_may_wait_for_the_codec_between_blocks(custom, others, monkeypatch):
    """What is heard again comes after the frame that waited, whoever is spoken to meanwhile."""
    endless = {"do_sample": False, "repetition_penalty": 0.5, "max_new_tokens": 346, "decode_in_blocks": True}
    monkeypatch.setattr(turns, "_COMFORT", -math.inf)
    found = []
    for most in (1, 2):
        monkeypatch.setattr(custom._model, "most_in_a_row", most)
        found.append(speak(custom, ["No.", *others], **endless))
    for one, two in zip(*found, strict=True):
        assert same_bits(one, two)


def test_warming_up_is_quiet(custom, caplog):
    custom.warm_up()
    assert caplog.text == ""


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"speaker": "rian"}, VoiceError, "no voice is called 'rian'; did you mean ryan"),
        ({"speaker": ""}, VoiceError, "no voice is called ''"),
        ({"language": "germany"}, ConfigError, "no language is called 'germany'; did you mean german"),
        ({"language": "sichuan_dialect"}, ConfigError, "no language is called 'sichuan_dialect'"),
        ({"temperature": 0}, ConfigError, "temperature: expected a number above 0, got 0"),
        ({"top_p": 1.5}, ConfigError, "top_p: expected a number above 0 and of at most 1, got 1.5"),
        ({"top_k": -1}, ConfigError, "top_k: expected a whole number of at least 0, got -1"),
        ({"do_sample": 1}, ConfigError, "do_sample: expected true or false, got 1"),
        ({"max_new_tokens": 1}, ConfigError, "max_new_tokens: expected a whole number of at least 2, got 1"),
        ({"max_new_tokens": "9"}, ConfigError, "max_new_tokens: expected a whole number"),
        ({"seed": -1}, ConfigError, "seed: expected a whole number"),
        ({"num_beams": 4}, ConfigError, "num_beams: this model has no such setting"),
        ({"instruct": "a" * 2001}, ConfigError, "instruct: expected text of at most 2000 characters"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_arguments(custom, how, error, words):
    with pytest.raises(error) as caught:
        speak(custom, TEXTS[0], **{"speaker": "ryan", **how})
    assert words in str(caught.value)
    assert isinstance(caught.value, ValueError)  # what qwen-tts raises


@pytest.mark.parametrize("text", ["", "  \n", "[pause:0ms]"])
def test_nothing_to_say(custom, text):
    with pytest.raises(TextError):
        speak(custom, text)


@pytest.mark.parametrize("text", ["...", "👍🏽", "?!", "***"])
def test_marks_and_emoji_alone_are_half_a_second_of_silence(custom, text):
    assert [wave.tolist() for wave in speak(custom, [text, text])] == [[0.0] * 12000] * 2


def test_text_that_is_no_text(custom):
    with pytest.raises((PocketFastError, TypeError)):
        speak(custom, 5)


def test_one_bad_text_of_a_list_leaves_nothing_behind(custom):
    with pytest.raises(TextError):
        speak(custom, [TEXTS[0], "", TEXTS[1]])
    assert custom.engine_load().waiting == 0
    assert len(speak(custom, TEXTS[0])[0]) == 8 * FRAME


def test_another_kind_of_model(custom, qwen3):
    with pytest.raises(ConfigError, match="this is a custom_voice model"):
        custom.generate_voice_design("Hello.", "a deep old man")
    with pytest.raises(ConfigError, match="this is a custom_voice model"):
        custom.generate_voice_clone("Hello.", ref_audio="me.wav")
    with pytest.raises(ConfigError, match="this is a voice_design model"):
        qwen3(DESIGN).generate_custom_voice("Hello.", "ryan")


# --- voices that are described ------------------------------------------------------------------


def test_a_description_is_a_voice(qwen3):
    design = qwen3(DESIGN)
    said = [design.generate_voice_design(TEXTS[0], words, **BRIEF)[0][0] for words in ("old", "young", "")]
    assert not same_bits(said[0], said[1])
    streamed = np.concatenate(list(design.stream(TEXTS[0], instruct="old", **BRIEF)))
    assert same_bits(streamed, said[0])
    none = np.concatenate(list(design.stream(TEXTS[0], **BRIEF)))
    assert same_bits(none, said[2])
    assert design.voice_names == ()
    assert design.default_voice is None
    with pytest.raises(VoiceError, match=r"no voice is called .ryan.: this is a voice_design model"):
        design.find_voice("ryan")


def test_lists(custom, qwen3):
    assert custom.get_supported_speakers() == sorted(custom.voice_names)
    assert "eric" in custom.get_supported_speakers()
    assert custom.get_supported_languages()[:3] == ["auto", "chinese", "english"]
    assert not any("dialect" in name for name in custom.get_supported_languages())
    assert set(custom.voice_aliases.values()) <= set(custom.voice_names)
    assert set(custom.voice_aliases) >= {"alloy", "nova", "onyx"}
    assert custom.default_voice == "ryan"
    assert not custom.clones
    assert qwen3(DESIGN).get_supported_speakers() == []
