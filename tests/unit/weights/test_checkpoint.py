"""Training checkpoints: tensors out, anything executable or damaged refused by name."""

import mmap
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pocket_fast.errors import NotFoundError, WeightsError
from pocket_fast.models.pocket.checkpoint import read_checkpoint

TINY = Path(__file__).parents[2] / "data" / "tiny_checkpoint.pt"


def test_the_checkpoint_that_torch_wrote():
    """tools/make_tiny_checkpoint.py wrote it: a transposed weight, a shared storage, bf16, EMA, optimizer."""
    found = read_checkpoint(TINY)
    assert set(found) == {
        f"flow_lm.{n}" for n in ("weight", "rows", "half", "brain", "count", "none", "scalar")
    }
    grid = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(found["flow_lm.weight"].array, grid.T)
    np.testing.assert_array_equal(found["flow_lm.rows"].array, grid[1:] + 100)  # the average wins
    assert found["flow_lm.half"].array.tolist() == [0.5, -2.0]
    assert found["flow_lm.brain"].array.tolist() == [0x3F80, 0xC000]
    assert found["flow_lm.count"].array.tolist() == 7
    assert found["flow_lm.none"].array.shape == (0, 3)
    assert found["flow_lm.scalar"].array.tolist() == 1.5
    assert {n: t.dtype for n, t in found.items()} == {
        "flow_lm.weight": "F32",
        "flow_lm.rows": "F32",
        "flow_lm.half": "F16",
        "flow_lm.brain": "BF16",
        "flow_lm.count": "I64",
        "flow_lm.none": "F32",
        "flow_lm.scalar": "F64",
    }
    for tensor in found.values():
        assert tensor.array.flags.c_contiguous
        assert not tensor.array.flags.writeable


def test_contiguous_tensors_are_views_on_the_mapped_file():
    owner = read_checkpoint(TINY)["flow_lm.rows"].array
    while hasattr(owner, "base"):
        owner = owner.base
    assert isinstance(getattr(owner, "obj", owner), mmap.mmap)  # NumPy holds it through a memoryview


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_values_views_and_parameters(write_checkpoint, torch_parts, compression):
    torch_tensor, name, call = torch_parts
    data = np.arange(20, dtype=np.float32)
    model = {
        "flow_lm.a": torch_tensor(data, "0", size=(4, 5), stride=(5, 1)),
        "flow_lm.b": torch_tensor(data, "0", offset=3, size=(2, 3), stride=(1, 5)),
        "flow_lm.c": torch_tensor(data, "0", offset=7, size=(3,), stride=(0,)),
        "mimi.p": call(name("torch._utils", "_rebuild_parameter"), torch_tensor(data, "0"), True, {}),
        "elsewhere.x": torch_tensor(data, "0"),
    }
    found = read_checkpoint(write_checkpoint({"model": model, "step": 3}, compression=compression))
    assert set(found) == {"flow_lm.a", "flow_lm.b", "flow_lm.c", "mimi.p"}
    np.testing.assert_array_equal(found["flow_lm.a"].array, data.reshape(4, 5))
    np.testing.assert_array_equal(found["flow_lm.b"].array, [[3, 8, 13], [4, 9, 14]])
    np.testing.assert_array_equal(found["flow_lm.c"].array, [7, 7, 7])
    np.testing.assert_array_equal(found["mimi.p"].array, data)


@pytest.mark.parametrize(
    ("module", "function"), [("os", "system"), ("builtins", "eval"), ("torch", "load"), ("numpy", "dtype")]
)
def test_other_globals_are_refused_by_name(write_checkpoint, torch_parts, tmp_path, module, function):
    _, name, call = torch_parts
    witness = tmp_path / "ran"
    payload = {"model": {}, "args": call(name(module, function), f"touch {witness}")}
    with pytest.raises(WeightsError, match=rf"refers to {module}\.{function}.*save only the weights"):
        read_checkpoint(write_checkpoint(payload))
    assert not witness.exists()


@pytest.mark.parametrize(
    "how",
    [
        {"size": (21,), "stride": (1,)},
        {"offset": 20, "size": (1,), "stride": (1,)},
        {"offset": -1, "size": (1,), "stride": (1,)},
        {"size": (2,), "stride": (-1,)},
        {"size": (-2,), "stride": (1,)},
        {"size": (2, 2), "stride": (1,)},
        {"size": (2**40, 2**40), "stride": (1, 1)},
        {"size": (2.0,), "stride": (1,)},
        {"kind": "DoubleStorage", "size": (20,), "stride": (1,)},
        {"kind": "QInt8Storage"},
    ],
)
def test_tensors_outside_their_storage_are_refused(write_checkpoint, torch_parts, how):
    tensor = torch_parts[0](np.arange(20, dtype=np.float32), "0", **how)
    with pytest.raises(WeightsError, match=r"step\.pt"):
        read_checkpoint(write_checkpoint({"model": {"flow_lm.a": tensor}}))


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"weights": {}}, 'no "model" weights'),
        ({"model": [1]}, 'no "model" weights'),
        ([1, 2], 'no "model" weights'),
        ({"model": {}, "ema": [1]}, '"ema" entry is not a mapping'),
        ({"model": {"flow_lm.a": 3}}, "flow_lm.a is a int, not a tensor"),
    ],
)
def test_other_payloads(write_checkpoint, payload, words):
    with pytest.raises(WeightsError, match=words):
        read_checkpoint(write_checkpoint(payload))


def test_old_formats_and_strangers(tmp_path, write_checkpoint):
    path = tmp_path / "x.pt"
    path.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.")
    with pytest.raises(WeightsError, match=r"old format; .*torch\.save\(torch\.load"):
        read_checkpoint(path)
    path.write_bytes(b"RIFF....WAVE")
    with pytest.raises(WeightsError, match="not a PyTorch checkpoint"):
        read_checkpoint(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(WeightsError, match=r"no data\.pkl"):
        read_checkpoint(path)
    with pytest.raises(WeightsError, match="big-endian"):
        read_checkpoint(write_checkpoint({"model": {}}, byteorder=b"big"))
    with pytest.raises(NotFoundError):
        read_checkpoint(tmp_path / "absent.pt")


def test_truncated_and_damaged_files(tmp_path):
    whole = TINY.read_bytes()
    path = tmp_path / "cut.pt"
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"cut\.pt"):
            read_checkpoint(path)
    at = whole.index(b"data.pkl") + 200
    path.write_bytes(whole[:at] + b"\xff" * 20 + whole[at + 20 :])
    with pytest.raises(WeightsError, match="damaged"):
        read_checkpoint(path)
