"""generate: what comes out, for every way to say what goes in."""

import base64
import logging
import re

import numpy as np
import pytest
import soundfile

from command_line import FRAME, REF_WAV, TAIL, read_wav

ONE_CHUNK = 6 * FRAME  # what the fixture `speak` makes of a short text
NOISY = ("--temperature", "1", "--seed")


def test_a_wav_file_with_silence_at_its_end(speak, tmp_path):
    result = speak("--output", "a.wav")
    assert (result.code, result.out) == (0, b"")
    samples = read_wav(tmp_path / "a.wav")
    assert len(samples) == ONE_CHUNK + TAIL
    assert np.abs(samples[:ONE_CHUNK]).max() > 100
    assert not samples[ONE_CHUNK:].any()


@pytest.mark.parametrize("text", ["...", "👍", "* * *"])
def test_marks_and_emoji_alone_are_half_a_second_of_silence(speak, tmp_path, text):
    for given, stdin in ((text, b""), ("-", text.encode())):
        assert speak("-q", "-o", "a.wav", text=given, stdin=stdin).code == 0
        assert read_wav(tmp_path / "a.wav").tolist() == [0] * (12000 + TAIL)


def test_the_summary_names_file_and_length(speak):
    err = speak("-o", "a.wav").err
    assert len(err.splitlines()) == 1
    assert err.startswith("INFO: a.wav: 0.48 s of audio in ")
    for word in ("real-time factor", "first audio after", "ready after"):
        assert word in err


def test_quiet_says_nothing(speak):
    for flag in ("-q", "--quiet"):
        assert speak(flag).err == ""


def test_default_output_is_in_this_folder_and_named_by_its_format(speak, tmp_path):
    assert speak("-q").code == 0
    assert speak("-q", "--format", "flac").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tts_output.flac", "tts_output.wav"]
    assert soundfile.info(tmp_path / "tts_output.flac").format == "FLAC"


@pytest.mark.parametrize(
    ("name", "options", "container"),
    [
        ("a.mp3", (), "MP3"),
        ("a.ogg", (), "OGG"),
        ("a.FLAC", (), "FLAC"),
        ("a.mp3", ("--format", "wav"), "WAV"),
        ("a", (), "WAV"),
    ],
)
def test_format_by_suffix_or_option(speak, tmp_path, name, options, container):
    assert speak("--output-path", name, *options).code == 0
    info = soundfile.info(tmp_path / name)
    assert (info.format, info.samplerate, info.channels) == (container, 24000, 1)
    assert info.frames == pytest.approx(ONE_CHUNK + TAIL, abs=2400)  # MP3 counts in its own frames


def test_raw_files_have_the_silence_too(speak, tmp_path):
    assert speak("-o", "a.wav", *NOISY, 3).code == 0
    assert speak("-o", "a.raw", "--format", "pcm", *NOISY, 3).code == 0
    assert (tmp_path / "a.raw").read_bytes() == read_wav(tmp_path / "a.wav").tobytes()


def test_wav_to_standard_output(speak, tmp_path):
    result = speak("-o", "-", *NOISY, 3)
    assert (result.code, list(tmp_path.iterdir())) == (0, [])
    assert result.err.startswith("INFO: standard output: ")
    speak("-o", "a.wav", *NOISY, 3)
    assert np.array_equal(read_wav(result.out), read_wav(tmp_path / "a.wav"))


def test_stream_is_raw_quiet_without_file_and_without_silence(speak, tmp_path):
    result = speak("--stream", "-o", "ignored.wav", *NOISY, 3)
    assert (result.code, result.err, list(tmp_path.iterdir())) == (0, "", [])
    assert len(result.out) == 2 * ONE_CHUNK
    speak("-o", "a.wav", *NOISY, 3)
    assert read_wav(tmp_path / "a.wav").tobytes().startswith(result.out)


def test_text_from_standard_input(speak):
    said = speak("--stream", *NOISY, 5, text="Good morning, Zoë.").out
    assert speak("--stream", *NOISY, 5, text="-", stdin="Good morning, Zoë.".encode()).out == said
    assert speak("--stream", *NOISY, 5, text="-", stdin="\ufeffGood morning, Zoë.\n".encode()).out == said
    assert speak("--stream", *NOISY, 5, text="Good morning.").out != said


@pytest.mark.parametrize(
    "text",
    [
        "\x00\x07\x1b[31m red",
        "\N{PARTY POPPER}" * 20,
        "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
        "-1 - 2",
    ],
    ids=["control characters", "emoji", "right to left", "dashes"],
)
def test_awkward_texts_are_spoken(speak, text):
    assert len(speak("--stream", text="-", stdin=text.encode()).out) >= 2 * ONE_CHUNK


def test_a_sentence_of_thousands_of_tokens_is_spoken_with_a_warning(speak):
    result = speak("-o", "a.wav", text="-", stdin=b"word " * 2000)
    assert result.code == 0
    assert "WARNING: a chunk of " in result.err


def test_a_text_that_begins_with_a_dash(speak):
    assert len(speak("--stream", text="-quiet night").out) == 2 * ONE_CHUNK


def test_pauses(speak):
    spoken = 2 * ONE_CHUNK
    assert len(speak("--stream", text="Hello [pause:500ms] world").out) == 2 * (spoken + 12000)
    assert len(speak("--stream", text="Hello, world").out) == spoken
    assert len(speak("--stream", "--natural-pauses", text="Hello, world").out) == 2 * (spoken + 4800)
    assert speak("--stream", text="[pause:1s]").out == bytes(48000)


def test_text_is_cut_at_max_tokens(speak):
    text = "Hello there. Good morning. How are you?"
    assert len(speak("--stream", text=text).out) == 2 * ONE_CHUNK
    assert len(speak("--stream", "--max-tokens", 5, text=text).out) == 3 * 2 * ONE_CHUNK


def test_frames_after_eos(speak):
    assert len(speak("--stream", "--frames-after-eos", 4).out) == 2 * (ONE_CHUNK + 4 * FRAME)


@pytest.mark.parametrize("threshold", [("--eos-threshold", "-3.5e1"), ("--eos-threshold=-35",)])
def test_negative_threshold(run, tiny, threshold):
    """The tiny model stays below its own threshold to the very limit, and never falls to -35."""
    words = ("generate", "--config", tiny / "config.yaml", "-v", tiny / "prompt.wav", "-t", "Hi.", "--stream")
    assert len(run(*words, "--frames-after-eos", 0).out) > 2 * ONE_CHUNK
    assert len(run(*words, *threshold, "--frames-after-eos", 0).out) == 2 * ONE_CHUNK


def test_seed(speak):
    first, again, other = (speak("--stream", *NOISY, seed).out for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert speak("--stream", "--temperature", 1).out != speak("--stream", "--temperature", 1).out


def test_sampling_options_reach_the_model(speak):
    plain = speak("--stream", *NOISY, 1).out
    for options in (
        ("--temperature", "0"),
        ("--noise-clamp", "0.1"),
        ("--sampler-decode-steps", "3"),
        ("--lsd-decode-steps", "3"),
    ):
        assert speak("--stream", *NOISY, 1, *options).out != plain


def test_the_old_name_of_decode_steps_wins_and_is_deprecated(speak):
    old = speak("-o", "-", *NOISY, 1, "--sampler-decode-steps", 2, "--lsd-decode-steps", 3)
    assert "WARNING: --lsd-decode-steps is deprecated, use --sampler-decode-steps" in old.err
    assert old.out == speak("-o", "-", *NOISY, 1, "--sampler-decode-steps", 3).out


def test_threads_and_compute_type_do_not_change_the_samples(speak):
    plain = speak("--stream", *NOISY, 1).out
    machine = ("--threads", 2, "--compute-type", "float32", "--device", "cpu")
    assert speak("--stream", *NOISY, 1, *machine).out == plain


def test_threads_option_goes_before_the_environment(speak, monkeypatch):
    monkeypatch.setenv("POCKET_FAST_THREADS", "none")
    assert "POCKET_FAST_THREADS" in speak("--stream").err
    assert speak("--stream", "--threads", 1).code == 0


def test_first_chunk_length(speak, monkeypatch):
    plain = speak("-o", "-", *NOISY, 1).out
    for seconds in ("0.2", "100", ""):
        monkeypatch.setenv("FIRST_CHUNK_LENGTH_SECONDS", seconds)
        assert speak("-o", "-", *NOISY, 1).out == plain


def test_clipped_samples_are_counted(speak, tmp_path):
    loud = speak(
        "-o", "a.wav", "--temperature", 300, "--seed", 0
    )  # noise far beyond what the model is made for
    count = int(re.search(r", (\d+) samples clipped;", loud.err)[1])
    assert 0 < count <= (np.abs(read_wav(tmp_path / "a.wav")) == 32767).sum()
    assert "clipped" not in speak("-o", "a.wav", "--temperature", 0).err


def test_a_voice_from_base64(speak, tmp_path):
    short = tmp_path / "short.wav"
    samples, rate = soundfile.read(REF_WAV, dtype="int16")
    soundfile.write(short, samples[: rate // 2], rate)
    said = speak("--stream", *NOISY, 1, voice=short).out
    text = base64.b64encode(short.read_bytes()).decode()
    assert speak("--stream", *NOISY, 1, voice=text).out == said
    assert speak("--stream", *NOISY, 1, voice=f"data:audio/wav;base64,{text}").out == said
    assert speak("--stream", *NOISY, 1, voice=REF_WAV).out != said


@pytest.mark.parametrize(("rate", "channels"), [(192_000, 1), (8_000, 8), (44_100, 2)])
def test_voices_of_any_rate_and_channel_count(speak, tmp_path, rate, channels):
    t = np.arange(rate) / rate
    tone = 0.3 * np.sin(2 * np.pi * 220 * t)[:, None].repeat(channels, 1)
    soundfile.write(tmp_path / "voice.wav", tone, rate)
    assert speak("-o", "a.wav", voice=tmp_path / "voice.wav").code == 0


@pytest.mark.parametrize(("samples", "warning"), [(np.full(1, 0.5), ""), (np.zeros(24000), "is silent")])
def test_odd_voices_are_used(speak, tmp_path, samples, warning):
    soundfile.write(tmp_path / "voice.wav", samples, 24000)
    result = speak("-o", "a.wav", voice=tmp_path / "voice.wav")
    assert result.code == 0
    assert warning in result.err


def test_a_truncated_voice_file_is_used_with_a_warning(speak, tmp_path):
    whole, cut = tmp_path / "whole.flac", tmp_path / "cut.flac"
    soundfile.write(whole, soundfile.read(REF_WAV, dtype="int16")[0], 24000)
    cut.write_bytes(whole.read_bytes()[:100_001])
    result = speak("-o", "a.wav", voice=cut)
    assert result.code == 0
    assert result.err.startswith("WARNING: ")
    assert "cut short" in result.err


def test_truncate_uses_the_first_30_seconds(speak, tmp_path):
    samples, rate = soundfile.read(REF_WAV, dtype="int16")
    long = np.tile(samples, 1 + 31 * rate // len(samples))
    soundfile.write(tmp_path / "long.wav", long, rate)
    soundfile.write(tmp_path / "30.wav", long[: 30 * rate], rate)
    whole = speak("--stream", *NOISY, 1, voice=tmp_path / "long.wav").out
    cut = speak("--stream", *NOISY, 1, "--truncate", voice=tmp_path / "long.wav").out
    assert cut == speak("--stream", *NOISY, 1, voice=tmp_path / "30.wav").out != whole


def test_voice_cache_on_disk(speak, tmp_path):
    folder = tmp_path / "voices"
    said = speak("--stream", *NOISY, 1, "--voice-cache", folder).out
    (state,) = folder.iterdir()
    assert state.suffix == ".safetensors"
    written = state.stat().st_mtime_ns
    assert speak("--stream", *NOISY, 1, "--voice-cache", folder).out == said
    assert [path.stat().st_mtime_ns for path in folder.iterdir()] == [written]


def test_a_checkpoint_option_needs_its_file(speak):
    result = speak("--checkpoint", "gone.pt")
    assert result.code == 1
    assert "gone.pt: no such file" in result.err


def test_logging_is_as_before_afterwards(speak):
    log = logging.getLogger("pocket_fast")
    before = list(log.handlers), log.level
    speak("--stream")
    assert (list(log.handlers), log.level) == before


def test_the_prototype_speaks(run, prototype, tmp_path):
    text = "Hello world. The quick brown fox jumps over the lazy dog."
    words = ("--config", prototype / "config.yaml", "--voice", prototype / "prompt.wav", "--text", text)
    assert run("generate", *words, "-o", "hello.wav").code == 0
    samples = read_wav(tmp_path / "hello.wav")
    seconds = (len(samples) - TAIL) / 24000
    assert 3 < seconds < 7  # 11 words
    loud = np.abs(samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)).max(axis=1) > 1000
    assert 0.5 < loud.mean() < 1  # speech, with pauses


def test_progress_only_on_a_terminal(speak, monkeypatch):
    assert "\r" not in speak("-o", "a.wav").err
    monkeypatch.setattr("pocket_fast.cli.generate.stderr_is_terminal", lambda: True)
    assert "\r" in speak("-o", "a.wav").err
    for flag in ("--no-progress", "--quiet", "--stream"):
        assert "\r" not in speak("-o", "a.wav", flag).err
