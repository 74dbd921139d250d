"""Layers of the Pocket TTS architecture for training: whole sequences at once, tensors named as in checkpoints.

The streaming modules of the package compute the same; these see a sequence from its first frame to its last.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def rotate(x: torch.Tensor, positions: torch.Tensor, period: float = 10000.0) -> torch.Tensor:
    """Rotary embedding (Su et al. 2021) of x (..., n, heads, d), pairs interleaved; positions (n,)."""
    half = x.shape[-1] // 2
    rates = period ** (-torch.arange(half, dtype=torch.float32) / half)
    angles = positions[:, None, None] * rates
    turns = torch.polar(torch.ones_like(angles), angles)
    pairs = torch.view_as_complex(x.float().unflatten(-1, (half, 2)).contiguous())
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


def causal_mask(length: int, context: int | None = None) -> torch.Tensor:
    """(length, length), 0 where a query (row) may look and -inf elsewhere."""
    gap = torch.arange(length)[:, None] - torch.arange(length)
    allowed = (gap >= 0) & (gap < (context or length))
    return torch.zeros(length, length).masked_fill(~allowed, float("-inf"))


class Attention(nn.Module):
    """Multi-head self-attention; by plain products, whose backward pass is the faster one on a CPU."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.in_proj = nn.Linear(width, 3 * width, bias=False)
        self.out_proj = nn.Linear(width, width, bias=False)

    def project(self, x: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Queries (scaled), keys and values (..., heads, n, d) of x (..., n, width)."""
        queries, keys, values = self.in_proj(x).unflatten(-1, (3, self.heads, -1)).unbind(-3)
        queries = rotate(queries, positions) * queries.shape[-1] ** -0.5
        keys = rotate(keys, positions)
        return queries.transpose(-2, -3), keys.transpose(-2, -3), values.transpose(-2, -3)

    def merge(self, heard: torch.Tensor) -> torch.Tensor:
        """(..., heads, n, d) back to (..., n, width)."""
        return self.out_proj(heard.transpose(-2, -3).flatten(-2))


class LayerScale(nn.Module):
    def __init__(self, width: int, scale: float):
        super().__init__()
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale


class Layer(nn.Module):
    """A pre-norm transformer layer; `attend(attention, x)` is how this model's sequences look at themselves."""

    def __init__(self, width: int, heads: int, hidden: int, scale: float | None = None):
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, hidden, bias=False)
        self.linear2 = nn.Linear(hidden, width, bias=False)
        self.layer_scale_1 = nn.Identity() if scale is None else LayerScale(width, scale)
        self.layer_scale_2 = nn.Identity() if scale is None else LayerScale(width, scale)

    def feed_forward(self, x: torch.Tensor) -> torch.Tensor:
        update = self.linear2(F.gelu(self.linear1(self.norm2(x)), approximate="tanh"))
        return x + self.layer_scale_2(update)

    def forward(self, x: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x (b, n, width), all positions of one sequence."""
        queries, keys, values = self.self_attn.project(self.norm1(x), positions)
        weights = (queries @ keys.transpose(-1, -2) + mask).softmax(-1)
        x = x + self.layer_scale_1(self.self_attn.merge(weights.to(values.dtype) @ values))
        return self.feed_forward(x)


class Layers(nn.Module):
    def __init__(self, count: int, width: int, heads: int, hidden: int, scale: float | None = None):
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, heads, hidden, scale) for _ in range(count))


class CodecTransformer(nn.Module):
    """Causal, with a limited context, (b, width, n) to the same."""

    def __init__(self, count: int, width: int, heads: int, hidden: int, context: int, scale: float):
        super().__init__()
        self.transformer = Layers(count, width, heads, hidden, scale)
        self.context = context

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.transpose(1, 2)
        positions, mask = torch.arange(x.shape[1]), causal_mask(x.shape[1], self.context)
        for layer in self.transformer.layers:
            x = layer(x, positions, mask)
        return x.transpose(1, 2)


class Conv(nn.Module):
    """Causal convolution: zeros, or the first column again and again, on the left."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        bias: bool = True,
        pad: str = "constant",
    ):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride, bias=bias)
        self._left, self._pad = kernel - stride, pad

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(F.pad(x, (self._left, 0), mode=self._pad) if self._left else x)


class Upconv(nn.Module):
    """Transposed convolution, its overhang on the right dropped."""

    def __init__(self, inputs: int, outputs: int, ratio: int, groups: int = 1, bias: bool = True):
        super().__init__()
        self.convtr = nn.ConvTranspose1d(inputs, outputs, 2 * ratio, ratio, groups=groups, bias=bias)
        self._ratio = ratio

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Not convtr(x): its gradient in bfloat16 is wrong on processors with AMX (torch 2.13.0, oneDNN), and a training
        # leaps away. Each step is `ratio` samples and as many that are added to those of the next.
        steps, weight, bias = x.transpose(1, 2), self.convtr.weight, self.convtr.bias
        if self.convtr.groups == 1:
            both = (steps @ weight.flatten(1)).unflatten(-1, weight.shape[1:])
        else:
            both = steps[..., None] * weight[:, 0]
        now, later = both.split(self._ratio, -1)
        sound = (now + F.pad(later, (0, 0, 0, 0, 1, -1))).permute(0, 2, 1, 3).flatten(2)
        return sound if bias is None else sound + bias[:, None]


class Residual(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.block = nn.ModuleList(
            [nn.ELU(), Conv(width, width // 2, 3), nn.ELU(), Conv(width // 2, width, 1)]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        update = x
        for part in self.block:
            update = part(update)
        return x + update


RATIOS = (6, 5, 4)  # of the decoder; 24 kHz is 120 times the transformers' 200 Hz


class WaveDecoder(nn.Module):
    """SEANet's decoder: (b, width, n) at 200 Hz to sound (b, 1, 120 n)."""

    def __init__(self, width: int, filters: int, kernel: int = 3):
        super().__init__()
        channels = filters * 2 ** len(RATIOS)
        model: list[nn.Module] = [Conv(width, channels, kernel)]
        for ratio in RATIOS:
            model += [nn.ELU(), Upconv(channels, channels // 2, ratio), Residual(channels // 2)]
            channels //= 2
        self.model = nn.ModuleList([*model, nn.ELU(), Conv(filters, 1, 3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in self.model:
            x = part(x)
        return x


class WaveEncoder(nn.Module):
    """SEANet's encoder: sound (b, 1, 120 n) to (b, width, n) at 200 Hz."""

    def __init__(self, width: int, filters: int, kernel: int = 7):
        super().__init__()
        channels = filters
        model: list[nn.Module] = [Conv(1, filters, kernel)]
        for ratio in reversed(RATIOS):
            down = Conv(channels, 2 * channels, 2 * ratio, ratio)
            model += [Residual(channels), nn.ELU(), down]
            channels *= 2
        self.model = nn.ModuleList([*model, nn.ELU(), Conv(channels, width, 3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in self.model:
            x = part(x)
        return x


def start_convolutions(module: nn.Module) -> None:
    """Gaussian weights by fan-in, twice PyTorch's usual ones: chains of ELUs shrink what those pass on."""
    for part in module.modules():
        if isinstance(part, (nn.Conv1d, nn.ConvTranspose1d)):
            inputs = part.in_channels // part.groups * part.kernel_size[0]
            if isinstance(part, nn.ConvTranspose1d):
                inputs //= part.stride[0]
            nn.init.normal_(part.weight, std=inputs**-0.5)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
