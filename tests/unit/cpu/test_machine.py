"""The machine's limits: that the loops do what they say, on every instruction set; how fast is not asked here."""

import numpy as np
import pytest
from pocket_fast.cpu.packing import has_bf16_dot

from pocket_fast.cpu import _dispatch, limits, machine
from pocket_fast.cpu.resident import memory_mib

USABLE = [name for name, usable in _dispatch.isas() if usable]


@pytest.fixture(params=USABLE)
def isa(request):
    before = _dispatch.isa()
    _dispatch.set_isa(request.param)
    yield request.param
    _dispatch.set_isa(before)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(machine, "WINDOW", 0.0005)
    monkeypatch.setattr(machine, "MEMORY", 1 << 20)


def test_every_set_has_the_products_that_it_computes_with(isa):
    assert limits.products() == ["float32", *(["bfloat16"] if has_bf16_dot() else []), "int8"]


def test_operations_are_counted_for_all_threads_and_rounds(isa):
    for product in limits.products():
        once = limits.multiply(product, 1, 1)
        assert once >= 16
        assert limits.multiply(product, 2, 3) == 6 * once


def test_a_product_that_the_set_lacks_is_an_error():
    before = _dispatch.isa()
    _dispatch.set_isa(USABLE[-1])
    try:
        if has_bf16_dot():
            pytest.skip("the last resort of this CPU has them all")
        with pytest.raises(ValueError, match="'bfloat16': this instruction set has float32, int8"):
            limits.multiply("bfloat16", 1, 1)
    finally:
        _dispatch.set_isa(before)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_every_float_is_read_as_often_as_asked(isa, threads):
    memory = limits.Memory(threads, 5000)  # rounded down to what the loop takes at a time
    nbytes, found = memory.read(7)
    assert found * 4 == nbytes  # all of them are ones
    assert nbytes == 7 * threads * (5000 // 512 * 512)


def test_limits_are_named_by_what_and_by_threads(quick):
    found = machine.limits(2)
    named = {name.rpartition("_")[0] for name in found}
    assert {"read_gb_s", "float32_gflop_s", "int8_gflop_s"} <= named
    assert set(found) == {f"{name}_{threads}" for name in named for threads in (1, 2)}
    assert all(np.isfinite(value) and value > 0 for value in found.values())


def test_one_thread_is_measured_once(quick):
    assert all(name.endswith("_1") for name in machine.limits(1))


def test_caches_whose_size_the_system_does_not_tell_are_left_out(quick, monkeypatch):
    monkeypatch.setattr(machine, "_cache_size", lambda level: 0)
    assert machine.caches(2) == {}


def test_a_shared_cache_that_the_private_ones_fill_is_left_out(quick, monkeypatch):
    monkeypatch.setattr(machine, "_cache_size", {2: 1 << 20, 3: 4 << 20}.get)
    assert {name.partition("_")[0] for name in machine.caches(2)} == {"l2"}


def test_the_limits_in_words():
    measured = {
        "read_gb_s_1": 15.62,
        "read_gb_s_2": 30.1,
        "l2_gb_s_1": 181.3,
        "l2_gb_s_2": 355.0,
        "float32_gflop_s_1": 130.4,
        "float32_gflop_s_2": 259.6,
    }
    assert machine.describe(measured, 2) == (
        "with 1 and 2 threads: reads in GB/s: memory 15.6 and 30.1, L2 181 and 355; GFLOP/s: float32 130 and 260"
    )


def test_memory_of_this_program():
    now, most = memory_mib("VmRSS"), memory_mib("VmHWM")
    if now is None:
        pytest.skip("this system does not tell")
    assert 1 < now <= most


def test_several_threads_can_do_what_one_can(quick, monkeypatch):
    """Though on a busy machine they may all have had to wait."""
    monkeypatch.setattr(machine.core, "products", lambda: ["float32"])
    monkeypatch.setattr(machine, "arithmetic", lambda product, threads: {1: 100.0, 2: 3.0, 4: 390.0}[threads])
    assert machine.products(2) == {"float32_gflop_s_1": 100.0, "float32_gflop_s_2": 100.0}
    assert machine.products(4) == {"float32_gflop_s_1": 100.0, "float32_gflop_s_4": 390.0}
    assert machine.products(1) == {"float32_gflop_s_1": 100.0}
