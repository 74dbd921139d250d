"""How many threads: argument > POCKET_FAST_THREADS > what OpenMP, affinity and the container allow."""

import os
from pathlib import Path

import pytest
from pocket_fast.cpu._team import has_openmp

from fresh_python import run_python
from pocket_fast.cpu import _threads
from pocket_fast.cpu._threads import resolve_threads, threads_for
from pocket_fast.errors import ConfigError

needs_openmp = pytest.mark.skipif(not has_openmp(), reason="this build has no OpenMP: always one thread")
PRINT_THREADS = "from pocket_fast.cpu._threads import resolve_threads; print(resolve_threads())"


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine with 12 CPUs, 8 of them left to OpenMP, and no settings."""
    monkeypatch.delenv("POCKET_FAST_THREADS", raising=False)
    monkeypatch.setattr(_threads, "_allowed_cpus", lambda: 12)
    monkeypatch.setattr(_threads, "openmp_max_threads", lambda: 8)
    return monkeypatch


@needs_openmp
def test_the_order_of_sources(machine):
    assert resolve_threads() == 8
    machine.setattr(_threads, "_allowed_cpus", lambda: 3)
    assert resolve_threads() == 3
    machine.setenv("POCKET_FAST_THREADS", "20")
    assert resolve_threads() == 20
    assert resolve_threads(5) == 5
    machine.setenv("POCKET_FAST_THREADS", "")
    assert resolve_threads() == 3


def test_a_build_without_openmp_has_one_thread(machine):
    machine.setattr(_threads, "has_openmp", lambda: False)
    machine.setenv("POCKET_FAST_THREADS", "4")
    assert (resolve_threads(), resolve_threads(2), threads_for(2, 1e12)) == (1, 1, 1)


def test_the_limit_of_the_calling_thread_is_one_if_it_was_lowered(machine):
    assert _threads.thread_limit(8) == 0
    machine.setattr(_threads, "openmp_max_threads", lambda: 3)
    assert _threads.thread_limit(8) == 3
    assert _threads.thread_limit(3) == 0
    assert _threads.thread_limit(1) == 0


LIMITED = """
import ctypes, sys, threading
sys.path.insert(0, sys.argv[1])
from pocket_fast.cpu import _team
from tiny_stages import new_stages

stages = new_stages("tiny", threads=2)
before = stages.thread_limit()
ctypes.CDLL(_team.__file__).omp_set_num_threads(1)  # as threadpoolctl does
found = []
thread = threading.Thread(target=lambda: found.append(stages.thread_limit()))
thread.start()
thread.join()
print(before, stages.thread_limit(), *found)
"""


@needs_openmp
def test_a_limit_set_while_running_is_seen_in_its_thread():
    done = run_python(LIMITED, env={"OMP_NUM_THREADS": "4"}, argv=[str(Path(__file__).parents[2])])
    assert done.stdout.split() == ["0", "1", "0"], done.stderr


@pytest.mark.parametrize("bad", ["0", "-2", "two", "1.5", " "])
def test_a_bad_setting_names_itself(machine, bad):
    machine.setenv("POCKET_FAST_THREADS", bad)
    with pytest.raises(ConfigError) as error:
        resolve_threads()
    assert str(error.value) == f"POCKET_FAST_THREADS: expected a whole number of at least 1, got {bad!r}"
    resolve_threads(1)  # the argument wins: the setting is not looked at


@pytest.mark.parametrize("bad", [0, -1, 1.5, "2"])
def test_a_bad_argument_names_itself(bad):
    with pytest.raises(ConfigError) as error:
        resolve_threads(bad)
    assert str(error.value) == f"threads: expected a whole number of at least 1, got {bad!r}"


def test_an_absurd_number_is_refused():
    with pytest.raises(ConfigError, match="threads: expected at most 512, got 513"):
        resolve_threads(513)


@needs_openmp
def test_small_work_stays_on_one_thread():
    assert threads_for(4, _threads.GRAIN_MACS - 1) == 1
    assert threads_for(4, _threads.GRAIN_MACS) == 4


@needs_openmp
def test_a_limit_set_after_loading_holds(machine):
    machine.setattr(_threads, "_unlimited", 8)
    assert threads_for(20, 1e12) == 20  # asked for, although OpenMP's own choice is 8
    machine.setattr(_threads, "openmp_max_threads", lambda: 3)
    assert (threads_for(20, 1e12), threads_for(2, 1e12)) == (3, 2)


SET_LATER = """
import ctypes, re, threading
from pocket_fast.cpu._threads import threads_for
(runtime,) = set(re.findall(r"/.*lib(?:gomp|omp|iomp5)\\b.*", open("/proc/self/maps").read()))
limit = ctypes.CDLL(runtime).omp_set_num_threads
for threads in (1, 2, 3):
    limit(threads)
    print(threads_for(4, 1e12))
limit(1)
thread = threading.Thread(target=lambda: print(threads_for(4, 1e12)))
thread.start()
thread.join()
"""


@needs_openmp
@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="where is this system's OpenMP runtime?")
def test_the_runtime_is_asked_at_every_call():
    """As threadpoolctl sets it; the limit is the calling thread's."""
    done = run_python(SET_LATER, env={"OMP_NUM_THREADS": "3"})
    assert done.stdout.split() == ["1", "2", "4", "4"], done.stderr


@needs_openmp
def test_openmp_settings_are_read():
    cpus = len(os.sched_getaffinity(0))
    for asked in (1, cpus):
        done = run_python(PRINT_THREADS, env={"OMP_NUM_THREADS": str(asked)})
        assert 1 <= int(done.stdout) <= asked, done.stderr
    done = run_python(PRINT_THREADS, env={"OMP_NUM_THREADS": "1", "POCKET_FAST_THREADS": "7"})
    assert int(done.stdout) == 7, done.stderr
    done = run_python(PRINT_THREADS, env={"POCKET_FAST_THREADS": "none"})
    assert "ConfigError: POCKET_FAST_THREADS" in done.stderr.splitlines()[-1]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_affinity_is_read():
    code = f"import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}}); {PRINT_THREADS}"
    done = run_python(code, env={"OMP_NUM_THREADS": "16"})
    assert int(done.stdout) == 1, done.stderr


@pytest.mark.parametrize(("quota", "cpus"), [(None, 4), (2.5, 2), (0.5, 1), (8.0, 4), (0.001, 1)])
def test_a_quota_leaves_whole_cpus(quota, cpus, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(_threads.os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(_threads, "cpu_quota", lambda: quota)
    assert _threads._allowed_cpus() == cpus


@pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="this system does not list a process's threads"
)
def test_loading_leaves_no_threads_behind():
    """Those of the engine would be put to sleep between stages as long as there are more than CPUs."""
    done = run_python(
        "import os, pocket_fast, numpy\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "model = pocket_fast.load('builtin', threads=3)\n"
        "print(len(os.listdir('/proc/self/task')) - before)"
    )
    assert done.stdout.split() == ["0"], done.stderr
