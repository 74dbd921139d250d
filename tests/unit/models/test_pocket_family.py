"""Which Pocket TTS model is meant, and what is known of it before it is loaded."""

import dataclasses

import pytest

import pocket_fast
from pocket_fast.errors import ConfigError, NotFoundError
from pocket_fast.models import catalog
from pocket_fast.models.pocket.catalog import MODELS, shipped_config
from pocket_fast.models.pocket.family import FAMILY, PocketChoice
from pocket_fast.models.pocket.voices import VOICES
from pocket_fast.weights.integers import write_integers
from reference.synthetic import make_model


def choose(**given):
    return catalog.choose(given)


def test_the_model_is_english_unless_told_otherwise():
    choice = choose()
    assert (choice.language, choice.config, choice.checkpoint) == ("english", None, None)
    assert choice.released == "english"
    assert choice.parsed.flow_lm.transformer.d_model == 1024


def test_variants_are_languages_by_another_name():
    assert choose(variant="b6369a24").language == "english_2026-01"
    assert choose(variant="german").language == "german"


def test_a_checkpoint_makes_a_released_model_ones_own(tmp_path):
    path = tmp_path / "a.pt"
    path.touch()
    choice = choose(language="german", checkpoint=str(path))
    assert (choice.language, choice.checkpoint, choice.released) == ("german", path, None)


@pytest.mark.parametrize(
    ("model", "language", "voice"),
    [("german", "german", "juergen"), ("another", None, VOICES["alba"]), (None, None, VOICES["alba"])],
)
def test_a_config_of_weights_made_from_a_released_model(tmp_path, model, language, voice):
    write_integers(tmp_path / "w.safetensors", {}, voice_cloning=True, model=model)
    changes = {"weights_path": "w.safetensors", "weights_path_without_voice_cloning": None}
    parsed = dataclasses.replace(shipped_config("french"), **changes)
    choice = PocketChoice(None, str(tmp_path / "config.yaml"), None, parsed, progress=False)
    assert (choice.released, choice.speaks) == (language, language)
    assert choice.default_voice == voice
    assert choice.voice_names == (() if language is None else tuple(VOICES))
    trained = dataclasses.replace(choice, checkpoint=tmp_path / "step.pt")
    assert trained.released is None
    parts = dataclasses.replace(parsed.mimi, weights_path="codec.safetensors")
    assert dataclasses.replace(choice, parsed=dataclasses.replace(parsed, mimi=parts)).released is None


def test_a_config_that_names_the_weights_of_a_released_model():
    parsed = dataclasses.replace(shipped_config("german"), default_temperature=0.1)
    assert PocketChoice(None, "my.yaml", None, parsed, progress=False).released == "german"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            {"language": "german", "config": "a.yaml"},
            ConfigError,
            "--language german and --config a.yaml were given; choose the model with one of them",
        ),
        ({"language": "german", "variant": "german"}, ConfigError, "--language german and --variant german"),
        ({"model": "german", "language": "german"}, ConfigError, "--model german and --language german"),
        ({"model": "german", "config": "a.yaml"}, ConfigError, "--model german and --config a.yaml"),
        ({"language": "germann"}, NotFoundError, "no model is called 'germann'; did you mean german"),
        ({"model": "germann"}, NotFoundError, "no model is called 'germann'; did you mean german"),
        ({"model": "qqqqqq"}, NotFoundError, "no model is called 'qqqqqq'; expected a .yaml or .yml file, "),
        ({"model": "./gone/folder"}, NotFoundError, "no model is called './gone/folder'; expected "),
        ({"config": "gone.yaml"}, NotFoundError, "gone.yaml: no such file"),
        ({"model": "gone.yaml"}, NotFoundError, "gone.yaml: no such file"),
        ({"checkpoint": "gone.pt"}, NotFoundError, "gone.pt: no such file"),
    ],
)
def test_impossible_choices(given, error, message):
    with pytest.raises(error) as caught:
        choose(**given)
    assert str(caught.value).startswith(message)


def test_every_name_and_alias_is_known():
    for name in (*MODELS, "b6369a24"):
        assert FAMILY.knows(name)
        assert choose(model=name) == choose(language=name)
    assert catalog.find_family("english") is FAMILY
    assert choose(model="german").option == "--language german"


def test_files_folders_and_urls_are_known(tmp_path):
    config = make_model(tmp_path, "tiny")
    for model in (config, tmp_path):
        choice = choose(model=str(model))
        assert (choice.name, choice.config, choice.folder) == (None, str(config), tmp_path)
        assert choice.title == str(config)
        assert choice.option == f"--config {config}"
    assert FAMILY.knows("hf://a/b/c.yaml@0123")
    assert FAMILY.knows("https://host/c.yml")
    assert not FAMILY.knows("hf://a/b/c.json")
    assert not FAMILY.knows(str(tmp_path.parent))


def test_load_takes_what_model_takes(tmp_path):
    config = make_model(tmp_path, "tiny")
    for model in (config, tmp_path, str(tmp_path)):
        loaded = pocket_fast.load(model, threads=1, temp=0.5)
        assert type(loaded) is pocket_fast.TTSModel
        assert (loaded.origin, loaded.temp, loaded.name) == (config, 0.5, "custom")
    assert pocket_fast.load("builtin", threads=1).name == "builtin"
    with pytest.raises(NotFoundError, match="did you mean english"):
        pocket_fast.load("englsh")


def test_only_the_default_is_not_named():
    assert not choose().named
    assert choose(model="english").named
    assert choose(language="english").named


def test_the_built_in_model_stands_in():
    assert choose().stand_in == dataclasses.replace(choose(language="builtin"), progress=False)
