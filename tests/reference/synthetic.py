"""Whole synthetic models on disk: config.yaml, model.safetensors, tokenizer.model."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import yaml

from pocket_fast.models.pocket.catalog import shipped_config
from pocket_fast.models.pocket.names import expected_tensors

from .checkpoint import write_weights
from .lively import eos_bias, lively_tensor
from .tiny import TINY_MODELS, tiny_config

STORAGE = {"bf16": "BF16", "f16": "F16", "f32": "F32"}
ROOT = Path(__file__).resolve().parents[2]
TINY_TOKENIZER = ROOT / "tests" / "data" / "tiny_tokenizer.model"
SHARED_DATA = Path(os.environ.get("POCKET_FAST_SHARED_DATA", ROOT.parent / "shared" / "data"))
ENGLISH_TOKENIZER = SHARED_DATA / "pocket-tts-english" / "tokenizer.model"


def make_model(folder, model="english", seed=0, dtype="bf16", tokenizer=None) -> Path:
    """Write the three files into `folder` (made if needed) and return the path of config.yaml.

    model is a shipped name or a tiny one; tokenizer is a SentencePiece model, whose size the text table takes
    (default: the real English one if it lies beside the repository, else the 400 pieces of the tests). Paths
    in config.yaml are absolute, so that it loads from any folder, here and in pocket-tts.
    """
    import sentencepiece

    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    config = tiny_config(model) if model in TINY_MODELS else shipped_config(model)
    if tokenizer is None:
        is_tiny = model in TINY_MODELS or not ENGLISH_TOKENIZER.exists()
        tokenizer = TINY_TOKENIZER if is_tiny else ENGLISH_TOKENIZER
    blob = Path(tokenizer).read_bytes()
    (folder / "tokenizer.model").write_bytes(blob)
    table = dataclasses.replace(
        config.flow_lm.lookup_table,
        n_bins=sentencepiece.SentencePieceProcessor(model_proto=blob).vocab_size(),
        tokenizer="sentencepiece",
        tokenizer_path=str(folder / "tokenizer.model"),
    )
    config = dataclasses.replace(
        config,
        flow_lm=dataclasses.replace(config.flow_lm, lookup_table=table),
        weights_path=str(folder / "model.safetensors"),
        weights_path_without_voice_cloning=None,
    )
    shapes = expected_tensors(config)
    bias = eos_bias(config)
    write_weights(
        folder / "model.safetensors",
        shapes,
        lambda name: lively_tensor(name, shapes[name], bias, seed),
        STORAGE[dtype],
    )
    path = folder / "config.yaml"
    path.write_text(
        yaml.safe_dump(_plain(dataclasses.asdict(config)), sort_keys=False, allow_unicode=True),
        encoding="utf-8",
    )
    return path


def _plain(value):
    """YAML has no tuples."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value
