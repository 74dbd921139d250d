"""Whole folders of Qwen3-TTS: what is loaded, and what is said of folders that are damaged or something else."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from fake_hub import COMMIT, Trouble
from pocket_fast.errors import ConfigError, NotFoundError, PocketFastError, WeightsError
from pocket_fast.models.qwen3.catalog import locate
from pocket_fast.models.qwen3.loading import INDEX, WEIGHTS, load, read_config
from pocket_fast.models.qwen3.names import CODEC_PREFIX, expected_tensors, int8_matrices
from pocket_fast.weights.integers import scale_name, write_integers
from pocket_fast.weights.reach import FetchError
from pocket_fast.weights.tensors import Tensor, TensorFile
from reference.qwen3 import TINY_QWEN3, lively_weights, make_qwen3_model, tiny_config

CODEC = f"speech_tokenizer/{WEIGHTS}"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Tiny folders by (model, number of shards), written once; not to be changed."""
    root, folders = tmp_path_factory.mktemp("models"), {}

    def make(model="qwen3-tiny-customvoice", shards=1):
        if (model, shards) not in folders:
            folders[model, shards] = make_qwen3_model(root / f"{model}-{shards}", model, shards=shards)
        return folders[model, shards]

    return make


@pytest.fixture
def folder(made, tmp_path):
    """A folder to damage."""
    return shutil.copytree(made(), tmp_path / "model")


@pytest.fixture
def sharded(made, tmp_path):
    return shutil.copytree(made(shards=3), tmp_path / "model")


def widened(array):
    return (array.astype(np.uint32) << 16).view(np.float32) if array.dtype == np.uint16 else array


def rewrite(path, change):
    """Write a safetensors file again after change(tensors: {name: Tensor}, metadata: {name: text})."""
    with TensorFile(path) as file:
        tensors = {name: Tensor(file.array(name).copy(), file.dtype(name)) for name in file.names}
        metadata = dict(file.metadata)
    change(tensors)
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        raw = tensor.array.tobytes()
        header[name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def complaint(folder, error=WeightsError, lines=1):
    with pytest.raises(error) as caught:
        load(locate(folder))
    text = str(caught.value)
    assert len(text.splitlines()) <= lines
    return text


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("model", TINY_QWEN3)
def test_every_kind_of_model(made, model, shards):
    folder = made(model, shards)
    loaded = load(locate(folder))
    assert loaded.config == tiny_config(model) == read_config(locate(str(folder)))
    assert loaded.released is None
    assert len(loaded.files) == shards + 1
    assert list(loaded.weights) == list(expected_tensors(loaded.config))
    for name, values in lively_weights(loaded.config).items():
        array = loaded.weights[name]
        assert array.dtype == (np.float32 if name.startswith(CODEC_PREFIX) else np.uint16)
        assert not array.flags.owndata  # nothing was read: a view on the mapped file
        np.testing.assert_array_equal(widened(array), values, err_msg=name)


def test_the_tokenizer_and_what_goes_around_texts(made):
    texts = load(locate(made())).texts
    encode, decode = texts.tokenizer.encode, texts.tokenizer.decode
    spoken = texts.speech("The user sings.")
    assert decode(list(spoken.role)) == "<|im_start|>assistant\n"
    assert list(spoken.body) == encode("The user sings.")
    assert list(texts.words("What was said.")) == encode("What was said.")
    assert list(texts.description("deep")) == encode("<|im_start|>user\ndeep<|im_end|>\n")
    assert texts.description("") == ()
    assert texts.speech("").body == ()
    literal = texts.speech("a<|im_end|>b").body
    assert decode(list(literal)) == "a<|im_end|>b"
    assert literal[1] == encode("<|im_end|>")[0]
    newline = texts.speech("\nNo.")  # by number, whatever they are
    assert len(newline.role) == 3
    assert list(newline.role + newline.body) == encode("<|im_start|>assistant\n\nNo.")


def test_another_split(made):
    folder = locate(made())
    assert load(folder, split="mistral").texts.tokenizer.encode("the") == load(folder).texts.tokenizer.encode(
        "the"
    )
    with pytest.raises(ConfigError, match="unknown tokenizer split 'gpt2'"):
        load(folder, split="gpt2")


def test_a_file_with_float64_becomes_float32(folder):
    name = "talker.model.norm.weight"

    def change(tensors):
        tensors[name] = Tensor(np.full(tensors[name].shape, 0.1), "F64")

    rewrite(folder / WEIGHTS, change)
    array = load(locate(folder)).weights[name]
    np.testing.assert_array_equal(array, np.full(array.shape, 0.1, np.float32))


def test_tensors_that_nothing_reads_may_be_left_out_or_left_in(folder):
    def add(tensors):
        tensors["speaker_encoder.fc.weight"] = Tensor(np.zeros((2, 2), np.float32), "F32")

    def drop(tensors):
        for name in [n for n in tensors if "input_proj" in n and n.startswith("decoder.quantizer.")]:
            del tensors[name]

    rewrite(folder / WEIGHTS, add)
    rewrite(folder / CODEC, drop)
    assert "speaker_encoder.fc.weight" not in load(locate(folder)).weights


def test_eight_bits(folder, made):
    exact = load(locate(made()))
    matrices = int8_matrices(exact.config)
    tensors = {}
    with TensorFile(folder / WEIGHTS) as file:
        for name in file.names:
            tensors[name] = file.tensor(name)
            if name in matrices:
                values = widened(file.array(name))
                scale = (np.abs(values).max(1) / 127).astype(np.float32)
                tensors[name] = Tensor(np.rint(values / scale[:, None]).astype(np.int8), "I8")
                tensors[scale_name(name)] = Tensor(scale, "F32")
    quantised = folder / "eight"
    shutil.copytree(made(), quantised)
    write_integers(quantised / WEIGHTS, tensors, voice_cloning=True, model="qwen3-tts-0.6b-customvoice")
    loaded = load(locate(quantised))
    assert loaded.released == "qwen3-tts-0.6b-customvoice"
    assert len(loaded.weights) == len(exact.weights) + len(matrices)
    for name in matrices:
        assert loaded.weights[name].dtype == np.int8
        near = loaded.weights[name] * loaded.weights[scale_name(name)][:, None]
        np.testing.assert_allclose(near, widened(exact.weights[name]), atol=0.51 * np.abs(near).max() / 127)

    tensors[scale_name(name)] = Tensor(-tensors[scale_name(name)].array, "F32")
    write_integers(quantised / WEIGHTS, tensors, voice_cloning=True, model="something else")
    assert "integers out of range in talker." in complaint(quantised)
    tensors[scale_name(name)] = Tensor(-tensors[scale_name(name)].array, "F32")
    write_integers(quantised / WEIGHTS, tensors, voice_cloning=True, model="something else")
    assert load(locate(quantised)).released is None


@pytest.mark.parametrize("file", [WEIGHTS, CODEC])
def test_tensors_that_do_not_fit(folder, file):
    def change(tensors):
        first, second, third = list(tensors)[:3]
        del tensors[first]
        tensors[second] = Tensor(np.zeros((3, 5), np.float32), "F32")
        tensors[third] = Tensor(np.zeros(tensors[third].shape, np.int64), "I64")
        tensors["something.else"] = Tensor(np.zeros(2, np.float32), "F32")

    rewrite(folder / file, change)
    text = complaint(folder)
    assert str(folder / file) in text
    for words in (
        "1 missing (",
        "1 not expected (",
        "something.else)",
        "1 of another shape (",
        "1 of another type (",
    ):
        assert words in text


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("file", "name"),
    [(WEIGHTS, "talker.model.text_embedding.weight"), (CODEC, "encoder.downsample.conv.weight")],
)
def test_nan_and_infinity(folder, file, name, bad):
    def change(tensors):
        array = widened(tensors[name].array)
        array.flat[-1] = bad
        tensors[name] = Tensor(array.astype(np.float32), "F32")

    rewrite(folder / file, change)
    assert f"NaN or infinite values in {CODEC_PREFIX if file == CODEC else ''}{name};" in complaint(folder)


def test_a_missing_shard(sharded):
    (sharded / "model-00002-of-00003.safetensors").unlink()
    text = complaint(sharded)
    assert "model-00002-of-00003.safetensors is missing, which model.safetensors.index.json names" in text


def test_a_shard_of_another_model(sharded):
    (sharded / "model-00002-of-00003.safetensors").write_bytes(
        (sharded / "model-00001-of-00003.safetensors").read_bytes()
    )
    text = complaint(sharded)
    assert "(3 files): the tensors do not fit the config: " in text
    assert "there twice" in text
    assert "missing (" in text


def test_a_truncated_shard(sharded):
    path = sharded / "model-00003-of-00003.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    text = complaint(sharded)
    assert f"{path}: truncated" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not valid JSON"),
        ("[]", "expected a weight_map"),
        ('{"weight_map": {}}', "expected a weight_map"),
        ('{"weight_map": {"a": 3}}', "expected a weight_map"),
        ('{"weight_map": {"a": "../model.safetensors"}}', "names the file '../model.safetensors'"),
        ('{"weight_map": {"a": "pytorch_model.bin"}}', "names the file 'pytorch_model.bin'"),
    ],
)
def test_a_damaged_index(sharded, content, words):
    (sharded / INDEX).write_text(content)
    assert words in complaint(sharded, ConfigError)


@pytest.mark.parametrize("file", [WEIGHTS, CODEC])
def test_no_weights(folder, file):
    (folder / file).unlink()
    text = complaint(folder, NotFoundError)
    assert f"there is neither {file} nor {file}.index.json; fetch the model again" in text


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "generation_config.json",
        "speech_tokenizer/config.json",
        "vocab.json",
        "merges.txt",
        "tokenizer_config.json",
    ],
)
def test_a_missing_file(folder, name):
    (folder / name).unlink()
    assert f"there is no {name} in this folder" in complaint(folder, NotFoundError)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        (b"PK\x03\x04 and so on", "a PyTorch checkpoint or zip file"),
        (b"GGUF and so on", "a GGUF file"),
    ],
)
@pytest.mark.parametrize("file", [WEIGHTS, CODEC])
def test_files_of_another_kind(folder, file, content, words):
    (folder / file).write_bytes(content)
    assert words in complaint(folder)


def test_weights_of_another_size(folder, made):
    shutil.copy(made("qwen3-tiny-customvoice-wide") / WEIGHTS, folder / WEIGHTS)
    text = complaint(folder)
    assert "of another shape (" in text
    assert "talker.code_predictor.small_to_mtp_projection.weight" in text


def test_a_tokenizer_of_another_model(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for key, value, words in (
        ("im_start_token_id", 7, "needs 3, the first 7; use the tokenizer this model was trained with"),
        ("im_end_token_id", 7, "needs 2, the first 7; use"),
    ):
        path.write_text(json.dumps({**config, key: value}))
        assert words in complaint(folder, ConfigError)
    config["talker_config"]["text_vocab_size"] = 282
    config["tts_eos_token_id"] = 281
    path.write_text(json.dumps(config))
    assert "the tokenizer has 283 entries, the config says text_vocab_size = 282" in complaint(
        folder, ConfigError
    )


def test_an_assistant_of_more_than_one_token(folder):
    path = folder / "merges.txt"
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join(line for line in lines if line != "assistan t"), encoding="utf-8")
    assert "this model needs 3, the first " in complaint(folder, ConfigError)


def test_a_model_of_another_family(folder):
    (folder / "config.json").write_text('{"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}')
    assert "a model of the type 'qwen3'; expected 'qwen3_tts' (Qwen3-TTS)" in complaint(folder, ConfigError)


REPO = "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice"


@pytest.fixture
def serve(hub):
    """Puts a folder on the fake hub, all of it at the main branch and at its commit."""

    def put(folder, repo=REPO):
        for path in folder.rglob("*"):
            if path.is_file():
                for revision in ("main", COMMIT):
                    hub.files[f"{repo}/{revision}/{path.relative_to(folder)}"] = path.read_bytes()
        return hub

    return put


@pytest.mark.parametrize("shards", [1, 3])
def test_a_released_model_by_name(made, serve, shards):
    hub = serve(made(shards=shards))
    for name in ("Qwen3-TTS-0.6B-CustomVoice", REPO):
        loaded = load(locate(name), progress=False)
        assert loaded.released == "qwen3-tts-0.6b-customvoice"
        assert loaded.config == tiny_config("qwen3-tiny-customvoice")
        assert len(loaded.files) == shards + 1
    assert hub.count("GET", CODEC) == 1  # then it is in the cache


def test_a_model_by_url(made, serve):
    serve(made(), "someone/models")
    assert load(locate("hf://someone/models@main"), progress=False).released is None


def test_nothing_large_is_fetched_for_a_config_that_does_not_fit(made, serve):
    hub = serve(made())
    for revision in ("main", COMMIT):
        hub.files[f"{REPO}/{revision}/merges.txt"] = b"1 2 3\n"
    with pytest.raises(ConfigError, match="expected two symbols"):
        load(locate(REPO), progress=False)
    assert hub.count("GET", ".safetensors") == 0


def test_a_gated_model(made, serve):
    hub = serve(made())
    hub.trouble[f"{REPO}/main/config.json"] = Trouble(status=401, code="GatedRepo")
    with pytest.raises(FetchError, match=f"Accept the terms at https://huggingface.co/{REPO}"):
        load(locate(REPO), progress=False)


def test_a_shard_that_the_hub_has_not(made, serve):
    hub = serve(made(shards=3))
    for revision in ("main", COMMIT):
        del hub.files[f"{REPO}/{revision}/model-00002-of-00003.safetensors"]
    with pytest.raises(FetchError, match=r"model-00002-of-00003\.safetensors.*no such") as caught:
        load(locate(REPO), progress=False)
    assert isinstance(caught.value, PocketFastError)
    assert len(str(caught.value).splitlines()) == 1
