"""The released models and voices: complete, parsable, findable."""

import math

import pytest

from pocket_fast.errors import NotFoundError, VoiceError
from pocket_fast.models.pocket import builtin
from pocket_fast.models.pocket.catalog import LANGUAGES, MODELS, canonical_name, released_as, shipped_config
from pocket_fast.models.pocket.names import expected_tensors
from pocket_fast.models.pocket.voices import (
    VOICES,
    default_text,
    default_voice,
    voice_names,
    voice_state_location,
)

LANGUAGE_NAMES = ("english", "french", "german", "portuguese", "italian", "dutch", "spanish")


def test_there_are_27_models_and_27_voices():
    assert len(set(LANGUAGES)) == 27
    assert len(VOICES) == 27
    assert len(set(VOICES.values())) == 27


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_shipped_config_parses_and_points_at_its_own_files(name):
    config = shipped_config(name)
    assert config.weights_path.startswith(f"hf://kyutai/pocket-tts/languages/{name}/model.safetensors@")
    open_weights = f"hf://kyutai/pocket-tts-without-voice-cloning/languages/{name}/model.safetensors@"
    assert config.weights_path_without_voice_cloning.startswith(open_weights)
    assert len(config.weights_path.split("@")[1]) == 40
    assert released_as(config.weights_path) == name
    assert released_as(config.weights_path_without_voice_cloning) is None


# Published sizes of the released files: number of tensors, millions of parameters.
@pytest.mark.parametrize(
    ("name", "tensors", "millions"),
    [
        ("english", 214, 109.50),
        ("english_2026-01", 213, 117.86),
        ("french_24l", 358, 336.07),
        ("english_drifting_26-09", 202, 108.71),
        ("english_18m_2026-10", 303, 27.92),
        ("english_7m_2026-10", 304, 16.61),
        ("english_2m_refl_2026-10", 224, 11.67),
    ],
)
def test_tensor_counts(name, tensors, millions):
    shapes = expected_tensors(shipped_config(name))
    assert len(shapes) == tensors
    assert round(sum(map(math.prod, shapes.values())) / 1e6, 2) == millions


def test_shapes_of_the_features_only_small_models_have():
    shapes = expected_tensors(shipped_config("english_2m_2026-10"))
    assert shapes["flow_lm.conditioner.proj.weight"] == (112, 32)
    assert shapes["flow_lm.z_proj.weight"] == (64, 112)
    assert shapes["flow_lm.transformer.layers.7.self_attn.in_proj.weight"] == (320, 112)
    assert shapes["mimi.decoder.model.2.convtr.weight"] == (192, 96, 12)
    assert shapes["mimi.upsample.convtr.convtr.weight"] == (128, 1, 32)
    assert not any("time_embed" in name for name in shapes)


def test_the_built_in_model_is_one_more():
    assert [name for name in MODELS if name not in LANGUAGES] == ["builtin"]
    config = shipped_config("builtin")
    assert config.mimi.sample_rate == shipped_config("english").mimi.sample_rate
    assert config.weights_path == str(builtin.FOLDER / "model.safetensors")
    assert config.flow_lm.lookup_table.tokenizer_path == str(builtin.FOLDER / "tokenizer.model")
    with pytest.raises(NotFoundError, match="did you mean builtin"):
        shipped_config("built-in")


def test_the_built_in_model_has_voices_of_its_own():
    names = voice_names("builtin")
    assert len(names) >= 4
    assert not set(names) & set(VOICES)
    assert default_voice("builtin", custom=False) in names
    for name in names:
        assert voice_state_location("builtin", name) == str(builtin.FOLDER / "voices" / f"{name}.safetensors")
    assert voice_names("german") == tuple(VOICES)
    assert voice_names(None) == ()


def test_unknown_model_names_the_nearest():
    with pytest.raises(NotFoundError, match=r"did you mean .*german"):
        shipped_config("germann")
    with pytest.raises(NotFoundError, match="known: english"):
        shipped_config("klingon!")


def test_names_from_other_programs():
    assert canonical_name("b6369a24") == "english_2026-01"
    assert shipped_config("a0ac5076") == shipped_config("english_2026-04")
    assert canonical_name("anything") == "anything"


def test_default_voice_follows_the_language_in_the_name():
    assert default_voice("german_24l", custom=False) == "juergen"
    assert default_voice("english_2026-01", custom=False) == "alba"
    assert default_voice(None, custom=False) == "alba"
    assert default_voice("german", custom=True) == VOICES["alba"]
    assert {default_voice(name, custom=False) for name in LANGUAGES} <= set(VOICES)


def test_default_text_follows_the_language_in_the_name():
    assert len({default_text(name) for name in LANGUAGE_NAMES}) == 7
    assert default_text("french_24l") == default_text("french")
    assert default_text("english_7m_2026-10") == default_text(None) == default_text("unheard of")


def test_voice_state_location():
    start = "hf://kyutai/pocket-tts-without-voice-cloning/languages/english_2026-01/embeddings/alba.safetensors@a7056f"
    assert voice_state_location("b6369a24", "alba").startswith(start)
    with pytest.raises(VoiceError, match="did you mean alba"):
        voice_state_location("english", "Albaa")
    with pytest.raises(VoiceError, match="known: alba"):
        voice_state_location("english", "?")
