"""From the options to a model and a voice, and what to say when the hub does not give them."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pocket_fast.cli.arguments import DEFAULT_MODEL, ModelChoice
from pocket_fast.cli.console import say
from pocket_fast.errors import VoiceError
from pocket_fast.models.pocket import builtin
from pocket_fast.weights.reach import FetchError

if TYPE_CHECKING:
    from pocket_fast.api import TTSModel
    from pocket_fast.models.pocket.loading import Loaded
    from pocket_fast.models.pocket.voice import VoiceState

_BASE64 = re.compile(r"[A-Za-z0-9+/]{100,}={0,2}")

_WAYS_OUT = """\
Ways out:
  - connect to the network; where the hub denies access, log in with `hf auth login` or set HF_TOKEN
  - let the small model inside the package speak: --language builtin
  - use files on this machine: --config FILE.yaml --voice RECORDING.wav
  - only measure the speed, with random weights: in a copy of the sources, run
    `python tools/make_synthetic_model.py DIR`, then give --config DIR/config.yaml --voice ref.wav"""

# Why the built-in model may speak in the place of the default one, and what helps against it.
_NOT_TO_BE_HAD = {
    "offline": ("the hub cannot be reached", "connect to the network"),
    "gated": ("the hub denies access", "log in with `hf auth login`"),
}


class Speaker(NamedTuple):
    """Who speaks: what was asked for, or instead of it."""

    choice: ModelChoice
    voice: str | Path
    model: TTSModel
    state: VoiceState


def load_speaker(
    choice: ModelChoice,
    voice: str | Path,
    *,
    chosen: bool,
    truncate: bool,
    voice_cache: Path | None = None,
    **settings: Any,
) -> Speaker:
    """The model, and what voice_source gave. chosen: the user said which voice.

    Where neither was named and the hub does not give them, it says so, quiet or not, and they are the built-in ones.
    """

    def load(choice: ModelChoice, voice: str | Path) -> Speaker:
        model = load_model(choice, **settings)
        model.voice_cache.folder = voice_cache
        return Speaker(choice, voice, model, load_voice(model, voice, truncate, chosen))

    try:
        return load(choice, voice)
    except FetchError as error:
        if chosen or choice.named or error.reason not in _NOT_TO_BE_HAD:
            raise
        why, cure = _NOT_TO_BE_HAD[error.reason]
    say(
        f"WARNING: {why}: the small built-in voice speaks. For the real one {cure} (see --language {DEFAULT_MODEL})"
    )
    return load(ModelChoice(builtin.NAME, None, None, builtin.config(), choice.quiet), builtin.DEFAULT_VOICE)


def load_model(choice: ModelChoice, **settings: Any) -> TTSModel:
    """TTSModel.load_model for the choice; a model of ours that cannot be fetched is explained."""
    from pocket_fast.api import TTSModel

    with _ways_out(_no_model(choice)):
        return TTSModel.load_model(choice.language, choice.config, checkpoint=choice.checkpoint, **settings)


def load_weights(choice: ModelChoice, progress: bool) -> Loaded:
    """The checked weights of the choice, not packed for any machine; explains as load_model."""
    from pocket_fast.models.pocket.loading import load

    with _ways_out(_no_model(choice)):
        return load(choice.settings, choice.folder, choice.checkpoint, progress=progress)


def _no_model(choice: ModelChoice) -> str | None:
    return None if choice.language is None else f"cannot fetch the model {choice.language!r}"


def load_voice(model: TTSModel, voice: str | Path, truncate: bool, chosen: bool = True) -> VoiceState:
    """The state of what voice_source gave; if it is the default, a failed download says so."""
    with _ways_out(None if chosen else "no --voice was given, and the default one cannot be fetched"):
        return model.get_state_for_audio_prompt(voice, truncate)


@contextlib.contextmanager
def voice_source(given: str | None, choice: ModelChoice) -> Iterator[str | Path]:
    """The voice as the model takes it: a name, path or URL as it came, base64 audio as a temporary file.

    Base64 is a `data:` URL, or more than 100 characters of nothing else that name no file. None is the
    default voice. Raises VoiceError or NotFoundError for what can be refused before a model is loaded.
    """
    from pocket_fast.models.pocket.voices import default_voice, locate_voice

    audio = None if given is None else _embedded_audio(given)
    if audio is not None:
        with tempfile.TemporaryDirectory(prefix="pocket_fast-") as folder:
            path = Path(folder, "voice-from-base64")
            path.write_bytes(audio)
            yield path
    elif given is None:
        yield default_voice(choice.speaks, custom=choice.released is None)
    else:
        locate_voice(given, choice.released)
        yield given


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
def _ways_out(problem: str | None) -> Iterator[None]:
    try:
        yield
    except FetchError as error:
        if problem is None or error.reason in ("disk", "truncated"):
            raise
        raise FetchError(f"{problem}: {error}\n{_WAYS_OUT}", error.reason) from error
