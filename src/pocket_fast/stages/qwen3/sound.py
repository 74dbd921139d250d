"""What is behind the transformer of Qwen3-TTS's codec decoder, as a chain of convolutions.

SnakeBeta units: BigVGAN, arXiv:2206.04658; upsampling blocks: ConvNeXt, arXiv:2201.03545.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def sound_chain(
    chain: Any,
    weights: Mapping[str, np.ndarray],
    config: Any,
    behind_first: Callable[[], Any] | None = None,
    **more: Any,
) -> Any:
    """One row of latent_dim channels -> a frame of samples, on a backend's chain; more: what layers take besides.

    behind_first: gives another chain for what is behind the first block, which takes the output of this one.
    """

    def snake(name: str) -> tuple[np.ndarray, np.ndarray]:
        return weights[name + ".alpha"], weights[name + ".beta"]

    def conv(name: str) -> tuple[np.ndarray, np.ndarray]:
        return weights[name + ".conv.weight"], weights[name + ".conv.bias"]

    x = 0
    for i in range(len(config.upsampling_ratios)):
        x, _ = chain.conv_transpose(x, *conv(f"upsample.{i}.0"), overlap=1, raw=True, **more)
        x = _convnext(chain, weights, f"upsample.{i}.1.", x, more)
    blocks = [f"decoder.{i + 1}.block." for i in range(len(config.upsample_rates))]
    last = len(blocks) + 1
    # the activation of a block's output is the first thing in the next one
    behind = [snake(block + "0") for block in blocks[1:]] + [snake(f"decoder.{last}")]
    _, x = chain.conv(x, *conv("decoder.0"), activation=snake(blocks[0] + "0"), active=True, **more)
    for block, then in zip(blocks, behind, strict=True):
        if behind_first is not None and block == blocks[min(1, len(blocks) - 1)]:
            chain, x = behind_first(), 0
        units = [f"{block}{j}." for j in (2, 3, 4)]
        acts = [snake(unit + "act1") for unit in units] + [then]
        raw, x = chain.conv_transpose(
            x, *conv(block + "1"), activation=acts[0], raw=True, active=True, **more
        )
        for j, unit in enumerate(units):
            _, x = chain.conv(
                x, *conv(unit + "conv1"), dilation=3**j, activation=snake(unit + "act2"), active=True, **more
            )
            raw, x = chain.conv(
                x, *conv(unit + "conv2"), skip=raw, activation=acts[j + 1], raw=j < 2, active=True, **more
            )
    chain.conv(x, *conv(f"decoder.{last + 1}"), activation="clamp", active=True, **more)
    return chain.finish()


def _convnext(
    chain: Any, weights: Mapping[str, np.ndarray], prefix: str, x: int, more: Mapping[str, Any]
) -> int:
    """x + gamma * linear(gelu(linear(norm(depthwise conv(x)))))"""
    h = chain.depthwise(x, weights[prefix + "dwconv.conv.weight"], weights[prefix + "dwconv.conv.bias"])
    h = chain.norm(h, weights[prefix + "norm.weight"], weights[prefix + "norm.bias"], 1e-6)
    wide, narrow = weights[prefix + "pwconv1.weight"], weights[prefix + "pwconv2.weight"]
    wide_bias, bias = weights[prefix + "pwconv1.bias"], weights[prefix + "pwconv2.bias"]
    _, h = chain.conv(h, wide[:, :, None], wide_bias, activation="erf_gelu", active=True, **more)
    x, _ = chain.conv(h, narrow[:, :, None], bias, scale=weights[prefix + "gamma"], skip=x, raw=True, **more)
    return x
