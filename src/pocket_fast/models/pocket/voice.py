"""Voices: a recording, or a state file, -> keys and values that every utterance continues from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pocket_fast.audio.resample import end_on_pause
from pocket_fast.errors import AudioError, VoiceError, shown
from pocket_fast.models.contract import Slices
from pocket_fast.weights.fit import widen
from pocket_fast.weights.tensors import TensorFile
from pocket_fast.weights.whole import write_whole

_MODULE = "transformer.layers.{}.self_attn"
_MOST_TENSORS = 1000  # of a state: three for each layer
_LARGEST = 1e12  # of a key or a value: what all layers add up of it still has a square in 32 bits
_LARGEST_ROW = 1e15  # of an embedding: the layers norm it first
MOST_SECONDS = 600.0  # of a recording: more makes no better voice, but takes minutes and slows every frame
_SPARE_SECONDS = 1.0  # a state has more positions than its recording had frames: for a beginning and a pause
_FRAMES, _ROWS = 2, 32  # of a recording, and of what the backbone takes in, in one piece
_ABSURD = 1e9  # far beyond 32-bit integers read as numbers; their squares overflow soon


@dataclass(frozen=True)
class Longest:
    """The longest voice there may be, in any form: of a recording of so many seconds."""

    seconds: float = MOST_SECONDS
    frame_rate: float = 12.5

    @property
    def positions(self) -> int:
        """Of a state, or of the rows of one."""
        return math.ceil((self.seconds + _SPARE_SECONDS) * self.frame_rate)

    def check(self, positions: int, where: str) -> None:
        """Raises VoiceError for a state, or the rows of one, of more positions than such a recording has."""
        if positions > self.positions:
            raise VoiceError(
                f"{where}: a voice of {positions} positions, from about {positions / self.frame_rate:.0f} s of "
                f"sound; expected at most {self.seconds:g} s ({self.positions} positions): export the first 30 s "
                "(truncate)"
            )


ANY = Longest()


class VoiceState(Mapping):
    """A voice ready to speak. Reads like upstream's state: {module: {'cache', 'offset', 'pad'}} in NumPy arrays.

    cache (2, 1, T, kv_heads, head_dim) float32: keys after rotation, values; offset (1,) int64 = T.
    The arrays are made when asked for, read-only: the model uses `prefix`, in its own layout, shared.
    """

    def __init__(self, prefix: Any):
        self.prefix = prefix
        self._arrays: tuple[Any, dict[str, dict[str, np.ndarray]]] | None = None

    @property
    def length(self) -> int:
        """Positions: frames of the prompt, plus one where the model begins with a BOS."""
        return self.prefix.length

    @property
    def nbytes(self) -> int:
        return self.prefix.nbytes

    def __copy__(self) -> VoiceState:
        return VoiceState(self.prefix)  # read-only: a copy may share it

    def __deepcopy__(self, memo: dict) -> VoiceState:
        return self.__copy__()

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self._modules(),)  # to another process it goes as upstream's form, which speaks as well

    def __getitem__(self, module: str) -> dict[str, np.ndarray]:
        return self._modules()[module]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules())

    def __len__(self) -> int:
        return len(self._modules())

    def _modules(self) -> dict[str, dict[str, np.ndarray]]:
        if self._arrays is None or self._arrays[0] is not self.prefix:
            count, pad = np.array([self.length], dtype=np.int64), np.zeros(1, dtype=np.int64)
            modules = {
                _MODULE.format(i): {"cache": layer[:, None], "offset": count, "pad": pad}
                for i, layer in enumerate(self.prefix.export())
            }
            for tensors in modules.values():
                for array in tensors.values():
                    array.flags.writeable = False  # a change would be lost
            self._arrays = (self.prefix, modules)
        return self._arrays[1]


def state_from_mapping(
    modules: Mapping[str, Mapping[str, np.ndarray]],
    backbone: Any,
    where: str,
    longest: Longest = ANY,
) -> VoiceState:
    """A VoiceState from upstream's form. Raises VoiceError with the shapes if it does not fit the model."""
    layers = []
    for i in range(len(modules)):
        tensors = modules.get(_MODULE.format(i))
        if not isinstance(tensors, Mapping) or "cache" not in tensors:
            raise VoiceError(
                f"{where}: not a voice state: no {_MODULE.format(i)}/cache among {list(modules)[:3]}"
            )
        try:
            with np.errstate(over="ignore"):  # infinity is refused below
                cache = np.asarray(tensors["cache"], dtype=np.float32)
            used = _positions_used(tensors)
        except (TypeError, ValueError) as error:
            raise VoiceError(f"{where}: layer {i} is no array of numbers ({error})") from None
        if cache.ndim != 5 or cache.shape[:2] != (2, 1) or not 0 < used <= cache.shape[2]:
            raise VoiceError(
                f"{where}: layer {i} has a cache {cache.shape} with {used} positions used; expected "
                "(2, 1, at least that many, heads, width) and at least 1"
            )
        if np.any(np.asarray(tensors.get("pad", 0))):
            raise VoiceError(f"{where}: the state is padded (made in a batch); export the voice on its own")
        longest.check(used, where)
        layers.append(cache[:, 0, :used])
    if not layers:
        raise VoiceError(f"{where}: an empty voice state")
    _check_numbers(layers, _LARGEST, where)
    try:
        return VoiceState(backbone.import_prefix(layers))
    except ValueError as error:
        raise VoiceError(f"{where}: made for another model: {error}") from None


def _check_numbers(arrays: Iterable[np.ndarray], most: float, where: str) -> None:
    """Raises VoiceError for what speech would be NaN of: for numbers that are none, and for some that are finite."""
    largest = np.max([np.abs(array).max(initial=0) for array in arrays])  # NaN wins
    if not largest <= most:
        what = f"a number of {largest:.3g}" if np.isfinite(largest) else "NaN or infinity"
        raise VoiceError(f"{where}: the voice state holds {what}; export it again")


def _positions_used(tensors: Mapping[str, np.ndarray]) -> int:
    if "offset" in tensors:
        offset = np.asarray(tensors["offset"]).reshape(-1)
        return int(offset[0]) if len(offset) and offset.dtype.kind in "iu" else 0
    return len(np.atleast_1d(tensors.get("current_end", ())))  # an older form: the length is the count


def read_state(path: Path, backbone: Any, longest: Longest = ANY) -> VoiceState | np.ndarray:
    """A VoiceState from a .safetensors file, of a state old or new; of an audio_prompt the rows for taking_in()."""
    with TensorFile(path, _MOST_TENSORS, mapped=False) as file:
        if file.names == ("audio_prompt",):
            prompt = _floats(file, "audio_prompt")
            width = len(backbone.embed_text([0])[0])
            if prompt.ndim != 3 or prompt.shape[0] != 1 or prompt.shape[2] != width or not prompt.shape[1]:
                raise VoiceError(
                    f"{path}: audio_prompt {prompt.shape}, this model needs (1, length, {width})"
                )
            longest.check(prompt.shape[1], str(path))
            _check_numbers([prompt], _LARGEST_ROW, str(path))
            begin = [] if backbone.bos_voice is None else [backbone.bos_voice[None]]
            return np.concatenate([*begin, prompt[0]])
        modules: dict[str, dict[str, np.ndarray]] = {}
        for name in file.names:
            module, slash, tensor = name.partition("/")
            if not slash or "/" in tensor:
                raise VoiceError(f"{path}: not a voice state: it holds a tensor {name!r}")
            modules.setdefault(module, {})[tensor] = (
                _floats(file, name) if tensor == "cache" else file.array(name).copy()
            )
    return state_from_mapping(modules, backbone, str(path), longest)


def _floats(file: TensorFile, name: str) -> np.ndarray:
    if file.dtype(name) not in ("F64", "F32", "F16", "BF16"):
        raise VoiceError(
            f"{file.path}: {name} is {file.dtype(name)}, expected floating point; export it again"
        )
    return widen(file.tensor(name))


def write_state(state: Mapping[str, Mapping[str, np.ndarray]], path: Path) -> None:
    """Write upstream's form: `<module>/<tensor>`. The file appears whole or not at all."""
    from safetensors.numpy import save

    if not isinstance(state, Mapping) or not all(isinstance(members, Mapping) for members in state.values()):
        raise VoiceError(
            f"expected a voice, as get_state_for_audio_prompt gives it, to write; got {shown(state)}"
        )
    tensors = {
        f"{module}/{name}": np.ascontiguousarray(tensor)
        for module, members in state.items()
        for name, tensor in members.items()
    }
    try:
        write_whole(path, save(tensors))
    except OSError as error:
        raise VoiceError(f"{path}: cannot be written: {error.strerror or error}") from None


def prepare_recording(pcm: np.ndarray, stages: Any, longest: Longest = ANY) -> np.ndarray:
    """A prompt (n,) float32 at the model's rate as the encoder takes it: ended on a pause, in whole frames.

    Raises AudioError if there is nothing in it, or too much.
    """
    frame = stages.encoder.samples_per_frame
    seconds = len(pcm) / (frame * longest.frame_rate)
    if len(pcm) == 0:
        raise AudioError("voice prompt: no samples; expected speech, best 5 to 30 seconds of it")
    if seconds > longest.seconds:
        raise AudioError(
            f"voice prompt: {seconds:.0f} s of sound; expected at most {longest.seconds:g} s, best 5 to 30; use its "
            "first 30 s (truncate)"
        )
    peak = np.abs(pcm).max()
    if not peak < _ABSURD:  # NaN too
        raise AudioError(f"voice prompt: a sample of {peak:g}; expected numbers in [-1, 1]")
    pcm = end_on_pause(np.asarray(pcm, dtype=np.float32))
    return np.pad(pcm, (0, -len(pcm) % frame))


def hearing(samples: np.ndarray, stages: Any, threads: int = 0) -> Slices[Any]:
    """The stream of the backbone that has heard a prepared recording; VoiceState(its freeze()) is the voice."""
    encoder, latents = stages.encoder, []
    stream, piece = encoder.stream(), _FRAMES * encoder.samples_per_frame
    for at in range(0, len(samples), piece):
        latents.append(encoder.encode(stream, samples[at : at + piece], threads))
        yield
    rows = stages.backbone.embed_voice(np.concatenate(latents))
    _check_numbers([rows], _LARGEST_ROW, "voice prompt")
    return (yield from taking_in(rows, stages.backbone, threads))


def taking_in(rows: np.ndarray, backbone: Any, threads: int = 0) -> Slices[Any]:
    """The stream of the backbone that has taken in rows (n, d), the BOS included."""
    stream = backbone.stream(len(rows))
    for at in range(0, len(rows), _ROWS):
        backbone.prefill([stream], [rows[at : at + _ROWS]], threads)
        yield
    return stream
