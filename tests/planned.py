"""What is planned little by little, at once."""

from pocket_fast.models.pocket import prompt
from pocket_fast.text import split as splitting


def split(*given, **named):
    """The chunks of a text."""
    return list(splitting.split(*given, **named))


def plan(*given, **named):
    """The chunks and silences of a text."""
    return list(prompt.plan(*given, **named))
