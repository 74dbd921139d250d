"""Checkpoints that are out to fill memory, to call something or to change something: none of it happens."""

import io
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest

from pocket_fast.errors import WeightsError
from pocket_fast.models.pocket import checkpoint as module
from pocket_fast.models.pocket import torch_pickle
from pocket_fast.models.pocket.checkpoint import read_checkpoint
from pocket_fast.models.pocket.torch_pickle import PickleError, read_pickle
from torch_files import TorchPickler

TENSOR, PARAMETER = b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch._utils\n_rebuild_parameter\n"
DICT = b"ccollections\nOrderedDict\n"
STORAGE = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ"
VIEW = TENSOR + b"(" + STORAGE + b"K\x00K\x04\x85K\x01\x85\x89" + DICT + b")RtR"


@pytest.fixture
def archive(tmp_path):
    """archive({name: bytes}, compression) -> the path of a zip with these below step/."""

    def archive(files, compression=zipfile.ZIP_STORED):
        path = tmp_path / "step.pt"
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, data in files.items():
                file.writestr(f"step/{name}", data)
        return path

    return archive


def refused(path, words):
    """Reading it is an error with these words, and takes little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError, match=words) as caught:
            read_checkpoint(path)
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 500


# --- memory ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "stride"),
    [
        ((1 << 30,), (0,)),
        ((1 << 16, 1 << 16), (0, 0)),
        ((5,), (1,)),
        ((2, 3), (3, 1)),
        ((1,) * 9, (1,) * 9),
        ((0, 1 << 62), (1, 1)),
        ((1 << 40, 0, 1 << 40), (0, 0, 0)),
    ],
)
def test_a_tensor_larger_than_its_storage(write_checkpoint, torch_parts, size, stride):
    tensor = torch_parts[0](np.ones(4, np.float32), "0", size=size, stride=stride)
    why = "larger than its storage|no memory holds|8 times its size of memory"
    refused(write_checkpoint({"model": {"flow_lm.a": tensor}}), why)


@pytest.mark.parametrize(
    ("size", "stride", "expected"),
    [
        ((5,), (0,), [0, 0, 0, 0, 0]),
        ((3, 2), (0, 1), [[0, 1], [0, 1], [0, 1]]),
        ((2, 2, 2), (1, 1, 1), [[[0, 1], [1, 2]], [[1, 2], [2, 3]]]),
    ],
)
def test_a_tensor_that_repeats_its_numbers(write_checkpoint, torch_parts, size, stride, expected):
    """As torch's expand makes them."""
    tensor = torch_parts[0](np.arange(4, dtype=np.float32), "0", size=size, stride=stride)
    found = read_checkpoint(write_checkpoint({"model": {"flow_lm.a": tensor}}))
    np.testing.assert_array_equal(found["flow_lm.a"].array, expected)


def test_many_copies_of_one_storage(write_checkpoint, torch_parts):
    data = np.ones((400, 400), np.float32)
    transposed = {"size": (400, 400), "stride": (1, 400)}
    few = {f"flow_lm.{i}": torch_parts[0](data, "0", **transposed) for i in range(8)}
    assert len(read_checkpoint(write_checkpoint({"model": few}))) == 8
    many = {f"flow_lm.{i}": torch_parts[0](data, "0", **transposed) for i in range(100)}
    refused(write_checkpoint({"model": many}), "8 times its size of memory")


def test_tensors_that_nobody_wants_are_not_made(write_checkpoint, torch_parts):
    """An optimiser's, say."""
    data = np.ones((400, 400), np.float32)
    others = {str(i): torch_parts[0](data, "0", size=(400, 400), stride=(1, 400)) for i in range(100)}
    found = read_checkpoint(
        write_checkpoint({"model": {"flow_lm.a": torch_parts[0](data, "0")}, "optimizer": others})
    )
    assert list(found) == ["flow_lm.a"]


def test_storages_that_inflate(write_checkpoint, torch_parts):
    zeros = {"flow_lm.a": torch_parts[0](np.zeros(25_000_000, np.float32), "0")}
    refused(
        write_checkpoint({"model": zeros}, compression=zipfile.ZIP_DEFLATED), "8 times its size of memory"
    )


def test_one_inflated_storage_serves_all_its_tensors(write_checkpoint, torch_parts, monkeypatch):
    data = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
    many = {f"flow_lm.{i}": torch_parts[0](data, "0", offset=i, size=(100,), stride=(1,)) for i in range(500)}
    found = read_checkpoint(write_checkpoint({"model": many}, compression=zipfile.ZIP_DEFLATED))
    np.testing.assert_array_equal(found["flow_lm.499"].array, data[499:599])


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_pickle_too_large(archive, compression):
    refused(archive({"data.pkl": bytes(20 << 20)}, compression), "more than 16777216 bytes")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_in_another_way(archive, compression):
    refused(archive({"data.pkl": b"}."}, compression), "compressed in a way")


def test_archives_of_a_later_age(archive):
    """What it takes to read an entry stands in the archive's list of them, and is looked at when it is opened."""
    path = archive({"data.pkl": b"\x80\x02}."})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 6] = 236
    path.write_bytes(data)
    refused(path, "damaged or truncated")


def test_sizes_that_the_archive_lies_about(archive):
    path = archive({"data.pkl": bytes(3 << 20)}, zipfile.ZIP_DEFLATED)
    whole, size = path.read_bytes(), (3 << 20).to_bytes(4, "little")
    assert whole.count(size) == 2
    path.write_bytes(whole.replace(size, (100).to_bytes(4, "little")))
    refused(path, "step.pt: ")


def test_more_steps_than_tensors_need(archive, monkeypatch):
    monkeypatch.setattr(torch_pickle, "_MOST_STEPS", 1000)
    refused(archive({"data.pkl": b"}" * 2000 + b"."}), "more than 1000 opcodes")


# --- what a pickle may do ----------------------------------------------------------------------


def state(**attributes):
    return pickle.dumps(attributes, 2)[2:-1]


@pytest.mark.parametrize(
    "target", [TENSOR, PARAMETER, DICT, STORAGE, VIEW, b"]", b")", b"N", b"X\x01\0\0\0a", b"K\x01"]
)
@pytest.mark.parametrize("given", [state(array=1, _file="x", load=None), b"(N" + state(array=1) + b"t"])
def test_attributes_are_set_of_nothing(archive, target, given):
    functions = [module._Checkpoint, module._Checkpoint.tensor, torch_pickle._rebuilt, torch_pickle._Machine]
    before = [dict(vars(f)) for f in functions]
    with pytest.raises(PickleError):
        read_pickle(b"\x80\x02" + target + given + b"b.")
    refused(archive({"data.pkl": b"\x80\x02" + target + given + b"b."}), r"its data\.pkl is damaged")
    assert [dict(vars(f)) for f in functions] == before


def test_a_state_dict_has_attributes_which_are_left_out():
    assert read_pickle(
        b"\x80\x02" + DICT + b")RX\x01\0\0\0aK\x07s" + state(_metadata={"": 1}, keys=2) + b"b."
    ) == {"a": 7}


@pytest.mark.parametrize(
    "code",
    {
        "INST": b"(ios\nsystem\n.",
        "OBJ": b"(ctorch\nFloatStorage\no.",
        "NEWOBJ": DICT + b")\x81.",
        "NEWOBJ_EX": DICT + b")}\x92.",
        "EXT1": b"\x82\x01.",
        "PERSID": b"P0\n.",
        "BYTEARRAY8": b"\x96" + (1 << 40).to_bytes(8, "little") + b".",
        "DUP": b"}2.",
        "EMPTY_SET": b"\x8f.",
    }.items(),
    ids=lambda item: item[0],
)
def test_other_opcodes(archive, code):
    name, body = code
    refused(archive({"data.pkl": body}), f"its data.pkl is damaged .*({name}|[Ee]rror)")


@pytest.mark.parametrize(
    "body",
    [
        b"}}R.",
        b"}(R.",
        DICT + b"]R.",
        DICT + b"(K\x01tR.",
        TENSOR + b")R.",
        PARAMETER + b"(}tR.",
        b"]]s.",
        b"}]e.",
        b"(]e.",
        b"]K\x01K\x02u.",
        b"(K\x01u.",
        b"s.",
        b"h\x07.",
        b"(.",
        b"}K\x01(s.",
        b"}}.",
        b"",
        b"0.",
        b")Q.",
        b"(K\x01t}.",
        b"\x93.",
        b"K\x01K\x02\x93.",
        b"(}l.",
        b"((\x85.",
    ],
)
def test_programs_that_make_no_sense(archive, body):
    with pytest.raises(PickleError):
        read_pickle(b"\x80\x02" + body)
    refused(archive({"data.pkl": b"\x80\x02" + body}), r"its data\.pkl is damaged")


def nested(depth):
    """A tuple of twice a tuple of twice ..., in a few bytes a level: 2**depth in all."""
    return b")" + b"".join(b"q%ch%c\x86" % (i, i) for i in range(depth))


def test_what_takes_years_to_hash_or_to_show():
    deep = nested(60)
    assert read_pickle(b"\x80\x02}" + deep + b"K\x01s.") == {}  # a key that cannot be what is looked for
    for end in (b"Q.", b"}R.", b"X\x01\0\0\0a\x93."):
        with pytest.raises(PickleError):
            read_pickle(b"\x80\x02" + deep + end)
    for size in (deep, b"(" + deep + b"t"):
        with pytest.raises(PickleError):
            read_pickle(b"\x80\x02" + TENSOR + b"(" + STORAGE + b"K\x00" + size + b"K\x01\x85tR.")


def test_memory_by_number_is_no_table():
    """Unpickled, the number of a memo is the size of a table."""
    assert read_pickle(b"}r\xff\xff\xff\xff.") == {}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_what_torch_saves(tmp_path, torch_parts, protocol):
    data = np.arange(6, dtype=np.float32)
    model = {"flow_lm.a": torch_parts[0](data, "0", size=(2, 3), stride=(3, 1))}
    payload = {
        "model": model,
        "step": 1 << 70,
        "rate": 1e-4,
        "betas": (0.9, 0.95, None, True, ()),
        "groups": [{"params": [0, 1, 300, 70000, -1]}],
        7: b"bytes" if protocol > 2 else "text",
    }
    body = io.BytesIO()
    TorchPickler(body, protocol).dump(payload)
    path = tmp_path / "step.pt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("step/data.pkl", body.getvalue())
        file.writestr("step/data/0", data.tobytes())
    found = read_pickle(body.getvalue())
    assert {k: v for k, v in found.items() if k != "model"} == {
        k: v for k, v in payload.items() if k != "model"
    }
    np.testing.assert_array_equal(read_checkpoint(path)["flow_lm.a"].array, data.reshape(2, 3))
