"""Fixtures of the engine's tests."""

import pytest

from pocket_fast.engine.engine import Engine
from pocket_fast.engine.listen import listen
from ramp_model import LONG_ENOUGH, Model


@pytest.fixture
def model():
    return Model()


@pytest.fixture(params=["sequence", "side_by_side", "auto"])
def engine(request, model):
    engine = Engine(model, request.param)
    yield engine
    engine.close()
    engine.join(LONG_ENOUGH)


@pytest.fixture
def speak(engine):
    """speak(parts, **options): an iterator over the sound."""

    def speak(parts, **options):
        speech = engine.submit(**options)
        speech.add(parts)
        speech.close()
        return listen(speech)

    return speak
