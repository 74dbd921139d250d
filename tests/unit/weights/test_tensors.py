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


def test_a_file_that_is_not_mapped_may_change_at_any_time(write_tensors):
    path = write_tensors({"x": np.arange(4096.0), "y": ("I64", np.arange(3)), "none": np.zeros((0, 4))})
    with TensorFile(path, mapped=False) as file:
        x = file.array("x")
        path.write_bytes(path.read_bytes()[:-8])
        np.testing.assert_array_equal(file.array("x"), x)
        with pytest.raises(WeightsError, match="changed while it was read; try again"):
            file.array("y")
        path.write_bytes(b"")
        with pytest.raises(WeightsError, match="changed while it was read"):
            file.array("x")
        assert file.array("none").shape == (0, 4)
    np.testing.assert_array_equal(x, np.arange(4096.0, dtype=np.float32))
    assert not x.flags.writeable


def test_a_file_that_changes_before_it_is_mapped(write_tensors):
    path = write_tensors({"x": np.arange(4096.0)})
    with TensorFile(path) as file:
        path.write_bytes(path.read_bytes()[:-8])
        with pytest.raises(WeightsError, match="changed while it was read"):
            file.array("x")


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


def named(names, shape=(0,), dtype="U8"):
    return {name: entry(list(shape), 0, 0, dtype) for name in names}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (header({"x": entry([1, 0, 2**63], 0, 0)}), "no memory holds"),
        (header({"x": entry([2**40, 2**40, 0], 0, 0)}), "no memory holds"),
        (header({"x": entry([0, 2**62], 0, 0, "F64")}), "no memory holds"),
        (header({"x": entry([2**40] * 2, 0, 8)}, bytes(8)), "no memory holds"),
        (header({"x": entry([1] * 70, 0, 4)}, bytes(4)), "70 dimensions, expected at most 8"),
        (header({"x": entry([0] * 9, 0, 0)}), "9 dimensions"),
        (header({"x": entry([-1, -4], 0, 16)}, bytes(16)), "not lists of whole numbers"),
        (header({"x": entry([4], -16, 0)}, bytes(16)), "not lists of whole numbers"),
        (header({"x": entry([4, False], 0, 0)}), "not lists of whole numbers"),
        (header({"x": entry([1e2], 0, 400)}, bytes(400)), "not lists of whole numbers"),
        (header({"x": entry([float("nan")], 0, 4)}, bytes(4)), "not lists of whole numbers"),
        (header({"x": entry("11", 0, 4)}, bytes(4)), "not lists of whole numbers"),
        (header({"x": entry([1], 0, 4), "y": entry([1], 0, 4)}, bytes(4)), "'y' overlaps"),
        (header({"x": entry([1], 2**50, 2**50 + 4)}, bytes(4)), "leaves a gap"),
        (header({"x": entry([0], 9, 9)}, b""), "leaves a gap"),
        (header(b'{"x": {"dtype":"F32","shape":[%s],"data_offsets":[0,4]}}' % (b"9" * 5000)), "5000 digits"),
        (header(b'{"x": 1, "x": 2}'), "says something twice"),
        (header(b'{"x": {"dtype":"U8","shape":[1],"shape":[2],"data_offsets":[0,2]}}', bytes(2)), "twice"),
        (header(b'{"__metadata__": {"a": "b", "a": "c"}}'), "twice"),
        (header(b'{"\\ud800": {"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'), "which is none"),
        (header(b'{"__metadata__": {"a": "\\udfff"}}'), "__metadata__ is not text"),
        (header(named(["x" * 501])), "which is none"),
        (header(b"[" * 300_000), r"not a safetensors file|not JSON"),
        (header(named(map(str, range(20_001)))), "20001 tensors, expected at most 20000"),
        (header(b'{"a": 1}' + b" " * 9_000_000), "9000008 bytes, expected at most 8000000"),
    ],
    ids=range(25),
)
def test_a_hostile_header_is_damage_like_any_other(tmp_path, content, words):
    test_damage_is_named(tmp_path, content, words)


def test_names_that_no_terminal_shows_whole(tmp_path):
    """Messages stay short."""
    path = tmp_path / "bad.safetensors"
    path.write_bytes(header({"n" * 400: entry([1], 0, 5)}, bytes(5)))
    with pytest.raises(WeightsError) as caught:
        TensorFile(path)
    assert len(str(caught.value)) < 300


def test_hundreds_of_thousands_of_tensors_are_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "many.safetensors"
    entries = (b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % i for i in range(380_000))
    path.write_bytes(header(b"{" + b",".join(entries) + b"}"))
    monkeypatch.setattr("json.loads", lambda *_, **__: pytest.fail("it was parsed"))
    with pytest.raises(WeightsError, match=r"its header has \d+ bytes, expected at most 8000000"):
        TensorFile(path)


def test_who_takes_files_of_strangers_expects_less(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(header(named("abcd")))
    with TensorFile(path, most_tensors=4) as file:
        assert len(file.names) == 4
    with pytest.raises(WeightsError, match="4 tensors, expected at most 3"):
        TensorFile(path, most_tensors=3)
    path.write_bytes(header(named(map(str, range(2000)))))
    with pytest.raises(WeightsError, match="bytes, expected at most 40000"):
        TensorFile(path, most_tensors=100)


@pytest.mark.parametrize("shape", [[], [0], [3, 0, 5], [0] * 8, [1] * 8, [0, 4096, 4096]])
def test_odd_shapes_that_there_are(tmp_path, shape):
    path = tmp_path / "x.safetensors"
    size = int(np.prod(shape))
    path.write_bytes(header({"x": entry(shape, 0, size, "U8")}, bytes(size)))
    with TensorFile(path) as file:
        assert file.array("x").shape == tuple(shape)


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
