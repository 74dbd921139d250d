"""A family that the package knows nothing of but a line that tests add to the catalog's table: its models say every
word as one frame, as loud as the voice is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pocket_fast.api.speaking import Speaking
from pocket_fast.errors import ConfigError, VoiceError
from pocket_fast.models.contract import Listing, ModelOption
from pocket_fast.models.script import PlannedScript
from pocket_fast.models.settings import Setting
from pocket_fast.models.voice_cache import VoiceCache
from pocket_fast.models.work import Trial, Work
from pocket_fast.text.pauses import Spoken, cut_at_pauses
from pocket_fast.weights.tensors import Tensor
from ramp_model import Model, Ramp

VOICES = {"low": 0.25, "high": 0.5}

TEMPERATURE = Setting("temperature", float, help="of another kind", description="Warmth.", least=-5, most=2)
LOUD = Setting("loud", bool, help="twice as loud", description="Twice as loud.")
TIMES = Setting(
    "times", int, help="how often, 100 %", description="How often.", least=1, most_asked=3, also=("often",)
)
LANGUAGE = Setting("language", str, help="spoken", description="Spoken.", choices=("auto", "german"))
INSTRUCT = Setting("instruct", str, help="how to speak", description="How.", most=20)
# What each model takes: "plain" has voices by name; "cloning" makes them of recordings and their words; "designed"
# has none, but needs to be told.
MODELS = {
    "ramp_plain": (TEMPERATURE, LOUD, TIMES, LANGUAGE),
    "ramp_cloning": (TEMPERATURE, INSTRUCT),
    "ramp_designed": (INSTRUCT,),
}


@dataclass(frozen=True)
class Choice:
    name: str
    named: bool = True

    takes_words = property(lambda self: self.name == "ramp_cloning")
    settings = property(lambda self: MODELS[self.name])
    family = property(lambda self: FAMILY)
    title = property(lambda self: self.name)
    option = property(lambda self: f"--model {self.name}")
    sample_rate = 24000
    ways_out = ("none",)
    stand_in = None
    voice_names = property(lambda self: tuple(VOICES) if self.name == "ramp_plain" else ())
    default_voice = property(lambda self: "low" if self.name == "ramp_plain" else None)
    default_text = "one two three"

    def check(
        self, voice: str | Path | None, words: str | None, settings: dict, *, complete: bool = True
    ) -> None:
        if not complete:
            return
        if self.name == "ramp_designed" and (voice is not None or not settings.get("instruct")):
            raise ConfigError(
                "ramp_designed takes no voice, and needs to be told how to speak: give --instruct"
            )
        if self.name == "ramp_plain" and voice not in VOICES:
            raise VoiceError(f"no voice is called {voice!r}")
        if self.name == "ramp_cloning" and voice is None:
            raise VoiceError("ramp_cloning has no voice of its own: give a recording")

    def facts(self) -> dict[str, Any]:
        return {"words a second": 12.5}

    def files(self) -> dict[str, str]:
        return {"itself": __file__}

    def inputs(self) -> list[Path]:
        return [Path(__file__)]

    def stored(self, *, progress: bool) -> Stored:
        return Stored()


class Stored:
    files = (Path(__file__),)
    main_file = "ramp.safetensors"
    bits = None

    def quantized(self, quantize: Any, bits: int) -> dict[str, Tensor]:
        integers, scales = quantize(np.ones((4, 8), np.float32), bits)
        return {"ones": Tensor(integers, "I8"), "ones_scale": Tensor(scales, "F32")}

    def write(self, folder: Path, tensors: dict[str, Tensor]) -> None:
        (folder / self.main_file).write_bytes(tensors["ones"].array.tobytes())
        (folder / "ramp.name").write_text("ramp_plain")

    def report(self, tensors: Any, models: tuple[Any, Any], voices: tuple[Any, Any]) -> list[str]:
        return [f"{sorted(tensors)} {[model.name for model in models]} {voices}"]


class Family:
    title = "Ramps"
    api = __name__
    settings = (TEMPERATURE, LOUD, TIMES, LANGUAGE, INSTRUCT)
    takes_words = True
    model_options = (ModelOption("slope", "NAME", "the end of a ramp's name"),)
    names = tuple(MODELS)
    forms = "a folder with ramp.name in it"

    def knows(self, model: str) -> bool:
        return model in MODELS or (Path(model) / "ramp.name").is_file()

    def choose(self, given: dict[str, str], *, progress: bool = False) -> Choice:
        if "slope" in given:
            return Choice(f"ramp_{given['slope']}")
        file = Path(given["model"]) / "ramp.name"
        return Choice(file.read_text() if file.is_file() else given["model"])

    def listing(self) -> Listing:
        return Listing("--model", [("any", "low", tuple(MODELS))], [("Voices of ramp_plain", tuple(VOICES))])


FAMILY = Family()


class RampScript(PlannedScript):
    def __init__(self, level: float, times: int, seed: int | None):
        super().__init__(seed)
        self.level, self.times = level, times

    def plan(self, text: str) -> list[Any]:
        return cut_at_pauses(text)

    def begin(self, chunk: Spoken, seed: tuple[int, int] | None) -> Ramp:
        return Ramp(self.times * len(chunk.text.split()), self.level)

    def finished(self, utterance: Ramp) -> None:
        pass


class RampSpeaking(Speaking):
    name = ""
    clones = False
    voice_names: tuple[str, ...] = ()
    default_voice = None
    sample_rate = Model.sample_rate
    compute_type = "float32"
    default_text = Choice.default_text
    voice_aliases = property(lambda self: {"alloy": "high"} if self.voice_names else {})

    def __init__(self, choice: Choice, options: dict[str, Any]):
        super().__init__(Model(), "sequence")
        self.options = options
        self.name = choice.name
        self.settings = choice.settings
        self.takes_words = choice.takes_words
        self.voice_names = choice.voice_names
        self.default_voice = choice.default_voice
        self.clones = choice.name == "ramp_cloning"
        self.voice_cache = VoiceCache()

    def find_voice(self, source: Any, *, words: str | None = None, **how: Any) -> Any:
        if self.clones:
            return Level(len(words or "") / 100)
        return Level(VOICES[source])

    def export_voice(self, voice: Any, path: Path) -> str:
        path.write_bytes(b"x")
        return f"a level of {voice.value}"

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def trials(self, voice: Any) -> list[Trial]:
        return [Trial("ramp", lambda: time.sleep(0.0001), Work(1e6, 1e6, "float32"))]

    def _script(self, voice: Any, settings: dict, *, seed: int | None, natural_pauses: bool) -> RampScript:
        level = 0.125 if voice is None else voice.value
        level *= 2 if settings.get("loud") else 1
        level += len(settings.get("instruct", "")) / 1000
        level += 0.0625 if settings.get("language") == "german" else 0
        return RampScript(level, settings.get("times", 1), seed)

    def _warming(self) -> tuple[RampScript, str]:
        return RampScript(0.0, 1, None), "one two"


@dataclass(frozen=True)
class Level:
    value: float
    nbytes = 8


def load(choice: Choice, **options: Any) -> RampSpeaking:
    return RampSpeaking(choice, options)
