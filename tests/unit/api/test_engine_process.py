"""Speech and the life of the process: forks, and exits in the middle of it."""

import json
import os
from pathlib import Path

import pytest

from fresh_python import run_python

TESTS = Path(__file__).parents[2]
PREPARE = """
import asyncio, json, os, signal, sys, threading, time, warnings
sys.path.insert(0, sys.argv[1])
import numpy as np
from recordings import hum
from pocket_fast import TTSModel

model = TTSModel.load_model(config=sys.argv[2], threads=2, eos_threshold=1e9)
voice = model.get_state_for_audio_prompt(hum(0.5))
TEXT = "Hello there, my friend. How are you today? " * 20
stream = model.generate_audio_stream(voice, TEXT, seed=1)
"""


@pytest.fixture
def run(tiny):
    """run(code) -> the process that ran it after PREPARE."""
    return lambda code: run_python(PREPARE + code, argv=[str(TESTS), str(tiny())])


FORK = """
expected = model.generate_audio(voice, "Hello.", seed=2)
first = next(stream)
read, write = os.pipe()
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    same = np.array_equal(model.generate_audio(voice, "Hello.", seed=2), expected)
    try:
        told = f"went on with {next(stream)}"
    except RuntimeError as error:
        told = str(error)
    os.write(write, json.dumps([same, told]).encode())
    sys.exit(0)
os.close(write)
with os.fdopen(read) as pipe:
    told = json.load(pipe)
status = os.waitpid(child, 0)[1]
after = np.array_equal(model.generate_audio(voice, "Hello.", seed=2), expected)
print(json.dumps([*told, status, after, len(next(stream))]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_both_sides_of_a_fork_speak(run):
    done = run(FORK)
    assert done.returncode == 0, done.stderr
    same, told, status, after, samples = json.loads(done.stdout)
    assert same
    assert "forked" in told
    assert (status, after, samples) == (0, True, 1920)


ENDS = {
    "unfinished": "next(stream)",
    "left": "for sound in stream: break",
    "not begun": "",
    "in a cycle": "next(stream); cycle = [stream]; cycle.append(cycle); del stream, cycle",
    "model gone": "next(stream); del model",
    "closed": "next(stream); model.close()",
    "exit in the loop": "for sound in stream: sys.exit(0)",
    "file": "stream = model.generate_audio_stream(voice, TEXT, live=False); next(stream)",
    "another thread reads": "next(stream); threading.Thread(target=lambda: list(stream)).start(); model.close()",
    "a daemon reads": "threading.Thread(target=lambda: list(stream), daemon=True).start(); time.sleep(0.05)",
    "many daemons read": """
for i in range(8):
    more = model.generate_audio_stream(voice, TEXT, seed=i, live=i % 2 == 0)
    next(more)
    threading.Thread(target=lambda more=more: list(more), daemon=True).start()
""",
    "a writer waits": """
def written():
    yield "Hello there, my friend. How "
    threading.Event().wait()
stream = model.generate_audio_stream(voice, written())
next(stream)
""",
    "a loop ends": """
async def speak():
    await anext(model.astream(voice, TEXT))
asyncio.run(speak())
""",
    "interrupted": """
try:
    for sound in stream:
        signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    pass
assert len(next(model.generate_audio_stream(voice, "Hello.")))
""",
    "interrupted while it waits": """
def written():
    yield "Hel"
    threading.Event().wait()
threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
try:
    list(model.generate_audio_stream(voice, written()))
except KeyboardInterrupt:
    pass
assert len(next(model.generate_audio_stream(voice, "Hello.")))
""",
}


@pytest.mark.parametrize("end", ENDS)
def test_the_process_ends_cleanly(run, end):
    done = run(ENDS[end])
    assert (done.returncode, done.stderr) == (0, "")


def test_an_exit_keeps_its_status(run):
    done = run("for sound in stream: sys.exit(3)")
    assert (done.returncode, done.stderr) == (3, "")


def test_an_interrupt_that_nobody_catches(run):
    done = run("for sound in stream: signal.raise_signal(signal.SIGINT)")
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"
