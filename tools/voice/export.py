"""From the three trained parts to a bundle that pocket_fast and pocket-tts 4.0.1 load."""

from __future__ import annotations

from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file, save_file

from voice import codec, language, tokens
from voice.latents import LATENT, OFFSET
from voice.layers import RATIOS
from voice.speech import RATE, TRAINED
from voice.teachers import teacher

CONFIG, WEIGHTS, TOKENIZER, VOICES = "builtin.yaml", "model.safetensors", "tokenizer.model", "voices"
PROMPT = "A quiet river runs under the old bridge."
LEVELS = {"espeak": 0.6, "kokoro": 0.9}  # of the teacher's loudness: the decoder overshoots its peaks
# What the training text never held becomes what it did hold.
_REPLACED = {
    **dict.fromkeys("–—;:", ","),
    **dict.fromkeys("’‘", "'"),
    **dict.fromkeys('"“”()[]', ""),
}


def _seanet(width: int, filters: int, kernel: int) -> dict:
    return {
        "dimension": width,
        "n_filters": filters,
        "kernel_size": kernel,
        "channels": 1,
        "n_residual_layers": 1,
        "ratios": list(RATIOS),
        "residual_kernel_size": 3,
        "last_kernel_size": 3,
        "dilation_base": 2,
        "pad_mode": "constant",
        "compress": 2,
    }


def _codec_transformer(size: dict[str, int]) -> dict:
    return {
        "d_model": size["width"],
        "num_heads": size["heads"],
        "num_layers": size["layers"],
        "layer_scale": codec.LAYER_SCALE,
        "context": codec.CONTEXT,
        "dim_feedforward": size["hidden"],
        "input_dimension": size["width"],
        "output_dimensions": [size["width"]],
    }


def config() -> dict:
    """The model's configuration in the form of pocket-tts 4.0.1; files are named relative to it."""
    decoder, encoder = codec.DECODER, codec.ENCODER
    return {
        "weights_path": WEIGHTS,
        "default_temperature": 0.0,
        "default_eos_threshold": 0.0,
        "replace_characters": _REPLACED,
        "flow_lm": {
            "dtype": "float32",
            "insert_bos_before_voice": True,
            "flow": {**language.FLOW, "type": "pointwise"},
            "transformer": {
                "d_model": language.WIDTH,
                "hidden_scale": language.HIDDEN // language.WIDTH,
                "max_period": 10000,
                "num_heads": language.HEADS,
                "num_layers": language.LAYERS,
                "dim_feedforward": language.HIDDEN,
            },
            "lookup_table": {
                "dim": language.WIDTH,
                "n_bins": tokens.COUNT,
                "tokenizer": "sentencepiece",
                "tokenizer_path": TOKENIZER,
            },
        },
        "mimi": {
            "dtype": "float32",
            "sample_rate": RATE,
            "inner_dim": LATENT,
            "outer_dim": decoder["width"],
            "channels": 1,
            "frame_rate": 12.5,
            "seanet": _seanet(encoder["width"], encoder["filters"], 7),
            "transformer": _codec_transformer(encoder),
            "quantizer": {"dimension": LATENT, "output_dimension": decoder["width"]},
            "decoder_seanet": _seanet(decoder["width"], decoder["filters"], 3),
            "decoder_transformer": _codec_transformer(decoder),
        },
    }


def export(folder: Path, target: Path, speaker: str = "espeak") -> None:
    """Writes config, weights (float16) and tokenizer into `target`, then a state of every trained voice."""
    parts = {
        "flow_lm": language.load(folder),
        "mimi": codec.load(folder, codec.Decoder, "decoder"),
    }
    tensors = {
        f"{part}.{name}": value for part, model in parts.items() for name, value in model.state_dict().items()
    }
    encoder = codec.load(folder, codec.Encoder, "encoder")
    tensors.update({f"mimi.{name}": value for name, value in encoder.state_dict().items()})
    for name in ("weight", "bias"):  # the last layer is linear: it sets the level of everything
        tensors[f"mimi.decoder.model.11.conv.{name}"] *= LEVELS[speaker]
    tensors["flow_lm.emb_mean"] = torch.full((LATENT,), OFFSET)
    tensors["flow_lm.emb_std"] = torch.ones(LATENT)
    target.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in tensors.items()}, target / WEIGHTS)
    tokens.write_tokenizer(target / TOKENIZER)
    (target / CONFIG).write_text(yaml.safe_dump(config(), sort_keys=False, allow_unicode=True))
    _export_voices(folder, target, speaker)


def begun(bundle: Path) -> dict[str, torch.Tensor]:
    """The weights of a bundle that learned from espeak-ng, named as there, for trainings on another speech."""
    tensors = {name: value.float() for name, value in load_file(bundle / WEIGHTS).items()}
    for name in ("weight", "bias"):
        tensors[f"mimi.decoder.model.11.conv.{name}"] /= LEVELS["espeak"]
    return tensors


def _export_voices(folder: Path, target: Path, speaker: str) -> None:
    from pocket_fast import TTSModel, export_model_state

    model = TTSModel.load_model(config=target / CONFIG)
    (target / VOICES).mkdir(exist_ok=True)
    speaks = teacher(speaker, folder)
    for timbre in TRAINED:
        state = model.get_state_for_audio_prompt(speaks.render(PROMPT, timbre)[None])
        export_model_state(state, target / VOICES / f"{timbre.name}.safetensors")
