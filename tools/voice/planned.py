"""The content of sentences that the natural teacher only plans: its vocoder and WORLD never run.

The language model learns content, not sound. What the teacher's network tells its vocoder, frame by frame, settles what
will be heard; a small network of convolutions learns from the sentences that were said what content that is. So a
sentence costs a tenth of what saying it does, and the language model has several times as many to learn from.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from voice import data, kokoro, latents, mel, natural
from voice.kokoro import PITCH_STEP, Plan
from voice.latents import CONTENT
from voice.speech import FRAME
from voice.training import Run, autocast, averaged_weights

_HEARD = 512  # numbers that the teacher's vocoder is told for every two steps of pitch
_APART = 32  # steps of zeros between two sentences, more than the convolutions see
_REACH = data.AROUND * mel.HOP + (mel.WINDOW - mel.HOP) // 2  # samples before a latent that it still hears
# Samples from the middle of a step to the middle of the latent that begins with it.
_MIDDLE = FRAME // 2 - PITCH_STEP // 2


class Shortcut(nn.Module):
    """From plans to content, at any moments of them."""

    def __init__(self, width: int = 256, layers: int = 6):
        super().__init__()
        self.begin = nn.Linear(_HEARD + 3, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 5, padding=2) for _ in range(layers))
        self.content = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, CONTENT))
        self.spoken = nn.Linear(width, 1)

    def forward(self, plans: torch.Tensor) -> torch.Tensor:
        """(b, n, 515) as `features` gives them to hidden states (b, n, width)."""
        x = self.begin(plans)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + F.gelu(layer(norm(x).transpose(1, 2)).transpose(1, 2))
        return x

    def contents(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., width), see `between`, to content (..., 29)."""
        return self.content(hidden).float()


def features(plan: Plan) -> np.ndarray:
    """(n, 515) float16, every 12.5 ms: what the vocoder is told, pitch, whether there is one, loudness."""
    voiced = plan.pitch > natural.VOICED
    melody = np.stack([np.where(voiced, plan.pitch / 200, 0), voiced, plan.loudness], -1)
    return np.concatenate([np.repeat(plan.frames, 2, axis=0), melody], -1).astype(np.float16)


def between(hidden: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Hidden states (n, width) at the places `at` (k,), linearly between their neighbours."""
    at = at.clamp(0, len(hidden) - 1)
    low = at.long().clamp_max(len(hidden) - 2)
    return torch.lerp(hidden[low], hidden[low + 1], (at - low)[:, None].to(hidden.dtype))


@dataclass
class _Told:
    """Plans of sentences, one after the other, and what they became.

    told (n, 515) as `features`; spoken (n,), whether a step belongs to the part that is kept; content (m, 29), every
    10 ms of this part; at (m,), in steps of told, the middle of each.
    """

    told: np.ndarray
    spoken: np.ndarray
    content: np.ndarray
    at: np.ndarray


def _planned_before(folder: Path, texts: list[str], processes: int) -> _Told:
    """Of sentences that were said, and encoded by latents.encode_sentences."""
    said, encoder = kokoro.Said(folder), latents.load(folder)
    parts = data.made_in_parts(texts, folder, "plan_parts", _plans_part, processes, _start_planner, "kokoro")
    plans = (plan for part in parts for plan in np.split(*_cut(part, "told")))
    gap = np.zeros((_APART, _HEARD + 3), np.float16)
    told, spoken, contents, at, length = [gap], [np.zeros(_APART, bool)], [], [], _APART
    for text, plan, heard in zip(
        texts, plans, data.canonical_mels(texts, folder, processes, "kokoro"), strict=True
    ):
        part = natural.spoken_part(said.say(text, kokoro.CANONICAL_SEX)[0])
        middles = (np.arange(len(plan)) + 0.5) * PITCH_STEP
        content = latents.encode(encoder, data.windows(heard, len(heard) - data.STEPS, 1))
        starts = part.start + mel.HOP * np.arange(len(content))
        told += plan, gap
        spoken += (part.start <= middles) & (middles < part.stop), np.zeros(_APART, bool)
        contents.append(content)
        at.append(length + (starts + _MIDDLE) / PITCH_STEP)
        length += len(plan) + _APART
    return _Told(*map(np.concatenate, (told, spoken, contents, at)))


def train(
    folder: Path, texts: list[str], processes: int, steps: int = 1500, batch: int = 16, seed: int = 1
) -> list:
    """Trains the shortcut on sentences that were said and encoded; the run is kept in planned.pt."""
    plans = _planned_before(folder, texts, processes)
    torch.manual_seed(seed)
    model = Shortcut()
    run = Run(model, folder / "planned.pt", steps, 2e-3, average=0.99)
    if run.step == 0:  # what another shortcut made of the sentences is of no use
        shutil.rmtree(folder / "planned_parts", ignore_errors=True)
    draw = np.random.default_rng(seed + run.step)
    length = 224

    def loss(step: int) -> dict[str, torch.Tensor]:
        starts = draw.integers(0, len(plans.told) - length, batch)
        told = torch.from_numpy(plans.told[starts[:, None] + np.arange(length)]).float()
        with autocast():
            hidden = model(told).flatten(0, 1)
            rows, at = [], []
            for k, start in enumerate(starts):
                first, last = np.searchsorted(plans.at, (start + _APART // 2, start + length - _APART // 2))
                rows.append(np.arange(first, last))
                at.append(plans.at[first:last] - start + k * length)
            rows, at = np.concatenate(rows), torch.from_numpy(np.concatenate(at)).float()
            made = model.contents(between(hidden, at))
            spoken = model.spoken(hidden).float()
        wanted = torch.from_numpy(plans.content[rows]).float()
        square = (made - wanted).square().mean()
        said = torch.from_numpy(plans.spoken[starts[:, None] + np.arange(length)]).float().flatten()
        part = F.binary_cross_entropy_with_logits(spoken[:, 0], said)
        return {"loss": square + 0.2 * part, "square": square.detach(), "part": part.detach()}

    return run.go(loss)


def encode(folder: Path, texts: list[str], processes: int) -> None:
    """Adds the content of sentences that were not said to spoken_content.npy and spoken_first.npy."""
    parts = data.made_in_parts(
        texts, folder, "planned_parts", _contents_part, processes, _start_shortcut, "kokoro"
    )
    content, first = (np.load(folder / f"spoken_{name}.npy") for name in ("content", "first"))
    lengths = [length for part in parts for length in data.read(part, "lengths")]
    np.save(
        folder / "spoken_content.npy", np.concatenate([content, *(data.read(p, "content") for p in parts)])
    )
    np.save(folder / "spoken_first.npy", np.append(first, first[-1] + np.cumsum(lengths).astype(int)))


def _cut(part: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    return data.read(part, name), np.cumsum(data.read(part, "lengths"))[:-1]


_worker: dict = {}


def _start_planner(_: str, work: Path) -> None:
    _worker["planner"] = kokoro.Planner(work / "package" / "voices", exact=True)


def _start_shortcut(_: str, work: Path) -> None:
    torch.set_num_threads(1)
    _worker["planner"] = kokoro.Planner(work / "package" / "voices", exact=False)
    model = Shortcut()
    model.load_state_dict(averaged_weights(work / "planned.pt"))
    silence = np.full((1, data.STEPS + 2 * data.AROUND, mel.BANDS), np.log(mel.FLOOR))
    _worker.update(model=model.eval(), silence=latents.encode(latents.load(work), silence))


def _plans_part(texts: list[str]) -> dict[str, np.ndarray]:
    told = [features(_worker["planner"].plan(text)) for text in texts]
    return {"told": np.concatenate(told), "lengths": np.array([len(plan) for plan in told])}


@torch.no_grad()
def _contents_part(texts: list[str]) -> dict[str, np.ndarray]:
    model, contents = _worker["model"], []
    for text in texts:
        plan = features(_worker["planner"].plan(text))
        gap = np.zeros((_APART, plan.shape[1]), np.float16)
        with autocast():
            hidden = model(torch.from_numpy(np.concatenate([gap, plan, gap]))[None].float())[0]
            sure = model.spoken(hidden)[:, 0].float().numpy()
            spoken = np.flatnonzero(sure >= min(0, sure.max()))
            start, samples = spoken[0] * PITCH_STEP, (spoken[-1] + 1 - spoken[0]) * PITCH_STEP
            frames = data.frames_of(samples)
            at = torch.from_numpy((start + FRAME * np.arange(frames) + _MIDDLE) / PITCH_STEP).float()
            content = model.contents(between(hidden, at)).to(torch.float16).numpy()
        content[-(-(samples + _REACH) // FRAME) :] = _worker["silence"]
        contents.append(content)
    return {"content": np.concatenate(contents), "lengths": np.array([len(content) for content in contents])}
