"""Live: configs, voices and tensor names against the reference package."""

import pytest

from pocket_fast.models.pocket.catalog import LANGUAGES, shipped_config
from pocket_fast.models.pocket.config_file import load_config, parse_config
from pocket_fast.models.pocket.names import expected_tensors
from pocket_fast.models.pocket.voices import VOICES, default_voice, voice_state_location

pytestmark = pytest.mark.reference

ARCHITECTURES = (
    "english",
    "english_2026-01",
    "english_2026-04_24l",
    "english_drifting_26-09",
    "english_18m_2026-10",
    "english_7m_2026-10",
    "english_2m_2026-10",
)


@pytest.fixture(scope="module")
def theirs():
    pytest.importorskip("pocket_tts")
    from pocket_tts.utils import config

    return config


def same(mine, their, path):
    """Field by field, both ways: the names, the values and the int/float/bool types."""
    if hasattr(type(their), "model_fields"):
        fields = set(type(their).model_fields)
        assert set(vars(mine)) == fields, path
        for name in fields:
            same(getattr(mine, name), getattr(their, name), f"{path}.{name}")
    elif isinstance(their, (list, tuple)):
        assert list(mine) == list(their), path
    else:
        assert (type(mine), mine) == (type(their), their), path


def test_the_same_models_are_shipped(theirs):
    assert {path.stem for path in theirs.CONFIGS_DIR.glob("*.yaml")} == set(LANGUAGES)


@pytest.mark.parametrize("name", LANGUAGES)
def test_shipped_config_equals_the_reference(theirs, name):
    path = theirs.CONFIGS_DIR / f"{name}.yaml"
    same(shipped_config(name), theirs.load_config(path), name)
    assert load_config(path) == shipped_config(name)


def test_voices_equal_the_reference(theirs):
    from pocket_tts import default_parameters
    from pocket_tts.utils import utils

    assert utils._ORIGINS_OF_PREDEFINED_VOICES == VOICES
    for name in LANGUAGES:
        assert default_voice(name, custom=False) == default_parameters.get_default_voice_for_language(name)
        assert voice_state_location(name, "alba") == utils.get_predefined_voice(name, "alba")
    custom = default_parameters.get_default_voice_for_language(None, config="x.yaml")
    assert default_voice(None, custom=True) == custom


def model_shapes(theirs, config):
    """Names and shapes of the reference's modules, built without memory."""
    import torch
    from pocket_tts.models.flow_lm import FlowLMModel
    from pocket_tts.models.mimi import build_mimi
    from pocket_tts.modules import text_conditioner

    text_conditioner.build_tokenizer = lambda *args: None
    with torch.device("meta"):
        flow_lm = FlowLMModel.from_pydantic_config(
            config.flow_lm,
            latent_dim=config.mimi.quantizer.dimension,
            insert_bos_before_voice=config.flow_lm.insert_bos_before_voice,
        )
        mimi = build_mimi(config.mimi)
    shapes = {f"flow_lm.{k}": tuple(v.shape) for k, v in flow_lm.state_dict().items()}
    shapes.update({f"mimi.{k}": tuple(v.shape) for k, v in mimi.state_dict().items()})
    # Their loader adds this one to the built module.
    speaker = config.mimi.inner_dim or config.mimi.seanet.dimension
    shapes["flow_lm.speaker_proj_weight"] = (config.flow_lm.transformer.d_model, speaker)
    return shapes


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_tensor_names_and_shapes_equal_the_reference(theirs, name, monkeypatch):
    from pocket_tts.modules import text_conditioner

    monkeypatch.setattr(text_conditioner, "build_tokenizer", None)  # restored afterwards
    config = theirs.load_config(theirs.CONFIGS_DIR / f"{name}.yaml")
    assert expected_tensors(shipped_config(name)) == model_shapes(theirs, config)


def test_tensor_names_of_an_unusual_config(theirs, monkeypatch):
    """Projections around the codec transformer, several residual layers, one time condition."""
    from pocket_tts.modules import text_conditioner

    monkeypatch.setattr(text_conditioner, "build_tokenizer", None)
    raw = theirs.load_config(theirs.CONFIGS_DIR / "english_2m_2026-10.yaml").model_dump()
    raw["flow_lm"]["flow"]["type"] = "flow_matching"
    raw["mimi"]["inner_dim"] = None
    raw["mimi"]["decoder_transformer"]["d_model"] = 64
    raw["mimi"]["decoder_seanet"]["n_residual_layers"] = 2
    raw["mimi"]["decoder_seanet"]["ratios"] = [12, 10]
    raw["mimi"]["seanet"]["n_residual_layers"] = 0
    raw["mimi"]["seanet"]["ratios"] = [5, 3, 2, 4]
    assert expected_tensors(parse_config(raw, "x")) == model_shapes(theirs, theirs.Config(**raw))
