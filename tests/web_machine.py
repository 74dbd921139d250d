"""csrc/web as Python drives it in tests: compiled for this machine, or as the WebAssembly of the package in Node.

A machine has memory and functions: call(name, *numbers), write(bytes) -> where it lies, read(where, bytes). WebModel
is a model on either, and does what a page does through JavaScript.
"""

from __future__ import annotations

import base64
import ctypes
import functools
import json
import shutil
import subprocess
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from pocket_fast.cpu.integers import quantize, quantize_int4

from pocket_fast.models.pocket.bundle import web_model
from pocket_fast.models.pocket.names import integer_matrices
from pocket_fast.weights.bundle import read_bundle, write_bundle
from pocket_fast.weights.integers import as_tensors
from pocket_fast.weights.tensors import Tensor
from reference import lively_weights, tiny_config
from reference.checkpoint import narrow

ROOT = Path(__file__).resolve().parents[1]
WASM = ROOT / "src" / "pocket_fast" / "web"
F32 = np.float32
MOST_FRAMES = 16
DOUBLES = ("pw_bundle_bytes", "pw_stage_sample")


class NativeMachine:
    """The C as this machine's compiler makes it, with the instruction set that `isa` names."""

    FLAGS = (
        "-std=gnu11",
        "-O2",
        "-ffp-contract=off",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Wno-unused-function",
        "-fPIC",
        "-shared",
    )

    def __init__(self, isa: str = "baseline", *options: str):
        compiler = shutil.which("cc") or pytest.skip("needs a C compiler, cc")
        csrc = ROOT / "csrc"
        with tempfile.TemporaryDirectory(prefix="pocket_fast_web_") as folder:
            where = Path(folder, "web.so")
            sources = [*sorted((csrc / "web").glob("*.c")), csrc / "pf_table.c"]
            command = [
                compiler,
                *self.FLAGS,
                *options,
                f"-I{csrc}",
                f"-DPF_ISA={isa}",
                "-DPF_WEB",
                "-o",
                where,
                *sources,
            ]
            built = subprocess.run([*command, "-lm"], capture_output=True, text=True)
            assert built.returncode == 0, built.stderr
            self._lib = ctypes.CDLL(str(where))

    def call(self, name, *arguments):
        """Whole numbers are passed as pointers or int, others as double; the result as the header says."""
        function = getattr(self._lib, name)
        function.restype = {"pw_bundle_bytes": ctypes.c_double, "pw_stage_sample": ctypes.c_float}.get(
            name, ctypes.c_void_p
        )
        given = [ctypes.c_double(a) if isinstance(a, float) else ctypes.c_void_p(a) for a in arguments]
        result = function(*given)
        if name in DOUBLES:
            return result
        return result or 0

    def write(self, data: bytes) -> int:
        where = self.call("pw_alloc", len(data))
        ctypes.memmove(where, data, len(data))
        return where

    def read(self, where: int, size: int) -> bytes:
        return ctypes.string_at(where, size)


class NodeMachine:
    """A .wasm file in Node, in a process of its own."""

    def __init__(self, wasm: Path):
        node = shutil.which("node") or pytest.skip("needs node")
        script = Path(__file__).with_name("web_machine.mjs")
        self._process = subprocess.Popen(
            [node, str(script), str(wasm)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if not self._ask({"ready": True}):
            self._process.kill()
            self._process.wait()
            pytest.skip(f"this node cannot run {wasm.name}")

    def _ask(self, question):
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline() or "null")

    def call(self, name, *arguments):
        given = [str(a) if isinstance(a, float) else a for a in arguments]  # JSON has no NaN
        return self._ask({"call": name, "arguments": given})

    def write(self, data: bytes) -> int:
        return self._ask({"write": base64.b64encode(data).decode()})

    def read(self, where: int, size: int) -> bytes:
        return base64.b64decode(self._ask({"read": where, "size": size}))


@functools.cache
def machine(kind: str):
    """native, or the name of a module in the package; each is made once, and stays."""
    return NativeMachine() if kind == "native" else NodeMachine(WASM / f"{kind}.wasm")


MACHINES = ("native", "simd128", "relaxed")


class WebError(Exception):
    """What pw_error() says."""


class WebModel:
    """A bundle, opened, with its description's sizes."""

    def __init__(self, machine, data: bytes, description, crc: int | None = None):
        self.machine, self.about = machine, description
        self.frame, self.latent = description["samples_per_frame"], 0
        self._bundle = machine.write(data)
        crc = zlib.crc32(data[64:]) if crc is None else crc
        try:
            self._model = self._there(machine.call("pw_open", self._bundle, len(data), crc))
        except WebError:
            machine.call("pw_free", self._bundle)
            raise

    def close(self):
        self.machine.call("pw_close", self._model)
        self.machine.call("pw_free", self._bundle)

    def error(self) -> str:
        where = self.machine.call("pw_error")
        return self.machine.read(where, 300).split(b"\0")[0].decode()

    def _there(self, pointer):
        if not pointer:
            raise WebError(self.error())
        return pointer

    def _well(self, status):
        status = (status + 2**31) % 2**32 - 2**31  # an int, however the machine brings it
        if status < 0:
            raise WebError(self.error())
        return status

    def _floats(self, where, *shape):
        return np.frombuffer(self.machine.read(where, 4 * int(np.prod(shape))), F32).reshape(shape).copy()

    def _with(self, arrays, ask):
        """ask(where each array lies), and the memory is given back."""
        places = [self.machine.write(np.ascontiguousarray(a).tobytes()) for a in arrays]
        try:
            return ask(*places)
        finally:
            for place in places:
                self.machine.call("pw_free", place)

    # --- voices ---------------------------------------------------------------------------------

    def voice_from_recording(self, pcm):
        """pcm: whole frames."""
        frames = pcm.reshape(-1, self.frame)
        positions = len(frames) + self.about["bos_before_voice"]
        voice = self._there(self.machine.call("pw_voice_new", self._model, positions))
        self._in_pieces("pw_voice_hear", voice, frames)
        return voice

    def _in_pieces(self, name, voice, rows):
        for at in range(0, len(rows), MOST_FRAMES):
            piece = rows[at : at + MOST_FRAMES]
            count = len(piece)
            self._with([piece], lambda p, n=count: self._well(self.machine.call(name, voice, p, n)))

    def voice_from_rows(self, rows):
        voice = self._there(self.machine.call("pw_voice_new", self._model, len(rows)))
        self._in_pieces("pw_voice_rows", voice, rows.astype(F32))
        return voice

    def voice_from_state(self, layers, dtype=0):
        """layers: (2, length, kv_heads, head_dim) each, as Prefix.export() gives them."""
        length = layers[0].shape[1]
        voice = self._there(self.machine.call("pw_voice_new", self._model, length))
        for i, layer in enumerate(layers):
            self._with(
                [layer],
                lambda p, i=i: self._well(self.machine.call("pw_voice_layer", voice, i, p, dtype, length)),
            )
        return voice

    def state_of(self, voice, length):
        shape = (2, length, self.about["kv_heads"], self.about["head_dim"])
        layers = []
        for i in range(self.about["layers"]):
            where = self.machine.write(bytes(4 * int(np.prod(shape))))
            self._well(self.machine.call("pw_voice_read", voice, i, where))
            layers.append(self._floats(where, *shape))
            self.machine.call("pw_free", where)
        return layers

    # --- speech ------------------------------------------------------------------------------------

    def seed(self, *words):
        self._with(
            [np.array(words, np.uint32)], lambda p: self.machine.call("pw_seed", self._model, p, len(words))
        )

    def begin(
        self, tokens, voice=0, *, max_frames=100, after=2, threshold=0.0, temperature=0.0, clamp=0.0, steps=1
    ):
        numbers = (float(threshold), float(temperature), float(clamp))
        self._with(
            [np.array([*tokens, 0], np.int32)],
            lambda p: self._well(
                self.machine.call(
                    "pw_begin", self._model, voice, p, len(tokens), max_frames, after, *numbers, steps
                )
            ),
        )

    def prompt(self, rows=1000):
        return self.machine.call("pw_prompt", self._model, rows)

    def frames(self):
        """The rest of the utterance's sound, frame by frame."""
        while self._well(self.machine.call("pw_predict", self._model)):
            yield self._floats(self._there(self.machine.call("pw_decode", self._model)), self.frame)

    # --- the stages one by one --------------------------------------------------------------------

    def step(self, latent, width):
        def ask(x, y):
            self._well(self.machine.call("pw_stage_step", self._model, x, y))
            return self._floats(y, width)

        return self._with([latent.astype(F32), np.zeros(width, F32)], ask)

    def sample(self, hidden, noise):
        """(latent, logit)"""

        def ask(h, n, y):
            logit = self.machine.call("pw_stage_sample", self._model, h, n, y)
            return self._floats(y, len(noise)), logit

        return self._with([hidden.astype(F32), noise.astype(F32), np.zeros(len(noise), F32)], ask)

    def decode(self, latent):
        return self._with(
            [latent.astype(F32)],
            lambda p: self._floats(self.machine.call("pw_stage_decode", self._model, p), self.frame),
        )

    def encode(self, pcm, width):
        """Latents (n, width) of a whole recording."""

        def ask(x, y):
            found = []
            for i in range(len(pcm) // self.frame):
                at = x + 4 * i * self.frame
                self._well(self.machine.call("pw_stage_encode", self._model, at, int(i == 0), y))
                found.append(self._floats(y, width))
            return np.array(found)

        return self._with([pcm.astype(F32), np.zeros(width, F32)], ask)

    def noise(self, n, temperature=1.0, clamp=0.0):
        def ask(y):
            self.machine.call("pw_stage_noise", self._model, y, n, float(temperature), float(clamp))
            return self._floats(y, n)

        return self._with([np.zeros(n, F32)], ask)


def make_bundle(
    path: Path, name: str, storage: str = "BF16", *, bits: int | None = None, cloning: bool = True
) -> Path:
    """A tiny model of tests/reference as a page loads it; the weights are stored in `storage`, or quantised of that."""
    arrays = {n: narrow(a, storage) for n, a in lively_weights(tiny_config(name), storage="BF16").items()}
    return write_tiny(path, tiny_config(name), arrays, bits=bits, cloning=cloning)


def write_tiny(path: Path, config, arrays, *, bits: int | None = None, cloning: bool = True) -> Path:
    """The same of a config and arrays as they are stored."""
    types = {"float32": "F32", "float16": "F16", "uint16": "BF16", "int8": "I8", "uint8": "U8"}
    tensors = {n: Tensor(a, types[a.dtype.name]) for n, a in arrays.items()}
    for matrix, own in integer_matrices(config, bits).items() if bits else ():
        tensors |= as_tensors(matrix, (quantize if own == 8 else quantize_int4)(arrays[matrix]))
    write_bundle(path, web_model(config, tensors, b"no tokenizer", cloning=cloning, speaks=None), {})
    return path


def open_bundle(machine, path: Path) -> WebModel:
    return WebModel(machine, path.read_bytes(), read_bundle(path).description)
