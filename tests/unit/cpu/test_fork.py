"""After a fork: one thread, one warning, the same numbers, no hang."""

import json
import os
from pathlib import Path

import pytest
from pocket_fast.cpu._team import has_openmp

from fresh_python import run_python

TESTS = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

# new_stages(threads) and speak(stages) of both families
POCKET = """
from tiny_stages import new_stages as stages_of

def new_stages(threads):
    return stages_of("tiny", threads=threads)

def speak(stages):
    stream = stages.backbone.stream(8)
    hidden = np.empty((1, stages.backbone.hidden_dim), np.float32)
    latent = stages.backbone.bos_latent[None]
    for _ in range(3):
        stages.backbone.step([stream], latent, hidden)
        drawn = np.empty((1, stages.flow_head.latent_dim), np.float32)
        stages.flow_head.sample(hidden, np.ones_like(drawn), drawn, np.empty(1, np.float32))
        latent = drawn
    pcm = np.empty((1, stages.decoder.samples_per_frame), np.float32)
    stages.decoder.decode([stages.decoder.stream()], latent, pcm)
    return pcm.tobytes().hex()
"""

QWEN3 = """
from types import SimpleNamespace
from pocket_fast.cpu._threads import resolve_threads
from pocket_fast.cpu.qwen3.sampling import Draw
from tiny_talkers import SAME, new_predictor, new_talker, predict, step

def new_stages(threads):
    threads = resolve_threads(threads)
    models = {"talker": new_talker(SAME, threads=threads), "predictor": new_predictor(SAME, threads=threads)}
    return SimpleNamespace(threads=threads, **models)

def speak(stages):
    stream, row, said = stages.talker.stream(), stages.talker.embed_codec([71]), []
    for _ in range(3):
        hidden, _ = step(stages.talker, [stream], row)
        codes, row = predict(stages.predictor, hidden, [5], np.full((1, 15), 0.5), [Draw()])
        said.append(codes)
    return np.concatenate(said).tobytes().hex()
"""

# The parent runs a parallel region first: only then does one in the child hang.
CODE = """
import json, os, sys, warnings
sys.path.insert(0, sys.argv[1])
import numpy as np
from pocket_fast.cpu import _threads
_threads.GRAIN_MACS = 0
{family}
stages = new_stages(2)
parent = speak(stages)
read, write = os.pipe()
child = os.fork()
if child == 0:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        told = [speak(stages), speak(new_stages(2)), _threads.resolve_threads(2)]
    told.append([(w.category.__name__, str(w.message)) for w in caught])
    with os.fdopen(write, "w") as pipe:
        json.dump(told, pipe)
    os._exit(0)
os.close(write)
with os.fdopen(read) as pipe:
    told = json.load(pipe)
os.waitpid(child, 0)
print(json.dumps(dict(parent=parent, after=speak(stages), child=told, threads=stages.threads)))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("family", [POCKET, QWEN3], ids=["pocket", "qwen3"])
def test_a_forked_child_speaks_and_loads_on_one_thread(family):
    done = run_python(CODE.replace("{family}", family), argv=[str(TESTS)])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    spoke, loaded_and_spoke, threads, warned = found["child"]
    assert spoke == loaded_and_spoke == found["parent"] == found["after"]
    assert threads == 1
    if has_openmp():
        assert found["threads"] == 2
        [(category, message)] = warned
        assert category == "RuntimeWarning"
        assert "forked" in message
        assert "spawn" in message
    else:
        assert warned == []
