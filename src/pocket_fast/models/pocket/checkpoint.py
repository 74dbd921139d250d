"""Training checkpoints (.pt) without PyTorch: `torch.save`'s zip format.

A .pt file is a zip of `NAME/data.pkl` (a pickle that refers to storages by key, see torch_pickle.py) and
`NAME/data/KEY` (raw little-endian bytes, normally stored uncompressed, so they can be mapped). What it takes of
memory is bounded by its size. Upstream: torch/serialization.py.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pocket_fast.errors import WeightsError
from pocket_fast.models.pocket.torch_pickle import PickleError, Storage, StrangerError, View, read_pickle
from pocket_fast.weights.header import NUMPY_TYPES, is_possible
from pocket_fast.weights.tensors import Tensor, map_file

_OLD_FORMAT = (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", b"\x80\x02", b"\x80\x04")

_RESAVE = 'load it with PyTorch and save it again: torch.save(torch.load(path, map_location="cpu"), new_path)'

_MOST_PICKLE = 16 << 20  # bytes; a tensor takes 350
# times the file's size, of what is not mapped: inflated, or copied because it was transposed
_MOST_GROWTH = 8
_SPARE = 1 << 20


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The `flow_lm.*` and `mimi.*` tensors of `{"model": {...}, "ema": {...}?}`, EMA over model values.

    The averages cover trained parameters only, hence over and not instead. Arrays are views on the mapped
    file unless the tensor was not contiguous. Raises NotFoundError or WeightsError.
    """
    with _Checkpoint(path) as checkpoint:
        return {name: checkpoint.tensor(view) for name, view in checkpoint.views().items()}


def checkpoint_has_codec(path: Path) -> bool:
    """Whether it brings `mimi.*`; if not, a bundle or a Mimi file must. Raises as read_checkpoint."""
    with _Checkpoint(path) as checkpoint:
        return any(name.startswith("mimi.") for name in checkpoint.views())


class _Checkpoint:
    """An open file. Whatever goes wrong with it is a WeightsError that names it."""

    def __init__(self, path: Path):
        self._path = path
        self._file = map_file(path)
        if self._file[:4] != b"PK\x03\x04":
            old = self._file[:16].startswith(_OLD_FORMAT)
            what = "torch.save's old format" if old else "not a PyTorch checkpoint"
            raise WeightsError(f"{path}: {what}; {_RESAVE}")
        self._inflated: dict[str, bytes] = {}
        self._room = _MOST_GROWTH * len(self._file) + _SPARE
        self._archive: zipfile.ZipFile

    def __enter__(self) -> _Checkpoint:
        try:
            self._archive = zipfile.ZipFile(self._path)
        except MemoryError:
            raise
        except Exception as error:  # a damaged zip can raise anything
            raise self._damaged(error) from None
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._archive.close()
        if isinstance(error, StrangerError):
            raise WeightsError(
                f"{self._path}: refers to {error}, which is neither a tensor nor a plain container; save "
                'only the weights: torch.save({"model": model.state_dict()}, path)'
            ) from None
        if isinstance(error, PickleError):
            raise WeightsError(f"{self._path}: its data.pkl is damaged ({error})") from None
        # a damaged zip can raise anything
        if isinstance(error, Exception) and not isinstance(error, (WeightsError, MemoryError)):
            raise self._damaged(error) from None

    def views(self) -> dict[str, View]:
        """The tensors that are wanted, by name."""
        payload = self._payload()
        model = payload.get("model") if isinstance(payload, Mapping) else None
        if not isinstance(model, Mapping):
            raise WeightsError(
                f'{self._path}: holds no "model" weights; expected {{"model": {{...}}, "ema": {{...}}}}'
            )
        averages = payload.get("ema") or {}
        if not isinstance(averages, Mapping):
            raise WeightsError(f'{self._path}: its "ema" entry is not a mapping of names to tensors')
        merged = {**model, **averages}
        wanted = {
            k: v for k, v in merged.items() if isinstance(k, str) and k.startswith(("flow_lm.", "mimi."))
        }
        strangers = [name for name, value in wanted.items() if not isinstance(value, View)]
        if strangers:
            kind = type(wanted[strangers[0]]).__name__
            raise WeightsError(f"{self._path}: {strangers[0]:.100} is a {kind}, not a tensor")
        return wanted

    def _payload(self) -> Any:
        names = self._archive.namelist()
        pickles = [name for name in names if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise WeightsError(f"{self._path}: a zip file, but not a PyTorch checkpoint (no data.pkl inside)")
        self._root = pickles[0].removesuffix("data.pkl")
        order = f"{self._root}byteorder"
        if order in names and self._read(order, 16) != b"little":
            raise WeightsError(f"{self._path}: written on a big-endian machine; {_RESAVE}")
        return read_pickle(self._read(pickles[0], _MOST_PICKLE))

    def tensor(self, view: View) -> Tensor:
        """In C order; a view that is not is copied, also one that repeats its numbers, as far as there is room."""
        storage, offset, size, stride = view
        kind = np.dtype(NUMPY_TYPES[storage.dtype])
        if not is_possible(size, kind.itemsize):
            raise PickleError(f"a tensor of {len(size)} dimensions that no memory holds")
        last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
        if math.prod(size) == 0:
            array = np.empty(size, kind)
        elif last >= storage.count:
            raise PickleError(f"a tensor {list(size)} is larger than its storage")
        else:
            flat = self._flat(storage, kind)
            steps = [s * kind.itemsize for s in stride]
            array = np.lib.stride_tricks.as_strided(flat[offset:], size, steps, writeable=False)
            if not (array.flags.c_contiguous and array.flags.aligned):
                self._take(array.nbytes)
                array = np.require(array, requirements=("C", "ALIGNED"))
        array.flags.writeable = False
        return Tensor(array, storage.dtype)

    def _flat(self, storage: Storage, kind: np.dtype[Any]) -> np.ndarray:
        """The whole storage as a flat array, mapped when the zip stores it uncompressed."""
        name = f"{self._root}data/{storage.key}"
        entry = self._archive.getinfo(name)
        if storage.count * kind.itemsize > entry.file_size:
            raise PickleError(f"storage {storage.key:.20} holds {entry.file_size} bytes, too few")
        if entry.compress_type != zipfile.ZIP_STORED:
            if name not in self._inflated:
                self._take(entry.file_size)
                self._inflated[name] = self._read(name, entry.file_size)
            return np.frombuffer(self._inflated[name], kind, storage.count)
        # The local header repeats the name and has padding of its own in `extra`.
        at = entry.header_offset
        name_bytes, extra = (int.from_bytes(self._file[at + i : at + i + 2], "little") for i in (26, 28))
        return np.frombuffer(self._file, kind, storage.count, at + 30 + name_bytes + extra)

    def _read(self, name: str, most: int) -> bytes:
        """A file of the archive, at most so many bytes of it: its own word for them is not taken."""
        entry = self._archive.getinfo(name)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise WeightsError(f"{self._path}: compressed in a way that no checkpoint is; {_RESAVE}")
        with self._archive.open(entry) as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise WeightsError(f"{self._path}: its {name[-20:]} has more than {most} bytes; {_RESAVE}")
        return data

    def _take(self, nbytes: int) -> None:
        """Memory that is not the mapped file."""
        self._room -= nbytes
        if self._room < 0:
            raise WeightsError(f"{self._path}: takes {_MOST_GROWTH} times its size of memory; {_RESAVE}")

    def _damaged(self, error: Exception) -> WeightsError:
        return WeightsError(f"{self._path}: damaged or truncated ({error!s:.200}); copy it again")
