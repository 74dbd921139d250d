"""From the options to a model and a voice, and what to say when the hub does not give them."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pocket_fast.cli.console import say
from pocket_fast.errors import VoiceError
from pocket_fast.models.contract import Choice, StoredModel
from pocket_fast.weights.reach import FetchError

if TYPE_CHECKING:
    from pocket_fast.api.speaking import Speaking

_BASE64 = re.compile(r"[A-Za-z0-9+/]{100,}={0,2}")

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

    Base64 is a `data:` URL, or more than 100 characters of nothing else that name no file. None is the default voice,
    or none for a model that needs none. Raises as Choice.check: what can be refused before a model is loaded.
    """
    audio = _embedded_audio(given) if isinstance(given, str) else None
    if audio is not None:
        with tempfile.TemporaryDirectory(prefix="pocket_fast-") as folder:
            path = Path(folder, "voice-from-base64")
            path.write_bytes(audio)
            choice.check(path, words, settings, complete=complete)
            yield path
        return
    voice = choice.default_voice if given is None else given
    choice.check(voice, words, settings, complete=complete)
    yield voice


def _embedded_audio(given: str) -> bytes | None:
    if given.startswith("data:"):
        head, _, payload = given.partition(",")
        if not head.endswith(";base64"):
            raise VoiceError(f"voice {given[:40]!r}: expected data:audio/...;base64,... in a data URL")
        try:
            return base64.b64decode(payload, validate=True)
        except binascii.Error as error:
            raise VoiceError(f"voice {given[:40]!r}: not valid base64 ({error})") from None
    if len(given) > 100 and _BASE64.fullmatch(given) and not os.path.exists(given):
        with contextlib.suppress(binascii.Error):
            return base64.b64decode(given, validate=True)
    return None


@contextlib.contextmanager
def _ways_out(problem: str | None, others: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except FetchError as error:
        if problem is None or error.reason in ("disk", "truncated"):
            raise
        ways = "".join(f"\n  - {way}" for way in (_WAY_OUT, *others))
        raise FetchError(f"{problem}: {error}\nWays out:{ways}", error.reason) from error
