"""The codec: a decoder from latents to sound, trained by spectra, and an encoder from sound to latents.

Both have the shape of the released english_2m's decoder, the encoder being narrower: it only serves prompts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from voice import data, mel
from voice.latents import CODES, LATENT, OFFSET, TIMBRE
from voice.layers import CodecTransformer, Conv, Upconv, WaveDecoder, WaveEncoder, start_convolutions
from voice.speech import FRAME
from voice.training import Run, autocast, averaged_weights, begin

CONTEXT = 50  # steps of 5 ms that the transformers look back
LAYER_SCALE = 0.1
UPSAMPLE = 16  # 200 Hz over 12.5 Hz
DECODER = {"width": 128, "filters": 24, "heads": 4, "hidden": 384, "layers": 4}
ENCODER = {"width": 96, "filters": 12, "heads": 4, "hidden": 192, "layers": 1}
_CONTENT_NOISE, _TIMBRE_NOISE = 0.1, 0.05
_UNHEARD = 2  # frames at the start of a crop whose sound depends on what came before it


class Decoder(nn.Module):
    """Latents (b, n, 32) to sound (b, 1920 n). Tensors are named as in a checkpoint's `mimi`."""

    def __init__(self) -> None:
        super().__init__()
        width = DECODER["width"]
        self.quantizer = nn.ModuleDict({"output_proj": nn.Conv1d(LATENT, width, 1, bias=False)})
        self.upsample = nn.ModuleDict({"convtr": Upconv(width, width, UPSAMPLE, groups=width, bias=False)})
        self.decoder_transformer = CodecTransformer(
            DECODER["layers"], width, DECODER["heads"], DECODER["hidden"], CONTEXT, LAYER_SCALE
        )
        self.decoder = WaveDecoder(width, DECODER["filters"])
        start_convolutions(self)
        self.decoder.model[-1].conv.weight.data.mul_(0.2)  # quiet at first: the loss is steep for loud noise

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        steps = self.upsample["convtr"](self.quantizer["output_proj"](latents.transpose(1, 2)))
        return self.decoder(self.decoder_transformer(steps))[:, 0]


class Encoder(nn.Module):
    """Sound (b, 1920 n) to latents (b, n, 32). Tensors are named as in a checkpoint's `mimi`."""

    def __init__(self) -> None:
        super().__init__()
        width = ENCODER["width"]
        self.encoder = WaveEncoder(width, ENCODER["filters"])
        self.encoder_transformer = CodecTransformer(
            ENCODER["layers"], width, ENCODER["heads"], ENCODER["hidden"], CONTEXT, LAYER_SCALE
        )
        down = Conv(width, LATENT, 2 * UPSAMPLE, UPSAMPLE, bias=False, pad="replicate")
        self.downsample = nn.ModuleDict({"conv": down})
        start_convolutions(self)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        steps = self.encoder_transformer(self.encoder(sound[:, None]))
        return self.downsample["conv"](steps).transpose(1, 2)


class SpectralLoss:
    """Spectral convergence, L1 of log spectra at two of four resolutions, and L1 of the log-mel."""

    _windows = (1600, 800, 360, 160)

    def __init__(self) -> None:
        self._shapes = {size: torch.hann_window(size) for size in (*self._windows, mel.WINDOW)}
        self._filters = torch.from_numpy(mel.filters())

    def __call__(self, made: torch.Tensor, true: torch.Tensor, which: np.ndarray) -> dict[str, torch.Tensor]:
        total = made.new_zeros(())
        for size in np.array(self._windows)[which]:
            ours, theirs = self._spectrum(made, size), self._spectrum(true, size)
            total = total + torch.linalg.norm(theirs - ours) / torch.linalg.norm(theirs)
            total = total + (torch.log(ours) - torch.log(theirs)).abs().mean()
        ours, theirs = self._mel(made), self._mel(true)
        bands = (ours - theirs).abs().mean()
        return {"loss": total / len(which) + 0.5 * bands, "dB": bands.detach() * 8.686}

    def _spectrum(self, sound: torch.Tensor, size: int, transform: int | None = None) -> torch.Tensor:
        bins = torch.stft(
            sound,
            transform or size,
            size // 4 if transform is None else mel.HOP,
            size,
            self._shapes[int(size)],
            center=False,
            return_complex=True,
        )
        return (bins.real.square() + bins.imag.square() + 1e-5).sqrt()

    def _mel(self, sound: torch.Tensor) -> torch.Tensor:
        amplitudes = self._filters @ self._spectrum(sound, mel.WINDOW, 1024) / (mel.WINDOW / 4)
        return torch.log(amplitudes.clamp_min(mel.FLOOR))


class _Crops:
    """Draws pieces of the codec set: sound (b, 1920 n) in [-1, 1] and latents (b, n, 32)."""

    def __init__(self, folder: Path, frames: int, batch: int, seed: int):
        self._set = data.CodecSet.load(folder)
        self._content = np.load(folder / "codec_content.npy", mmap_mode="r")
        self._first = np.asarray(self._set.first)
        self._frames, self._batch = frames, batch
        self.draw = np.random.default_rng(seed)

    def next(self) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = self.draw.integers(0, len(self._first) - 1, self._batch)
        room = np.maximum(1, self._first[chosen + 1] - self._first[chosen] - self._frames + 1)
        starts = self._first[chosen] + self.draw.integers(0, room)
        rows = np.minimum(starts[:, None] + np.arange(self._frames), len(self._content) - 1)
        sound = torch.from_numpy(self._set.sound[rows].reshape(self._batch, -1)).float() / 32767
        content = torch.from_numpy(self._content[rows]).float()
        code = CODES[self._set.timbre[chosen]][:, None].expand(-1, self._frames, -1)
        return sound, torch.cat([content, code], -1) + OFFSET


def train_decoder(
    folder: Path,
    steps: int = 4300,
    batch: int = 16,
    frames: int = 11,
    seed: int = 1,
    weights: Mapping[str, torch.Tensor] | None = None,
) -> list:
    """Trains the decoder on latents with a little noise; the run is kept in decoder.pt.

    weights: of a bundle, to begin from.
    """
    torch.manual_seed(seed)
    model = Decoder()
    if weights is not None:
        begin(model, weights, "mimi")
    distance = SpectralLoss()
    noise = torch.cat([torch.full((LATENT - TIMBRE,), _CONTENT_NOISE), torch.full((TIMBRE,), _TIMBRE_NOISE)])
    run = Run(model, folder / "decoder.pt", steps, 2e-3, betas=(0.8, 0.99), average=0.995, clip=2.0)
    crops = _Crops(folder, frames, batch, seed + run.step)  # gone on with: other crops than before

    def loss(step: int) -> dict[str, torch.Tensor]:
        sound, latents = crops.next()
        with autocast():
            made = model(latents + noise * torch.randn_like(latents)).float()
        heard = slice(_UNHEARD * FRAME, None)
        return distance(made[:, heard], sound[:, heard], crops.draw.choice(4, 2, replace=False))

    return run.go(loss)


def train_encoder(
    folder: Path,
    steps: int = 3600,
    batch: int = 12,
    frames: int = 13,
    seed: int = 2,
    weights: Mapping[str, torch.Tensor] | None = None,
) -> list:
    """Trains the encoder to find the latents in the sound; the run is kept in encoder.pt. weights: as above.

    Half of what it hears is the trained decoder's: a prompt may be what the model said itself, which is smoother than
    the teacher's speech.
    """
    torch.manual_seed(seed)
    model, decoder = Encoder(), load(folder, Decoder, "decoder")
    if weights is not None:
        begin(model, weights, "mimi")
    run = Run(model, folder / "encoder.pt", steps, 2e-3, betas=(0.8, 0.99), average=0.995)
    crops = _Crops(folder, frames, batch, seed + run.step)

    def loss(step: int) -> dict[str, torch.Tensor]:
        sound, latents = crops.next()
        with torch.no_grad(), autocast():
            sound[::2] = decoder(latents[::2]).float()
        # at any level: what the model says itself is half as loud as what it learns from
        gain = torch.empty(batch, 1).uniform_(math.log(0.1), math.log(1.5)).exp()
        with autocast():
            found = model(sound * gain).float()
        error = (found - latents).square()[:, 1:]
        return {
            "loss": error.mean(),
            "content": error[..., :-TIMBRE].mean().detach(),
            "timbre": error[..., -TIMBRE:].mean().detach(),
        }

    return run.go(loss)


def load(folder: Path, make: Callable[[], nn.Module], name: str) -> nn.Module:
    """The averaged weights of decoder.pt or encoder.pt, ready to use."""
    model = make()
    model.load_state_dict(averaged_weights(folder / f"{name}.pt"))
    return model.eval()
