"""The errors that pocket_fast raises on purpose.

Each class also derives from the built-in exception that pocket-tts 4.x raises
in the same situation, so that `except ValueError` in existing programs still
works. Every message says what came, what was expected and what to do next.
"""

import re

_LONG_WORD = 300  # characters without a blank: longer than paths are, and shorter than recordings in base64
_LONG_MESSAGE = 2000


class PocketFastError(Exception):
    """Base class: a problem the caller can act on. Its message fits in one or two lines.

    What is long in it was somebody's value, and is shortened (see shortened).
    """

    def __init__(self, message: str = ""):
        super().__init__(shortened(message))


def shown(value: object, most: int = 80) -> str:
    """repr of a value that may be of any length, for a message: a long one without its middle."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        text = f"a number of type {type(value).__name__} with thousands of digits"
    return (
        text if len(text) <= most else f"{text[: most * 2 // 3]}... ({len(text)} characters) ...{text[-8:]}"
    )


def named(place: object) -> str:
    """A path, URL or name in front of a message: as it is, unless it is long or has line breaks in it."""
    text = str(place)
    return text if len(text) <= _LONG_WORD and text.isprintable() else shown(text)


def shortened(message: str, most: int = _LONG_MESSAGE) -> str:
    """A message in which no value stands that is longer than anybody wants to read."""

    def cut(word: re.Match[str]) -> str:
        return f"{word[0][:60]}... ({len(word[0])} characters) ...{word[0][-8:]}"

    message = re.sub(rf"\S{{{_LONG_WORD},}}", cut, message)
    if len(message) <= most:
        return message
    return f"{message[: most // 2]} ... ({len(message)} characters) ... {message[-most // 10 :]}"


class TextError(PocketFastError, ValueError):
    """The text to speak is unusable (blank, too long, not text)."""


class AudioError(PocketFastError, ValueError):
    """An audio file or array cannot be used, or an output format cannot be written."""


class VoiceError(PocketFastError, ValueError):
    """A voice is unknown, does not fit the model, or cannot be cloned with these weights."""


class WordsError(VoiceError):
    """The words of a recording are unusable, or no recording came with them."""


class ConfigError(PocketFastError, ValueError):
    """A model config or an argument is wrong: unknown key, wrong type, contradiction."""


class SettingError(ConfigError):
    """A setting of how a text is spoken is wrong; `name` says which."""

    def __init__(self, name: str, message: str):
        super().__init__(message)
        self.name = name


class WeightsError(PocketFastError, RuntimeError):
    """A checkpoint file is damaged, or its tensors do not fit the config."""


class NotFoundError(PocketFastError, FileNotFoundError):
    """A local file, or a model name, does not exist."""


class DownloadError(PocketFastError, OSError):
    """A file could not be fetched from the hub or from an https URL."""


class UnsupportedError(PocketFastError, RuntimeError):
    """Not built into this copy, or not available on this machine (instruction set, compute type)."""


class BusyError(PocketFastError, RuntimeError):
    """The engine has as many listeners as it may have. Try again after about retry_after seconds."""

    def __init__(self, message: str, retry_after: float):
        super().__init__(message)
        self.retry_after = retry_after


class IdleError(PocketFastError, RuntimeError):
    """A text was ended because for long nobody wrote more of it, or took its sound. Begin it anew."""


class StoppedError(PocketFastError, RuntimeError):
    """What was asked for was given up before it was there, because its `stop` was set."""
