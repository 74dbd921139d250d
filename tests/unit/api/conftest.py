"""Tiny models behind the Python API."""

import asyncio
import copy
import threading

import pytest
import yaml

from pocket_fast import TTSModel
from pocket_fast.models.voice_cache import VoiceCache
from ramp_model import LONG_ENOUGH
from recordings import hum
from reference.synthetic import make_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """tiny(name="tiny") -> path of the config.yaml of a tiny model, written once. Not to be changed."""
    paths = {}

    def tiny(name="tiny"):
        if name not in paths:
            paths[name] = make_model(tmp_path_factory.mktemp(name), name)
        return paths[name]

    return tiny


@pytest.fixture(scope="session")
def loaded(tiny):
    """loaded(name) -> the model, loaded once. Not to be changed."""
    models = {}

    def loaded(name="tiny"):
        if name not in models:
            models[name] = TTSModel.load_model(config=tiny(name), threads=1)
        return models[name]

    return loaded


@pytest.fixture
def new_model(loaded):
    """new_model(name="tiny", **attributes) -> a model of the test's own, over stages that all tests share."""

    def new_model(name="tiny", **attributes):
        model = copy.copy(loaded(name))
        model.voice_cache = VoiceCache(model="tests")
        for attribute, value in attributes.items():
            assert hasattr(model, attribute)
            setattr(model, attribute, value)
        return model

    return new_model


@pytest.fixture
def model(new_model):
    return new_model()


@pytest.fixture
def brief(new_model):
    """A model that hears the end of speech as soon as it may: 6 frames plus frames_after_eos for each chunk."""
    return new_model(eos_threshold=-1e9)


@pytest.fixture
def endless(new_model):
    """A model that never hears the end of speech: every chunk has as many frames as it may have."""
    return new_model(eos_threshold=1e9)


@pytest.fixture(scope="session")
def voice(loaded):
    """A voice for the model "tiny"."""
    return loaded().get_state_for_audio_prompt(hum(1.0))


@pytest.fixture
def changed_config(tiny, tmp_path):
    """changed_config(change, name="tiny") -> path of a config.yaml whose tree went through change(data)."""

    def changed_config(change, name="tiny", file="config.yaml"):
        data = yaml.safe_load(tiny(name).read_text())
        change(data)
        path = tmp_path / file
        path.write_text(yaml.safe_dump(data))
        return path

    return changed_config


@pytest.fixture
def in_threads():
    """in_threads(calls) -> their results in order; they start together, and the first error is raised."""

    def in_threads(calls):
        barrier = threading.Barrier(len(calls))
        results = [None] * len(calls)
        errors = []

        def run(i, call):
            try:
                barrier.wait()
                results[i] = call()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return results

    return in_threads


@pytest.fixture
def patient():
    """patient(coroutine): its result, in a new loop; it may take long but not for ever."""
    return lambda coroutine: asyncio.run(asyncio.wait_for(coroutine, LONG_ENOUGH))
