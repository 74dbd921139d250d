"""The predefined voices, and what is spoken by whom when the user chose neither.

A voice has a recording (its origin, which any model with cloning weights can use) and, for every
released model, a ready state computed with that model's weights. The built-in model has voices of its own.
"""

from __future__ import annotations

import os

from pocket_fast.errors import NotFoundError, VoiceError, named, shown
from pocket_fast.models.pocket import builtin
from pocket_fast.models.pocket.catalog import canonical_name
from pocket_fast.models.strict import nearest

_RECORDINGS = "hf://kyutai/tts-voices"
_MODEL_REPO = "hf://kyutai/pocket-tts"
_MODEL_REVISION = "64ab7d24c479d736a83b8cc666c4a776fca30fda"
_STATES = "hf://kyutai/pocket-tts-without-voice-cloning"
_STATES_REVISION = "a7056f505a4a8ca72d8b5fb1440071d6f1a35739"

_VCTK = {
    "anna": 228,
    "vera": 229,
    "fantine": 244,
    "charles": 254,
    "paul": 259,
    "eponine": 262,
    "azelma": 303,
    "george": 315,
    "mary": 333,
    "jane": 339,
    "michael": 360,
    "eve": 361,
}
_VOICE_ZERO = ("bill_boerst", "peter_yearsley", "stuart_bell", "caro_davy")

# name -> where its recording lies
VOICES: dict[str, str] = {
    "alba": f"{_RECORDINGS}/alba-mackenna/casual.wav",
    "cosette": f"{_RECORDINGS}/expresso/ex04-ex02_confused_001_channel1_499s.wav",
    "marius": f"{_RECORDINGS}/voice-donations/Selfie.wav",
    "javert": f"{_RECORDINGS}/voice-donations/Butter.wav",
    "jean": f"{_RECORDINGS}/ears/p010/freeform_speech_01_enhanced.wav",
    **{name: f"{_RECORDINGS}/vctk/p{number}_023_enhanced.wav" for name, number in _VCTK.items()},
    **{name: f"{_RECORDINGS}/voice-zero/{name}.wav" for name in _VOICE_ZERO},
    "estelle": f"{_RECORDINGS}/unmute-prod-website/developpeuse-3.wav"
    "@1fc7395b7e012e2bbebfca14b942a4ef62ccc899",
    "giovanni": f"{_MODEL_REPO}/common_voice_it_36520747-enhanced-v2.mp3@{_MODEL_REVISION}",
    "lola": f"{_MODEL_REPO}/common_voice_es_19762977-enhanced-v2.mp3@{_MODEL_REVISION}",
    "juergen": f"{_MODEL_REPO}/de-DE-juergen.mp3@{_MODEL_REVISION}",
    "rafael": f"{_MODEL_REPO}/g-Vi8PgmSY0-enhanced-v2.wav@{_MODEL_REVISION}",
    "daan": f"{_MODEL_REPO}/cml_tts_nl_11290_9412_000030_0001.flac@2dd944b099d06bb9edbd221fef138685711d9bf0",
}

OPENAI_VOICES = {
    "alloy": "alba",
    "ash": "paul",
    "ballad": "jean",
    "cedar": "michael",
    "coral": "cosette",
    "echo": "marius",
    "fable": "george",
    "marin": "mary",
    "nova": "eponine",
    "onyx": "javert",
    "sage": "vera",
    "shimmer": "fantine",
    "verse": "charles",
}
"""OpenAI's names and who speaks for them: men for men, women for women, no voice twice."""
BUILTIN_VOICES = {
    "alloy": "ada",
    "ash": "abel",
    "ballad": "bert",
    "cedar": "carl",
    "coral": "bess",
    "echo": "abel",
    "fable": "bert",
    "marin": "cora",
    "nova": "ada",
    "onyx": "carl",
    "sage": "bess",
    "shimmer": "cora",
    "verse": "abel",
}
"""The same with the built-in model, which has fewer."""

_DEFAULT_VOICE = "alba"
_DEFAULT_VOICES = {
    builtin.NAME: builtin.DEFAULT_VOICE,
    "italian": "giovanni",
    "spanish": "lola",
    "german": "juergen",
    "portuguese": "rafael",
    "french": "estelle",
    "dutch": "daan",
}

_DEFAULT_TEXTS = {
    builtin.NAME: builtin.DEFAULT_TEXT,
    "english": "Hello world. This voice was made on an ordinary computer, faster than you can listen.",
    "french": "Bonjour le monde. Cette voix sort d'un ordinateur ordinaire, plus vite qu'on ne l'écoute.",
    "german": "Hallo Welt. Diese Stimme kommt aus einem gewöhnlichen Rechner, schneller als man zuhört.",
    "portuguese": "Olá mundo. Esta voz nasce num computador comum, mais depressa do que se consegue ouvir.",
    "italian": "Ciao mondo. Questa voce nasce in un computer comune, più in fretta di quanto si ascolti.",
    "dutch": "Hallo wereld. Deze stem komt uit een gewone computer, sneller dan je kunt luisteren.",
    "spanish": "Hola mundo. Esta voz nace en un ordenador corriente, más deprisa de lo que se escucha.",
}


def default_text(language: str | None) -> str:
    """What is spoken when no text is given: by the language found in the model's name, else English."""
    return _by_language(_DEFAULT_TEXTS, language, _DEFAULT_TEXTS["english"])


def default_voice(language: str | None, custom: bool) -> str:
    """Who speaks when no voice is given: a voice name, or, with custom weights, a recording to clone.

    The ready states fit released weights only, hence the recording when `custom` (a config or a
    checkpoint of the user's own).
    """
    if custom:
        return VOICES[_DEFAULT_VOICE]
    return _by_language(_DEFAULT_VOICES, language, _DEFAULT_VOICE)


def voice_names(model: str | None) -> tuple[str, ...]:
    """The voices that a model has by name; None, weights of the user's own, has none."""
    if model is None:
        return ()
    return tuple(builtin.voices() if model == builtin.NAME else VOICES)


def voice_aliases(model: str | None) -> dict[str, str]:
    """Which of a model's voices stand for the names of OpenAI's; none if it has no voices by name."""
    if model is None:
        return {}
    return BUILTIN_VOICES if model == builtin.NAME else OPENAI_VOICES


def voice_state_location(model: str, voice: str) -> str:
    """Where the ready state of a predefined voice lies for a model (name or alias): on the hub or in the package.

    Raises VoiceError for an unknown voice, with the nearest names.
    """
    if voice not in voice_names(model):
        raise _unknown(voice, model)
    if model == builtin.NAME:
        return str(builtin.voices()[voice])
    folder = f"languages/{canonical_name(model)}/embeddings"
    return f"{_STATES}/{folder}/{voice}.safetensors@{_STATES_REVISION}"


def locate_voice(source: str, model: str | None) -> str:
    """Where the voice lies that a user wrote as a name, a path or a URL.

    model: the one that is to speak, None for weights of the user's own. Raises VoiceError (unknown name; a name
    although no ready state fits the weights), NotFoundError (no such file).
    """
    if source in voice_names(model):
        return voice_state_location(model, source)
    if source.lower() in voice_names(model) and not os.path.exists(source):  # a file may be called Alba
        return voice_state_location(model, source.lower())
    if model is None and source in VOICES:
        raise VoiceError(
            f"voice {shown(source)} is a state made with released weights and does not fit a config or "
            "checkpoint of your own; give a recording (a path or URL) instead"
        )
    if "://" not in source and not os.path.exists(os.path.expanduser(source)):
        if "/" in source or "." in source:
            raise NotFoundError(f"{named(source)}: no such file, and not the name of a predefined voice")
        raise _unknown(source, model)
    return source


def _unknown(name: str, model: str | None) -> VoiceError:
    known = voice_names(model) or tuple(VOICES)
    close = nearest(name, known)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(known)}."
    if name in builtin.voices():
        hint = f"it is one of the model {builtin.NAME!r}, which is in the package."
    return VoiceError(
        f"no voice is called {shown(name)}; {hint} A voice may also be a path or URL of a recording or state"
    )


def _by_language(table: dict[str, str], language: str | None, default: str) -> str:
    return next((value for key, value in table.items() if key in (language or "")), default)
