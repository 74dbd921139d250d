"""CuPy itself, where it is installed (it needs no GPU to be imported): that all names that are used of it exist."""

import pytest

cupy = pytest.importorskip("cupy", reason="CuPy is not installed: pip install 'pocket-fast[cuda]'")

USED = [
    "empty",
    "zeros",
    "ndarray.data",
    "ndarray.get",
    "ndarray.nbytes",
    "ndarray.set",
    "RawModule.get_function",
    "cuda.Device.compute_capability",
    "cuda.MemoryPointer.copy_from_device_async",
    "cuda.MemoryPointer.memset_async",
    "cuda.MemoryPointer.ptr",
    "cuda.Stream.begin_capture",
    "cuda.Stream.end_capture",
    "cuda.Stream.synchronize",
    "cuda.alloc_pinned_memory",
    "cuda.graph.Graph.launch",
    "cuda.graph.Graph.upload",
    "cuda.runtime.CUDARuntimeError",
    "cuda.runtime.getDeviceCount",
    "cuda.runtime.getDeviceProperties",
    "cuda.runtime.memGetInfo",
]


@pytest.mark.parametrize("name", USED)
def test_there_is(name):
    found = cupy
    for part in name.split("."):
        found = getattr(found, part)


def test_nvrtc_takes_the_kernels():
    """It comes with the extra, and needs no GPU either; no header is included, so that none has to be there."""
    from pocket_fast.cuda.device import OPTIONS, kernel_source

    nvrtc = cupy.cuda.nvrtc
    for arch in ("80", "90"):
        program = nvrtc.createProgram(kernel_source(), "kernels.cu", (), ())
        nvrtc.compileProgram(program, (*OPTIONS, f"-arch=sm_{arch}"))
        assert nvrtc.getCUBIN(program)
        assert nvrtc.getProgramLog(program).strip("\0\n ") == ""


def test_no_gpu_is_an_error_of_ours():
    from pocket_fast.cuda import devices
    from pocket_fast.errors import UnsupportedError

    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        with pytest.raises(UnsupportedError, match="no GPU can be used"):
            devices.find("cuda")
    else:
        with pytest.raises(UnsupportedError, match="device"):
            devices.find(f"cuda:{count}")
