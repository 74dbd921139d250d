"""A model's file that is replaced, cut short or written over while the model is used: nothing dies, and nobody hears
something else."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fresh_python import run_python
from pocket_fast.errors import WeightsError
from pocket_fast.weights.tensors import TensorFile
from reference.qwen3 import make_qwen3_model
from reference.synthetic import make_model

TESTS = Path(__file__).parents[2]

# argv: tests, family, the model, the file to change, how. Prints whether it said the same, or the error it met.
CODE = """
import os, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
family, model, file, how = sys.argv[2:]
TEXT = "Other words than before, so that other rows of the table are read."
if family == "pocket":
    from pocket_fast import TTSModel
    from recordings import hum
    tts = TTSModel.load_model(config=model, threads=1, compute_type=os.environ["TYPE"])
    voice = tts.get_state_for_audio_prompt(hum(1.0))
    speak = lambda text: tts.generate_audio(voice, text, seed=1, frames_after_eos=0)
else:
    from pocket_fast import Qwen3TTSModel
    tts = Qwen3TTSModel.from_pretrained(model, threads=1, compute_type=os.environ["TYPE"])
    speak = lambda text: tts.generate_custom_voice(text, "ryan", seed=1, max_new_tokens=5)[0][0]
if os.path.exists("/proc/self/maps"):
    assert file not in open("/proc/self/maps").read(), "still mapped"
expected = speak(TEXT)
speak("Hi.")
size = os.path.getsize(file)
if how == "renamed over":
    with open(file + ".new", "wb") as f:
        f.write(os.urandom(size))
    os.replace(file + ".new", file)
elif how == "deleted":
    os.remove(file)
elif how == "cut":
    os.truncate(file, 4096)
elif how == "emptied":
    open(file, "wb").close()
elif how == "longer":
    with open(file, "ab") as f:
        f.write(b"more")
elif how == "written over":
    with open(file, "r+b") as f:
        f.write(os.urandom(size))
try:
    print("same" if np.array_equal(speak(TEXT), expected) else "something else")
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def qwen3_folder(tmp_path_factory):
    return make_qwen3_model(tmp_path_factory.mktemp("models") / "tiny", "qwen3-tiny-customvoice")


def outcome(family, model, file, how, compute_type="float32"):
    done = run_python(CODE, argv=[str(TESTS), family, str(model), str(file), how], env={"TYPE": compute_type})
    assert done.stdout, f"died ({done.returncode}): {done.stderr}"
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("how", "compute_type"),
    [
        *(
            (how, "float32")
            for how in ("renamed over", "deleted", "cut", "emptied", "longer", "written over")
        ),
        ("cut", "int8"),
        ("written over", "int4_float32"),
    ],
)
def test_a_model_whose_tables_are_copied_says_the_same(how, compute_type, tmp_path):
    config = make_model(tmp_path, "tiny")  # a copy of another would name the other's files
    (file,) = tmp_path.glob("*.safetensors")
    assert str(file) in config.read_text()
    assert outcome("pocket", config, file, how, compute_type) == "same"


@pytest.mark.parametrize("how", ["renamed over", "deleted"])
def test_a_file_kept_open_is_what_it_was(how, qwen3_folder, tmp_path):
    folder = shutil.copytree(qwen3_folder, tmp_path / "model")
    assert outcome("qwen3", folder, folder / "model.safetensors", how) == "same"


@pytest.mark.parametrize("how", ["cut", "emptied", "longer", "written over"])
@pytest.mark.parametrize("compute_type", ["float32", "int8"])
def test_a_file_kept_open_that_was_changed_is_an_error(how, compute_type, qwen3_folder, tmp_path):
    folder = shutil.copytree(qwen3_folder, tmp_path / "model")
    said = outcome("qwen3", folder, folder / "model.safetensors", how, compute_type)
    assert said.startswith("WeightsError")
    assert "the file was changed since the model was loaded; load the model again" in said


def test_the_codec_of_such_a_model_is_copied(qwen3_folder, tmp_path):
    folder = shutil.copytree(qwen3_folder, tmp_path / "model")
    assert outcome("qwen3", folder, folder / "speech_tokenizer" / "model.safetensors", "cut") == "same"


# --- rows --------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path):
    """(path of a file, its matrix of 9 rows)"""
    matrix = np.arange(63, dtype=np.float32).reshape(9, 7)
    entry = {"dtype": "F32", "shape": [9, 7], "data_offsets": [0, 252]}
    header = json.dumps({"t": entry}).encode()
    path = tmp_path / "t.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + matrix.tobytes())
    return path, matrix


@pytest.mark.parametrize("ids", [[], [0], [8, 8, 0, 3, 8], [[1, 2], [2, 5]], 4])
def test_rows_are_indexed_like_an_array(table, ids):
    path, matrix = table
    with TensorFile(path) as file:
        rows = file.rows("t")
    ids = np.array(ids, dtype=np.int64)
    assert (rows.shape, rows.dtype) == (matrix.shape, matrix.dtype)
    found = rows[ids]
    np.testing.assert_array_equal(found, matrix[ids])
    assert found.flags.writeable


def test_rows_of_a_file_that_changed_after_it_was_opened(table):
    path, _ = table
    with TensorFile(path) as file:
        path.write_bytes(path.read_bytes()[:-28])  # a row less, before anybody asked for rows
        rows = file.rows("t")
    with pytest.raises(WeightsError, match=r"t\.safetensors: the file was changed"):
        rows[np.array([0])]
