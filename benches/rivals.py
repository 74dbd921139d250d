"""The same weights in the form in which each rival takes them; what they compute stays the same.

pocket-tts          the checkpoint as it is
ptts                its own config.json and tokenizer.json; without the tensors only voice cloning reads, because it
                    expects a wider encoder; the voice as prompt embeddings
pocket-tts-mlx      config.yaml without the options of pocket-tts 4 that are at their defaults
qwen-tts            the folder as it is
vox-tts             one file, written by its own builder: matrices of the language models in blocks of 8 bits
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import yaml

NEW_IN_4 = ("default_eos_threshold", "replace_characters")


def prepare(
    family: str, python: str, config: Path, voice: Path | str, folder: Path
) -> tuple[Path, Path | str]:
    """(model, voice) to hand to contenders.py for this family; files it needs are written into `folder`.

    python: the interpreter it is installed for; config: config.yaml, or the folder of a Qwen3-TTS model with the name
    of one of its speakers as the voice.
    """
    if family == "vox":
        return _vox(python, config, folder / "vox.tmod"), voice
    if config.is_dir():
        return config, voice
    if family == "ptts":
        return _ptts(config, voice, folder / family), Path("prompt")
    if family == "pocket_tts_mlx":
        return _mlx(config, folder / "mlx.yaml"), exported(config, voice, folder)
    return config, exported(config, voice, folder)


def exported(config: Path, voice: Path, folder: Path) -> Path:
    """The voice as a state, which ours and pocket-tts read."""
    from pocket_fast import TTSModel, export_model_state

    state = folder / "voice.safetensors"
    if not state.exists():
        export_model_state(TTSModel.load_model(config=config).get_state_for_audio_prompt(voice), state)
    return state


def _vox(python: str, model: Path, to: Path) -> Path:
    if not to.exists():
        how = ["--dtype", "bf16", "--quant", "q8", "--no-hash"]
        subprocess.run([python, "-m", "vox.build", "--model", model, *how, "-o", to], check=True, stdout=2)
    return to


def _mlx(config: Path, to: Path) -> Path:
    def known(tree: dict[str, Any]) -> dict[str, Any]:
        return {
            k: known(v) if isinstance(v, dict) else v
            for k, v in tree.items()
            if k not in NEW_IN_4 and (v is not None or k.startswith("weights_path"))
        }

    to.write_text(yaml.safe_dump(known(yaml.safe_load(config.read_text(encoding="utf-8")))), encoding="utf-8")
    return to


def _ptts(config: Path, voice: Path, folder: Path) -> Path:
    import sentencepiece

    from make_tiny_tokenizer import convert
    from pocket_fast.models.pocket.config_file import load_config, resolve_location
    from pocket_fast.models.pocket.layouts import CLONING_PREFIXES
    from pocket_fast.weights.tensors import Tensor, TensorFile

    settings = load_config(config)
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(_ptts_config(settings)), encoding="utf-8")
    table = settings.flow_lm.lookup_table
    tokens = sentencepiece.SentencePieceProcessor(resolve_location(table.tokenizer_path, config.parent))
    convert(tokens).save(str(folder / "tokenizer.json"))
    with TensorFile(resolve_location(settings.weights_path, config.parent)) as file:
        left_out = (*CLONING_PREFIXES, "flow_lm.bos_before_voice")  # the embeddings begin with it
        tensors = {name: file.tensor(name) for name in file.names if not name.startswith(left_out)}
        _write(folder / "model.safetensors", tensors)
    _write(folder / "voices" / "prompt.safetensors", {"emb": Tensor(_embeddings(config, voice), "F32")})
    return folder


def _write(path: Path, tensors: dict[str, Any]) -> None:
    """A safetensors file of weights.tensors.Tensor: NumPy has no bfloat16, so the library cannot."""
    header, end = {}, 0
    for name, tensor in tensors.items():
        begin, end = end, end + tensor.array.nbytes
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(tensor.array.tobytes())


def _embeddings(config: Path, voice: Path) -> np.ndarray:
    """(n, d) float32: what a voice prompt becomes before the language model reads it."""
    from pocket_fast import TTSModel
    from pocket_fast.audio.read import read_audio
    from pocket_fast.audio.resample import end_on_pause, resample

    model = TTSModel.load_model(config=config)
    encoder = model.stages.encoder
    pcm, rate = read_audio(voice)
    pcm = end_on_pause(resample(pcm, rate, model.sample_rate))
    whole = np.pad(pcm, (0, -len(pcm) % encoder.samples_per_frame))
    return model.stages.backbone.embed_voice(encoder.encode(encoder.stream(), whole))


def _ptts_config(c: Any) -> dict[str, Any]:
    """A pocket_fast ModelConfig in ptts's words."""
    lm, mimi = c.flow_lm, c.mimi
    t, seanet, codec = lm.transformer, mimi.seanet, mimi.transformer
    same = ("n_filters", "n_residual_layers", "kernel_size", "last_kernel_size", "residual_kernel_size")
    return {
        "flow_lm": {
            "d_model": t.d_model,
            "num_heads": t.num_heads,
            "num_layers": t.num_layers,
            "dim_feedforward": t.ffn_dim,
            "max_period": t.max_period,
            "n_bins": lm.lookup_table.n_bins,
            "lut_dim": lm.lookup_table.dim,
            "flow_dim": lm.flow.dim,
            "flow_depth": lm.flow.depth,
            "ldim": mimi.latent_dim,
        },
        "mimi": {
            "channels": mimi.channels,
            "sample_rate": mimi.sample_rate,
            "frame_rate": mimi.frame_rate,
            "dimension": seanet.dimension,
            "quantizer_dimension": mimi.quantizer.dimension,
            "quantizer_output_dimension": mimi.quantizer.output_dimension,
            **{name: getattr(seanet, name) for name in same},
            "ratios": list(seanet.ratios),
            "dilation_base": seanet.dilation_base,
            "compress": seanet.compress,
            "transformer_d_model": codec.d_model,
            "transformer_num_heads": codec.num_heads,
            "transformer_num_layers": codec.num_layers,
            "transformer_layer_scale": codec.layer_scale,
            "transformer_context": codec.context,
            "transformer_max_period": codec.max_period,
            "transformer_dim_feedforward": codec.ffn_dim,
        },
        "temp": c.default_temperature,
        "lsd_decode_steps": 1,
        "eos_threshold": c.default_eos_threshold,
        "fuser": {"sum": [], "streaming_sum": [], "prepend": [], "cross": []},
        "conditioners": [],
        "model_id": None,
    }
