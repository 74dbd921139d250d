"""The safetensors reader: right values without copies, and every damage named."""

import json
import struct

import numpy as np
import pytest

from pocket_fast.errors import NotFoundError, WeightsError
from pocket_fast.weights.tensors import TensorFile


def header(entries, data=b"", pad=True):
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    text += b" " * (-len(text) % 8 if pad else 0)
    return struct.pack("<Q", len(text)) + text + data


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_reads_what_the_safetensors_library_writes(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    rng = np.random.default_rng(1)
    tensors = {
        "a": rng.standard_normal((3, 5), dtype=np.float32),
        "b.half": rng.standard_normal(7).astype(np.float16),
        "scalar": np.array(2.5, np.float64),
        "none": np.zeros((0, 4), np.float32),
        "count": np.arange(6, dtype=np.int64).reshape(2, 3),
        "flag": np.array([True, False]),
    }
    library.save_file(tensors, tmp_path / "x.safetensors", metadata={"made by": "a test"})
    with TensorFile(tmp_path / "x.safetensors") as file:
        assert set(file.names) == set(tensors)
        assert file.metadata == {"made by": "a test"}
        for name, wanted in tensors.items():
            got = file.array(name)
            np.testing.assert_array_equal(got, wanted)
            assert got.dtype == wanted.dtype
            assert got.shape == wanted.shape == file.shape(name)
        assert [file.dtype(n) for n in ("a", "b.half", "scalar", "count", "flag")] == [
            "F32",
            "F16",
            "F64",
            "I64",
            "BOOL",
        ]


def test_bf16_keeps_its_bits(write_tensors):
    bits = np.array([0x3F80, 0xC000, 0x7F7F], np.uint16)
    with TensorFile(write_tensors({"x": ("BF16", bits)})) as file:
        assert file.dtype("x") == "BF16"
        assert file.array("x").dtype == np.uint16
        np.testing.assert_array_equal(file.array("x"), bits)


def test_arrays_are_views_on_one_mapping_and_outlive_it(write_tensors):
    path = write_tensors({"x": np.arange(4096.0), "y": np.ones(3)})
    file = TensorFile(path)
    x, again = file.array("x"), file.array("x")
    assert np.shares_memory(x, again)
    assert not x.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 1
    file.close()
    path.unlink()
    np.testing.assert_array_equal(x, np.arange(4096.0, dtype=np.float32))


@pytest.mark.parametrize("pad", [1, 2, 3, 5, 8])
def test_misaligned_data_is_readable(write_tensors, pad):
    x, y = np.arange(5.0, dtype=np.float32), np.arange(3, dtype=np.int64)
    for names in ("", "a", "ab", "abc"):  # some lengths misalign whatever the padding
        path = write_tensors({names + "f": ("BOOL", [True]), "x": x, "y": ("I64", y)}, pad=pad)
        with TensorFile(path) as file:
            for name, wanted in (("x", x), ("y", y)):
                got = file.array(name)
                np.testing.assert_array_equal(got, wanted)
                assert got.flags.aligned
                assert not got.flags.writeable


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x01\x00", "not a safetensors file"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "not a safetensors file"),
        (b"PK\x03\x04" + bytes(60), r"\.pt file as the checkpoint"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9", "old PyTorch pickle"),
        (struct.pack("<Q", 1 << 60) + b"{}" + bytes(30), f"claims {1 << 60} bytes, 32 bytes follow"),
        (struct.pack("<Q", 100) + b"{}", "claims 100 bytes, 2 bytes follow"),
        (header(b'{"a": [1,}'), "not JSON"),
        (header(b'{"a": "\xff\xfe"}'), "not JSON"),
        (header(b'{"a":' * 40000), "not JSON"),
        (header({"__metadata__": {"n": 3}}), "__metadata__ is not text"),
        (header({"x": [1]}), "entry of 'x' is malformed"),
        (header({"x": {"dtype": "F32", "shape": [1]}}), "entry of 'x' is malformed"),
        (header({"x": entry([-1], 0, 4)}, bytes(4)), "not lists of whole numbers"),
        (header({"x": entry([True], 0, 4)}, bytes(4)), "not lists of whole numbers"),
        (header({"x": entry([1.0], 0, 4)}, bytes(4)), "not lists of whole numbers"),
        (header({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}), "not lists of whole numbers"),
        (header({"x": entry([1], 0, 4, "F31")}, bytes(4)), "'x' has the type 'F31', known are F64"),
        (header({"x": entry([1], 0, 4, [])}, bytes(4)), r"has the type \[\]"),
        (header({"x": entry([2], 0, 4)}, bytes(4)), "8 bytes, but has 4"),
        (header({"x": entry([1], 4, 0)}, bytes(4)), "4 bytes, but has -4"),
        (header({"x": entry([1], 4, 8)}, bytes(8)), "'x' leaves a gap"),
        (header({"x": entry([2], 0, 8), "y": entry([1], 4, 8)}, bytes(8)), "'y' overlaps"),
        (header({"x": entry([4], 0, 16)}, bytes(15)), "truncated: 15 of 16 data bytes"),
        (header({"x": entry([4], 0, 16)}, bytes(17)), "1 bytes follow after the last tensor"),
    ],
)
def test_damage_is_named(tmp_path, content, words):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=words) as caught:
        TensorFile(path)
    assert "bad.safetensors" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_every_truncation_of_a_good_file_is_noticed(write_tensors, tmp_path):
    whole = write_tensors({"x": np.ones((2, 3)), "y": ("BF16", np.ones(5, np.uint16))}).read_bytes()
    path = tmp_path / "cut.safetensors"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            TensorFile(path)


def test_absent_files_folders_and_names(tmp_path, write_tensors):
    with pytest.raises(NotFoundError, match="no such file"):
        TensorFile(tmp_path / "absent.safetensors")
    with pytest.raises(WeightsError, match="cannot be read"):
        TensorFile(tmp_path)
    with (
        TensorFile(write_tensors({"x": np.ones(1)})) as file,
        pytest.raises(WeightsError, match="called 'y'"),
    ):
        file.array("y")


def test_a_file_without_tensors_is_legal(write_tensors):
    with TensorFile(write_tensors({})) as file:
        assert file.names == ()
