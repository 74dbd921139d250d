"""The choice of the instruction set: by name or the best one, and never another than asked for."""

import platform
from pathlib import Path

import pytest

from fresh_python import run_python
from pocket_fast.cpu import _dispatch
from pocket_fast.errors import UnsupportedError


def cpu_flags():
    """What Linux says of the first CPU; nothing elsewhere, and under an emulator that shows its host's."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    title = "Features" if platform.machine() == "aarch64" else "flags"
    return next((set(line.split(":")[1].split()) for line in lines if line.startswith(title)), set())


CPU_FLAGS = cpu_flags()
USABLE = [name for name, usable in _dispatch.isas() if usable]
NEEDED = {  # Linux's names for the newest that each uses
    "amx": {"amx_bf16", "amx_int8", "amx_tile", "avx512_bf16", "avx512_vnni"},
    "avx512": {"avx512_bf16", "avx512_vnni", "avx512vl", "avx2", "fma"},
    "avx512vnni": {"avx512_vnni", "avx512vl", "avx2", "fma"},
    "avxvnni": {"avx_vnni", "avx2", "fma"},
    "avx2": {"avx2", "fma"},
    "neon_i8mm": {"i8mm", "asimddp"},
    "neon_dotprod": {"asimddp"},
}
PRINT_ISA = "from pocket_fast.cpu import _dispatch; print(_dispatch.isa())"


@pytest.fixture(autouse=True)
def _restored():
    before = _dispatch.isa()
    yield
    _dispatch.set_isa(before)


def test_the_build_has_what_its_processor_may_have():
    names = [name for name, _ in _dispatch.isas()]
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        always, newer = ["avx2", "baseline"], ["amx", "avx512", "avx512vnni", "avxvnni"]
    elif machine in ("aarch64", "arm64"):
        always, newer = ["neon"], ["neon_i8mm", "neon_dotprod"]
    else:
        always, newer = ["baseline"], []
    assert (
        names == [name for name in newer if name in names] + always
    )  # an old compiler leaves out the newest
    assert dict(_dispatch.isas())[names[-1]], "the last resort runs everywhere"


@pytest.mark.skipif(not CPU_FLAGS, reason="this system does not tell what its CPU can do")
@pytest.mark.parametrize(("name", "flags"), NEEDED.items())
def test_a_cpu_runs_what_its_system_says_it_can(name, flags):
    if name not in dict(_dispatch.isas()):
        pytest.skip(f"{name} is not in this build")
    if name == "amx" and flags <= CPU_FLAGS and not dict(_dispatch.isas())[name]:
        pytest.skip("this system keeps AMX from its processes")
    assert dict(_dispatch.isas())[name] == (flags <= CPU_FLAGS)


def test_the_best_usable_one_is_the_default():
    done = run_python(PRINT_ISA)
    assert done.stdout.split() == [USABLE[0]], done.stderr
    assert run_python(PRINT_ISA, env={"POCKET_FAST_ISA": ""}).stdout.split() == [USABLE[0]]


@pytest.mark.parametrize("name", USABLE)
def test_the_environment_forces_one(name):
    done = run_python(PRINT_ISA, env={"POCKET_FAST_ISA": name})
    assert done.stdout.split() == [name], done.stderr


@pytest.mark.parametrize("name", ["sse9", "AVX2 "])
def test_an_unknown_name_in_the_environment_is_an_error(name):
    done = run_python(PRINT_ISA, env={"POCKET_FAST_ISA": name})
    assert done.returncode == 1
    assert done.stdout == ""
    message = done.stderr.splitlines()[-1]
    assert "UnsupportedError" in message
    assert repr(name) in message
    assert USABLE[-1] in message
    assert "POCKET_FAST_ISA" in message


def test_set_isa():
    for name in USABLE:
        _dispatch.set_isa(name)
        assert _dispatch.isa() == name
    _dispatch.set_isa(None)
    assert _dispatch.isa() == USABLE[0]


def test_set_isa_refuses_an_unknown_name_and_changes_nothing():
    _dispatch.set_isa(USABLE[-1])
    with pytest.raises(UnsupportedError, match=r"'altivec' is not in this build; built in: .*" + USABLE[-1]):
        _dispatch.set_isa("altivec")
    assert _dispatch.isa() == USABLE[-1]


def test_set_isa_refuses_what_this_cpu_cannot_run(monkeypatch):
    best = USABLE[0]
    others = [(name, name != best) for name, _ in _dispatch.isas()] + [("other", True)]
    before = _dispatch.isa()
    monkeypatch.setattr(_dispatch, "isas", lambda: others)
    with pytest.raises(UnsupportedError, match=f"'{best}' is built in, but this CPU cannot run it; usable"):
        _dispatch.set_isa(best)
    assert _dispatch.isa() == before
