"""Numbers at the door: of NumPy's types, as large and as small as numbers get; none of them makes NaN."""

import math
from fractions import Fraction

import numpy as np
import pytest

from pocket_fast import TTSModel
from pocket_fast.errors import ConfigError, SettingError
from pocket_fast.models.pocket.settings import SETTINGS as POCKET
from pocket_fast.models.qwen3.settings import SETTINGS as QWEN3

TEXT = "Hello there, my friend."
NARROW = [np.int8, np.uint8, np.int16, np.int64]


def finite(samples):
    return len(samples) > 0 and bool(np.isfinite(samples).all())


@pytest.mark.parametrize("kind", NARROW)
def test_frames_after_the_end_are_counted_beyond_eight_bits(brief, voice, kind):
    """6 frames until the end may be heard, then 100, 120: together more than 127."""
    for frames in (100, 120):
        usual = brief.generate_audio(voice, TEXT * 4, max_tokens=1000, frames_after_eos=frames, seed=1)
        given = brief.generate_audio(
            voice, TEXT * 4, max_tokens=np.int16(1000), frames_after_eos=kind(frames), seed=kind(1)
        )
        np.testing.assert_array_equal(given, usual)
        assert len(usual) == (6 + frames) * 1920


def test_every_number_of_a_call_becomes_pythons_own(model, voice, monkeypatch):
    seen = {}
    script = type(model)._script

    def look(self, voice, settings, **more):
        seen.update(settings, **more)
        return script(self, voice, settings, **more)

    monkeypatch.setattr(type(model), "_script", look)
    numbers = {"temperature": np.float16(0.5), "noise_clamp": np.float32(3)}
    given = {**numbers, "steps": np.int8(2), "max_tokens": np.uint8(9)}
    next(model.speak(voice, TEXT, given, seed=np.int8(5), deadline=np.float16(60000)))
    assert {type(seen[name]) for name in ("temperature", "noise_clamp")} == {float}
    assert {type(seen[name]) for name in ("steps", "max_tokens", "seed")} == {int}


def test_attributes_too(model, voice):
    usual = model.generate_audio(voice, TEXT, seed=1)
    model.temp, model.sampler_decode_steps = np.float32(model.temp), np.int8(model.sampler_decode_steps)
    model.eos_threshold = Fraction(-4)
    found = model._sampling()
    assert {type(found.temperature), type(found.eos_threshold)} == {float}
    assert type(found.decode_steps) is int
    model.temp = float(np.float32(model.temp))
    assert finite(usual)


def test_limits_of_the_engine_are_pythons_own(model):
    model.limit(max_streams=np.int8(100), max_queue=np.int8(3))
    load = model.engine_load()
    assert (load.max_streams, load.max_queue) == (100, 3)
    assert type(load.max_streams) is int
    model.limit(64, 256)


# --- as large as numbers get -------------------------------------------------------------------


@pytest.mark.parametrize("value", [1e80, 1e7, 10**400, np.float64(1e300)], ids=range(4))
def test_a_temperature_of_which_sound_would_be_nan(tiny, model, voice, value):
    words = r"temp(erature)?: expected a number of at least 0"
    with pytest.raises(ConfigError, match=words):
        TTSModel.load_model(config=tiny(), temp=value)
    with pytest.raises(ConfigError, match=words):
        next(model.speak(voice, TEXT, {"temperature": value}))
    model.temp = value
    with pytest.raises(ConfigError, match=words):
        model.generate_audio(voice, TEXT)


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 1e6},
        {"temperature": 1e-300},
        {"temperature": 1e6, "noise_clamp": 1e300},
        {"temperature": 1e6, "noise_clamp": 1e-300},
        {"temperature": 0, "noise_clamp": 1},
        {"temperature": 5e-324, "noise_clamp": 1e308},
        {"eos_threshold": 1e80},
        {"eos_threshold": -1e308},
        {"eos_threshold": 1e308, "frames_after_eos": 10**30},
        {"max_tokens": 10**30},
        {"steps": 64, "temperature": 1e6},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("error")
def test_what_is_let_in_is_spoken(model, voice, settings):
    model.temp = 0.3
    assert finite(np.concatenate(list(model.speak(voice, TEXT, settings, seed=1, live=False))))


@pytest.mark.parametrize("steps", [1001, 10**9, 2**40, 10**5000], ids=range(4))
def test_steps_that_would_take_all_memory(model, voice, steps):
    with pytest.raises(
        ConfigError, match=r"steps: expected a whole number of at least 1, and of at most 1000"
    ):
        next(model.speak(voice, TEXT, {"steps": steps}))


STRANGE = [10**400, -(10**5000), np.nan, -np.inf, 1j, "1", b"1", None, [1], np.ones(2), True]


@pytest.mark.parametrize("value", STRANGE, ids=range(len(STRANGE)))
@pytest.mark.parametrize("setting", [*POCKET, *QWEN3], ids=lambda setting: setting.name)
def test_no_setting_stumbles_over_a_number(setting, value):
    """It is taken, or refused by its name."""
    try:
        taken = setting.check(value)
    except SettingError as refused:
        message = str(refused)
        found = refused.name
    else:
        message, found = "", setting.name
        assert type(taken) is setting.type
        assert setting.type is not float or math.isfinite(taken)
    assert found == setting.name
    assert len(message) < 400
