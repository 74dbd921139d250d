"""From the options to a model and a voice, and what to say when the hub does not give them."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from pocket_fast.audio.embedded import embedded_audio
from pocket_fast.audio.source import drained, is_pipe, kept, whole_file
from pocket_fast.cli.console import say
from pocket_fast.errors import VoiceError
from pocket_fast.models.contract import Choice, StoredModel
from pocket_fast.weights.reach import FetchError

if TYPE_CHECKING:
    from pocket_fast.api.speaking import Speaking

_WAY_OUT = "connect to the network; where the hub denies access, log in with `hf auth login` or set HF_TOKEN"

# Why another model may speak in the place of the default one, and what helps against it.
_NOT_TO_BE_HAD = {
    "offline": ("the hub cannot be reached", "connect to the network"),
    "gated": ("the hub denies access", "log in with `hf auth login`"),
}


class Speaker(NamedTuple):
    """Who speaks: what was asked for, or instead of it."""

    choice: Choice
    voice: str | Path | None
    model: Speaking
    state: Any


def load_speaker(
    choice: Choice,
    voice: str | Path | None,
    *,
    chosen: bool,
    truncate: bool,
    words: str | None = None,
    voice_cache: Path | None = None,
    **machine: Any,
) -> Speaker:
    """The model, and what voice_source gave. chosen: the user said which voice.

    Where neither was named and the hub does not give them, it says so, quiet or not, and who stands in for them speaks.
    """

    def load(choice: Choice, voice: str | Path | None) -> Speaker:
        model = load_model(choice, **machine)
        model.voice_cache.folder = voice_cache
        return Speaker(choice, voice, model, load_voice(choice, model, voice, truncate, words, chosen))

    try:
        return load(choice, voice)
    except FetchError as error:
        if chosen or choice.named or choice.stand_in is None or error.reason not in _NOT_TO_BE_HAD:
            raise
        why, cure = _NOT_TO_BE_HAD[error.reason]
    say(f"WARNING: {why}: the small built-in voice speaks. For the real one {cure} (see {choice.option})")
    return load(choice.stand_in, choice.stand_in.default_voice)


def load_model(choice: Choice, **machine: Any) -> Speaking:
    """The model of the choice; one of ours that cannot be fetched is explained."""
    from pocket_fast.api import load_choice

    with _ways_out(_no_model(choice), choice.ways_out):
        return load_choice(choice, **machine)


def load_weights(choice: Choice, progress: bool) -> StoredModel:
    """The checked weights of the choice, not packed for any machine; explains as load_model."""
    with _ways_out(_no_model(choice), choice.ways_out):
        return choice.stored(progress=progress)


def _no_model(choice: Choice) -> str | None:
    return None if choice.name is None else f"cannot fetch the model {choice.name!r}"


def load_voice(
    choice: Choice,
    model: Speaking,
    voice: str | Path | None,
    truncate: bool,
    words: str | None = None,
    chosen: bool = True,
) -> Any:
    """The voice of what voice_source gave; if it is the default, a failed download says so."""
    problem = None if chosen else "no --voice was given, and the default one cannot be fetched"
    with _ways_out(problem, choice.ways_out):
        return None if voice is None else model.find_voice(voice, words=words, truncate=truncate)


@contextlib.contextmanager
def voice_source(
    given: str | Path | None,
    choice: Choice,
    words: str | None = None,
    settings: Mapping[str, Any] = MappingProxyType({}),
    complete: bool = True,
) -> Iterator[str | Path | None]:
    """The voice as the model takes it: a name, path or URL as it came, a file of ours, base64 audio as a temporary
    file.

    Base64 is a `data:` URL, or more than 100 characters of nothing else that name no file. Standard input (-) and pipes
    are read once, into such a file too. None is the default voice, or none for a model that needs none. Raises as
    Choice.check: what can be refused before a model is loaded.
    """
    with contextlib.ExitStack() as stack:
        voice: str | Path | None = choice.default_voice if given is None else given
        if isinstance(given, str):
            audio = None if os.path.exists(given) else embedded_audio(given)
            if audio is not None:
                voice = stack.enter_context(kept(io.BytesIO(audio), "voice-from-base64"))
            elif given == "-":
                pipe = stack.enter_context(drained(_standard_input(), "standard input"))
                voice = stack.enter_context(kept(pipe, "voice-from-standard-input"))
            elif is_pipe(Path(given)):
                voice = stack.enter_context(whole_file(Path(given)))
        choice.check(voice, words, settings, complete=complete)
        yield voice


def _standard_input() -> BinaryIO:
    file = getattr(sys.stdin, "buffer", None)
    if file is None:
        raise VoiceError("--voice -: there is no standard input")
    return file


@contextlib.contextmanager
def _ways_out(problem: str | None, others: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except FetchError as error:
        if problem is None or error.reason in ("disk", "truncated"):
            raise
        ways = "".join(f"\n  - {way}" for way in (_WAY_OUT, *others))
        raise FetchError(f"{problem}: {error}\nWays out:{ways}", error.reason) from error
