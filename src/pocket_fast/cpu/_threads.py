"""How many threads a stage call uses."""

from __future__ import annotations

import operator
import os
import warnings
from collections.abc import Callable
from typing import Any

from pocket_fast.cpu._quota import cpu_quota
from pocket_fast.cpu._team import end_helpers, has_openmp, openmp_max_threads
from pocket_fast.errors import ConfigError, shown

# Below this many multiply-adds a second thread costs more in barriers than it saves: about 60
# barriers of up to 1 us each per backbone step, against 8 MMAC in 0.2 ms on one core.
GRAIN_MACS = 8e6

MOST_THREADS = 512  # more is a mistake, and may abort the OpenMP runtime

_forked = False
_unlimited = openmp_max_threads()  # as the process began; less is someone's wish, also against threads=


def resolve_threads(threads: int | None = None) -> int:
    """Most threads a stage may use: the argument, else POCKET_FAST_THREADS, else what OpenMP,
    OMP_NUM_THREADS, threadpoolctl, the CPU affinity and the container's CPU quota leave.

    Raises ConfigError for anything but a whole number from 1 to MOST_THREADS.
    """
    setting = os.environ.get("POCKET_FAST_THREADS")
    if threads is not None:
        threads = _whole_number("threads", threads, operator.index)
    elif setting:
        threads = _whole_number("POCKET_FAST_THREADS", setting, int)
    else:
        threads = max(1, min(openmp_max_threads(), _allowed_cpus()))
    if _forked:  # packing weights runs on several threads too
        _warn_once()
        return 1
    return threads if has_openmp() else 1


def threads_for(threads: int, macs: float) -> int:
    """Threads for one call of `macs` multiply-adds, at most `threads`.

    Fewer while a limit holds that was set for the calling thread meanwhile (threadpoolctl, omp_set_num_threads).
    """
    if macs < GRAIN_MACS or not has_openmp():
        return 1
    if _forked:
        _warn_once()
        return 1
    limit = openmp_max_threads()
    return min(threads, limit) if limit < _unlimited else threads


def thread_limit(at_load: int) -> int:
    """Threads that the calling thread leaves to a stage, where OpenMP's limit was lowered here (threadpoolctl) since
    the model was loaded, when it was `at_load`; 0 if it was not. The stages may be called from another thread."""
    now = openmp_max_threads()
    return now if now < at_load else 0


def let_go() -> None:
    """End the threads that helped the calling one, where that can be done.

    After work that is done once, such as packing weights: as long as they exist, those of the engine, which come and
    go with every stage, would be put to sleep in between. A forked child has none, and would wait for them for ever.
    """
    if not _forked:
        end_helpers()


def _whole_number(source: str, given: Any, convert: Callable[[Any], int]) -> int:
    try:
        number = 0 if isinstance(given, bool) else convert(given)
    except (TypeError, ValueError):
        number = 0
    if number < 1:
        raise ConfigError(f"{source}: expected a whole number of at least 1, got {shown(given)}")
    if number > MOST_THREADS:
        raise ConfigError(
            f"{source}: expected at most {MOST_THREADS}, got {shown(given)}; the number of cores is best"
        )
    return number


def _allowed_cpus() -> int:
    """CPUs this process may run on, and for which its control groups leave it time: at least one."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def _after_fork_in_child() -> None:
    global _forked
    _forked = has_openmp()


_warned = False


def _warn_once() -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            "pocket_fast: this process was forked, so stages run on one thread here (OpenMP teams do not "
            "survive a fork); use the 'spawn' start method for full speed",
            RuntimeWarning,
            stacklevel=3,
        )


# A parallel region in a forked child hangs if the parent ran one before; one thread is safe.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
