"""The errors that pocket_fast raises on purpose.

Each class also derives from the built-in exception that pocket-tts 4.x raises
in the same situation, so that `except ValueError` in existing programs still
works. Every message says what came, what was expected and what to do next.
"""


class PocketFastError(Exception):
    """Base class: a problem the caller can act on. Its message fits in one or two lines."""


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
