"""The YAML file of a Pocket TTS model: read and checked."""

from __future__ import annotations

import os
from pathlib import Path

from pocket_fast.errors import ConfigError, NotFoundError
from pocket_fast.models import strict
from pocket_fast.models.pocket import consistency
from pocket_fast.models.pocket.config import ModelConfig


def parse_config(data: object, where: str) -> ModelConfig:
    """A checked config from YAML data; `where` names its origin in errors.

    Raises ConfigError listing every unknown or missing key, wrong type and contradiction.
    """
    problems: list[str] = []
    config = strict.build(ModelConfig, data, problems)
    if config is not None:
        problems = consistency.problems_of(config)
    if config is None or problems:
        if len(problems) == 1:
            raise ConfigError(f"{where}: {problems[0]}")
        raise ConfigError(f"{where}: {len(problems)} problems in this config:\n  " + "\n  ".join(problems))
    return config


def load_config(path: Path) -> ModelConfig:
    """Read and check a local YAML config.

    Raises NotFoundError (no such file) or ConfigError (unreadable, not YAML, or see parse_config).
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no such config file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a UTF-8 text file: {error}") from None
    try:
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}: not valid YAML{at}: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from None
    if data is None:
        raise ConfigError(f"{path}: this config is empty; it needs at least flow_lm and mimi")
    return parse_config(data, str(path))


def resolve_location(value: str, base_folder: Path | None) -> str:
    """Where a path written in a config points: URLs as they are, relative paths from the config's folder.

    A relative path that does not exist there but does from the current directory means the latter
    (what pocket-tts 4.x does).
    """
    path = Path(value)
    if "://" in value or base_folder is None or path.is_absolute():
        return value
    beside = base_folder / path
    return value if os.path.exists(path) and not os.path.exists(beside) else str(beside)
