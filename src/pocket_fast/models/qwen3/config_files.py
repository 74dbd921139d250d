"""The three JSON files of a Qwen3-TTS folder -> a checked ModelConfig."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pocket_fast.errors import ConfigError
from pocket_fast.models import strict
from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.models.qwen3.consistency import TOKENIZER_TYPE, problems_of

MODEL_CONFIG, GENERATION_CONFIG = "config.json", "generation_config.json"
TOKENIZER_CONFIG = "speech_tokenizer/config.json"

_MODEL = "qwen3_tts"

# Keys that choose among architectures. The released models all have these values, and only these are built here;
# any other value would not be heard as an error, but as noise.
_ONLY: dict[str, tuple[object, ...]] = {
    "talker_config.hidden_act": ("silu",),
    "talker_config.attention_bias": (False,),
    "talker_config.use_sliding_window": (False,),
    "talker_config.rope_scaling.rope_type": ("default", "mrope"),
    "talker_config.code_predictor_config.hidden_act": ("silu",),
    "talker_config.code_predictor_config.attention_bias": (False,),
    "talker_config.code_predictor_config.use_sliding_window": (False,),
    "talker_config.code_predictor_config.rope_scaling.rope_type": ("default",),
    "speech_tokenizer.decoder_config.hidden_act": ("silu",),
    "speech_tokenizer.decoder_config.attention_bias": (False,),
    "speech_tokenizer.encoder_config.hidden_act": ("gelu",),
    "speech_tokenizer.encoder_config.attention_bias": (False,),
    "speech_tokenizer.encoder_config.use_causal_conv": (True,),
    "speech_tokenizer.encoder_config.use_conv_shortcut": (False,),
    "speech_tokenizer.encoder_config.pad_mode": ("constant",),
    "speech_tokenizer.encoder_config.audio_channels": (1,),
}


def parse_config(model: object, speech_tokenizer: object, generation: object, where: str) -> ModelConfig:
    """A checked config from the data of the three files; `where` names their origin in errors.

    In errors, `speech_tokenizer.` and `generation.` stand for the two smaller files. Raises ConfigError: one line for
    a config of something else, else every missing key, wrong type and contradiction.
    """
    stranger = _stranger(model, speech_tokenizer)
    if stranger:
        raise ConfigError(f"{where}: {stranger}")
    data = {
        **typing.cast(Mapping[str, Any], model),
        "speech_tokenizer": speech_tokenizer,
        "generation": generation,
    }
    problems: list[str] = []
    config = strict.build(ModelConfig, data, problems, pass_over=True)
    if config is not None:
        problems = _not_built(data) + problems_of(config)
    if config is None or problems:
        if len(problems) == 1:
            raise ConfigError(f"{where}: {problems[0]}")
        raise ConfigError(f"{where}: {len(problems)} problems in this config:\n  " + "\n  ".join(problems))
    if config.tts_model_type != "base":  # one trained further may still name the speaker encoder it had
        config = dataclasses.replace(config, speaker_encoder_config=None)
    return config


def load_config(find: Callable[[str], Path], where: str) -> ModelConfig:
    """Read and check the config of a model; find: a file's name in the model's folder -> that file.

    Raises what find raises, ConfigError for a file that is not JSON, and as parse_config.
    """
    model = read_json(find(MODEL_CONFIG))
    stranger = _stranger(model, None)
    if stranger:  # before other files are missed that only this family has
        raise ConfigError(f"{where}: {stranger}")
    return parse_config(model, read_json(find(TOKENIZER_CONFIG)), read_json(find(GENERATION_CONFIG)), where)


def read_json(path: Path) -> object:
    """What a JSON file holds. Raises ConfigError, in one line."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a UTF-8 text file: {error}") from None
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}: not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except (
        ValueError,
        RecursionError,
    ) as error:  # numbers of thousands of digits, brackets of thousands of levels
        raise ConfigError(f"{path}: not valid JSON: {str(error).splitlines()[0]}") from None


def _stranger(model: object, speech_tokenizer: object) -> str:
    """What the data is if it is the config of something else; empty if it is not."""
    if not isinstance(model, Mapping):
        return "its config.json holds no keys and values; expected the config of a Qwen3-TTS model"
    kind = model.get("model_type")
    if "flow_lm" in model and "mimi" in model:
        return "this is a config of Pocket TTS, not of Qwen3-TTS"
    if isinstance(kind, str) and kind.startswith("qwen3_tts_tokenizer"):
        return f"this is a codec alone ({kind}); give the model that it belongs to, as Qwen/Qwen3-TTS-12Hz-0.6B-Base"
    if kind != _MODEL:
        said = (
            f"a model of the type {kind!r}" if isinstance(kind, str) else "no model type that is known here"
        )
        return f"its config.json has {said}; expected {_MODEL!r} (Qwen3-TTS)"
    kinds = {"tokenizer_type": model.get("tokenizer_type", TOKENIZER_TYPE)}
    if isinstance(speech_tokenizer, Mapping):
        kinds["speech_tokenizer.model_type"] = speech_tokenizer.get("model_type")
    for path, kind in kinds.items():
        if kind == "qwen3_tts_tokenizer_25hz":
            return f"{path}: a model of the 25 Hz tokenizer; only those of the 12 Hz tokenizer can be spoken with here"
        if kind != TOKENIZER_TYPE:
            return f"{path}: {kind!r}, expected {TOKENIZER_TYPE!r}"
    return ""


def _not_built(data: Mapping[str, Any]) -> list[str]:
    found = []
    for path, built in _ONLY.items():
        value: Any = data
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None and value not in built:
            found.append(f"{path}: {value!r}, only {' or '.join(map(repr, built))} is built here")
    layers = data["talker_config"].get("code_predictor_config", {}).get("layer_types")
    if layers is not None and (
        not isinstance(layers, list) or any(kind != "full_attention" for kind in layers)
    ):
        path = "talker_config.code_predictor_config.layer_types"
        found.append(f"{path}: {layers!r}, only 'full_attention' is built here")
    return found
