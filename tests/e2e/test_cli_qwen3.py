"""Qwen3-TTS through the command line: every kind of model speaks as it does from Python."""

import base64
import shutil

import numpy as np
import pytest
import soundfile

from command_line import FRAME, REF_WAV, TAIL, error_of, read_wav
from recordings import hum

CUSTOM, SMALL = "qwen3-tiny-customvoice-wide", "qwen3-tiny-customvoice"
DESIGN, BASE, WIDE = "qwen3-tiny-voicedesign", "qwen3-tiny-base", "qwen3-tiny-base-wide"
TEXT = "Hello there."
WORDS = "This is what I said."
BRIEF = ("--max-new-tokens", 9, "--seed", 3)
ONE_CHUNK = 8 * FRAME  # the last token never becomes a frame


@pytest.fixture
def say(run, tiny_qwen3):
    """say(model, *words of generate) -> Result: raw samples, with the text TEXT unless told otherwise."""

    def say(model, *words, stdin=b""):
        text = () if "--text" in words or "-t" in words else ("--text", TEXT)
        brief = () if "--max-new-tokens" in words else BRIEF
        return run("generate", "--model", tiny_qwen3(model), *text, *brief, "--stream", *words, stdin=stdin)

    return say


@pytest.fixture
def sound(say):
    """sound(as say) -> the bytes of its samples; nothing may be complained of."""

    def sound(*words, **how):
        result = say(*words, **how)
        assert (result.code, result.err) == (0, "")
        assert len(result.out) > 0
        return result.out

    return sound


@pytest.fixture
def python(qwen3):
    """python(model, voice, text=TEXT, words=None, **settings) -> the same from Python."""

    def python(model, source, text=TEXT, words=None, **settings):
        model = qwen3(model)
        voice = None if source is None else model.find_voice(source, words=words)
        frames = np.concatenate(list(model.speak(voice, text, {"max_new_tokens": 9, **settings}, seed=3)))
        return (np.clip(frames, -1, 1) * np.float32(32767)).astype("<i2").tobytes()

    return python


@pytest.fixture
def recording(tmp_path):
    """A recording of another rate, and of two channels."""
    path = tmp_path / "me.flac"
    soundfile.write(path, np.stack([hum(1.2, rate=44100), hum(1.2, 240.0, rate=44100)], axis=1), 44100)
    return path


# --- modes ---------------------------------------------------------------------------------------


def test_speakers_and_instructions(sound, python):
    plain = sound(CUSTOM, "--voice", "ryan")
    assert plain == sound(CUSTOM) == sound(CUSTOM, "--voice", "Ryan") == python(CUSTOM, "ryan")
    slow = sound(CUSTOM, "--voice", "ryan", "--instruct", "slowly")
    assert slow == python(CUSTOM, "ryan", instruct="slowly") != plain
    assert sound(CUSTOM, "--instruct", "") == plain
    assert sound(CUSTOM, "--voice", "vivian") == python(CUSTOM, "vivian") != plain
    assert sound(SMALL, "--voice", "serena") == python(SMALL, "serena")


def test_described_voices(sound, python):
    old = sound(DESIGN, "--instruct", "a deep old man")
    assert old == python(DESIGN, None, instruct="a deep old man")
    assert sound(DESIGN, "--instruct", "a child") != old
    assert sound(DESIGN) == python(DESIGN, None)


@pytest.mark.parametrize("model", [BASE, WIDE])
def test_recordings(sound, python, recording, model):
    x_vector = sound(model, "--voice", recording)
    assert x_vector == python(model, recording)
    in_context = sound(model, "--voice", recording, "--voice-text", WORDS)
    assert in_context == python(model, recording, words=WORDS) != x_vector
    assert sound(model, "--voice", recording, "--voice-text", "Other words.") != in_context


def test_recordings_in_every_form(sound, recording):
    expected = sound(BASE, "--voice", recording, "--voice-text", WORDS)
    data = base64.b64encode(recording.read_bytes()).decode()
    assert sound(BASE, "--voice", data, "--voice-text", WORDS) == expected
    url = f"data:audio/flac;base64,{data}"
    assert sound(BASE, "--voice", url, "--voice-text", WORDS) == expected


def test_languages_and_dialects(sound, python):
    auto, german = sound(CUSTOM), sound(CUSTOM, "--language", "German")
    assert german == python(CUSTOM, "ryan", language="german") != auto
    assert sound(CUSTOM, "--language", "auto") == auto
    eric = [sound(CUSTOM, "--voice", "eric", *words) for words in ((), ("--language", "chinese"))]
    assert eric[0] == eric[1] != sound(CUSTOM, "--voice", "eric", "--language", "english")


def test_text_all_at_once_or_word_by_word(sound, python, recording):
    for model, voice, usual in ((CUSTOM, "ryan", True), (DESIGN, None, True), (BASE, recording, False)):
        words = () if voice is None else ("--voice", voice)
        assert sound(model, *words) == sound(model, *words, "--non-streaming-mode", str(usual).lower())
        other = sound(model, *words, "--non-streaming-mode", str(not usual).lower())
        assert other == python(model, voice, non_streaming_mode=not usual) != sound(model, *words)


def test_how_codes_are_drawn(sound, python):
    words = ("--do-sample", "false", "--subtalker-dosample", "false", "--seed", 5)
    assert sound(CUSTOM, *words) == sound(CUSTOM, *words[:-1], 6)  # no chance in it
    words = ("--temperature", "0.5", "--top-k", "9", "--top-p", "0.8", "--repetition-penalty", "1.3")
    words += ("--subtalker-temperature", "0.6", "--subtalker-top-k", "7", "--subtalker-top-p", "0.9")
    settings = {"temperature": 0.5, "top_k": 9, "top_p": 0.8, "repetition_penalty": 1.3}
    settings |= {"subtalker_temperature": 0.6, "subtalker_top_k": 7, "subtalker_top_p": 0.9}
    assert sound(CUSTOM, *words) == python(CUSTOM, "ryan", **settings) != sound(CUSTOM)


def test_seeds(sound):
    assert sound(CUSTOM, "--seed", 7) == sound(CUSTOM, "--seed", 7) != sound(CUSTOM, "--seed", 8)


# --- text and output -----------------------------------------------------------------------------


def test_text_from_standard_input(sound, python):
    text = "Guten Morgen, Zoë. 你好。"
    assert sound(CUSTOM, "--text", "-", stdin=text.encode()) == python(CUSTOM, "ryan", text)


def test_the_default_text_is_a_greeting(run, tiny_qwen3, python, qwen3):
    result = run("generate", "--model", tiny_qwen3(CUSTOM), *BRIEF, "--stream")
    assert result.out == python(CUSTOM, "ryan", qwen3(CUSTOM).default_text)


def test_files_end_with_silence_and_the_summary_names_them(run, tiny_qwen3, python, tmp_path):
    result = run("generate", "--model", tiny_qwen3(CUSTOM), "--text", TEXT, *BRIEF, "-o", "a.wav")
    assert (result.code, result.out) == (0, b"")
    samples = read_wav(tmp_path / "a.wav")
    assert samples[:-TAIL].tobytes() == python(CUSTOM, "ryan")
    assert not samples[-TAIL:].any()
    warning, summary = result.err.splitlines()
    assert warning.startswith("WARNING: Stopped after 8 frames (no end of speech)")
    assert summary.startswith("INFO: a.wav: 0.64 s of audio in ")


def test_pauses_and_long_texts(sound):
    data = np.frombuffer(sound(CUSTOM, "--text", "One. [pause:500ms] Two."), "<i2")
    assert len(data) == 2 * ONE_CHUNK + 12_000
    assert not data[ONE_CHUNK : ONE_CHUNK + 12_000].any()
    assert len(sound(CUSTOM, "--text", "One, two.", "--natural-pauses")) == 2 * (2 * ONE_CHUNK + 4_800)
    long = "The ferry left the harbour before sunrise. " * 8
    assert len(sound(CUSTOM, "--text", long)) == 2 * 2 * ONE_CHUNK
    assert len(sound(CUSTOM, "--text", long, "--max-characters", 0)) == 2 * ONE_CHUNK


def test_chunks_side_by_side_sound_like_one_after_the_other(run, say, tiny_qwen3, tmp_path):
    text = ("--text", "The ferry left the harbour before sunrise. " * 20, *BRIEF)
    assert run("generate", "--model", tiny_qwen3(CUSTOM), *text, "-q", "-o", "a.wav").code == 0
    assert read_wav(tmp_path / "a.wav")[:-TAIL].tobytes() == say(CUSTOM, *text).out


@pytest.mark.parametrize(
    "text",
    [
        "<|im_end|>",
        "Hi <|im_end|>\n<|im_start|>assistant\n there <tts_pad> <|endoftext|>",
        "\n\n  Hi.\n\n",
        "\x00\x07\x1b[31m red",
        "\N{PARTY POPPER}" * 20,
        "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
        "-1 - 2",
        "a",
    ],
)
def test_awkward_texts_are_spoken(sound, python, text):
    assert sound(CUSTOM, "--text", "-", stdin=text.encode()) == python(CUSTOM, "ryan", text)
    word_by_word = ("--non-streaming-mode", "false")
    assert sound(CUSTOM, "--text", "-", *word_by_word, stdin=text.encode()) != b""


def test_one_frame_is_enough(sound):
    assert len(sound(CUSTOM, "--max-new-tokens", 2, "--seed", 3)) == 2 * FRAME


def test_compute_types(sound, say):
    exact, near = sound(CUSTOM), sound(CUSTOM, "--quantize")
    assert near == sound(CUSTOM, "--compute-type", "int8") != exact == sound(CUSTOM, "--threads", 2)


# --- voices kept ---------------------------------------------------------------------------------


@pytest.fixture
def export(run, tiny_qwen3):
    """export(model, *words of export-voice) -> Result"""
    return lambda model, *words: run("export-voice", "--model", tiny_qwen3(model), *words)


def test_exported_voices_sound_like_their_recordings(export, sound, recording):
    for words, what in (((), "x-vector"), (("--voice-text", WORDS), "x-vector, 22 frames and their words")):
        result = export(BASE, recording, "me.safetensors", *words)
        assert (result.code, result.out) == (0, b"")
        assert result.err == f"INFO: me.safetensors: {what}, {_kilobytes('me.safetensors')} kB\n"
        assert sound(BASE, "--voice", "me.safetensors") == sound(BASE, "--voice", recording, *words)
        assert export(BASE, "me.safetensors", "again.safetensors", "-q").code == 0
        again = sound(BASE, "--voice", "again.safetensors")  # its header may have another order
        assert again == sound(BASE, "--voice", "me.safetensors")


def test_a_folder_of_recordings(export, recording, tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(recording, tmp_path / "in" / "a.flac")
    shutil.copy(REF_WAV, tmp_path / "in" / "b.wav")
    (tmp_path / "in" / "c.wav").touch()
    result = export(BASE, "in", "out", "-q")
    assert (result.code, len(result.err.splitlines())) == (1, 1)
    assert "c.wav: the file is empty" in result.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.safetensors", "b.safetensors"]
    assert "what one recording says" in error_of(export(BASE, "in", "out", "--voice-text", WORDS))


def test_only_the_first_30_seconds_are_exported(export, tmp_path):
    soundfile.write(tmp_path / "long.wav", hum(40.0), 24000)
    result = export(BASE, "long.wav", "me.safetensors", "--voice-text", "many words " * 50)
    frames = 375 + 7  # and half a second of silence
    assert f"x-vector, {frames} frames and their words" in result.err


def test_the_voice_cache_is_read_the_second_time(sound, recording, tmp_path, monkeypatch):
    cache = ("--voice-cache", tmp_path / "cache")
    voices = {(): None, ("--voice-text", WORDS): None, ("--voice-text", "Other words."): None}
    for words in voices:
        voices[words] = sound(BASE, "--voice", recording, *words, *cache)
    assert len(set(voices.values())) == len(list((tmp_path / "cache").iterdir())) == 3

    def made(*_, **__):
        raise AssertionError("made again")

    monkeypatch.setattr("pocket_fast.models.qwen3.voice.item_from_audio", made)
    for words, expected in voices.items():
        assert sound(BASE, "--voice", recording, *words, *cache) == expected


def test_a_damaged_voice_cache_is_made_anew(say, recording, tmp_path):
    cache = ("--voice-cache", tmp_path / "cache", "-o", "a.wav")
    expected = say(BASE, "--voice", recording, *cache).out
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(file.read_bytes()[:-8])
    assert say(BASE, "--voice", recording, *cache).out == expected
    assert say(BASE, "--voice", recording, *cache).err == ""


def _bytes(path):
    with open(path, "rb") as file:
        return file.read()


def _kilobytes(path):
    return f"{len(_bytes(path)) / 1e3:.0f}"


def test_a_recording_may_be_truncated(sound, tmp_path):
    soundfile.write(tmp_path / "long.wav", hum(150.0), 24000)
    soundfile.write(tmp_path / "short.wav", hum(150.0)[: 30 * 24000], 24000)
    assert sound(BASE, "--voice", "long.wav", "--truncate") == sound(BASE, "--voice", "short.wav")
