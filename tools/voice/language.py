"""The flow language model: from a voice prompt and characters to latents, by plain regression.

One timbre says a sentence in one way only, so there is nothing to sample: the pointwise head learns the mean, at
noise 0 as at others. The sequence is the one of inference: a start mark, the prompt's latents, the characters, a
start latent, the latents so far. Several sentences of one timbre look at one prompt, which is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from voice import data, tokens
from voice.latents import CODES, CONTENT, LATENT, OFFSET
from voice.layers import Layer, Layers, causal_mask
from voice.training import Run, autocast, averaged_weights, begin, join

WIDTH, HEADS, HIDDEN, LAYERS = 192, 6, 576, 6
FLOW = {"dim": 128, "depth": 2}
PROMPT_MOST = 377  # latents of a prompt: 30 s and the pause after it
_GROUPS = 6  # prompts in a batch, each shared by as many sentences as fit


class FlowBlock(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.in_ln = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 3 * width))

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        shift, scale, gate = self.adaLN_modulation(condition).chunk(3, -1)
        return x + gate * self.mlp(self.in_ln(x) * (1 + scale) + shift)


class FlowEnd(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.linear = nn.Linear(width, LATENT)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        shift, scale = self.adaLN_modulation(condition).chunk(2, -1)
        return self.linear(F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift)


class FlowHead(nn.Module):
    """Noise (..., 32) and condition (..., WIDTH) to what is to be added to the noise."""

    def __init__(self) -> None:
        super().__init__()
        width = FLOW["dim"]
        self.cond_embed, self.input_proj = nn.Linear(WIDTH, width), nn.Linear(LATENT, width)
        self.res_blocks = nn.ModuleList(FlowBlock(width) for _ in range(FLOW["depth"]))
        self.final_layer = FlowEnd(width)

    def forward(self, noise: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        x, condition = self.input_proj(noise), self.cond_embed(condition)
        for block in self.res_blocks:
            x = block(x, condition)
        return self.final_layer(x, condition)


@dataclass
class Batch:
    """Rows of sentences (b, n), padded on the right; prompts (groups, p), padded on the left, b / groups rows each.

    ids: characters where text is True; latents (b, n, 32) what was said before, right after the start latent
    (`start`); target (b, n, 32), ended (b, n) where learns is True. prompt (g, p, 32); prompt_length (g,), of which
    the start mark is one, 0 for none.
    """

    ids: torch.Tensor
    text: torch.Tensor
    start: torch.Tensor
    latents: torch.Tensor
    target: torch.Tensor
    ended: torch.Tensor
    learns: torch.Tensor
    prompt: torch.Tensor
    prompt_length: torch.Tensor


class LanguageModel(nn.Module):
    """Tensors are named as in a checkpoint's `flow_lm`."""

    def __init__(self) -> None:
        super().__init__()
        self.bos_before_voice = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.5)
        self.bos_emb = nn.Parameter(torch.randn(LATENT) * 0.5)
        embed = nn.Embedding(tokens.COUNT + 1, WIDTH)
        nn.init.normal_(embed.weight, std=0.5)
        self.conditioner = nn.ModuleDict({"embed": embed})
        self.input_linear = nn.Linear(LATENT, WIDTH, bias=False)
        self.speaker_proj_weight = nn.Parameter(torch.randn(WIDTH, LATENT) * LATENT**-0.5 * 0.5)
        self.transformer = Layers(LAYERS, WIDTH, HEADS, HIDDEN)
        self.out_norm = nn.LayerNorm(WIDTH)
        self.out_eos = nn.Linear(WIDTH, 1)
        self.flow_net = FlowHead()
        for layer in self.transformer.layers:
            for weight in (layer.self_attn.out_proj.weight, layer.linear2.weight):
                nn.init.normal_(weight, std=0.4 * weight.shape[1] ** -0.5)

    def forward(self, batch: Batch, latents: torch.Tensor) -> torch.Tensor:
        """What the last layer says at every position of the sentences (b, n, WIDTH); latents as in Batch."""
        shared = batch.prompt_length.shape[0]
        prompt, said = self._prompt(batch), self._sentences(batch, latents)
        count, length = prompt.shape[1], said.shape[1]
        at = torch.arange(count)
        before = count - batch.prompt_length[:, None, None, None]
        hidden = torch.zeros(shared, 1, 1, count).masked_fill(at < before, float("-inf"))
        own, far = causal_mask(length), causal_mask(count) + hidden
        # rows before the start mark see nothing: keep finite
        far = far.clamp_min(torch.finfo(torch.bfloat16).min)
        for layer in self.transformer.layers:
            prompt, keys, values = _prompt_step(layer, prompt, at, far)
            said = _sentence_step(layer, said, count + torch.arange(length), own, keys, values, hidden)
        return self.out_norm(said.float())

    def _prompt(self, batch: Batch) -> torch.Tensor:
        heard = (batch.prompt + OFFSET) @ self.speaker_proj_weight.T
        place = torch.arange(heard.shape[1]) == heard.shape[1] - batch.prompt_length[:, None]
        return torch.where(place[..., None], self.bos_before_voice, heard)

    def _sentences(self, batch: Batch, latents: torch.Tensor) -> torch.Tensor:
        latents = torch.where(batch.start[..., None], self.bos_emb, latents)
        characters = self.conditioner["embed"](batch.ids)
        return torch.where(batch.text[..., None], characters, self.input_linear(latents))


def _prompt_step(layer: Layer, x: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor):
    queries, keys, values = layer.self_attn.project(layer.norm1(x), positions)
    weights, total = _weights(queries, keys, mask)
    x = x + layer.self_attn.merge(_over(weights @ values, total))
    return layer.feed_forward(x), keys, values


def _weights(queries: torch.Tensor, keys: torch.Tensor, mask: torch.Tensor):
    """Exponentials of the scores, and their sums. Softmax proper costs three passes more over the largest tensors
    there are; scores stay far from where the exponential overflows."""
    weights = (queries @ keys.transpose(-1, -2) + mask.to(queries.dtype)).exp()
    return weights, weights.sum(-1, keepdim=True, dtype=torch.float32)


def _over(heard: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    return (heard / (total + 1e-6)).to(heard.dtype)  # rows before a prompt's start mark see nothing at all


def _sentence_step(layer, x, positions, own_mask, prompt_keys, prompt_values, prompt_mask):
    """x (g k, n, width) looks at itself and at its group's prompt, keys and values (g, heads, p, d)."""
    groups = len(prompt_keys)
    queries, keys, values = layer.self_attn.project(layer.norm1(x), positions)
    rows, _, length, _ = queries.shape

    def by_group(t: torch.Tensor) -> torch.Tensor:  # (g k, heads, n, m) to (g, heads, k n, m)
        return t.unflatten(0, (groups, -1)).transpose(1, 2).flatten(2, 3)

    def by_row(t: torch.Tensor) -> torch.Tensor:
        return t.unflatten(2, (rows // groups, length)).transpose(1, 2).flatten(0, 1)

    own, own_total = _weights(queries, keys, own_mask)
    far, far_total = _weights(by_group(queries), prompt_keys, prompt_mask)
    heard = own @ values + by_row(far @ prompt_values)
    return layer.feed_forward(x + layer.self_attn.merge(_over(heard, own_total + by_row(far_total))))


class Sentences:
    """Draws batches of sentences of similar length, with prompts of 1 to 30 s.

    Of a batch that several processes share, each fills in its own groups only.
    """

    def __init__(self, folder: Path, positions: int, seed: int):
        self._content = np.load(folder / "spoken_content.npy", mmap_mode="r")
        self._first = np.load(folder / "spoken_first.npy")
        texts = (folder / "sentences.txt").read_text().splitlines()[: len(self._first) - 1]
        self._ids = [tokens.encode(text) for text in texts]
        frames = np.diff(self._first)
        self._lengths = np.array([len(ids) for ids in self._ids]) + frames
        self._order = np.argsort(self._lengths, kind="stable")
        self._sorted = self._lengths[self._order]
        self._positions = positions
        self._rank, self._processes = join()
        self.draw = np.random.default_rng(seed)

    def next(self, most: float) -> Batch:
        """A batch of sentences of at most `most` positions each (characters, start and latents)."""
        draw = self.draw
        last = max(2 * _GROUPS, int(np.searchsorted(self._sorted, most, "right")))
        # Half of the batches prefer long sentences: they are few, and the ones that go wrong.
        middle = int(last * draw.random() ** draw.choice((0.5, 1)))
        together = max(1, round(self._positions / (_GROUPS * self._sorted[middle])))
        count = _GROUPS * together
        start = min(max(0, middle - count), max(0, last - 2 * count))
        near = self._order[start : start + 2 * count]
        rows = draw.permutation(np.resize(near, max(count, len(near))))[:count]
        codes = CODES[draw.integers(0, len(CODES), _GROUPS)]
        prompt, prompt_length = self._prompts(codes)
        mine = slice(self._rank, None, self._processes)
        rows, codes = (
            rows.reshape(_GROUPS, together)[mine].flatten(),
            codes[mine].repeat_interleave(together, 0),
        )
        return self._filled(rows, codes, prompt[mine], prompt_length[mine])

    def _filled(self, rows: np.ndarray, codes: torch.Tensor, prompt, prompt_length) -> Batch:
        length = int(self._lengths[rows].max())
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        text, start, learns = (torch.zeros(len(rows), length, dtype=torch.bool) for _ in range(3))
        latents, target = (torch.zeros(len(rows), length, LATENT) for _ in range(2))
        ended = torch.zeros(len(rows), length)
        for row, sentence in enumerate(rows):
            characters = self._ids[sentence]
            end = len(characters)
            said = self._content[self._first[sentence] : self._first[sentence + 1]]
            said = torch.from_numpy(said.astype(np.float32))
            said = torch.cat([said, codes[row].expand(len(said), -1)], -1)
            ids[row, :end] = torch.tensor(characters)
            text[row, :end] = True
            start[row, end] = True
            learns[row, end : end + len(said)] = True
            target[row, end : end + len(said)] = said
            latents[row, end + 1 : end + len(said)] = said[:-1]
            ended[row, end + len(said) - data.SILENT_FRAMES :] = 1
        return Batch(ids, text, start, latents, target, ended, learns, prompt, prompt_length)

    def _prompts(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Stretches of speech of the groups' timbres, blurred as the encoder's view of them is."""
        draw, groups = self.draw, len(codes)
        most = int(np.exp(draw.uniform(np.log(8), np.log(PROMPT_MOST + 1))))
        lengths = draw.integers(max(4, most // 2), most + 1, groups)
        prompt = torch.zeros(groups, most + 1, LATENT)
        for group, length in enumerate(lengths):
            at = draw.integers(0, len(self._content) - length)
            heard = torch.from_numpy(self._content[at : at + length].astype(np.float32))
            # Of silence, and of a beginning, the encoder cannot tell whose it is.
            sure = torch.ones(length, 1)
            sure[draw.random(length) < draw.uniform(0, 0.6)] = float(draw.uniform(0, 1))
            prompt[group, most + 1 - length :, :CONTENT] = heard
            prompt[group, most + 1 - length :, CONTENT:] = codes[group] * sure
            prompt[group] += torch.randn(most + 1, LATENT) * float(draw.uniform(0, 0.5))
        without = draw.random(groups) < 0.04
        return prompt, torch.from_numpy(np.where(without, 0, lengths + 1))


def train(
    folder: Path,
    steps: int = 15_000,
    positions: int = 3200,
    seed: int = 1,
    weights: Mapping[str, torch.Tensor] | None = None,
) -> list:
    """Trains the language model on the spoken sentences; the run is kept in language.pt.

    weights: of a bundle, to begin from: what it knows of spelling stays, however other the speech is.
    """
    torch.manual_seed(seed)
    model = LanguageModel()
    if weights is not None:
        begin(model, weights, "flow_lm")
    matrices = [weight for weight in model.transformer.parameters() if weight.ndim == 2]
    run = Run(model, folder / "language.pt", steps, 1.5e-3, matrices=matrices)
    sentences = Sentences(folder, positions, seed + run.step)  # gone on with: other batches than before
    torch.manual_seed(seed + run.step + join()[0])

    def loss(step: int) -> dict[str, torch.Tensor]:
        progress = step / steps
        batch = sentences.next(60 + 240 * min(1, progress / 0.25))
        latents = _disturbed(batch.latents)
        # drawn alike in all processes, which wait for each other
        if progress > 0.25 and sentences.draw.random() < 0.35:
            for _ in range(sentences.draw.integers(1, 3)):
                latents = _own_words(model, batch, latents)
        with autocast():
            said = model(batch, latents)[batch.learns]
            noise = torch.randn(len(said), LATENT) * (0.7 if torch.rand(()) < 0.3 else 0)
            made = noise + model.flow_net(noise, said).float()
            end = model.out_eos(said).float()[:, 0]
        error = made - batch.target[batch.learns]
        square = error.square().mean()
        stop = F.binary_cross_entropy_with_logits(end, batch.ended[batch.learns])
        parts = {"loss": square + 0.3 * error.abs().mean() + 0.5 * stop, "square": square.detach()}
        return {**parts, "end": stop.detach(), "timbre": error[:, CONTENT:].square().mean().detach()}

    return run.go(loss)


def _disturbed(latents: torch.Tensor) -> torch.Tensor:
    """The latents (b, n, 32) with noise, and in half of the rows a stretch of up to 1.6 s drawn towards the mean.

    A regression that is unsure says the mean. It then hears itself say so, and must not lose its place in the text
    over it: once lost it would say the mean for ever.
    """
    rows, length, _ = latents.shape
    at = torch.arange(length) - torch.rand(rows, 1) * length
    unsure = (at >= 0) & (at < torch.rand(rows, 1) * 20) & (torch.rand(rows, 1) < 1 / 2)
    faint = torch.where(unsure, 0.5 * torch.rand(rows, 1), 1.0)[..., None]
    content = latents[..., :CONTENT] * faint
    noise = torch.rand(rows, 1, 1) * 0.5 * torch.randn_like(latents)
    return torch.cat([content, latents[..., CONTENT:]], -1) + noise


@torch.no_grad()
def _own_words(model: LanguageModel, batch: Batch, latents: torch.Tensor) -> torch.Tensor:
    """The latents with the model's own predictions at random places, as it will hear itself in use."""
    with autocast():
        said = model(batch, latents)
        made = model.flow_net(torch.zeros(*said.shape[:2], LATENT), said).float()
    shifted = F.pad(made, (0, 0, 1, 0))[:, :-1]
    replace = (torch.rand(latents.shape[:2]) < torch.rand(len(latents), 1)) & batch.learns & ~batch.start
    return torch.where(replace[..., None], shifted, latents)


def load(folder: Path) -> LanguageModel:
    """The averaged weights, ready to use."""
    model = LanguageModel()
    model.load_state_dict(averaged_weights(folder / "language.pt"))
    return model.eval()
