"""No race, no access out of bounds, nothing read that nobody wrote: as far as a CPU can tell."""

import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from cuda_on_cpu.build import compiler, library
from cuda_on_cpu.exercise import everything
from cuda_on_cpu.standin import Machine, installed
from pocket_fast.cuda.device import kernel_source

TESTS = Path(__file__).resolve().parents[1]
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def results(order):
    with installed(Machine(order=order)):
        return list(everything())


def test_the_order_of_threads_changes_nothing():
    """Between barriers, warps, lanes and blocks may run in any order: what a race would change is changed then."""
    for (name, found), (_, array) in zip(results(1), results(2), strict=True):
        np.testing.assert_array_equal(found, array, err_msg=name)
        assert np.isfinite(array).all()


def sanitizer_libraries():
    """What has to be loaded before Python for the sanitizers, or None if the compiler has none."""
    found = []
    for name in ("libasan.so", "libubsan.so", "libstdc++.so"):
        done = subprocess.run([compiler(), f"-print-file-name={name}"], capture_output=True, text=True)
        path = done.stdout.strip()
        if not os.path.isabs(path):
            return None
        found.append(path)
    return ":".join(found)


def sanitized(*arguments):
    libraries = sanitizer_libraries()
    if libraries is None:
        pytest.skip("the C++ compiler has no sanitizers")
    environment = os.environ | {
        "LD_PRELOAD": libraries,
        "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",  # so that NumPy's arrays have ends that are seen
    }
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=TESTS, capture_output=True, text=True
    )


def test_sanitizers_find_nothing():
    done = sanitized("-m", "cuda_on_cpu.exercise", *SANITIZED)
    assert done.returncode == 0, done.stderr[-4000:]
    assert int(done.stdout.split()[0]) > 1000


# --- that the tools see what they are for ----------------------------------------------------------

COMMON = resources.files("pocket_fast.cuda").joinpath("kernels/common.cuh").read_text(encoding="utf-8")
TOO_FAR = """
PF_KERNEL void spoil(float *x, int n) { x[threadIdx.x + n] = 1.0f; }
"""
RACE = """
PF_KERNEL void spoil(float *x, int n) {
    PF_SHARED(float, one, 1);
    one[0] = static_cast<float>(threadIdx.x);
    __syncthreads();
    if (threadIdx.x == 0) x[n] = one[0];
}
"""
UNWRITTEN = """
PF_KERNEL void spoil(float *x, int n) {
    PF_SHARED(float, some, 32);
    if (threadIdx.x < 31) some[threadIdx.x] = 1.0f;
    __syncthreads();
    x[n + threadIdx.x] = some[threadIdx.x];
}
"""
ALONE = """
PF_KERNEL void spoil(float *x, int n) {
    if (threadIdx.x < 5) __syncthreads();
    x[n] = 1.0f;
}
"""
SPOIL = """
import sys
import numpy as np
from cuda_on_cpu.standin import Machine, standin
order, n, flags = int(sys.argv[1]), int(sys.argv[2]), tuple(sys.argv[3:])
cupy = standin(Machine(order=order, flags=flags))
x = cupy.zeros(32)
kernel = cupy.RawModule(code=sys.stdin.read(), options=(), backend="nvrtc").get_function("spoil")
kernel((1,), (32,), (np.uint64(x.data.ptr), np.int32(n)))
out = np.empty(32, np.float32)
x.get(out=out)
print(out.sum())
"""


def spoil(kernel, order=0, n=0, flags=("-O1",), run=None):
    command = [sys.executable, "-c", SPOIL, str(order), str(n), *flags]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    if run is not None:
        environment |= run
    return subprocess.run(command, input=COMMON + kernel, env=environment, capture_output=True, text=True)


def test_what_is_out_of_bounds_is_seen():
    libraries = sanitizer_libraries()
    if libraries is None:
        pytest.skip("the C++ compiler has no sanitizers")
    run = {"LD_PRELOAD": libraries, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    assert spoil(TOO_FAR, flags=SANITIZED, run=run).stdout.strip() == "32.0"
    done = spoil(TOO_FAR, n=1, flags=SANITIZED, run=run)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr


def test_a_race_is_seen():
    found = {spoil(RACE, order).stdout.strip() for order in (0, 1, 2)}
    assert {"31.0", "0.0"} <= found


def test_what_nobody_wrote_is_seen():
    assert spoil(UNWRITTEN).stdout.strip() == "nan"


def test_a_barrier_that_some_do_not_reach_is_seen():
    done = spoil(ALONE)
    assert done.returncode != 0
    assert "others wait for them" in done.stderr


def test_an_unknown_kernel_is_named(machine):
    from cuda_on_cpu.standin import Refused, standin

    library(kernel_source())
    module = standin(machine).RawModule(code=kernel_source(), options=(), backend="nvrtc")
    with pytest.raises(Refused, match="no kernel nothing"):
        module.get_function("nothing")
