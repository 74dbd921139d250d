"""The layouts in which Pocket TTS weights come, brought to one: the names of the released bundles.

1. Bundle: one safetensors file, `flow_lm.*` and `mimi.*`, exactly the expected names; or one with its large
   matrices in 8 or 4 bits (integers.py).
2. Parts: a FlowLM file and a Mimi file with the names of the training code (renames and skips below;
   weight-normalised convolutions are folded).
3. Training checkpoint (.pt): see checkpoint.py. It replaces `flow_lm.*`, and `mimi.*` as far as it has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from pocket_fast.errors import ConfigError
from pocket_fast.weights.fit import Problems, as_float, check_values, widen
from pocket_fast.weights.integers import stored_bits, stored_types, with_scales
from pocket_fast.weights.tensors import Tensor, TensorFile

# Only these read a voice recording. Files for use without cloning need not hold real values there.
CLONING_PREFIXES = (
    "mimi.encoder.",
    "mimi.encoder_transformer.",
    "mimi.downsample.",
    "flow_lm.speaker_proj_weight",
)

_FLOW_LM_SKIPPED = (
    "flow.w_s_t.",
    "num_ema_updates",
    "condition_provider.conditioners.transcript_in_segment.learnt_padding",
    "condition_provider.conditioners.speaker_wavs.learnt_padding",
)
_FLOW_LM_RENAMED = {
    "condition_provider.conditioners.transcript_in_segment.embed.weight": "conditioner.embed.weight",
    "condition_provider.conditioners.speaker_wavs.output_proj.weight": "speaker_proj_weight",
    "fuser.padding_value": "bos_before_voice",
}
_MIMI_SKIPPED = ("model.quantizer.vq.", "wavlm_input_resample.kernel", "wavlm_proj.weight")
_MIMI_SKIPPED_PARTS = ("_codebook", "wavlm_emb_downsample", "quantizer.logvar_p")


def load_pocket_weights(
    expected: Mapping[str, tuple[int, ...]],
    *,
    bundle: Path | None = None,
    flow_lm: Path | None = None,
    mimi: Path | None = None,
    checkpoint: Path | None = None,
    has_voice_cloning: bool = True,
    matrices: Callable[[int], Mapping[str, int]] = lambda bits: {},
) -> dict[str, Tensor]:
    """Every expected tensor by its bundle name, in the order of `expected`; types F32, BF16 or F16.

    If the bundle is one of integers, matrices(bits) are, each followed by what belongs to it (integers.py).
    Later sources win: bundle, then flow_lm and mimi files, then checkpoint; but a bundle's FlowLM wins
    over a flow_lm file, as in pocket-tts 4.x. Arrays are views on the mapped files where no conversion was
    needed. With has_voice_cloning=False the tensors that only cloning reads may hold NaN.
    Raises NotFoundError, ConfigError (the files do not make up a model), WeightsError (damaged file, or one
    message with every missing, extra, misshapen and mistyped tensor, or the tensors with NaN or infinity).
    """
    _check_sources(bundle, flow_lm, mimi, checkpoint)
    problems = Problems()
    found: dict[str, Tensor] = {}
    types: dict[str, str] = {}  # where only one will do
    if bundle is not None:
        with TensorFile(bundle) as file:
            bits = stored_bits(file)
            if bits is not None and checkpoint is None:
                types = stored_types(matrices(bits))
                expected = with_scales(expected, matrices(bits))
            found.update(_tensors(file))
    elif flow_lm is not None:
        found.update(problems.renamed(_flow_lm_names(_read(flow_lm)), "flow_lm."))
    if mimi is not None:
        found = _without(found, "mimi.")
        found.update(problems.renamed(_mimi_names(_read(mimi)), "mimi."))
    if checkpoint is not None:
        from pocket_fast.models.pocket.checkpoint import read_checkpoint  # brings zipfile

        trained = read_checkpoint(checkpoint)
        found = _without(found, "flow_lm.")
        # Its codec may hold tensors only training needs.
        found.update({k: v for k, v in trained.items() if k in expected or k.startswith("flow_lm.")})
        if not any(name.startswith("mimi.") for name in found):
            raise ConfigError(f"{checkpoint}: brings no codec; set weights_path or mimi.weights_path")
    where = " + ".join(str(path) for path in (bundle, flow_lm, mimi, checkpoint) if path is not None)
    problems.compare(found, expected, types)
    problems.raise_for(where)
    weights = {name: as_float(found[name]) for name in expected}
    check_values(weights, where, () if has_voice_cloning else CLONING_PREFIXES)
    return weights


def _check_sources(
    bundle: Path | None, flow_lm: Path | None, mimi: Path | None, checkpoint: Path | None
) -> None:
    if bundle is None and flow_lm is None and checkpoint is None:
        what = "mimi.weights_path alone" if mimi else "no weights_path"
        raise ConfigError(f"{what} does not make a model; set weights_path, or flow_lm.weights_path as well")
    if bundle is None and flow_lm is not None and mimi is None and checkpoint is None:
        raise ConfigError("flow_lm.weights_path is set without mimi.weights_path; set both, or weights_path")


def _read(path: Path) -> dict[str, Tensor]:
    with TensorFile(path) as file:
        return _tensors(file)


def _tensors(file: TensorFile) -> dict[str, Tensor]:
    return {name: file.tensor(name) for name in file.names}


def _without(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(prefix)}


def _flow_lm_names(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors.items():
        if not name.startswith(_FLOW_LM_SKIPPED):
            name = _FLOW_LM_RENAMED.get(name, name)
            yield name.replace(".self_attn.in_proj_weight", ".self_attn.in_proj.weight"), tensor


def _mimi_names(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    if any(name.startswith("mimi.") for name in tensors):  # a bundle, of which the codec is wanted
        yield from ((k.removeprefix("mimi."), v) for k, v in tensors.items() if k.startswith("mimi."))
        return
    for name, tensor in tensors.items():
        if name.startswith(_MIMI_SKIPPED) or any(part in name for part in _MIMI_SKIPPED_PARTS):
            continue
        if name.endswith(".weight_g") and f"{name[:-1]}v" in tensors:
            tensor = _fold(tensor, tensors[f"{name[:-1]}v"])
            name = name.removesuffix("_g")
        elif name.endswith(".weight_v") and f"{name[:-1]}g" in tensors:
            continue
        name = name.removeprefix("model.").replace(".conv.conv.", ".conv.")
        name = name.replace(".convtr.convtr.", ".convtr.").replace("in_proj_weight", "in_proj.weight")
        yield name, tensor


def _fold(g: Tensor, v: Tensor) -> Tensor:
    """weight = g * v / |v|, the norm over all dimensions but the first (weight normalisation)."""
    direction = widen(v).astype(np.float64)
    axes = tuple(range(1, direction.ndim))
    norm = np.sqrt(np.sum(direction**2, axis=axes, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):  # an all-zero row gives NaN, reported later
        return Tensor((widen(g) * (direction / norm)).astype(np.float32), "F32")
