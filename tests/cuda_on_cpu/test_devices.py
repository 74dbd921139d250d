"""What is said where a GPU was asked for and there is none, and that CuPy is left alone by everybody else."""

import sys

import numpy as np
import pytest

from cuda_on_cpu.standin import Machine, installed
from fresh_python import run_python
from pocket_fast import TTSModel
from pocket_fast.cuda import compute_types, devices
from pocket_fast.cuda.device import Device
from pocket_fast.errors import UnsupportedError


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1:0", "cudaX", "", "None"])
def test_a_device_that_there_is_not(machine, name):
    with pytest.raises(UnsupportedError, match=r"expected 'cpu', 'cuda', or 'cuda:1'"):
        devices.find(name)


def test_one_gpu(machine):
    assert [devices.find(name)[1] for name in ("cuda", "cuda:0")] == [0, 0]
    with pytest.raises(UnsupportedError, match="device 'cuda:1': there is one, cuda:0"):
        devices.find("cuda:1")
    assert devices.listing() == {"cuda:0": "Stand-in, 80 GiB, sm_90"}


def test_two_gpus():
    with installed(Machine(devices=2)):
        assert devices.find("cuda:1")[1] == 1
        assert list(devices.listing()) == ["cuda:0", "cuda:1"]
        with pytest.raises(UnsupportedError, match="device 'cuda:7': there are 2, from cuda:0 to cuda:1"):
            devices.find("cuda:7")


def test_no_gpu():
    with installed(Machine(devices=0)), pytest.raises(UnsupportedError, match="device 'cuda': there is none"):
        devices.find("cuda")


def test_no_driver():
    with installed(Machine(devices=-1)):
        with pytest.raises(
            UnsupportedError, match=r"no GPU can be used \(cudaErrorInsufficientDriver.*nvidia-smi"
        ):
            devices.find("cuda")
        assert devices.listing()["cuda"].startswith("none: no GPU can be used")


def test_a_gpu_that_is_too_old():
    with (
        installed(Machine(capability="75")),
        pytest.raises(UnsupportedError, match="compute capability 75, expected 80"),
    ):
        Device("cuda")


def test_a_forked_process(machine, monkeypatch):
    device = Device("cuda")
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(UnsupportedError, match="a GPU does not come along"):
        device.zeros(1)


def test_no_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(UnsupportedError, match=r"needs CuPy.*pip install 'pocket-fast\[cuda\]'"):
        TTSModel.load_model("builtin", device="cuda")


def test_cupy_without_its_libraries(monkeypatch, tmp_path):
    (tmp_path / "cupy.py").write_text("raise ImportError('libnvrtc.so.12: cannot open shared object file')")
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnsupportedError, match=r"could not be imported \(libnvrtc.so.12: cannot open"):
        devices.find("cuda")


def test_cupy_is_not_imported_by_itself(tmp_path):
    """Not by a model that speaks on the CPU, and not where it is installed."""
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from pocket_fast import TTSModel
model = TTSModel.load_model("builtin")
model.generate_audio(model.get_state_for_audio_prompt(model.default_voice), "Yes.")
assert "cupy" not in sys.modules
"""
    (tmp_path / "cupy.py").write_text("raise ImportError('nobody asked for this')")
    done = run_python(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("compute_type", ["int8", "int8_float32", "float16"])
def test_compute_types_that_a_gpu_has_not(machine, compute_type):
    with pytest.raises(UnsupportedError, match="on a GPU: expected one of auto, float32, bfloat16"):
        TTSModel.load_model("builtin", device="cuda", compute_type=compute_type)


@pytest.mark.parametrize("integers", [np.int8, np.uint8])
def test_weights_that_a_gpu_has_no_product_for(integers):
    """In 8 bits, and in 4, two of which are a uint8."""
    with pytest.raises(UnsupportedError, match=r"stored in 8 or 4 bits.*use device 'cpu'"):
        compute_types.for_weights("auto", {"matrix": np.zeros((2, 2), integers)})
