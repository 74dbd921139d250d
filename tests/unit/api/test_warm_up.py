"""warm_up: afterwards nothing is new to the process, and nothing sounds different."""

import numpy as np
import pytest

from fresh_python import run_python
from pocket_fast import TTSModel, export_model_state

TEXT = "Hello there, my friend."

WATCHED = """
import sys, threading
from pocket_fast import TTSModel

model = TTSModel.load_model(config=sys.argv[1])
voice = model.get_state_for_audio_prompt(sys.argv[2])
if sys.argv[3] == "warm":
    model.warm_up()
before = set(sys.modules), set(threading.enumerate())
model.generate_audio(voice, "Hello there, my friend.", seed=1)
print(len(sys.modules.keys() - before[0]), len(set(threading.enumerate()) - before[1]))
"""


def test_the_first_text_finds_everything_ready(tiny, voice, tmp_path):
    path = str(tmp_path / "voice.safetensors")
    export_model_state(voice, path)

    def new_modules_and_threads(how):
        done = run_python(WATCHED, argv=[str(tiny()), path, how], env={"POCKET_FAST_THREADS": "2"})
        assert done.returncode == 0, done.stderr
        return list(map(int, done.stdout.split()))

    assert all(n > 0 for n in new_modules_and_threads("cold"))
    assert new_modules_and_threads("warm") == [0, 0]


def test_a_program_without_an_event_loop_does_not_import_one(tiny, voice, tmp_path):
    """It takes as long as three frames."""
    export_model_state(voice, tmp_path / "voice.safetensors")
    code = f"{WATCHED}\nprint('asyncio' in sys.modules)"
    done = run_python(code, argv=[str(tiny()), str(tmp_path / "voice.safetensors"), "cold"])
    assert done.stdout.split()[-1] == "False", done.stderr


@pytest.mark.parametrize("compute_type", ["float32", "int8"])
def test_nothing_sounds_different(tiny, voice, compute_type):
    said = []
    for warm in (False, True):
        model = TTSModel.load_model(config=tiny(), compute_type=compute_type, eos_threshold=-1e9)
        if warm:
            model.warm_up()
        said.append(model.generate_audio(dict(voice), TEXT, seed=1))
    np.testing.assert_array_equal(*said)


def test_it_says_nothing(brief, caplog):
    brief.warm_up()
    assert caplog.records == []
