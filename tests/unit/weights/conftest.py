"""Writers of small weight files, correct and damaged."""

import json
import struct

import numpy as np
import pytest

import torch_files
from torch_files import Call, Global, torch_tensor

KINDS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


def encode(tensors, pad=8, metadata=None, tail=b""):
    """A safetensors file from {name: array or (dtype, array)}, its header padded to a multiple of `pad`."""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, value in tensors.items():
        dtype, array = value if isinstance(value, tuple) else ("F32", value)
        raw = np.ascontiguousarray(array, dtype=KINDS[dtype]).tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": dtype, "shape": list(np.shape(array)), "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % pad)
    return struct.pack("<Q", len(text)) + text + data + tail


@pytest.fixture
def write_tensors(tmp_path):
    def write(tensors, name="model.safetensors", **how):
        path = tmp_path / name
        path.write_bytes(encode(tensors, **how))
        return path

    return write


@pytest.fixture
def write_checkpoint(tmp_path):
    def write(payload, name="step.pt", **how):
        return torch_files.write_checkpoint(tmp_path / name, payload, **how)

    return write


@pytest.fixture
def torch_parts():
    """(torch_tensor, Global, Call): what checkpoint payloads are made of."""
    return torch_tensor, Global, Call
