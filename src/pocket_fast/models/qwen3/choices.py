"""What may be asked of a model by name: a way to get its voice, a speaker, a language, an instruction."""

from __future__ import annotations

import logging

from pocket_fast.errors import ConfigError, SettingError, VoiceError, shown
from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.models.strict import nearest

AUTO = "auto"

_VOICES = {
    "base": "speaks in the voice of a recording",
    "custom_voice": "speaks in the voices it was trained with",
    "voice_design": "speaks in a voice that is described",
}
_log = logging.getLogger("pocket_fast")


def check_kind(config: ModelConfig, kind: str) -> None:
    """Raises ConfigError unless the model is of this kind (config.MODEL_TYPES)."""
    if config.tts_model_type != kind:
        raise ConfigError(
            f"this is a {config.tts_model_type} model, which {_VOICES[config.tts_model_type]}; one that "
            f"{_VOICES[kind]} is called {kind}"
        )


def speakers(config: ModelConfig) -> list[str]:
    """The names of the voices that the model was trained with, in lower case, sorted."""
    return sorted(name.lower() for name in config.talker_config.spk_id)


def languages(config: ModelConfig) -> list[str]:
    """What may be asked for as a language, in lower case, sorted; dialects are spoken by who speaks them."""
    known = (name.lower() for name in config.talker_config.codec_language_id)
    return sorted([AUTO, *(name for name in known if "dialect" not in name)])


def speaker_id(config: ModelConfig, speaker: str) -> int:
    """The id of a speaker in the codec's vocabulary, by name in any case. Raises VoiceError."""
    ids = {name.lower(): value for name, value in config.talker_config.spk_id.items()}
    if speaker.lower() not in ids:
        if not ids:
            raise VoiceError(
                f"no voice is called {shown(speaker)}: this is a {config.tts_model_type} model, which "
                f"{_VOICES[config.tts_model_type]}"
            )
        raise VoiceError(f"no voice is called {shown(speaker)}; {_hint(speaker, speakers(config))}")
    return ids[speaker.lower()]


def language_id(config: ModelConfig, language: str | None, speaker: str | None = None) -> int | None:
    """The id of a language in the codec's vocabulary, by name in any case; None for "auto", which None means too.

    A speaker's dialect takes the place of "auto" and of Chinese. Raises ConfigError for an unknown language.
    """
    talker = config.talker_config
    name = AUTO if language is None else language.lower()
    if name not in languages(config):
        raise SettingError(
            "language", f"no language is called {shown(language)}; {_hint(name, languages(config))}"
        )
    ids = {known.lower(): value for known, value in talker.codec_language_id.items()}
    if name in (AUTO, "chinese") and speaker:
        dialects = {who.lower(): dialect for who, dialect in talker.spk_is_dialect.items()}
        dialect = dialects.get(speaker.lower(), False)
        if isinstance(dialect, str):
            return talker.codec_language_id[dialect]
    return ids.get(name)


def instruction(config: ModelConfig, instruct: str | None) -> str:
    """The description or instruction that the model hears, empty for none.

    A model that is too small for instructions speaks without, and the log says so. Raises ConfigError for a base
    model, which has never heard one.
    """
    if not instruct:
        return ""
    if config.tts_model_type == "base":
        raise ConfigError(
            "this is a base model, which takes no instructions: how it speaks is up to the recording"
        )
    if not config.takes_instructions:
        _log.warning(
            "This model (%s) takes no instructions, it speaks without: %.60r", config.tts_model_size, instruct
        )
        return ""
    return instruct


def _hint(name: str, known: list[str]) -> str:
    close = nearest(name, known)
    return f"did you mean {' or '.join(close)}?" if close else f"this model has {', '.join(known)}"
