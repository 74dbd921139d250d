"""Speech of espeak-ng, in process, in the timbres that the built-in model learns.

Every timbre is monotone, and one period of its voice is 240 samples at 24 kHz (100 Hz, men) or 120 (200 Hz,
women): whole steps of the decoder's 200 Hz transformer. The decoder then has one fixed excitation to learn and
only filters it. Needs the package espeakng-loader, which carries the library and its data.
"""

from __future__ import annotations

import ctypes
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

RATE = 24000
FRAME = 1920  # samples of one latent, 80 ms
WORDS_PER_MINUTE = 150
_UP, _DOWN = 160, 147  # 24000 / 22050, the synthesiser's rate
_BASE_PITCH = {"male": 109, "female": 209}  # in espeak-ng's own count: 100.00 and 199.94 Hz
_FADE = 600  # samples, 25 ms
_SILENT = 1e-3


@dataclass(frozen=True)
class Timbre:
    """One voice of the synthesiser: a corner of the cube of sex, size of the head and brightness.

    tract, heights: frequencies and heights of the formants 1, 2, 3 and of those above them, per cent of
    espeak-ng's own. code: the corner, (-1 or 1) three times; the latents carry it (see latents.py).
    """

    name: str
    code: tuple[int, int, int]
    held_out: bool = False

    @property
    def sex(self) -> str:
        return "female" if self.code[0] > 0 else "male"

    @property
    def pitch(self) -> float:
        """Hz."""
        return 200.0 if self.code[0] > 0 else 100.0

    def variant(self) -> str:
        """The voice variant file that espeak-ng reads."""
        female, small, bright = (side > 0 for side in self.code)
        size = {(False, False): 92, (False, True): 104, (True, False): 105, (True, True): 114}[female, small]
        heights = (100, 110, 118, 128) if bright else (105, 90, 75, 55)
        lines = [
            "language variant",
            f"name {self.name}",
            f"gender {self.sex}",
            f"pitch {_BASE_PITCH[self.sex]} {_BASE_PITCH[self.sex]}",
            "flutter 0",
            "roughness 0",
        ]
        for formant in range(9):
            lines.append(f"formant {formant} {size} {heights[max(0, min(formant, 4) - 1)]} 100")
        return "\n".join(lines) + "\n"


TIMBRES: dict[str, Timbre] = {
    timbre.name: timbre
    for timbre in (
        Timbre("abel", (-1, 1, 1)),
        Timbre("bert", (-1, -1, -1)),
        Timbre("carl", (-1, -1, 1)),
        Timbre("ada", (1, -1, 1)),
        Timbre("bess", (1, 1, 1)),
        Timbre("cora", (1, -1, -1)),
        Timbre("held_out_man", (-1, 1, -1), held_out=True),
        Timbre("held_out_woman", (1, 1, -1), held_out=True),
    )
}
TRAINED = [timbre for timbre in TIMBRES.values() if not timbre.held_out]
CANONICAL = TIMBRES["abel"]  # the content of the latents is read off its speech

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Synthesizer:
    """espeak-ng with our timbres. The library has one state per process, so make one of these at a time."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._folder = tempfile.TemporaryDirectory(prefix="voice-")
        data = _with_variants(Path(espeakng_loader.get_data_path()), Path(self._folder.name))
        synchronous = 2
        if self._library.espeak_Initialize(synchronous, 0, str(data).encode(), 0) < 0:
            raise RuntimeError(f"espeak-ng cannot read its data in {data}")
        self._pieces: list[np.ndarray] = []
        self._callback = _Callback(self._take)  # kept: the library holds only its address
        self._library.espeak_SetSynthCallback(self._callback)
        self._voice = ""

    def _take(self, samples, count, events) -> int:
        if samples and count:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def render(self, text: str, timbre: Timbre) -> np.ndarray:
        """The speech of the text (n,), float32 at 24 kHz, cut 25 ms after its last sound."""
        if timbre.name != self._voice:
            if self._library.espeak_SetVoiceByName(f"en-us+{timbre.name}".encode()) != 0:
                raise RuntimeError(f"espeak-ng does not take the voice en-us+{timbre.name}")
            rate, pitch_range = 1, 4
            self._library.espeak_SetParameter(rate, WORDS_PER_MINUTE, 0)
            self._library.espeak_SetParameter(pitch_range, 0, 0)
            self._voice = timbre.name
        self._pieces.clear()
        data = text.encode()
        utf8 = 1
        self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, utf8, None, None)
        if not self._pieces:
            raise ValueError(f"espeak-ng made no sound of {text!r}")
        sound = np.concatenate(self._pieces).astype(np.float32) / 32768
        sound = resample_poly(sound, _UP, _DOWN).astype(np.float32)
        loud = np.flatnonzero(np.abs(sound) > _SILENT)
        end = min(len(sound), (loud[-1] if len(loud) else 0) + _FADE)
        sound = sound[:end]
        sound[-_FADE:] *= np.linspace(1, 0, min(_FADE, len(sound)), dtype=np.float32)
        return sound


def _with_variants(source: Path, folder: Path) -> Path:
    """A data folder for espeak-ng in `folder`: links to everything in `source`, and our variants."""
    data = folder / "espeak-ng-data"
    variants = data / "voices" / "!v"
    variants.mkdir(parents=True)
    for path in source.iterdir():
        if path.name != "voices":
            (data / path.name).symlink_to(path)
    for path in (source / "voices").iterdir():
        if path.name != "!v":
            (data / "voices" / path.name).symlink_to(path)
    for timbre in TIMBRES.values():
        (variants / timbre.name).write_text(timbre.variant())
    return data
