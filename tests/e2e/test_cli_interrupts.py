"""Commands that are cut off: by signals, by a reader who leaves, by a full disk. Each in its own process."""

import os
import signal
import time

import pytest

from command_line import FRAME, TAIL, default_signals, read_wav

SAFETY = 60  # seconds after which a test gives up on a process that hangs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and pipes as POSIX has them")


@pytest.fixture(autouse=True)
def signals_are_heard():
    """As in default_signals, for this process."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def endless(start, tiny):
    """Starts `generate` with hours to say: a megabyte of text."""
    words = ("generate", "--config", tiny / "config.yaml", "--voice", tiny / "prompt.wav", "--text", "-")
    text = b"Hello world, said nobody to no one in particular. " * 20_000

    def begin(*more, **how):
        with open(how.pop("folder") / "text", "wb+") as file:
            file.write(text)
            file.seek(0)
            return start(*words, *more, stdin=file, preexec_fn=default_signals, **how)

    return begin


def wait_for_sound(folder):
    """Until the temporary file that will be renamed holds a second of audio."""
    deadline = time.monotonic() + SAFETY
    while time.monotonic() < deadline:
        for path in folder.glob(".*.part"):
            if path.stat().st_size > 48_000:
                return
        time.sleep(0.02)
    raise AssertionError("no sound is being written")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_the_file_is_kept_and_valid(endless, tmp_path, number):
    output = tmp_path / "out"
    output.mkdir()
    process = endless("-o", output / "a.wav", folder=tmp_path)
    wait_for_sound(output)
    process.send_signal(number)
    out, err = process.communicate(timeout=SAFETY)
    samples = read_wav(output / "a.wav")
    assert process.returncode == 1
    assert out == b""
    assert (len(samples) - TAIL) % FRAME == 0
    seconds = (len(samples) - TAIL) / 24000
    message = f"error: interrupted after {seconds:.2f} s of audio, kept in {output / 'a.wav'}"
    assert err.decode().splitlines()[-1] == message
    assert [path.name for path in output.iterdir()] == ["a.wav"]


def test_a_stream_ends_on_a_frame(endless, tmp_path):
    process = endless("--stream", folder=tmp_path)
    beginning = process.stdout.read(10 * 2 * FRAME)
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()  # communicate() would miss what the first read has buffered
    assert process.wait(timeout=SAFETY) == 1
    assert (len(beginning) + len(rest)) % (2 * FRAME) == 0
    assert process.stderr.read().startswith(b"error: interrupted after ")


def test_the_second_interrupt_does_not_wait_for_a_blocked_reader(endless, tmp_path):
    """Nobody reads the pipe, so the write that is under way never ends."""
    process = endless("--stream", folder=tmp_path)
    process.stdout.read(1)
    time.sleep(1)  # the pipe fills up; if it has not by then, the test is only easier to pass
    for _ in range(3):  # to stop, to interrupt, and for what Python writes when it ends
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    assert process.wait(timeout=SAFETY) in (1, -signal.SIGINT)
    assert b"Traceback" not in process.stderr.read()


@pytest.fixture
def interrupting(monkeypatch):
    """interrupting(before, times): so many SIGINT when so many pieces of audio have been made."""
    from pocket_fast import TTSModel

    make = TTSModel.speak

    def interrupting(before, times):
        def stream(*given, **named):
            for i, frame in enumerate(make(*given, **named)):
                if i == before:
                    for _ in range(times):
                        signal.raise_signal(signal.SIGINT)
                    if named["stop"].is_set() and i == 0:
                        return
                yield frame

        monkeypatch.setattr(TTSModel, "speak", stream)

    return interrupting


def test_one_interrupt_ends_within_a_frame(speak, interrupting, tmp_path):
    interrupting(before=3, times=1)
    result = speak("-o", "a.wav")
    assert (result.code, result.err) == (1, "error: interrupted after 0.32 s of audio, kept in a.wav\n")
    assert len(read_wav(tmp_path / "a.wav")) == 4 * FRAME + TAIL


def test_two_interrupts_end_at_once(speak, interrupting, tmp_path):
    interrupting(before=3, times=2)
    result = speak("-o", "a.wav")
    assert (result.code, result.err) == (1, "error: interrupted\n")
    assert len(read_wav(tmp_path / "a.wav")) == 3 * FRAME


def test_before_the_first_sound_there_is_no_file(speak, interrupting, tmp_path):
    interrupting(before=0, times=1)
    result = speak("-o", "a.wav")
    assert (result.code, result.err) == (1, "error: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_while_the_model_loads(speak, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "pocket_fast.models.pocket.loading.load", lambda *_, **__: signal.raise_signal(signal.SIGTERM)
    )
    result = speak("-o", "a.wav")
    assert (result.code, result.err) == (1, "error: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_ignored_signals_stay_ignored(speak, interrupting):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupting(before=3, times=2)
    assert speak("--stream").code == 0


def test_signal_handlers_are_as_before_afterwards(speak, interrupting):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    speak("--stream")
    interrupting(before=3, times=2)
    speak("--stream")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("output", ["--stream", "--output=-"])
def test_a_reader_who_leaves_ends_it_quietly(endless, tmp_path, output):
    process = endless(output, "--quiet", folder=tmp_path)
    process.stdout.read(100)
    process.stdout.close()
    assert process.wait(timeout=SAFETY) == 1
    assert process.stderr.read() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_standard_output_on_a_full_disk(start, tiny):
    speech = ("generate", "--config", tiny / "config.yaml", "-v", tiny / "prompt.wav", "-t", "Hi.", "-q")
    for words in (("voices",), ("info",), (*speech, "-o", "-"), (*speech, "--stream")):
        with open("/dev/full", "wb") as full:
            process = start(*words, stdout=full)
            assert process.wait(timeout=SAFETY) == 1
            assert process.stderr.read().decode().splitlines() in (
                ["error: No space left on device"],
                ["error: cannot write standard output: No space left on device"],
            )


@pytest.mark.parametrize("words", [("--version",), ("generate", "--help")])
def test_help_that_nobody_reads(start, words):
    reading, writing = os.pipe()
    os.close(reading)
    process = start(*words, stdout=writing)
    os.close(writing)
    assert process.wait(timeout=SAFETY) == 0
    assert process.stderr.read() == b""
