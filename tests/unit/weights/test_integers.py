"""Files with weights in 8 and 4 bits: written, read back, and refused when anything about them is not right."""

import mmap

import numpy as np
import pytest

from pocket_fast.errors import WeightsError
from pocket_fast.models.pocket.layouts import load_pocket_weights
from pocket_fast.weights.integers import FORMATS, cannot_clone, stored_bits, widened, write_integers
from pocket_fast.weights.tensors import Tensor, TensorFile

EXPECTED = {
    "flow_lm.bos_emb": (3,),
    "flow_lm.transformer.layers.0.linear1.weight": (6, 5),
    "flow_lm.transformer.layers.0.linear2.weight": (5, 7),
    "mimi.downsample.conv.conv.weight": (2, 3, 4),
}
FIRST, SECOND = list(EXPECTED)[1:3]
TAG = {"format": FORMATS[8], "voice_cloning": "yes"}
TAG4 = {"format": FORMATS[4], "voice_cloning": "yes"}
BITS = {8: {FIRST: 8, SECOND: 8}, 4: {FIRST: 4, SECOND: 8}}


@pytest.fixture
def stored():
    """{name: (type, array)} of a correct file."""
    rng = np.random.default_rng(3)
    tensors = {name: ("F32", rng.standard_normal(shape)) for name, shape in EXPECTED.items()}
    for name in (FIRST, SECOND):
        tensors[name] = ("I8", rng.integers(-127, 128, EXPECTED[name]))
        tensors[f"{name}_scale"] = ("F32", rng.random(len(tensors[name][1])))
    tensors["mimi.downsample.conv.conv.weight"] = ("BF16", rng.integers(0, 1 << 14, (2, 3, 4)))
    return tensors


@pytest.fixture
def load(write_tensors):
    def load(tensors, metadata=TAG, **more):
        path = write_tensors(tensors, metadata=metadata)
        return load_pocket_weights(EXPECTED, bundle=path, matrices=BITS.__getitem__, **more)

    return load


def test_integers_and_scales_come_as_they_are(load, stored):
    found = load(stored)
    assert list(found) == [
        "flow_lm.bos_emb", FIRST, f"{FIRST}_scale", SECOND, f"{SECOND}_scale", "mimi.downsample.conv.conv.weight"
    ]  # fmt: skip
    for name, (dtype, array) in stored.items():
        assert found[name].dtype == dtype
        np.testing.assert_array_equal(found[name].array, array.astype(found[name].array.dtype))
    base = found[FIRST].array
    while isinstance(base, (np.ndarray, memoryview)):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    assert isinstance(base, mmap.mmap)  # nothing was copied, and nothing widened


def change(name, dtype=None, at=None, value=None, gone=False, shape=None):
    def apply(tensors):
        kind, array = tensors.pop(name)
        if at is not None:
            array[at] = value
        if not gone:
            tensors[name] = (dtype or kind, array if shape is None else np.resize(array, shape))

    return apply


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change(f"{FIRST}_scale", gone=True), rf"1 missing \({FIRST}_scale\)"),
        (change(f"{FIRST}_scale", shape=5), rf"{FIRST}_scale is \[5\], expected \[6\]"),
        (change(f"{FIRST}_scale", shape=(6, 1)), rf"{FIRST}_scale is \[6, 1\], expected \[6\]"),
        (change(f"{FIRST}_scale", dtype="F16"), rf"{FIRST}_scale is F16, expected F32"),
        (change(f"{FIRST}_scale", at=2, value=np.nan), rf"NaN or infinite values in {FIRST}_scale"),
        (change(f"{FIRST}_scale", at=2, value=np.inf), rf"NaN or infinite values in {FIRST}_scale"),
        (change(f"{FIRST}_scale", at=2, value=-0.1), rf"integers out of range in {FIRST}_scale"),
        (change(FIRST, at=(1, 2), value=-128), rf"integers out of range in {FIRST};"),
        (change(FIRST, dtype="F32"), rf"{FIRST} is F32, expected I8"),
        (change(FIRST, dtype="BF16"), rf"{FIRST} is BF16, expected I8"),
        (change(FIRST, shape=(6, 4)), rf"{FIRST} is \[6, 4\], expected \[6, 5\]"),
        (change("flow_lm.bos_emb", dtype="I8"), r"flow_lm\.bos_emb is I8, expected F32, BF16 or F16"),
    ],
)
def test_what_does_not_fit_is_named(load, stored, spoil, message):
    spoil(stored)
    with pytest.raises(WeightsError, match=message):
        load(stored)


@pytest.fixture
def in_four(stored):
    """The same with the first matrix in 4 bits: (6, 5) is one group of 16 bytes a row."""
    rng = np.random.default_rng(4)
    stored[FIRST] = ("U8", rng.integers(0, 256, (6, 16)))
    stored[f"{FIRST}_lines"] = ("I8", np.stack([rng.integers(0, 128, 6), rng.integers(-127, 128, 6)], 1))
    return stored


def test_four_bits_come_as_they_are(load, in_four):
    found = load(in_four, TAG4)
    assert list(found)[1:6] == [FIRST, f"{FIRST}_scale", f"{FIRST}_lines", SECOND, f"{SECOND}_scale"]
    for name, (dtype, array) in in_four.items():
        assert found[name].dtype == dtype
        np.testing.assert_array_equal(found[name].array, array.astype(found[name].array.dtype))


def test_what_four_bits_stand_for(load, in_four):
    """By the words of weights/integers.py, one weight at a time."""
    found = load(in_four, TAG4)
    wide = widened(found, FIRST, 5)
    integers, lines, scales = (found[f"{FIRST}{part}"].array for part in ("", "_lines", "_scale"))
    for row in range(6):
        step, offset = (int(v) for v in lines[row])
        for c in range(5):
            byte = int(integers[row, c % 4])
            integer = (byte & 15 if c < 4 else byte >> 4) - 8
            assert wide[row, c] == np.float32(step * integer - 8 * offset) * scales[row]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change(f"{FIRST}_lines", gone=True), rf"1 missing \({FIRST}_lines\)"),
        (change(f"{FIRST}_scale", gone=True), rf"1 missing \({FIRST}_scale\)"),
        (change(f"{FIRST}_lines", shape=(6, 4)), rf"{FIRST}_lines is \[6, 4\], expected \[6, 2\]"),
        (change(f"{FIRST}_lines", dtype="U8"), rf"{FIRST}_lines is U8, expected I8"),
        (change(f"{FIRST}_lines", at=(2, 0), value=-1), rf"integers out of range in {FIRST}_lines"),
        (change(f"{FIRST}_lines", at=(2, 1), value=-128), rf"integers out of range in {FIRST}_lines"),
        (change(f"{FIRST}_scale", at=2, value=-0.1), rf"integers out of range in {FIRST}_scale"),
        (change(f"{FIRST}_scale", at=2, value=np.nan), rf"NaN or infinite values in {FIRST}_scale"),
        (change(FIRST, dtype="I8"), rf"{FIRST} is I8, expected U8"),
        (change(FIRST, shape=(6, 5)), rf"{FIRST} is \[6, 5\], expected \[6, 16\]"),
        (change(FIRST, shape=(6, 3)), rf"{FIRST} is \[6, 3\], expected \[6, 16\]"),
        (change(SECOND, dtype="U8"), rf"{SECOND} is U8, expected I8"),
    ],
)
def test_what_does_not_fit_four_bits_is_named(load, in_four, spoil, message):
    spoil(in_four)
    with pytest.raises(WeightsError, match=message):
        load(in_four, TAG4)


def test_the_wrong_tag_is_no_help(load, in_four):
    with pytest.raises(WeightsError, match=rf"1 not expected \({FIRST}_lines\); .* of another shape"):
        load(in_four, TAG)


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}, {"format": "int8"}])
def test_integers_without_the_tag_are_no_weights(load, stored, metadata):
    with pytest.raises(WeightsError) as error:
        load(stored, metadata)
    assert f"2 not expected ({FIRST}_scale, {SECOND}_scale)" in str(error.value)
    assert f"2 of another type ({FIRST} is I8, expected F32, BF16 or F16" in str(error.value)


@pytest.mark.parametrize("form", ["pocket_fast int8 2", "pocket_fast int3 1", "pocket_fast int4 1.1"])
def test_another_version_is_not_guessed_at(load, stored, form):
    with pytest.raises(
        WeightsError,
        match=f"its format is '{form}', this version .* reads '{FORMATS[8]}' and '{FORMATS[4]}'; update",
    ):
        load(stored, {"format": form})


def test_a_tag_on_a_plain_bundle_does_not_make_it_one(load, stored):
    plain = {name: ("F32", np.ones(shape)) for name, shape in EXPECTED.items()}
    assert load(plain, {"format": "pt"})[FIRST].dtype == "F32"
    with pytest.raises(WeightsError, match=rf"2 missing \({FIRST}_scale, .* 2 of another type"):
        load(plain)


def test_a_checkpoint_replaces_them(load, stored, write_checkpoint, torch_parts):
    trained = {n: np.ones(s, np.float32) for n, s in EXPECTED.items() if n.startswith("flow_lm.")}
    model = {name: torch_parts[0](array, str(i)) for i, (name, array) in enumerate(trained.items())}
    found = load(stored, checkpoint=write_checkpoint({"model": model}))
    assert list(found) == list(EXPECTED)
    assert found[FIRST].dtype == "F32"


# --- writing ------------------------------------------------------------------------------------


@pytest.fixture
def tensors():
    values = {
        "odd": Tensor(np.arange(-3, 4, dtype=np.int8), "I8"),
        "bits": Tensor(np.arange(3, dtype=np.uint16), "BF16"),
        "matrix": Tensor(np.arange(6, dtype=np.float32).reshape(2, 3).T, "F32"),
        "empty": Tensor(np.zeros((0, 4), np.float32), "F32"),
        "one": Tensor(np.float32(7).reshape(()), "F32"),
    }
    return values


def test_what_is_written_is_read(tmp_path, tensors):
    path = tmp_path / "w.safetensors"
    write_integers(path, tensors, voice_cloning=True)
    with TensorFile(path) as file:
        assert stored_bits(file) == 8
        assert set(file.names) == set(tensors)
        for name, tensor in tensors.items():
            found = file.array(name)
            assert file.dtype(name) == tensor.dtype
            assert not found.size or not found.flags.owndata  # mapped, as it is aligned
            np.testing.assert_array_equal(found, tensor.array)
    assert not cannot_clone(path)


def test_lines_make_it_a_file_of_four_bits(tmp_path, tensors):
    path = tmp_path / "w.safetensors"
    write_integers(path, {**tensors, "odd_lines": tensors["odd"]}, voice_cloning=True)
    with TensorFile(path) as file:
        assert stored_bits(file) == 4


def test_files_without_cloning_say_so(tmp_path, tensors, write_tensors):
    path = tmp_path / "w.safetensors"
    write_integers(path, tensors, voice_cloning=False)
    assert cannot_clone(path)
    assert not cannot_clone(write_tensors({"x": np.ones(2)}, metadata={"voice_cloning": "no"}))


def test_the_safetensors_library_reads_them(tmp_path, tensors):
    safetensors = pytest.importorskip("safetensors")
    path = tmp_path / "w.safetensors"
    write_integers(path, tensors, voice_cloning=True)
    with safetensors.safe_open(path, framework="numpy") as file:
        assert file.metadata() == TAG
        assert set(file.keys()) == set(tensors)
        for name in ("odd", "matrix", "empty", "one"):
            np.testing.assert_array_equal(file.get_tensor(name), tensors[name].array)
