"""Whole synthetic Qwen3-TTS models on disk: the files of a released folder, exact names and shapes."""

from __future__ import annotations

import json
import math
from pathlib import Path

from pocket_fast.models.qwen3.config import ModelConfig
from pocket_fast.models.qwen3.config_files import TOKENIZER_CONFIG
from pocket_fast.models.qwen3.names import CODEC_PREFIX, expected_tensors

from ..checkpoint import write_weights
from .released import RELEASED_QWEN3, released_files
from .text_files import full_vocabulary, tiny_vocabulary, write_json, write_text_files
from .tiny import TINY_QWEN3, config_of, tiny_files
from .weights import lively_pieces, lively_tensor

QWEN3_MODELS = (*TINY_QWEN3, *RELEASED_QWEN3)


def make_qwen3_model(folder, model, seed=0, dtype="bf16", shards=1, endless=False) -> Path:
    """Write a model into `folder` (made if needed) and return the folder.

    model: one of QWEN3_MODELS; dtype: of the main file, "bf16", "f16" or "f32" (the codec's is float32, as released);
    shards: the main file is cut into so many, with an index; endless: speech of the released sizes does not
    end by itself, because that is never among the 50 likeliest.
    """
    folder = Path(folder).resolve()
    (folder / "speech_tokenizer").mkdir(parents=True, exist_ok=True)
    is_tiny = model in TINY_QWEN3
    files = tiny_files(model) if is_tiny else released_files(model)
    for name, data in files.items():
        write_json(folder / name, data)
    write_text_files(folder, tiny_vocabulary() if is_tiny else full_vocabulary())
    _write_codec_files(folder / Path(TOKENIZER_CONFIG).parent)
    config = config_of(files, model)
    main, codec = file_tensors(config)
    storage = {"bf16": "BF16", "f16": "F16", "f32": "F32"}[dtype]
    _write_main(folder, config, main, storage, seed, shards, endless)
    _write(folder / "speech_tokenizer" / "model.safetensors", config, codec, "F32", seed, CODEC_PREFIX)
    return folder


def file_tensors(config: ModelConfig):
    """(shapes of the main file, shapes of the codec's file), with the tensors that no one reads."""
    shapes = expected_tensors(config)
    main = {n: s for n, s in shapes.items() if not n.startswith(CODEC_PREFIX)}
    codec = {n.removeprefix(CODEC_PREFIX): s for n, s in shapes.items() if n not in main}
    codec.update(_unused(config.speech_tokenizer))
    return main, codec


def _unused(tokenizer):
    """What training needed: the decoder's way into its quantisers, the encoder's way out, tables beyond the 16th."""
    decoder, encoder = tokenizer.decoder_config, tokenizer.encoder_config
    shapes = {}
    for name in ("first", "rest"):
        shape = (decoder.codebook_dim // 2, decoder.codebook_dim, 1)
        shapes[f"decoder.quantizer.rvq_{name}.input_proj.weight"] = shape
    code, semantic = encoder.codebook_dim, encoder.num_semantic_quantizers
    for name, n in (("semantic", semantic), ("acoustic", encoder.num_quantizers - semantic)):
        prefix = f"encoder.quantizer.{name}_residual_vector_quantizer."
        shapes[prefix + "output_proj.weight"] = (encoder.hidden_size, code, 1)
        for i in range(n):
            book = f"{prefix}layers.{i}.codebook."
            shapes[book + "initialized"] = (1,)
            if name == "acoustic" and i >= tokenizer.encoder_valid_num_quantizers - semantic:
                shapes[book + "cluster_usage"] = (encoder.codebook_size,)
                shapes[book + "embed_sum"] = (encoder.codebook_size, code)
    return shapes


def _write_main(folder, config, shapes, storage, seed, shards, endless):
    name = "model.safetensors"
    if shards == 1:
        _write(folder / name, config, shapes, storage, seed, endless=endless)
        return
    parts = [{} for _ in range(shards)]
    end, size = 0, sum(map(math.prod, shapes.values()))
    for tensor, shape in shapes.items():
        parts[min(end * shards // size, shards - 1)][tensor] = shape
        end += math.prod(shape)
    places = {}
    for i, part in enumerate(parts, 1):
        file = f"model-{i:05}-of-{shards:05}.safetensors"
        places.update(dict.fromkeys(part, file))
        _write(folder / file, config, part, storage, seed, endless=endless)
    total = size * (4 if storage == "F32" else 2)
    write_json(folder / f"{name}.index.json", {"metadata": {"total_size": total}, "weight_map": places})


def _write(path, config, shapes, storage, seed, prefix="", endless=False):
    def pieces(name):
        if endless and name == "talker.codec_head.weight":
            head = lively_tensor(config, name, shapes[name], seed)
            head[config.talker_config.codec_eos_token_id] = 0  # so is the logit: half of all are larger
            return head
        return lively_pieces(config, prefix + name, shapes[name], seed)

    write_weights(path, shapes, pieces, storage)


def _write_codec_files(folder):
    extractor = {
        "feature_extractor_type": "EncodecFeatureExtractor",
        "feature_size": 1,
        "sampling_rate": 24000,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": True,
        "chunk_length_s": None,
        "overlap": None,
    }
    write_json(folder / "preprocessor_config.json", extractor)
    configuration = {"framework": "pytorch", "task": "text-to-speech", "allow_remote": True}
    (folder / "configuration.json").write_text(json.dumps(configuration), encoding="utf-8")
