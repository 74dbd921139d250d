"""The models by name: the 27 released ones, as one base config, what each changes and where its files lie on the
hub, and the built-in one.

Facts taken from the configs released with pocket-tts 4.0.1; a test compares every field with them.
"""

from __future__ import annotations

import copy
from typing import Any

from pocket_fast.errors import NotFoundError, shown
from pocket_fast.models.pocket import builtin
from pocket_fast.models.pocket.config import ModelConfig
from pocket_fast.models.pocket.config_file import parse_config
from pocket_fast.models.strict import nearest

_REPO = "hf://kyutai/pocket-tts"
_OPEN_REPO = "hf://kyutai/pocket-tts-without-voice-cloning"

_REVISIONS = {
    revision[:6]: revision
    for revision in (
        "3e82814a68665eec246ff649b14c71331f955c06",
        "1e08e6a23401048648a9fdcfde2f89348215c2a7",
        "4e1e0a3e611c51c0b4ed8174fc10f32a54644303",
        "2dd944b099d06bb9edbd221fef138685711d9bf0",
        "db04f0e653473e5c7333c69686ac92b7460b0c1d",
        "a7056f505a4a8ca72d8b5fb1440071d6f1a35739",
        "00eac05ed3d16bdc3f6b5d598874019c34a89214",
        "08ffc58775e62aad9409511b9591c9af626270f3",
        "39592ff23c9ef80098bb74895d104c26275fe2c9",
        "d29db7978e464fb90cb3359ee0c69a273b9142cc",
        "19f95fe2df36e79fbd9f10008595cc4c977a0fcc",
        "492522650173a0653b7575cdc25ae09810e5d741",
        "e81d79e8194ad4c7ce879c87a4258ef20cbf2487",
        "983151f13aaeab1b13c1e5e3c2c383d49a9edf3f",
        "e7205b6ee50e654a5ea19f0e9df2b0813b05e921",
        "7f364c05d1be3faf2b234cdbe4cbb68a026d4218",
        "575d14372df89a4534bcb989870a34e77544b09f",
        "75cfe24e3142233bb81887fed3482e9652bb4a6e",
        "a5ce31f3eba7a3b0cb9c24ba2015b098f278eaae",
        "8843db76457a91db32077edf8dfcd1c0e3e755fd",
    )
}

_SEANET = {
    "dimension": 512,
    "channels": 1,
    "n_filters": 64,
    "n_residual_layers": 1,
    "ratios": [6, 5, 4],
    "kernel_size": 7,
    "residual_kernel_size": 3,
    "last_kernel_size": 3,
    "dilation_base": 2,
    "pad_mode": "constant",
    "compress": 2,
}
_CODEC_TRANSFORMER = {
    "d_model": 512,
    "input_dimension": 512,
    "output_dimensions": [512],
    "num_heads": 8,
    "num_layers": 2,
    "layer_scale": 0.01,
    "context": 250,
    "dim_feedforward": 2048,
}
_BASE: dict[str, Any] = {
    "flow_lm": {
        "insert_bos_before_voice": True,
        "dtype": "float32",
        "flow": {"depth": 6, "dim": 512, "type": "lsd"},
        "transformer": {
            "d_model": 1024,
            "hidden_scale": 4,
            "max_period": 10000,
            "num_heads": 16,
            "num_layers": 6,
        },
        "lookup_table": {"dim": 1024, "n_bins": 4000, "tokenizer": "tokenizers"},
    },
    "mimi": {
        "dtype": "float32",
        "sample_rate": 24000,
        "inner_dim": 32,
        "outer_dim": 512,
        "channels": 1,
        "frame_rate": 12.5,
        "seanet": _SEANET,
        "transformer": _CODEC_TRANSFORMER,
        "quantizer": {"dimension": 32, "output_dimension": 512},
    },
}


def _small(filters: int, layers: int, flow: dict[str, Any], table: dict[str, Any], **backbone: int) -> dict:
    """What the 18m, 7m and 2m models change: a narrow backbone with z_proj, and their own codec decoder."""
    width = {"input_dimension": 128, "output_dimensions": [128], "d_model": 128}
    return {
        "default_eos_threshold": -1.0,
        "flow_lm": {
            "flow": {"depth": 4, **flow},
            "transformer": {"hidden_scale": 1, "num_layers": 8, **backbone},
            "lookup_table": {"dim": backbone["d_model"], "tokenizer": "sentencepiece", **table},
            "z_dim": 64,
        },
        "mimi": {
            "outer_dim": 128,
            "quantizer": {"output_dimension": 128},
            "decoder_seanet": {**_SEANET, "dimension": 128, "n_filters": filters, "kernel_size": 3},
            "decoder_transformer": {
                **_CODEC_TRANSFORMER,
                **width,
                "num_heads": 4,
                "num_layers": layers,
                "context": 50,
                "dim_feedforward": 384,
            },
        },
    }


_M18 = _small(32, 12, {"dim": 192, "type": "drifting"}, {}, d_model=512, num_heads=8)
_M7 = _small(
    32,
    12,
    {"dim": 192, "type": "drifting"},
    {"rank": 64},
    d_model=224,
    attn_dim=512,
    num_heads=8,
    num_kv_heads=2,
)
_M2 = _small(
    24,
    4,
    {"dim": 64, "type": "pointwise"},
    {"rank": 32},
    d_model=112,
    attn_dim=192,
    num_heads=3,
    num_kv_heads=1,
    dim_feedforward=96,
)
_24L = {"flow_lm": {"transformer": {"num_layers": 24}}}
_DRIFTING = {"flow_lm": {"flow": {"type": "drifting"}}}
_2026_01 = {
    "flow_lm": {"insert_bos_before_voice": False},
    "mimi": {"inner_dim": 512},
    "pad_with_spaces_for_short_inputs": True,
}

# name: revision of the weights with cloning, without, of the tokenizer; changes to the base
_MODELS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "english": ("db04f0", "a7056f", "00eac0", {}),
    "english_2026-01": ("39592f", "d29db7", "00eac0", _2026_01),
    "english_2026-04": ("19f95f", "d29db7", "00eac0", {}),
    "english_2026-04_24l": ("492522", "e81d79", "00eac0", _24L),
    "english_2026-09": ("983151", "e7205b", "00eac0", {}),
    "english_2026-09_2": ("7f364c", "575d14", "00eac0", {}),
    "english_2026-09_24l": ("983151", "e7205b", "00eac0", _24L),
    "english_2026-10": ("db04f0", "a7056f", "00eac0", {}),
    "english_drifting_26-09": ("75cfe2", "a5ce31", "00eac0", _DRIFTING),
    "english_18m_2026-10": ("db04f0", "a7056f", "08ffc5", _M18),
    "english_18m_refl_2026-10": ("db04f0", "a7056f", "08ffc5", _M18),
    "english_7m_2026-10": ("db04f0", "a7056f", "08ffc5", _M7),
    "english_7m_refl_2026-10": ("db04f0", "a7056f", "08ffc5", _M7),
    "english_2m_2026-10": ("db04f0", "a7056f", "08ffc5", _M2),
    "english_2m_refl_2026-10": ("db04f0", "a7056f", "08ffc5", _M2),
    "dutch": ("3e8281", "1e08e6", "4e1e0a", {}),
    "dutch_24l": ("2dd944", "4e1e0a", "4e1e0a", _24L),
    "french": ("3e8281", "1e08e6", "8843db", {}),
    "french_24l": ("3e8281", "1e08e6", "8843db", _24L),
    "german": ("3e8281", "1e08e6", "4e1e0a", {}),
    "german_24l": ("2dd944", "4e1e0a", "4e1e0a", _24L),
    "italian": ("3e8281", "1e08e6", "4e1e0a", {}),
    "italian_24l": ("3e8281", "1e08e6", "4e1e0a", _24L),
    "portuguese": ("3e8281", "1e08e6", "4e1e0a", {}),
    "portuguese_24l": ("2dd944", "4e1e0a", "4e1e0a", _24L),
    "spanish": ("3e8281", "1e08e6", "4e1e0a", {}),
    "spanish_24l": ("2dd944", "4e1e0a", "4e1e0a", _24L),
}

LANGUAGES: tuple[str, ...] = tuple(_MODELS)
MODELS: tuple[str, ...] = (*LANGUAGES, builtin.NAME)

# Names of the January and April 2026 models in other programs.
_ALIASES = {"b6369a24": "english_2026-01", "a0ac5076": "english_2026-04"}

# Models whose tokenizer lies elsewhere than languages/<name>/.
_TOKENIZER_FOLDERS = {
    "english_2026-01": "",
    "english_2026-09_2": "languages/english_2026-09/",
    "english_2026-10": "languages/english_2026-09/",
    "english_drifting_26-09": "languages/english_2026-09/",
}

_APOSTROPHES = {"’": "'", "‘": "'"}
_NO_QUOTES = {**dict.fromkeys('"“”„«»()[]', ""), **_APOSTROPHES, "–": ","}


def canonical_name(name: str) -> str:
    """The shipped name behind an alias; any other name as it came."""
    return _ALIASES.get(name, name)


def shipped_config(name: str) -> ModelConfig:
    """The config of a model, by name or alias. Raises NotFoundError, with the nearest names."""
    name = canonical_name(name)
    if name == builtin.NAME:
        return builtin.config()
    if name not in _MODELS:
        close = nearest(name, MODELS)
        hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(MODELS)}."
        raise NotFoundError(
            f"no model is called {shown(name)}; {hint} `pocket-fast voices` lists all; --config takes a YAML file"
        )
    _, without, tokens, changes = _MODELS[name]
    data = _merged(_BASE, changes)
    folder = _TOKENIZER_FOLDERS.get(name, f"languages/{name}/")
    table = data["flow_lm"]["lookup_table"]
    file = "tokenizer.json" if table["tokenizer"] == "tokenizers" else "tokenizer.model"
    table["tokenizer_path"] = f"{_OPEN_REPO}/{folder}{file}@{_REVISIONS[tokens]}"
    data["weights_path"] = _weights_path(name)
    data["weights_path_without_voice_cloning"] = (
        f"{_OPEN_REPO}/languages/{name}/model.safetensors@{_REVISIONS[without]}"
    )
    data.update(_text_rules(name, is_small="z_dim" in data["flow_lm"]))
    return parse_config(data, name)


def released_as(weights_path: str) -> str | None:
    """The released model that has its weights there; None for any other location."""
    return next((name for name in LANGUAGES if _weights_path(name) == weights_path), None)


def _weights_path(name: str) -> str:
    return f"{_REPO}/languages/{name}/model.safetensors@{_REVISIONS[_MODELS[name][0]]}"


def _text_rules(name: str, is_small: bool) -> dict[str, Any]:
    language = name.split("_")[0]
    if language == "english":
        return {"replace_characters": {"–": ",", "—": ",", **_APOSTROPHES} if is_small else _APOSTROPHES}
    extra = {"spanish": {"¡": "", "¿": ""}, "german": {"—": ","}, "french": {":": ","}}.get(language, {})
    return {
        "replace_characters": {**_NO_QUOTES, **extra},
        "remove_semicolons": language in ("german", "french"),
    }


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged
