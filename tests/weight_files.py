"""The weights of one model in the other layouts that loaders accept."""

from __future__ import annotations

from reference.checkpoint import write_weights

_CONDITIONERS = "condition_provider.conditioners."
_TRAINING = {
    "flow_lm.": [
        ("conditioner.embed.", f"{_CONDITIONERS}transcript_in_segment.embed."),
        ("speaker_proj_weight", f"{_CONDITIONERS}speaker_wavs.output_proj.weight"),
        ("bos_before_voice", "fuser.padding_value"),
        ("in_proj.weight", "in_proj_weight"),
    ],
    "mimi.": [
        (".conv.", ".conv.conv."),
        (".convtr.", ".convtr.convtr."),
        ("in_proj.weight", "in_proj_weight"),
    ],
}


def write(path, tensors) -> str:
    """A float32 safetensors file."""
    write_weights(path, {name: array.shape for name, array in tensors.items()}, tensors.__getitem__)
    return str(path)


def part(values, prefix):
    """Those of `values` whose names begin so."""
    return {name: array for name, array in values.items() if name.startswith(prefix)}


def training_names(values, prefix):
    """The part of a bundle under the names that the training code gives it."""
    renamed = {}
    for name, array in part(values, prefix).items():
        name = name.removeprefix(prefix)
        for old, new in _TRAINING[prefix]:
            name = name.replace(old, new, 1)
        renamed[name] = array
    return renamed
