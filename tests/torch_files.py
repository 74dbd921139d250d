"""Checkpoints as torch.save lays them out, written without PyTorch."""

from __future__ import annotations

import io
import pickle
import zipfile

import numpy as np


class Storage:
    def __init__(self, kind, key, data):
        self.kind, self.key, self.data = kind, key, data


class Global:
    """Pickles as a reference to module.name, which need not exist here."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


class TorchPickler(pickle._Pickler):
    """The Python pickler, with torch's storage references and globals that are not importable here."""

    def persistent_id(self, obj):
        if isinstance(obj, Storage):
            kind = Global("torch", obj.kind)
            return ("storage", kind, obj.key, "cpu", len(obj.data) // obj.width)
        return None

    def save_global_name(self, obj):
        self.write(b"c" + obj.module.encode() + b"\n" + obj.name.encode() + b"\n")

    def save_call(self, obj):
        self.save(obj.function)
        self.save(obj.args)
        self.write(pickle.REDUCE)

    dispatch = {**pickle._Pickler.dispatch, Global: save_global_name, Call: save_call}  # noqa: RUF012


def torch_tensor(array, key, kind="FloatStorage", offset=0, size=None, stride=None):
    """The pickle structure of one tensor over the storage `array`."""
    array = np.ascontiguousarray(array)
    storage = Storage(kind, key, array.tobytes())
    storage.width = array.itemsize
    size = array.shape if size is None else size
    if stride is None:
        stride = tuple(s // array.itemsize for s in array.strides)
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, storage, offset, size, stride, False, Call(Global("collections", "OrderedDict")))


def write_checkpoint(path, payload, compression=zipfile.ZIP_STORED, byteorder=b"little"):
    """A .pt zip from a payload holding torch_tensor structures."""
    stored = {}

    class Pickler(TorchPickler):
        def persistent_id(self, obj):
            if isinstance(obj, Storage):
                stored[obj.key] = obj.data
            return super().persistent_id(obj)

    body = io.BytesIO()
    Pickler(body, 2).dump(payload)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("step/data.pkl", body.getvalue())
        archive.writestr("step/byteorder", byteorder)
        for key, data in stored.items():
            archive.writestr(f"step/data/{key}", data)
        archive.writestr("step/version", "3\n")
    return path
