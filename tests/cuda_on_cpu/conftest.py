"""A machine with a stand-in for a GPU, and tiny models on it.

POCKET_FAST_CUDA_TESTS=gpu: with the real CuPy on a real GPU instead, for the tests of stages and of speech.
"""

import functools
import os

import pytest

from cuda_on_cpu.build import compiler
from cuda_on_cpu.standin import Machine, installed
from pocket_fast.cuda.pocket.backend import load_stages
from reference import lively_weights, tiny_config
from reference.checkpoint import narrow
from reference.synthetic import make_model

ON_GPU = os.environ.get("POCKET_FAST_CUDA_TESTS") == "gpu"
# Largest difference to the reference, relative to the largest value: float32 sums in another order, and on a GPU
# functions of its own.
NEAR = 2e-5 if ON_GPU else 3e-6


@pytest.fixture(autouse=True, scope="session")
def needs_a_compiler():
    if compiler() is None and not ON_GPU:
        pytest.skip("there is no C++ compiler (g++ or clang++) for the kernels")


@pytest.fixture
def machine():
    if ON_GPU:
        yield None
        return
    with installed(Machine()) as machine:
        yield machine


@functools.cache
def weights(name, storage="BF16"):
    """{bundle name: array} with the values of a bfloat16 checkpoint: bf16 bits, or widened to F32."""
    arrays = lively_weights(tiny_config(name), storage="BF16")
    return {n: narrow(a, "BF16") for n, a in arrays.items()} if storage == "BF16" else arrays


@pytest.fixture
def stages(machine):
    """stages(name, storage, **options) -> the stages of a tiny model on the stand-in."""
    return lambda name, storage="BF16", **options: load_stages(
        tiny_config(name), weights(name, storage), device="cuda", **options
    )


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """tiny(name) -> the config.yaml of a tiny model, written once."""
    return functools.cache(lambda name: make_model(tmp_path_factory.mktemp(name), name))
