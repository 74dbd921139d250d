"""Text whose writer ends in the middle, with both families: what was whole is heard, then what went wrong."""

import asyncio

import numpy as np
import pytest

from pocket_fast.errors import TextError
from ramp_model import eventually

WHOLE = "Hello there, my friend. How are you?"


class Failed(Exception):
    pass


@pytest.fixture(params=["pocket", "qwen3"])
def say(request):
    """say(pieces) -> (sound, what was raised), by generate_audio_stream, astream and what is common to all."""
    if request.param == "pocket":
        model, voice = request.getfixturevalue("brief"), request.getfixturevalue("voice")
        settings = {}
    else:
        model = request.getfixturevalue("qwen3")("qwen3-tiny-customvoice")
        voice, settings = model.find_voice("ryan"), {"max_new_tokens": 9}

    async def gather(stream, sound):
        async for chunk in stream:
            sound.append(chunk)

    def say(pieces, how="speak"):
        sound, raised = [], None
        try:
            if how == "speak":
                sound.extend(model.speak(voice, pieces, settings, seed=1, live=False))
            else:
                asyncio.run(gather(model.aspeak(voice, pieces, settings, seed=1, live=False), sound))
        except Exception as error:
            raised = error
        load = model.engine_load
        eventually(lambda: load().running == load().waiting == 0)
        return np.concatenate([np.zeros(0, np.float32), *sound]), raised

    return say


def failing(*pieces):
    yield from pieces
    raise Failed("the connection broke")


async def later(pieces):
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("how", ["speak", "aspeak"])
@pytest.mark.parametrize("cut", [WHOLE, f"{WHOLE} ", f"{WHOLE} And th"])
def test_an_exception(say, how, cut):
    expected, _ = say([WHOLE])
    for pieces in ([cut], list(cut), [cut[:30], cut[30:]]):
        given = failing(*pieces)
        sound, raised = say(later(given) if how == "aspeak" else given, how)
        np.testing.assert_array_equal(sound, expected)
        assert isinstance(raised, Failed)


@pytest.mark.parametrize("how", ["speak", "aspeak"])
def test_an_exception_before_anything_was_whole(say, how):
    sound, raised = say(failing("Hello there, my fr"), how)
    assert len(sound) == 0
    assert isinstance(raised, Failed)


@pytest.mark.parametrize("piece", [5, b"bytes", ["list"], 1.5, "\ud800"])
def test_what_is_no_text(say, piece):
    expected, _ = say([WHOLE])
    sound, raised = say([WHOLE, piece])
    np.testing.assert_array_equal(sound, expected)
    assert isinstance(raised, TextError)


@pytest.mark.parametrize("how", ["speak", "aspeak"])
def test_none_says_nothing(say, how):
    """Clients of language models give it at the beginning, at the end and with calls of tools."""
    expected, _ = say([WHOLE])
    pieces = [None, *WHOLE, None, None]
    sound, raised = say(later(pieces) if how == "aspeak" else pieces, how)
    np.testing.assert_array_equal(sound, expected)
    assert raised is None
    sound, raised = say([None], how)
    assert isinstance(raised, TextError)
