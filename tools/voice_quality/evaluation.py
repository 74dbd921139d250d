"""One run: a model, its voices, every gate that was asked for."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pocket_fast import TTSModel
from pocket_fast.errors import VoiceError
from pocket_fast.models.pocket.voices import default_voice, voice_names
from voice.speech import CANONICAL, TIMBRES, TRAINED
from voice.teachers import TEACHERS, teacher
from voice_quality import dictation, gates
from voice_quality.dictation import Dictation
from voice_quality.figure import draw
from voice_quality.figures import Figures
from voice_quality.gates import Line, Measured, Verdicts, WordErrors, not_applicable
from voice_quality.recognise import Recogniser
from voice_quality.sources import Codec, Speaker, Truth
from voice_quality.texts import lines

GATES = ("everyday", "hard", "dictation", "retrieval", "mcd", "ends", "words", "timbre", "paragraphs")
_PROMPT_SECONDS = 10
_DRAWN = slice(0, 200, 20)  # of the everyday sentences


@dataclass(frozen=True)
class Wanted:
    """What to measure. language, config, compute_type: see TTSModel.load_model. voices: empty for the model's own.

    teacher, work: whose speech is the truth, see voice.teachers.teacher.
    compare: another compute type that has to say everything as well. limit: the first so many texts of each set.
    """

    language: str | None
    config: str | None
    teacher: str = TEACHERS[0]
    work: Path = Path()
    compute_type: str = "auto"
    voices: Sequence[str] = ()
    compare: str | None = None
    gates: Sequence[str] = GATES
    limit: int | None = None
    with_truth: bool = True
    figure: Path | None = None


class Evaluation:
    """A model, its voices, and the truth beside them."""

    def __init__(self, wanted: Wanted, recogniser: Recogniser, dictation: Dictation):
        self.wanted = wanted
        self.model = self._load(wanted.compute_type)
        self._other = self._load(wanted.compare) if wanted.compare else None
        self._hearing = recogniser, dictation
        self._compared = _Compared()
        self._folder = Path(wanted.config).parent if wanted.config else None
        speaks = teacher(wanted.teacher, wanted.work)
        self._truths = {name: Truth(timbre, speaks) for name, timbre in TIMBRES.items()}

    def run(self) -> list[Line]:
        """The lines of the report, gate by gate."""
        found: list[Line] = []
        measured_own = False
        for number, voice in enumerate(self._voices()):
            measured = self._measured(voice)
            measured_own |= measured.own
            for gate in self.wanted.gates:
                found += _told(f"{measured.name}: {gate}", self._of_voice(gate, measured))
            if self._other is not None:
                found += _told(f"{measured.name}: {self.wanted.compare}", self._loss(voice, measured))
            if self.wanted.figure and number == 0:
                self._draw(measured)
        if self._other is not None:
            found += self._compared.all_voices(self.wanted.compare)
        if "timbre" in self.wanted.gates:
            found += _told("timbre", self._timbre(measured_own))
        order = (*GATES, self.wanted.compare)
        return sorted(found, key=lambda line: order.index(line.gate))

    def _load(self, compute_type: str) -> TTSModel:
        return TTSModel.load_model(self.wanted.language, self.wanted.config, compute_type=compute_type)

    def _voices(self) -> Sequence[str]:
        if self.wanted.voices:
            return self.wanted.voices
        own = [name for name in voice_names(self.model.language) if name in TIMBRES]
        if own or (self.model.language is None and self.model.has_voice_cloning):
            return own or [timbre.name for timbre in TRAINED]
        return [default_voice(self.model.language, self.model.language is None)]

    def _measured(self, voice: str) -> Measured:
        name = Path(voice.partition("=")[0]).stem
        truth = Figures(
            self._truths[name if name in TIMBRES else CANONICAL.name], *self._hearing, self.wanted.limit
        )
        return Measured(name, self._figures(self.model, voice), truth, name in TIMBRES)

    def _figures(self, model: TTSModel, voice: str) -> Figures:
        return Figures(Speaker(model, self._state(model, voice)), *self._hearing, self.wanted.limit)

    def _state(self, model: TTSModel, voice: str) -> Any:
        """Of NAME, FILE or NAME=FILE; the teacher speaks the prompt of a timbre that the model does not know."""
        source = voice.partition("=")[2] or voice
        try:
            return model.get_state_for_audio_prompt(source)
        except VoiceError:
            if source not in TIMBRES or not model.has_voice_cloning:
                raise
        return model.get_state_for_audio_prompt(
            self._truths[source].prompt(lines("everyday"), _PROMPT_SECONDS)
        )

    def _of_voice(self, gate: str, measured: Measured) -> Iterator[Line]:
        if gate in gates.RECOGNISED:
            yield gates.recognition(measured, gate, self.wanted.with_truth)
        elif gate == "dictation":
            if package := dictation.missing():
                yield not_applicable(gate, measured.name, f"{package} is not installed")
            else:
                yield from gates.dictation(measured, self.wanted.with_truth)
        elif gate == "retrieval":
            yield gates.retrieval(measured)
        elif gate == "mcd":
            codec = None
            if measured.own and self.model.has_voice_cloning:
                source = Codec(self.model, self._folder, measured.truth.source)
                codec = Figures(source, *self._hearing, self.wanted.limit)
            yield from gates.distortions(measured, codec)
        elif gate == "ends":
            yield from gates.ends(measured)

    def _loss(self, voice: str, measured: Measured) -> Iterator[Line]:
        """Of what the chosen gates hear."""
        figures = measured.figures, self._figures(self._other, voice)
        if names := [name for name in gates.RECOGNISED if name in self.wanted.gates]:
            found = tuple(gates.verdicts(each, names) for each in figures)
            self._compared.verdicts.append(found)
            yield gates.loss(measured.name, *found, self.wanted.compare)
        if "dictation" in self.wanted.gates and not dictation.missing():
            found = tuple(map(gates.word_errors, figures))
            self._compared.word_errors.append(found)
            yield gates.dictation_loss(measured.name, *found, self.wanted.compare, gated=False)

    def _timbre(self, measured_own: bool) -> Iterator[Line]:
        if not (measured_own and self.model.has_voice_cloning):
            yield not_applicable("timbre", "all", "no voice of a timbre that is known here, or no cloning")
            return

        def prompted(samples: np.ndarray, texts: Sequence[str]) -> list[np.ndarray]:
            return Speaker(self.model, self.model.get_state_for_audio_prompt(samples)).say(texts)

        yield from gates.timbre(list(self._truths.values()), prompted)

    def _draw(self, measured: Measured) -> None:
        texts = lines("everyday")[: self.wanted.limit][_DRAWN]
        said, meant = measured.figures.source.say(texts), measured.truth.source.say(texts)
        draw(
            self.wanted.figure,
            texts,
            said,
            meant,
            f"{measured.name}, and its teacher as {measured.truth.source.timbre.name}",
        )


class _Compared:
    """What two ways of computing got right and wrong, voice by voice."""

    def __init__(self) -> None:
        self.verdicts: list[tuple[Verdicts, Verdicts]] = []
        self.word_errors: list[tuple[WordErrors, WordErrors]] = []

    def all_voices(self, name: str) -> Iterator[Line]:
        """The lines on all voices as one, where there are several."""
        if len(self.verdicts) > 1:
            yield gates.loss("all", *map(gates.together, zip(*self.verdicts, strict=True)), name)
        if len(self.word_errors) > 1:
            both = map(gates.together, zip(*self.word_errors, strict=True))
            yield gates.dictation_loss("all", *both, name, gated=True)


def _told(what: str, found: Iterator[Line]) -> list[Line]:
    """The lines, once they are there; says on stderr how long that took."""
    began = time.monotonic()
    found = list(found)
    print(f"{what} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return found
