"""What the latents mean: content that every timbre shares, and the timbre itself.

A latent (32 numbers, 80 ms) is 29 of content and 3 of timbre. The content is what a small autoencoder needs to
know of the canonical timbre's log-mel to draw the log-mel of every timbre, given its code; the code is the
timbre's corner of the cube (speech.py), constant in time. So the language model learns one mapping from text to
content, whoever speaks, and copies three constants from the prompt. The autoencoder itself is not shipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from voice import data, mel
from voice.speech import CANONICAL, TRAINED
from voice.training import Run, autocast, averaged_weights, begin

LATENT, TIMBRE = 32, 3
CONTENT = LATENT - TIMBRE
# The codec sees latents around 1: nothing behind them has a bias before the decoder's transformer, so this
# constant is what carries the position within 80 ms. The language model's side subtracts it (emb_mean).
OFFSET = 1.0
_NOISE = 0.15
_PULL, _HEARD = 0.3, 400  # towards what a bundle's encoder hears, and in how many utterances
_SEEN = 3  # latents that the autoencoder's decoder sees, the last one being the one drawn
CODES = torch.tensor([timbre.code for timbre in TRAINED], dtype=torch.float32)


class Autoencoder(nn.Module):
    """Content of latents from what is heard, and log-mel from content and timbre."""

    def __init__(self, width: int = 512) -> None:
        super().__init__()
        heard = (data.STEPS + 2 * data.AROUND) * mel.BANDS
        self.encoder = nn.Sequential(
            nn.Linear(heard, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, CONTENT)
        )
        self.scale = nn.BatchNorm1d(CONTENT, affine=False, momentum=0.02)
        self.decoder = nn.Sequential(
            nn.Linear(_SEEN * CONTENT + TIMBRE, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, data.STEPS * mel.BANDS),
        )

    def content(self, heard: torch.Tensor) -> torch.Tensor:
        """(..., 12, 64) to (..., 29), each of mean 0 and variance 1."""
        flat = self.encoder(_centred(heard).flatten(-2)).float()
        return self.scale(flat.reshape(-1, CONTENT)).reshape(flat.shape)

    def draw(self, content: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        """(b, n, 29) and (b, 3) to the log-mel (b, n - 2, 8, 64) of all latents but the first two."""
        seen = content.unfold(1, _SEEN, 1).flatten(2)
        code = code[:, None].expand(-1, seen.shape[1], -1)
        drawn = self.decoder(torch.cat([seen, code], -1)).unflatten(-1, (data.STEPS, mel.BANDS))
        return drawn.float() * 2 - 6


def _centred(log_mel: torch.Tensor) -> torch.Tensor:
    return (log_mel + 6) / 2


def train(
    folder: Path,
    steps: int = 2500,
    batch: int = 128,
    length: int = 24,
    seed: int = 1,
    weights: Mapping[str, torch.Tensor] | None = None,
) -> list:
    """Trains the autoencoder on the codec set; the run is kept in latents.pt.

    weights: of a bundle that the other trainings begin from. Any turn of the content would draw as well; this one
    becomes as near as may be to what the bundle's encoder hears, so that its decoder and language model know it.
    """
    speech = data.CodecSet.load(folder)
    torch.manual_seed(seed)
    model = Autoencoder()
    run = Run(model, folder / "latents.pt", steps, rate=2e-3, average=0.99)
    draw = np.random.default_rng(seed + run.step)  # gone on with: other batches than before
    first, lengths = np.asarray(speech.first), np.diff(speech.first)
    known = None if weights is None else torch.from_numpy(_heard_before(speech, weights))

    def loss(step: int) -> dict[str, torch.Tensor]:
        chosen = draw.integers(0, len(lengths), batch)
        starts = first[chosen] + draw.integers(0, np.maximum(1, lengths[chosen] - length))
        rows = np.minimum(starts[:, None] + np.arange(length), len(speech.heard) - 1)
        heard = torch.from_numpy(speech.heard[rows]).float()
        target = torch.from_numpy(speech.target[rows][:, _SEEN - 1 :]).float()
        with autocast():
            content = model.content(heard)
            noisy = content + _NOISE * torch.randn_like(content)
            drawn = model.draw(noisy, CODES[speech.timbre[chosen]])
        error = (drawn - target).abs().mean()
        parts = {"loss": error, "dB": error.detach() * 8.686}
        if known is not None:
            heard_before = known[rows]
            at = heard_before.isfinite()
            away = (content[at] - heard_before[at]).square().mean().nan_to_num()  # a batch may hold none
            parts |= {"loss": error + _PULL * (1 - step / steps) * away, "away": away.detach()}
        return parts

    history = run.go(loss)
    return history


@torch.no_grad()
def _heard_before(speech: data.CodecSet, weights: Mapping[str, torch.Tensor]) -> np.ndarray:
    """The content (frames, 29) that a bundle's encoder hears, each of mean 0 and variance 1.

    Of the canonical timbre, which one content is to stand for, and of its first utterances; NaN of the rest.
    """
    from voice import codec

    encoder = codec.Encoder()
    begin(encoder, weights, "mimi")
    encoder.eval()
    found = np.full((len(speech.sound), CONTENT), np.nan, np.float32)
    canonical = np.flatnonzero(np.asarray(speech.timbre) == TRAINED.index(CANONICAL))
    for utterance in canonical[:_HEARD]:
        part = slice(speech.first[utterance], speech.first[utterance + 1])
        sound = torch.from_numpy(speech.sound[part].astype(np.float32) / 32767)
        found[part] = encoder(sound.reshape(1, -1))[0, :, :CONTENT].numpy()
    return (found - np.nanmean(found, 0)) / np.nanstd(found, 0)


def load(folder: Path) -> Autoencoder:
    """The trained autoencoder, ready to encode."""
    model = Autoencoder()
    model.load_state_dict(averaged_weights(folder / "latents.pt"))
    return model.eval()


@torch.no_grad()
def encode(model: Autoencoder, heard: np.ndarray) -> np.ndarray:
    """(frames, 12, 64) to content (frames, 29) float16."""
    return model.content(torch.from_numpy(np.array(heard, dtype=np.float32))).to(torch.float16).numpy()


def encode_codec_set(folder: Path) -> None:
    """Writes codec_content.npy (frames, 29) beside the codec set."""
    model = load(folder)
    heard = data.CodecSet.load(folder).heard
    pieces = [encode(model, heard[start : start + 8192]) for start in range(0, len(heard), 8192)]
    np.save(folder / "codec_content.npy", np.concatenate(pieces))


def encode_sentences(folder: Path, sentences: list[str], processes: int, speaker: str = "espeak") -> None:
    """Writes what the language model learns: spoken_content.npy (frames, 29) and spoken_first.npy."""
    model = load(folder)
    made = [
        encode(model, data.windows(said, len(said) // data.STEPS))
        for said in data.canonical_mels(sentences, folder, processes, speaker)
    ]
    np.save(folder / "spoken_content.npy", np.concatenate(made))
    np.save(folder / "spoken_first.npy", np.cumsum([0] + [len(content) for content in made]))
