"""Voice states that no program exports, in every way that a voice can come in: refused in a sentence, while others are
answered, and nothing is left of them."""

import base64
import json
import os
import struct
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from safetensors.numpy import load, save
from websockets.sync.client import connect

from pocket_fast import export_model_state
from serving import wait_until

FIRST = "transformer.layers.0.self_attn/"


@pytest.fixture(scope="module")
def state(voice, tmp_path_factory):
    """What export-voice writes: keys and values of every layer, (2, 1, positions, heads, width)."""
    path = tmp_path_factory.mktemp("voice") / "voice.safetensors"
    export_model_state(voice, path)
    return path.read_bytes()


@pytest.fixture
def rewritten(state):
    """rewritten(change) -> the state with `change` called for every cache, offset and pad: (name, array) -> array or
    None."""

    def rewritten(change):
        tensors = {name: change(name, array.copy()) for name, array in load(state).items()}
        return save({name: np.ascontiguousarray(a) for name, a in tensors.items() if a is not None})

    return rewritten


def file_of(entries, data=b""):
    """A file with a header that no library would write. entries: (name, dtype, shape, begin, end), text or numbers."""
    parts = [
        f'"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}'
        for name, dtype, shape, begin, end in entries
    ]
    header = ("{" + ",".join(parts) + "}").encode()
    return struct.pack("<Q", len(header)) + header + data


def at(place, number):
    def change(name, array):
        if name.endswith("cache"):
            array[place] = number
        return array

    return change


def caches(change):
    return lambda name, array: change(array) if name.endswith("cache") else array


def but(what, change):
    """change(array) of those whose name ends with `what`."""
    return lambda name, array: change(array) if name.endswith(what) else array


def longer(positions):
    """So many positions: the same again and again."""

    def change(name, array):
        if name.endswith("cache"):
            return np.resize(array.swapaxes(0, 2), (positions, *array.swapaxes(0, 2).shape[1:])).swapaxes(
                0, 2
            )
        return np.full_like(array, positions) if name.endswith("offset") else array

    return change


CHANGES = {
    "one number of 1e38": at((0, 0, 0, 0, 0), 1e38),
    "the last number -3e38": at((1, 0, -1, 1, 31), -3e38),
    "all of them 1e38": at(..., 1e38),
    "NaN": at((1, 0, 3, 0, 7), np.nan),
    "-inf": at((0, 0, 5, 1, 0), -np.inf),
    "thousands of positions": longer(3000),
    "a few too many": longer(390),
    "twice as wide": caches(lambda a: np.concatenate([a, a], -1)),
    "half as wide": caches(lambda a: a[..., :16]),
    "more heads": caches(lambda a: np.concatenate([a, a, a], 3)),
    "two at once": caches(lambda a: np.concatenate([a, a], 1)),
    "three of keys and values": caches(lambda a: np.concatenate([a, a[:1]])),
    "no position": caches(lambda a: a[:, :, :0]),
    "four dimensions": caches(lambda a: a[0]),
    "seven dimensions": caches(lambda a: a[None, None]),
    "a single number": caches(lambda a: a.ravel()[0]),
    "whole numbers": caches(lambda a: a.astype(np.int8)),
    "truth": caches(lambda a: a > 0),
    "64 bits of whole numbers": caches(lambda a: a.astype(np.uint64)),
    "no layer but the first": lambda name, a: a if name.startswith(FIRST) else None,
    "no first layer": lambda name, a: None if name.startswith(FIRST) else a,
    "no cache": lambda name, a: None if name == FIRST + "cache" else a,
    "an offset below nothing": but("offset", lambda a: -a),
    "an offset behind the end": but("offset", lambda a: a * 1000),
    "the largest offset": but("offset", lambda a: np.full(1, 2**63 - 1)),
    "the smallest offset": but("offset", lambda a: np.full(1, -(2**63))),
    "an offset that is no number": but("offset", lambda a: np.full(1, np.nan)),
    "an endless offset": but("offset", lambda a: np.full(1, np.inf)),
    "many offsets": but("offset", lambda a: np.arange(1000)),
    "no offset": but("offset", lambda a: np.zeros(0, np.int64)),
    "padded": but("pad", lambda a: np.full_like(a, 2**62)),
}
EMPTY = [(f"t{i}", "F32", "[0]", 0, 0) for i in range(3000)]
FILES = {
    "a header of thousands of empty tensors": file_of(EMPTY),
    "and of tens of thousands": file_of(EMPTY * 10),
    "empty tensors beside a prompt": file_of(
        [*EMPTY, ("audio_prompt", "F32", "[1,4,64]", 0, 1024)], bytes(1024)
    ),
    "a shape of more than there is": file_of(
        [("audio_prompt", "F32", "[1,4611686018427387904,64]", 0, 64)], bytes(64)
    ),
    "a product that overflows to nothing": file_of([("audio_prompt", "F32", f"[{2**32},{2**32},64]", 0, 0)]),
    "no rows of any width": file_of([("audio_prompt", "F32", f"[1,0,{2**62}]", 0, 0)]),
    "seventy dimensions": file_of([("audio_prompt", "F32", str([1] * 70), 0, 4)], bytes(4)),
    "no dimension": file_of([("audio_prompt", "F32", "[]", 0, 4)], bytes(4)),
    "dimensions that are no numbers": file_of([("audio_prompt", "F32", '["1",4,64]', 0, 1024)], bytes(1024)),
    "halves of dimensions": file_of([("audio_prompt", "F32", "[1,4.0,64]", 0, 1024)], bytes(1024)),
    "truth for a dimension": file_of([("audio_prompt", "F32", "[true,4,64]", 0, 1024)], bytes(1024)),
    "offsets below nothing": file_of([("audio_prompt", "F32", "[1,4,64]", -1024, 0)], bytes(1024)),
    "offsets the wrong way round": file_of([("audio_prompt", "F32", "[1,4,64]", 1024, 0)], bytes(1024)),
    "offsets of half a number": file_of([("audio_prompt", "F32", "[1,4,64]", 0, 1023)], bytes(1024)),
    "offsets beyond 64 bits": file_of(
        [("audio_prompt", "F32", "[1,4,64]", 2**70, 2**70 + 1024)], bytes(1024)
    ),
    "one name twice": file_of([("audio_prompt", "F32", "[1,4,64]", 0, 1024)] * 2, bytes(1024)),
    "a type that there is not": file_of([("audio_prompt", "F33", "[1,4,64]", 0, 1024)], bytes(1024)),
    "a type of 4 bits": file_of([("audio_prompt", "F4", "[1,4,64]", 0, 128)], bytes(1024)),
    "complex numbers": file_of([("audio_prompt", "C64", "[1,2,64]", 0, 1024)], bytes(1024)),
    "rows of another model": file_of([("audio_prompt", "F32", "[1,4,1024]", 0, 16384)], bytes(16384)),
    "rows without an end": file_of([("audio_prompt", "F16", "[1,9000,64]", 0, 1152000)], bytes(1152000)),
    "rows of 1e38": file_of([("audio_prompt", "F32", "[1,4,64]", 0, 1024)], struct.pack("<f", 1e38) * 256),
    "rows of NaN in 16 bits": file_of([("audio_prompt", "BF16", "[1,4,64]", 0, 512)], b"\xff" * 512),
    "a prompt beside a state": file_of(
        [("audio_prompt", "F32", "[1,4,64]", 0, 1024), (FIRST + "cache", "F32", "[2,1,1,2,32]", 1024, 1536)],
        bytes(1536),
    ),
    "a header that goes on": struct.pack("<Q", 2**40) + b"{" + b" " * 5000,
    "a header of brackets": struct.pack("<Q", 90_000) + b'{"a":' + b"[" * 89_995,
    "a header below nothing": struct.pack("<q", -8) + b"{}" * 50,
    "a header that is not UTF-8": struct.pack("<Q", 120) + b'{"\xff' + b" " * 117,
}


def by_form(site, data):
    """An answer to the file as an upload: status, what is wrong."""
    files = {"voice_wav": ("voice.wav", data)}
    answer = site.client.post("/tts", data={"text": "Hi."}, files=files)
    return answer.status_code, answer.json()["detail"]


def by_address(site, data):
    voice = "data:audio/wav;base64," + base64.b64encode(data).decode()
    body = {"input": "Hi.", "voice": voice, "model": "m"}
    answer = site.client.post("/v1/audio/speech", json=body)
    return answer.status_code, answer.json()["error"]["message"]


def by_text(site, data):
    answer = site.client.post("/generate", json={"text": "Hi.", "voice": base64.b64encode(data).decode()})
    return answer.status_code, answer.json()["detail"]


def by_conversation(site, data):
    with connect(f"{site.url.replace('http', 'ws')}/v1/audio/stream", max_size=None) as socket:
        voice = base64.b64encode(data).decode()
        if len(voice) > 900_000:  # of a message, which may have a megabyte
            return by_text(site, data)
        socket.send(json.dumps({"voice": voice, "text": "Hi.", "end": True}))
        said = json.loads(socket.recv())
    return said["error"]["status"], said["error"]["message"]


WAYS = (by_form, by_address, by_text, by_conversation)


def is_a_sentence(said):
    return 10 < len(said) < 600 and not any(
        word in said for word in ("\n", "Traceback", "/tmp", ".py", "pocket_fast-")
    )


@pytest.fixture(scope="module")
def own(start):
    """A server of these tests."""
    with start() as site:
        yield site


def handles():
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


@pytest.mark.parametrize("name", [*CHANGES, *FILES])
def test_every_one_is_refused_in_every_way(own, rewritten, name):
    data = rewritten(CHANGES[name]) if name in CHANGES else FILES[name]
    for way in WAYS:
        status, said = way(own, data)
        assert status == 400, (way.__name__, said)
        assert is_a_sentence(said), said


def test_all_at_once_keep_nobody_waiting_and_leave_nothing(own, rewritten, state):
    files = [rewritten(change) for change in CHANGES.values()] + list(FILES.values())
    assert by_form_speaks(own, state)
    places = Path(tempfile.gettempdir())
    before, opened, threads = set(places.glob("pocket_fast-*")), handles(), threading.active_count()
    over = threading.Event()

    def look():
        looks = 0
        with httpx.Client(base_url=own.url, timeout=60) as client:
            while not over.is_set() or not looks:
                assert client.get("/health").status_code == 200
                looks += 1
        return looks

    with ThreadPoolExecutor(9) as pool:
        looking = pool.submit(look)
        asked = [pool.submit(way, own, data) for data in files for way in WAYS]
        found = [one.result(120) for one in asked]
        over.set()
        assert looking.result(60) > 1
    assert {status for status, _ in found} == {400}
    assert by_form_speaks(own, state)
    wait_until(lambda: own.model.engine_load().running == own.model.engine_load().resting == 0)
    wait_until(lambda: set(places.glob("pocket_fast-*")) <= before)
    wait_until(lambda: handles() <= opened + 12)  # connections that the client keeps for the next requests
    wait_until(lambda: threading.active_count() <= threads + 20)  # of pools, which stay


def by_form_speaks(site, data):
    """Whether the state as it is speaks, which all others were made of."""
    answer = site.client.post("/tts", data={"text": "Hi."}, files={"voice_wav": ("voice.wav", data)})
    return answer.status_code == 200
