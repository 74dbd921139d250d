"""What everything else needs of a model family, and all that it knows of any: a SpeechModel for the engine, a Script
for those who speak; for the command line and the server a Family, and a Choice of one of its models.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from pocket_fast.models.settings import Setting, check_settings
from pocket_fast.models.work import Trial

if TYPE_CHECKING:
    from pocket_fast.weights.bundle import WebModel
    from pocket_fast.weights.tensors import Tensor

__all__ = [
    "Choice",
    "Family",
    "Frame",
    "Listing",
    "ModelOption",
    "Script",
    "Setting",
    "Slices",
    "SpeechModel",
    "StoredModel",
    "Trial",
    "Utterance",
    "check_settings",
]

T = TypeVar("T")
Slices = Generator[None, None, T]
"""Work that may take seconds: it yields between pieces of some hundredths of a second, and returns what it made."""

Quantize = Callable[[np.ndarray, int], tuple[np.ndarray, ...]]
"""From a matrix and the bits it shall have, 8 or 4, to what weights.integers.as_tensors takes."""


class Utterance(Protocol):
    """One chunk of text being spoken: its streams, its noise, how far it is."""

    @property
    def prompt_left(self) -> int:
        """Rows of its prompt that the model has not taken in yet. While there are any, it cannot be predicted.

        There may be some again between two frames: what else has to be heard before the next one counts as rows too.
        """
        ...

    @property
    def done(self) -> bool:
        """No more frames will come."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of what it remembers."""
        ...


class Frame(Protocol):
    """One frame of an utterance, drawn but not yet sound."""

    utterance: Utterance


class SpeechModel(Protocol):
    """A family's model, loaded. Calls take any number of utterances, each at its own point.

    What an utterance says does not depend on the others, on how its prompt was cut, or on `threads` (the most
    a call may use; 0: all of the model's). predict() and decode() may run at the same time, also for the same
    utterance, as long as the frames of an utterance are decoded in order.
    """

    sample_rate: int
    samples_per_frame: int
    threads: int
    most_together: int  # frames in one call of predict: more make newcomers wait and gain little
    most_in_a_row: int  # frames of one utterance in one call of decode: more gain little

    def prepare(self, streams: int) -> None:
        """Make now what calls for up to so many utterances would make first."""
        ...

    def thread_limit(self) -> int:
        """Most threads for what the calling thread is about to ask for; 0: all of the model's."""
        ...

    def prompt(self, utterances: Sequence[Utterance], rows: int, threads: int = 0) -> None:
        """Take in at most `rows` rows of these prompts, the first utterance's first, but something in any case.

        Where it raises, prompt_left of each still says how much is left, and the others' can go on.
        """
        ...

    def predict(self, utterances: Sequence[Utterance], threads: int = 0) -> Sequence[Frame]:
        """Draw the next frame of each; none for those whose speech ended instead. None of them may be done."""
        ...

    def decode(self, frames: Sequence[Frame], threads: int = 0) -> list[np.ndarray]:
        """The sound of frames, those of an utterance in order: (samples_per_frame,) float32 each, in the order they are
        given; do what you want with it."""
        ...


class Script(Protocol):
    """How one text is spoken, passage by passage, in one voice and with one set of settings.

    sequential: each chunk continues what the one before it left, so that they cannot be computed together.
    passages: the text of every passage that was planned and whose sound nobody has heard yet, by the function that
    begins its first utterance.
    """

    sequential: bool
    passages: dict[Callable[[], Utterance], str]

    def parts(self, text: str) -> Iterator[Sequence[Callable[[], Utterance] | int]]:
        """Of a passage: functions that begin utterances, and numbers of silent samples; each utterance as soon as it
        is planned, with the silence behind it. Raises TextError."""
        ...

    def whole(self, text: str) -> Sequence[Callable[[], Utterance] | int]:
        """All of parts() in one, of a text that is all there is. Raises TextError too if they are none."""
        ...

    def finished(self, utterance: Any) -> None:
        """Take note of an utterance that was spoken to its end."""
        ...


@dataclass(frozen=True)
class ModelOption:
    """An option of the command line, --name, whose value says which of a family's models is meant."""

    name: str
    metavar: str
    help: str


@dataclass(frozen=True)
class Listing:
    """A family's models and voices as `voices` prints them.

    option: what takes the names of the models. rows: (language, its default voice, its models); voices: (whose
    they are, their names).
    """

    option: str
    rows: Sequence[tuple[str, str, Sequence[str]]]
    voices: Sequence[tuple[str, Sequence[str]]]


class Family(Protocol):
    """What there is of a family before anything is loaded; models/catalog.py has the list.

    title: its name. api: the module whose load(choice, **options) makes a Speaking of a Choice; options: quantize,
    compute_type, device, threads, progress, and what that class takes besides. settings, takes_words: of all its models
    together (see Choice). model_options: those that name a model of this family, besides --model. names: its
    released models; forms: the other values of --model that it knows, in words.
    """

    title: str
    api: str
    settings: tuple[Setting, ...]
    takes_words: bool
    model_options: tuple[ModelOption, ...]
    names: tuple[str, ...]
    forms: str

    def knows(self, model: str) -> bool:
        """Whether this name, path or URL is for this family: quick, and nothing is fetched for it."""
        ...

    def choose(self, given: Mapping[str, str], *, progress: bool = False) -> Choice:
        """The model that was asked for; given: values of --model and of model_options, without the dashes.

        progress: show download bars. Raises ConfigError (a contradiction, a bad config), NotFoundError (no such
        model, with the nearest names; no such file), DownloadError.
        """
        ...

    def listing(self) -> Listing:
        """For `voices`."""
        ...


class Choice(Protocol):
    """A model that was asked for: its config is read and checked, and nothing is loaded yet.

    name: of the released model, if it was chosen by that. title: what messages call it; option: how the command
    line says it. named: whether anybody asked for it, and it is not just the default.
    settings: what may be asked of its speech; takes_words: whether a voice may come with what its recording says.
    ways_out: what helps if it cannot be fetched, besides a network and a login.
    """

    family: Family
    name: str | None
    title: str
    option: str
    named: bool
    settings: tuple[Setting, ...]
    takes_words: bool
    sample_rate: int
    ways_out: Sequence[str]

    @property
    def stand_in(self) -> Choice | None:
        """The model inside the package, if the family has one: it speaks if nobody asked for this one by name."""
        ...

    @property
    def voice_names(self) -> tuple[str, ...]:
        """The voices that it has by name."""
        ...

    @property
    def default_voice(self) -> str | None:
        """Who speaks when no voice is given: a name, or where a recording lies; None: the model needs no voice."""
        ...

    @property
    def default_text(self) -> str:
        """What is said when no text is given."""
        ...

    def check(
        self,
        voice: str | Path | None,
        words: str | None,
        settings: Mapping[str, Any],
        *,
        complete: bool = True,
    ) -> None:
        """Refuse what can be refused before anything is loaded. Raises VoiceError, NotFoundError, ConfigError.

        voice: a name, path or URL as the user wrote it, a file of ours, or the default; settings: checked one by one.
        complete: False for a server, whose requests may bring the voice and the settings that are not there yet.
        """
        ...

    def facts(self) -> dict[str, Any]:
        """For `info`: what its config says."""
        ...

    def files(self) -> dict[str, str]:
        """What it is made of, and where that lies."""
        ...

    def inputs(self) -> Sequence[Path]:
        """Files on this machine that it is or will be read from."""
        ...

    def stored(self, *, progress: bool) -> StoredModel:
        """Its weights, for `quantize`. Raises as loading does."""
        ...


class StoredModel(Protocol):
    """A model's weights as its files hold them, checked, and not packed for any machine.

    files: where they came from. main_file: the name of the file for the weights, in the folder that write() fills.
    """

    files: tuple[Path, ...]
    main_file: str

    @property
    def bits(self) -> int | None:
        """The fewest bits in which they are stored as integers already; None if they are not."""
        ...

    def quantized(self, quantize: Quantize, bits: int) -> Mapping[str, Tensor]:
        """The same tensors, but the large matrices as integers of 8 bits, or of 4 bits and 8 (weights/integers.py)."""
        ...

    def write(self, folder: Path, tensors: Mapping[str, Tensor]) -> None:
        """Fill a folder that loads as a model. Raises OSError."""
        ...

    def report(
        self, tensors: Mapping[str, Tensor], models: tuple[Any, Any], voices: tuple[Any, Any]
    ) -> list[str]:
        """How near `tensors` are: the weights, and the speech of the two models that were loaded of both, the original
        first. voices: what find_voice of each gave, or None."""
        ...

    def for_web(self, compute_type: str, quantize: Quantize, *, cloning: bool = True) -> WebModel:
        """What a page needs of it; its language model as compute_type says: "auto" (as it is stored), "int8" or
        "int4".

        cloning: False leaves out what only recordings need.

        Raises UnsupportedError where models of this family do not run in a page, ConfigError for weights that
        compute_type does not suit or that a page has no room for.
        """
        ...
