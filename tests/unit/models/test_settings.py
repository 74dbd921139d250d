"""What may be asked of a text's speech: the checks of every kind of setting."""

import numpy as np
import pytest

from pocket_fast.errors import ConfigError, SettingError
from pocket_fast.models.settings import Setting, check_settings


def setting(kind, **more):
    return Setting("name", kind, "help", "Description.", **more)


@pytest.mark.parametrize(
    ("made", "good", "bad", "expected"),
    [
        (setting(int), [0, -3, np.int64(7)], [1.0, True, "1", float("nan")], "a whole number"),
        (setting(int, least=1), [1, 9], [0], "a whole number of at least 1"),
        (setting(int, least=0, most=5), [0, 5], [-1, 6], "a whole number from 0 to 5"),
        (setting(float), [0, -1.5, np.float32(2)], [float("inf"), float("nan"), "1", True], "a number"),
        (setting(float, above=0), [0.1], [0, -1], "a number above 0"),
        (setting(float, above=0, most=1), [0.5, 1], [0, 1.1], "a number above 0 and of at most 1"),
        (setting(bool), [True, False, np.bool_(True)], [0, "true", "yes"], "true or false"),
        (setting(str), ["", "words"], [1, b"words", "half a \udcff"], "text"),
        (setting(str, most=3), ["abc"], ["abcd"], "text of at most 3 characters"),
        (setting(str, choices=("one", "two")), ["one", "Two"], ["three", "", 1], "one of one, two"),
    ],
    ids=lambda item: getattr(item, "expected", None),
)
def test_values(made, good, bad, expected):
    for value in good:
        checked = made.check(value)
        assert type(checked) is made.type
        assert checked == (value.lower() if made.choices else value)
    for value in bad:
        with pytest.raises(ConfigError) as caught:
            made.check(value)
        assert str(caught.value) == f"name: expected {expected}, got {value!r}"


def test_long_values_are_not_repeated():
    with pytest.raises(SettingError) as caught:
        setting(str, most=3).check("x" * 100_000)
    assert str(caught.value).startswith("name: expected text of at most 3 characters, got 'xxx")
    assert len(str(caught.value)) < 150


def test_what_is_none_is_left_out_and_what_is_unknown_is_refused():
    table = (setting(int), Setting("other", float, "", ""))
    assert check_settings({"name": None, "other": 2}, table) == {"other": 2.0}
    with pytest.raises(ConfigError, match=r"^nam: this model has no such setting; it has name, other$"):
        check_settings({"nam": 1}, table)


def test_spellings():
    assert Setting("top_k", int, "", "").spelling == "--top-k"
    assert Setting("steps", int, "", "", option="--sampler-steps").spelling == "--sampler-steps"
