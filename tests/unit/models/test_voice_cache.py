"""Prepared voices: kept in memory up to a number of bytes, and in a folder if one is given."""

import dataclasses
import logging
import os
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from fresh_python import run_python
from pocket_fast.errors import AudioError, VoiceError
from pocket_fast.models.pocket.voice import VoiceState, read_state, write_state
from pocket_fast.models.voice_cache import VoiceCache, fingerprint
from tiny_stages import config, run_prompt, stages


def state(nbytes=100):
    """A voice of so many bytes that nobody speaks with."""
    return VoiceState(SimpleNamespace(nbytes=nbytes))


def unwanted():
    pytest.fail("made although it was there")


# --- in memory ----------------------------------------------------------------------------------


def test_what_was_made_is_not_made_again():
    cache = VoiceCache()
    first = cache.get("a", state)
    assert cache.get("a", unwanted).prefix is first.prefix
    assert cache.get("b", state).prefix is not first.prefix
    assert cache.nbytes == 200


def test_a_caller_who_continues_a_voice_does_not_change_the_cache():
    cache = VoiceCache()
    prefixes = []
    for _ in range(3):
        got = cache.get("a", state)
        prefixes.append(got.prefix)
        got.prefix = None
    assert prefixes[0] is prefixes[1] is prefixes[2] is not None


def test_the_least_recently_used_go_first():
    cache = VoiceCache(max_bytes=300)
    for key in "abc":
        cache.get(key, state)
    cache.get("a", unwanted)
    cache.get("d", state)  # over the bound: b is the one that was not used for longest
    for key in "acd":
        cache.get(key, unwanted)
    made = []
    cache.get("b", lambda: made.append(1) or state())
    assert made == [1]
    assert cache.nbytes == 300


def test_the_bound_counts_bytes_not_voices():
    cache = VoiceCache(max_bytes=1000)
    for i in range(10):
        cache.get(i, lambda: state(10))
    assert cache.nbytes == 100
    cache.get("large", lambda: state(950))
    assert cache.nbytes <= 1000
    cache.get("large", unwanted)
    for i in range(5, 10):
        cache.get(i, unwanted)


def test_a_voice_larger_than_the_bound_is_not_kept_and_a_bound_may_change():
    cache = VoiceCache(max_bytes=50)
    assert cache.get("a", state).nbytes == 100
    assert cache.nbytes == 0
    cache.max_bytes = 1000
    cache.get("a", state)
    cache.get("a", unwanted)
    cache.max_bytes = 0
    cache.get("b", state)
    assert cache.nbytes == 0


def test_a_failure_is_not_kept():
    cache = VoiceCache()

    def fail():
        raise AudioError("broken")

    with pytest.raises(AudioError):
        cache.get("a", fail)
    assert cache.get("a", state).nbytes == 100


def test_threads_do_not_wait_for_each_other():
    """One voice is being made for a minute; another can be had meanwhile."""
    cache = VoiceCache()
    begun, release = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert release.wait(60)
        return state()

    thread = threading.Thread(target=cache.get, args=("slow", slow))
    thread.start()
    assert begun.wait(60)
    cache.get("quick", state)
    cache.get("quick", unwanted)
    release.set()
    thread.join()
    assert cache.nbytes == 200


def together(count, ask):
    """What `count` threads that begin at the same time make of ask(number): results, and errors in their place."""
    begin, found = threading.Barrier(count), [None] * count

    def run(i):
        begin.wait(60)
        try:
            found[i] = ask(i)
        except BaseException as error:
            found[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return found


def slowly(made, outcome):
    """make() that takes as long as it takes for everybody to have asked, and counts."""

    def make():
        made.append(threading.get_ident())
        time.sleep(0.05)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome()

    return make


@pytest.mark.parametrize("bound", [1000, 0])
def test_a_voice_that_many_ask_for_at_once_is_made_once(bound):
    """Also where it is too large to be kept: they asked while it was being made."""
    cache, made = VoiceCache(max_bytes=bound), []
    found = together(12, lambda i: cache.get("new", slowly(made, state)))
    assert len(made) == 1
    assert len({id(voice) for voice in found}) == 12
    assert len({id(voice.prefix) for voice in found}) == 1
    assert (cache.misses, cache.hits) == (1, 11)
    assert cache.nbytes == min(bound, 100)


def test_different_voices_are_made_side_by_side():
    cache, begin = VoiceCache(), threading.Barrier(3)

    def make():
        begin.wait(60)  # only when all three are being made
        return state()

    assert all(voice.nbytes == 100 for voice in together(3, lambda i: cache.get(i, make)))


def test_who_continues_a_voice_at_once_changes_nobody_elses():
    cache, made = VoiceCache(), []

    def ask(i):
        voice = cache.get("new", slowly(made, state))
        prefix, voice.prefix = voice.prefix, None
        return prefix

    assert len({id(prefix) for prefix in together(6, ask)}) == 1


def test_what_is_wrong_with_a_voice_is_everybodys_and_found_once():
    cache, made = VoiceCache(), []
    found = together(7, lambda i: cache.get("bad", slowly(made, AudioError("broken"))))
    assert [str(error) for error in found] == ["broken"] * 7
    assert len(made) == 1
    assert cache.get("bad", state).nbytes == 100


@pytest.mark.parametrize("failure", [MemoryError(), KeyboardInterrupt(), OSError(5, "disk")])
def test_after_any_other_failure_the_next_one_tries(failure):
    cache, made = VoiceCache(), []

    def make():
        made.append(1)
        time.sleep(0.05)
        if len(made) < 3:
            raise failure
        return state()

    found = together(5, lambda i: cache.get("a", make))
    assert sum(voice is failure for voice in found) == 2
    assert len({id(voice.prefix) for voice in found if voice is not failure}) == 1
    assert len(made) == 3


FORKED = """
import os, signal, sys, threading, time
from types import SimpleNamespace
from pocket_fast.models.voice_cache import VoiceCache

class Voice(SimpleNamespace):
    pass

cache, held = VoiceCache(), VoiceCache()
cache.get("old", lambda: Voice(nbytes=1))
begun = threading.Event()

def for_ever():
    begun.set()
    time.sleep(60)

threading.Thread(target=lambda: cache.get("new", for_ever), daemon=True).start()
assert begun.wait(30)
held._lock.acquire()  # as another thread would at that moment
child = os.fork()
if not child:
    signal.alarm(20)
    sys.stdout.write(f"{cache.get('old', None).nbytes} {cache.get('new', lambda: Voice(nbytes=2)).nbytes} ")
    sys.stdout.write(f"{held.get('any', lambda: Voice(nbytes=3)).nbytes}")
    sys.stdout.flush()
    os._exit(0)
print("", os.waitpid(child, 0)[1], "new" in cache._making)
sys.stdout.flush()
os._exit(0)  # and not wait for the thread
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_waits_for_nobody_of_its_parent():
    done = run_python(FORKED)
    assert done.stdout.split() == ["1", "2", "3", "0", "True"], done.stderr


# --- recordings, and the folder -----------------------------------------------------------------


@pytest.fixture(scope="module")
def voices():
    """Two voices of the model "tiny"."""
    backbone = stages("tiny").backbone
    rows = np.random.default_rng(0).standard_normal((2, 5, 64)).astype(np.float32)
    return [run_prompt(r, backbone) for r in rows]


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "me.wav"
    path.write_bytes(b"one recording")
    return path


@pytest.fixture
def get(recording, voices):
    """get(cache, voice=0, path, truncate, write) -> (state, whether it had to be made)."""

    def get(cache, voice=0, path=recording, truncate=False, write=write_state):
        made = []

        def make():
            made.append(1)
            return voices[voice]

        def read(file):
            return read_state(file, stages("tiny").backbone)

        return cache.get_recording(path, truncate, make, read=read, write=write), bool(made)

    return get


def keys(state):
    return state["transformer.layers.0.self_attn"]["cache"]


def test_a_recording_is_known_by_path_time_and_size(get, recording, tmp_path, monkeypatch):
    cache = VoiceCache()
    assert get(cache)[1]
    assert not get(cache)[1]
    assert get(cache, truncate=True)[1]
    monkeypatch.chdir(tmp_path)
    assert not get(cache, path=recording.relative_to(tmp_path))[1]
    os.utime(recording, (1, 1))
    assert get(cache)[1]
    recording.write_bytes(b"another length")
    os.utime(recording, (1, 1))
    assert get(cache)[1]
    with pytest.raises(FileNotFoundError):
        get(cache, path=tmp_path / "none.wav")


def test_the_folder_serves_the_next_process(get, tmp_path, voices, recording):
    folder = tmp_path / "deep" / "cache"
    assert get(VoiceCache(folder=str(folder), model="m"))[1]
    (file,) = folder.iterdir()
    assert file.suffix == ".safetensors"
    found, made = get(VoiceCache(folder=folder, model="m"), voice=1)
    assert not made
    np.testing.assert_array_equal(keys(found), keys(voices[0]))
    os.utime(recording, (1, 1))  # the same content is the same voice
    copy = recording.with_name("copy.wav")
    copy.write_bytes(recording.read_bytes())
    for path in (recording, copy):
        assert not get(VoiceCache(folder=folder, model="m"), path=path)[1]
    assert len(list(folder.iterdir())) == 1


def test_another_content_model_or_truncation_is_another_file(get, tmp_path, recording):
    folder = tmp_path / "cache"
    assert get(VoiceCache(folder=folder, model="m"))[1]
    assert get(VoiceCache(folder=folder, model="n"))[1]
    assert get(VoiceCache(folder=folder, model="m"), truncate=True)[1]
    recording.write_bytes(b"another take!")
    assert get(VoiceCache(folder=folder, model="m"))[1]
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("damage", ["truncated", "empty", "other model", "folder"])
def test_a_damaged_file_is_made_again(get, tmp_path, damage, caplog, voices):
    caplog.set_level(logging.WARNING)
    folder = tmp_path / "cache"
    get(VoiceCache(folder=folder))
    (file,) = folder.iterdir()
    content = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(content[:-5])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "folder":
        file.unlink()
        file.mkdir()
    else:
        write_state(run_prompt(np.zeros((3, 36), np.float32), stages("tiny-2m").backbone), file)
    found, made = get(VoiceCache(folder=folder))
    assert made
    np.testing.assert_array_equal(keys(found), keys(voices[0]))
    assert "Making the voice again" in caplog.text
    if damage != "folder":  # which is left alone
        assert file.read_bytes() == content


def test_a_full_disk_does_not_keep_anybody_from_speaking(get, tmp_path, caplog):
    def no_room(state, path):
        raise VoiceError(f"{path}: cannot be written: No space left on device")

    found, made = get(VoiceCache(folder=tmp_path / "cache"), write=no_room)
    assert made
    assert found.length == 5
    assert "not kept for the next time: " in caplog.text
    assert "No space left" in caplog.text


def test_a_folder_that_can_be_none_is_an_error(get, recording):
    with pytest.raises(OSError, match=r"exists|directory"):
        get(VoiceCache(folder=recording))


def test_the_fingerprint_changes_with_config_files_and_arithmetic(tmp_path):
    weights = tmp_path / "w"
    weights.write_bytes(b"12")
    os.utime(weights, (5, 5))
    other = dataclasses.replace(config("tiny"), default_temperature=0.9)
    first = fingerprint(config("tiny"), (weights,), "float32")
    assert first == fingerprint(config("tiny"), (weights,), "float32")
    seen = {
        first,
        fingerprint(other, (weights,), "float32"),
        fingerprint(config("tiny"), (weights,), "int8_float32"),
        fingerprint(config("tiny"), (), "float32"),
    }
    os.utime(weights, (6, 6))
    seen.add(fingerprint(config("tiny"), (weights,), "float32"))
    weights.write_bytes(b"123")
    os.utime(weights, (5, 5))
    seen.add(fingerprint(config("tiny"), (weights,), "float32"))
    assert len(seen) == 6
