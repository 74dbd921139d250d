"""The layouts in which Pocket TTS weights come, brought to one: the names of the released bundles.

1. Bundle: one safetensors file, `flow_lm.*` and `mimi.*`, exactly the expected names; or one with its large
   matrices in 8 bits (int8.py).
2. Parts: a FlowLM file and a Mimi file with the names of the training code (renames and skips below;
   weight-normalised convolutions are folded).
3. Training checkpoint (.pt): see checkpoint.py. It replaces `flow_lm.*`, and `mimi.*` as far as it has them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from pocket_fast.errors import ConfigError, WeightsError
from pocket_fast.weights.int8 import is_int8, out_of_range, stored_types, with_scales
from pocket_fast.weights.tensors import Tensor, TensorFile, forget_pages

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

# Bits of infinity by type; anything from there up, sign aside, is infinite or NaN.
_INFINITY = {"F32": 0x7F800000, "BF16": 0x7F80, "F16": 0x7C00}

_LISTED = 6  # names per complaint


def load_pocket_weights(
    expected: Mapping[str, tuple[int, ...]],
    *,
    bundle: Path | None = None,
    flow_lm: Path | None = None,
    mimi: Path | None = None,
    checkpoint: Path | None = None,
    has_voice_cloning: bool = True,
    int8_matrices: Collection[str] = (),
) -> dict[str, Tensor]:
    """Every expected tensor by its bundle name, in the order of `expected`; types F32, BF16 or F16.

    If the bundle is an 8-bit one, int8_matrices are I8 instead, each followed by its scales (int8.py).
    Later sources win: bundle, then flow_lm and mimi files, then checkpoint; but a bundle's FlowLM wins
    over a flow_lm file, as in pocket-tts 4.x. Arrays are views on the mapped files where no conversion was
    needed. With has_voice_cloning=False the tensors that only cloning reads may hold NaN.
    Raises NotFoundError, ConfigError (the files do not make up a model), WeightsError (damaged file, or one
    message with every missing, extra, misshapen and mistyped tensor, or the tensors with NaN or infinity).
    """
    _check_sources(bundle, flow_lm, mimi, checkpoint)
    problems = _Problems()
    found: dict[str, Tensor] = {}
    types: dict[str, str] = {}  # where only one will do
    if bundle is not None:
        with TensorFile(bundle) as file:
            if is_int8(file) and checkpoint is None:
                types = stored_types(int8_matrices)
                expected = with_scales(expected, int8_matrices)
            found.update(_tensors(file))
    elif flow_lm is not None:
        found.update(problems.renamed(_flow_lm_names(_read(flow_lm)), "flow_lm."))
    if mimi is not None:
        found = _without(found, "mimi.")
        found.update(problems.renamed(_mimi_names(_read(mimi)), "mimi."))
    if checkpoint is not None:
        from pocket_fast.weights.checkpoint import read_checkpoint  # brings zipfile and pickle

        trained = read_checkpoint(checkpoint)
        found = _without(found, "flow_lm.")
        # Its codec may hold tensors only training needs.
        found.update({k: v for k, v in trained.items() if k in expected or k.startswith("flow_lm.")})
        if not any(name.startswith("mimi.") for name in found):
            raise ConfigError(f"{checkpoint}: brings no codec; set weights_path or mimi.weights_path")
    where = " + ".join(str(path) for path in (bundle, flow_lm, mimi, checkpoint) if path is not None)
    problems.compare(found, expected, types)
    problems.raise_for(where)
    weights = {name: _as_float(found[name]) for name in expected}
    _check_values(weights, where, () if has_voice_cloning else CLONING_PREFIXES)
    return weights


def checkpoint_has_codec(checkpoint: Path) -> bool:
    """Whether a training checkpoint brings `mimi.*`; if not, a bundle or a Mimi file must."""
    from pocket_fast.weights.checkpoint import read_checkpoint

    return any(name.startswith("mimi.") for name in read_checkpoint(checkpoint))


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


def widen(tensor: Tensor) -> np.ndarray:
    """The tensor as float32 (exact for BF16 and F16); float32 comes back as it is."""
    if tensor.dtype == "BF16":
        return (tensor.array.astype(np.uint32) << 16).view(np.float32)
    return tensor.array.astype(np.float32, copy=False)


def _as_float(tensor: Tensor) -> Tensor:
    return Tensor(widen(tensor), "F32") if tensor.dtype == "F64" else tensor


def _check_values(weights: Mapping[str, Tensor], where: str, unused: tuple[str, ...]) -> None:
    bad = [name for name, t in weights.items() if not name.startswith(unused) and not _is_finite(t)]
    if bad:
        raise WeightsError(f"{where}: NaN or infinite values in {_names(bad)}; the file is damaged")
    bad = out_of_range(weights)
    if bad:
        raise WeightsError(f"{where}: 8-bit weights out of range in {_names(bad)}; the file is damaged")


def _is_finite(tensor: Tensor) -> bool:
    """By comparing bit patterns as integers: two passes at memory speed, 220 MB of BF16 take about 20 ms."""
    if tensor.array.size == 0 or tensor.dtype == "I8":
        return True
    width, infinity = tensor.array.itemsize, _INFINITY[tensor.dtype]
    negative_infinity = infinity | 1 << (8 * width - 1)
    positive = int(tensor.array.view(f"<i{width}").max()) < infinity
    finite = positive and int(tensor.array.view(f"<u{width}").max()) < negative_infinity
    forget_pages(tensor.array)  # or the whole file would stay in memory beside its packed copy
    return finite


class _Problems:
    """Everything that separates the tensors found from the tensors expected."""

    def __init__(self) -> None:
        self.twice: list[str] = []
        self.missing: list[str] = []
        self.extra: list[str] = []
        self.misshapen: list[str] = []
        self.mistyped: list[str] = []

    def renamed(self, items: Iterable[tuple[str, Tensor]], prefix: str) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for name, tensor in items:
            if prefix + name in tensors:
                self.twice.append(prefix + name)
            tensors[prefix + name] = tensor
        return tensors

    def compare(
        self, found: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]], types: Mapping[str, str]
    ) -> None:
        """types: of the tensors that may not have just any floating-point type."""
        self.missing = [name for name in expected if name not in found]
        self.extra = [name for name in found if name not in expected]
        for name, shape in expected.items():
            tensor = found.get(name)
            if tensor is not None and tensor.shape != tuple(shape):
                self.misshapen.append(f"{name} is {list(tensor.shape)}, expected {list(shape)}")
            fits = (types[name],) if name in types else (*_INFINITY, "F64")
            if tensor is not None and tensor.dtype not in fits:
                self.mistyped.append(
                    f"{name} is {tensor.dtype}, expected {types.get(name, 'F32, BF16 or F16')}"
                )

    def raise_for(self, where: str) -> None:
        kinds = {
            "missing": self.missing,
            "not expected": self.extra,
            "of another shape": self.misshapen,
            "of another type": self.mistyped,
            "there twice after renaming": self.twice,
        }
        said = [f"{len(names)} {kind} ({_names(names)})" for kind, names in kinds.items() if names]
        if said:
            raise WeightsError(f"{where}: the tensors do not fit the config: {'; '.join(said)}")


def _names(names: list[str]) -> str:
    rest = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + rest
