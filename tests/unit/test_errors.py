"""Messages: what is long in them is shortened, whatever the value was."""

import pickle

import pytest

from pocket_fast import errors
from pocket_fast.errors import PocketFastError, named, shortened, shown
from pocket_fast.weights.reach import FetchError

CLASSES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type)
    and issubclass(kind, PocketFastError)
    and kind not in (errors.SettingError, errors.BusyError)
]
MAKERS = [
    *CLASSES,
    lambda text: errors.SettingError("name", text),
    lambda text: errors.BusyError(text, 1.0),
    lambda text: FetchError(text, "gated"),
]


@pytest.mark.parametrize("make", MAKERS)
def test_no_message_holds_a_long_value(make):
    for value in ("A" * 50_000, repr("line\n" * 9000), "word " * 20_000):
        message = str(make(f"voice {value}: no such file"))
        assert message.startswith("voice ")
        assert message.endswith(": no such file")
        assert len(message) < 1500
        assert f"({len(value)} characters)" in message or "characters)" in message


@pytest.mark.parametrize("make", MAKERS)
def test_ordinary_messages_stay(make):
    path = "/a-folder/of-a-user" * 14
    message = f"{path}: no such file;\ngive another"
    error = make(message)
    assert str(error) == message
    if type(error) in CLASSES:  # and in another process
        assert str(pickle.loads(pickle.dumps(error))) == message


def test_values_in_messages():
    assert shown("alba") == "'alba'"
    assert shown(5) == "5"
    assert shown("a\nb") == r"'a\nb'"
    long = shown("ab\n" * 1000)
    assert len(long) < 120
    assert "(4002 characters)" in long
    assert "\n" not in long


def test_names_in_front_of_messages():
    assert named("/home/me/a.wav") == "/home/me/a.wav"
    assert named("a\nb.wav") == r"'a\nb.wav'"
    assert len(named("x" * 301)) < 120


def test_what_is_shortened_keeps_its_ends():
    text = "begin " + "x" * 400 + " end"
    assert shortened(text) == "begin " + "x" * 60 + "... (400 characters) ..." + "x" * 8 + " end"
    assert shortened("x " * 900) == "x " * 900
