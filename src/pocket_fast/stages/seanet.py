"""SEANet, both directions, as chains of convolutions: what the codecs of Kyutai's models and Mimi's encoder are.

A model's layers are numbered as upstream numbers them: the activations between convolutions count, and have no
tensors. Upstream: pocket_tts/modules/seanet.py (4.0.1); transformers/models/mimi (4.57.3), with other words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def decoder_chain(
    chain: Any,
    weights: Mapping[str, np.ndarray],
    prefix: str,
    *,
    ratios: Sequence[int],
    residual_layers: int,
    dilation_base: int,
    replicate: bool,
    **more: Any,
) -> Any:
    """From steps to prod(ratios) samples each, on a backend's chain.

    weights: {prefix + layer: array}; more: what the backend's convolutions take besides. Returns the chain, finished.
    """
    options = {"replicate": replicate, **more}
    _, x = chain.conv(0, *_layer(weights, f"{prefix}0.conv"), active=True, **options)
    index, residual = 1, residual_layers > 0
    for _ in ratios:
        given = _layer(weights, f"{prefix}{index + 1}.convtr")
        raw, x = chain.conv_transpose(x, *given, raw=residual, active=True, **more)
        index += 2
        for j in range(residual_layers):
            last = j + 1 == residual_layers
            raw, x = _block(chain, weights, f"{prefix}{index}.", raw, x, dilation_base**j, last, options)
            index += 1
    chain.conv(x, *_layer(weights, f"{prefix}{index + 1}.conv"), raw=True, **options)
    return chain.finish()


def encoder_chain(
    chain: Any,
    weights: Mapping[str, np.ndarray],
    prefix: str,
    *,
    ratios: Sequence[int],
    residual_layers: int,
    dilation_base: int,
    replicate: bool,
    **more: Any,
) -> Any:
    """From samples to steps of prod(ratios), as decoder_chain. Ratios are applied in reverse."""
    options = {"replicate": replicate, **more}
    residual = residual_layers > 0
    raw, x = chain.conv(0, *_layer(weights, f"{prefix}0.conv"), raw=residual, active=True, **options)
    index = 1
    for ratio in reversed(ratios):
        for j in range(residual_layers):
            last = j + 1 == residual_layers
            raw, x = _block(chain, weights, f"{prefix}{index}.", raw, x, dilation_base**j, last, options)
            index += 1
        given = _layer(weights, f"{prefix}{index + 1}.conv")
        raw, x = chain.conv(x, *given, stride=ratio, raw=residual, active=True, **options)
        index += 2
    chain.conv(x, *_layer(weights, f"{prefix}{index + 1}.conv"), raw=True, **options)
    return chain.finish()


def _block(
    chain: Any,
    weights: Mapping[str, np.ndarray],
    prefix: str,
    raw: int,
    x: int,
    dilation: int,
    last: bool,
    options: dict[str, Any],
) -> tuple[int, int]:
    """raw + conv1(elu(conv3(x))), x being elu(raw); the value itself is kept only if another block follows."""
    _, inner = chain.conv(
        x, *_layer(weights, f"{prefix}block.1.conv"), dilation=dilation, active=True, **options
    )
    return chain.conv(
        inner, *_layer(weights, f"{prefix}block.3.conv"), skip=raw, raw=not last, active=True, **options
    )


def _layer(weights: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]
