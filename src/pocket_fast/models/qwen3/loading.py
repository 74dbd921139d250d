"""From a model's folder to its config, and to the weights in memory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pocket_fast.errors import ConfigError, NotFoundError, WeightsError
from pocket_fast.models.qwen3.catalog import MODELS, released_as
from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.models.qwen3.config_files import load_config, read_json
from pocket_fast.models.qwen3.names import (
    CODEC_PREFIX,
    TEXT_TABLE,
    Shapes,
    expected_tensors,
    integer_matrices,
    is_unused,
)
from pocket_fast.models.qwen3.texts import Texts, load_texts
from pocket_fast.weights.fit import Problems, as_float, check_values
from pocket_fast.weights.folders import HubFolder, LocalFolder
from pocket_fast.weights.integers import stored_bits, stored_types, with_scales
from pocket_fast.weights.rows import FileRows
from pocket_fast.weights.tensors import Tensor, TensorFile

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


@dataclass(frozen=True)
class Loaded:
    """weights: {name as in names.py: float32, float16, or bfloat16 as uint16}, views on mapped files.

    Where `quantize` made the files, the integer_matrices are as weights/integers.py has them.
    text_table: the one of the weights that a model leaves in its file; None if its type has to be converted.
    released: the released model that these weights are, or were made from; None for any other. main_files,
    codec_files: those that hold the weights.
    """

    config: ModelConfig
    weights: dict[str, np.ndarray]
    text_table: FileRows | None
    texts: Texts
    released: str | None
    main_files: tuple[Path, ...]
    codec_files: tuple[Path, ...]

    @property
    def stage_weights(self) -> dict[str, Any]:
        """The weights, the table of text by rows: what stages are made of."""
        return self.weights if self.text_table is None else {**self.weights, TEXT_TABLE: self.text_table}

    @property
    def files(self) -> tuple[Path, ...]:
        return self.main_files + self.codec_files


def read_config(folder: LocalFolder | HubFolder, *, progress: bool = True) -> ModelConfig:
    """The config of the model in a folder. Raises NotFoundError, FetchError or ConfigError."""
    return load_config(lambda name: folder.fetch(name, progress=progress), str(folder))


def load(folder: LocalFolder | HubFolder, *, split: str = "qwen2", progress: bool = True) -> Loaded:
    """Fetch and check everything that a model's folder holds.

    split: see text.tokenizer.load_byte_level. Raises NotFoundError, FetchError, ConfigError or WeightsError.
    """
    config = read_config(folder, progress=progress)
    texts = load_texts(config, folder, split=split, progress=progress)  # before gigabytes are fetched
    expected = expected_tensors(config)
    codec = {name: shape for name, shape in expected.items() if name.startswith(CODEC_PREFIX)}
    main = {name: shape for name, shape in expected.items() if name not in codec}
    own = _Part(folder, "", main, config, progress)
    codecs = _Part(folder, CODEC_PREFIX, codec, None, progress)
    tensors = {**own.tensors, **codecs.tensors}
    released = released_as(folder) or (own.made_from if own.made_from in MODELS else None)
    weights = {name: tensor.array for name, tensor in tensors.items()}
    return Loaded(config, weights, own.text_table, texts, released, own.paths, codecs.paths)


class _Part:
    """The tensors of one set of files: the model itself, or its codec in the folder below.

    tensors: {name with the prefix: Tensor}, as expected; text_table: see Loaded; made_from: what a file of integers
    says it was made from. quantized: the config whose integer_matrices may be integers.
    """

    def __init__(
        self,
        folder: LocalFolder | HubFolder,
        prefix: str,
        expected: Mapping[str, tuple[int, ...]],
        quantized: ModelConfig | None,
        progress: bool,
    ):
        self.paths = _weight_files(folder, prefix.replace(".", "/"), progress)
        self.made_from: str | None = None
        self.text_table: FileRows | None = None
        found: list[tuple[str, Tensor]] = []
        types: dict[str, str] = {}
        shapes: Shapes = dict(expected)
        with ExitStack() as stack:
            for path in self.paths:
                file = stack.enter_context(TensorFile(path))
                found += [(name, file.tensor(name)) for name in file.names]
                if TEXT_TABLE in file.names and len(file.shape(TEXT_TABLE)) == 2:
                    self.text_table = file.rows(TEXT_TABLE)
                if quantized is not None and (bits := stored_bits(file)) is not None:
                    matrices = integer_matrices(quantized, bits)
                    types, shapes = stored_types(matrices), with_scales(expected, matrices)
                    self.made_from = file.metadata.get("model")
        problems = Problems()
        tensors = problems.renamed(found, prefix)
        tensors = {name: tensor for name, tensor in tensors.items() if name in shapes or not is_unused(name)}
        where = str(self.paths[0]) if len(self.paths) == 1 else f"{folder} ({len(self.paths)} files)"
        problems.compare(tensors, shapes, types)
        problems.raise_for(where)
        self.tensors = {name: as_float(tensors[name]) for name in shapes}
        check_values(self.tensors, where)
        if self.text_table is not None and self.text_table.dtype != self.tensors[TEXT_TABLE].array.dtype:
            self.text_table = None


def _weight_files(folder: LocalFolder | HubFolder, below: str, progress: bool) -> tuple[Path, ...]:
    """The file with all weights, or those that an index names, in its order."""
    whole = folder.find(f"{below}{WEIGHTS}", progress=progress)
    if whole is not None:
        return (whole,)
    index = folder.find(f"{below}{INDEX}", progress=progress)
    if index is None:
        raise NotFoundError(
            f"{folder}: there is neither {below}{WEIGHTS} nor {below}{INDEX}; fetch the model again"
        )
    paths = []
    for name in _shards(index):
        try:
            paths.append(folder.fetch(f"{below}{name}", progress=progress))
        except NotFoundError:
            raise WeightsError(
                f"{folder}: {below}{name} is missing, which {INDEX} names; fetch the model again"
            ) from None
    return tuple(paths)


def _shards(index: Path) -> list[str]:
    """The names of the files in model.safetensors.index.json. Raises ConfigError."""
    data = read_json(index)
    names = data.get("weight_map") if isinstance(data, dict) else None
    if not isinstance(names, dict) or not names or not all(isinstance(name, str) for name in names.values()):
        raise ConfigError(f"{index}: expected a weight_map of tensor names to file names; fetch it again")
    shards = list(dict.fromkeys(names.values()))
    for name in shards:
        if PurePosixPath(name).name != name or not name.endswith(".safetensors"):
            raise ConfigError(f"{index}: names the file {name!r}, expected .safetensors files beside it")
    return shards
