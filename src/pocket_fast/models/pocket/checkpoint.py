"""Training checkpoints (.pt) without PyTorch: `torch.save`'s zip format, unpickled with a short allow-list.

A .pt file is a zip of `NAME/data.pkl` (a pickle that refers to storages by key) and `NAME/data/KEY` (raw
little-endian bytes, normally stored uncompressed, so they can be mapped). A pickle may call anything it can
name; here it can name OrderedDict, torch's tensor and parameter rebuilders and its storage classes, which
stand for harmless objects of this module. Upstream: torch/serialization.py, torch/_utils.py.
"""

from __future__ import annotations

import io
import math
import mmap
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pocket_fast.errors import WeightsError
from pocket_fast.weights.tensors import NUMPY_TYPES, Tensor, map_file

_STORAGES = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}

_OLD_FORMAT = (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", b"\x80\x02", b"\x80\x04")

_RESAVE = 'load it with PyTorch and save it again: torch.save(torch.load(path, map_location="cpu"), new_path)'


class _Storage(NamedTuple):
    dtype: str
    key: str
    count: int


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The `flow_lm.*` and `mimi.*` tensors of `{"model": {...}, "ema": {...}?}`, EMA over model values.

    The averages cover trained parameters only, hence over and not instead. Arrays are views on the mapped
    file unless the tensor was not contiguous. Raises NotFoundError or WeightsError.
    """
    payload = _load(path)
    model = payload.get("model") if isinstance(payload, Mapping) else None
    if not isinstance(model, Mapping):
        raise WeightsError(f'{path}: holds no "model" weights; expected {{"model": {{...}}, "ema": {{...}}}}')
    averages = payload.get("ema") or {}
    if not isinstance(averages, Mapping):
        raise WeightsError(f'{path}: its "ema" entry is not a mapping of names to tensors')
    merged = {**model, **averages}
    wanted = {k: v for k, v in merged.items() if isinstance(k, str) and k.startswith(("flow_lm.", "mimi."))}
    strangers = [name for name, value in wanted.items() if not isinstance(value, Tensor)]
    if strangers:
        raise WeightsError(f"{path}: {strangers[0]} is a {type(wanted[strangers[0]]).__name__}, not a tensor")
    return wanted


def _load(path: Path) -> Any:
    file = map_file(path)
    if file[:4] != b"PK\x03\x04":
        what = "torch.save's old format" if file[:16].startswith(_OLD_FORMAT) else "not a PyTorch checkpoint"
        raise WeightsError(f"{path}: {what}; {_RESAVE}")
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise WeightsError(f"{path}: a zip file, but not a PyTorch checkpoint (no data.pkl inside)")
            root = pickles[0].removesuffix("data.pkl")
            if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
                raise WeightsError(f"{path}: written on a big-endian machine; {_RESAVE}")
            return _Unpickler(archive, root, file, path).load()
    except WeightsError:
        raise
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise WeightsError(f"{path}: damaged or truncated ({error}); copy it again") from None
    except Exception as error:  # a hostile or damaged pickle can raise anything
        raise WeightsError(f"{path}: its data.pkl is damaged ({type(error).__name__}: {error})") from None


class _Unpickler(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, root: str, file: mmap.mmap, path: Path) -> None:
        super().__init__(io.BytesIO(archive.read(f"{root}data.pkl")))
        self._archive, self._root, self._file, self._path = archive, root, file, path

    def find_class(self, module: str, name: str) -> Any:
        # Whatever the file calls or assigns to, it only ever reaches these four.
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return self._parameter
        if module == "torch" and name in _STORAGES:
            return name
        raise WeightsError(
            f"{self._path}: refers to {module}.{name}, which is neither a tensor nor a plain container; save "
            'only the weights: torch.save({"model": model.state_dict()}, path)'
        )

    def persistent_load(self, pid: Any) -> _Storage:
        tag, kind, key, _location, count = pid
        if tag != "storage" or not isinstance(key, str) or not isinstance(count, int):
            raise pickle.UnpicklingError(f"unknown reference {pid!r}")
        return _Storage(_STORAGES[kind], key, count)

    def _parameter(self, data: Tensor, *_unused: Any) -> Tensor:
        return data

    def _tensor(self, storage: _Storage, offset: int, size: Any, stride: Any, *_unused: Any) -> Tensor:
        """`size` and `stride` count elements; a view that is not C-contiguous is copied."""
        numbers = (offset, *size, *stride)
        if len(size) != len(stride) or any(type(n) is not int or n < 0 for n in numbers):
            raise pickle.UnpicklingError(f"impossible tensor {size} {stride}")
        last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
        if math.prod(size) == 0:
            array = np.empty(size, NUMPY_TYPES[storage.dtype])
        elif last >= storage.count:
            raise pickle.UnpicklingError(f"tensor {size} reaches past the end of its storage")
        else:
            flat = self._bytes(storage)
            steps = [s * flat.itemsize for s in stride]
            array = np.lib.stride_tricks.as_strided(flat[offset:], size, steps, writeable=False)
            array = np.require(array, requirements=("C", "ALIGNED"))
        array.flags.writeable = False
        return Tensor(array, storage.dtype)

    def _bytes(self, storage: _Storage) -> np.ndarray:
        """The whole storage as a flat array, mapped when the zip stores it uncompressed."""
        kind = np.dtype(NUMPY_TYPES[storage.dtype])
        entry = self._archive.getinfo(f"{self._root}data/{storage.key}")
        if entry.compress_type != zipfile.ZIP_STORED:
            return np.frombuffer(self._archive.read(entry), kind, storage.count)
        # The local header repeats the name and has padding of its own in `extra`.
        at = entry.header_offset
        name, extra = (int.from_bytes(self._file[at + i : at + i + 2], "little") for i in (26, 28))
        if storage.count * kind.itemsize > entry.file_size:
            raise pickle.UnpicklingError(f"storage {storage.key} holds {entry.file_size} bytes, too few")
        return np.frombuffer(self._file, kind, storage.count, at + 30 + name + extra)
