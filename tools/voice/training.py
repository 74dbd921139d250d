"""What the four trainings share: schedule, averaged weights, and runs that can be stopped and gone on with."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.optim import AdamW, Muon


def join() -> tuple[int, int]:
    """(rank, processes) of this process under torchrun, which then train one model together; (0, 1) otherwise."""
    if "WORLD_SIZE" not in os.environ:
        return 0, 1
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    return dist.get_rank(), dist.get_world_size()


class Run:
    """One training: AdamW, warm-up and cosine, clipped gradients, an exponential average of the weights.

    Muon (kellerjordan.github.io/posts/muon) takes the steps of `matrices`, as long as AdamW's would be (arXiv
    2502.16982). The state is saved every `save_every` seconds to `path`, and found there again by the next Run with
    the same path. Processes that joined share their gradients; the first one saves and logs.
    """

    def __init__(
        self,
        model: nn.Module,
        path: Path,
        steps: int,
        rate: float,
        betas: tuple[float, float] = (0.9, 0.98),
        average: float = 0.998,
        clip: float = 1.0,
        save_every: float = 60,
        matrices: Iterable[nn.Parameter] = (),
    ):
        self.model, self.path, self.steps, self.rate = model, path, steps, rate
        self._average, self._clip, self._save_every = average, clip, save_every
        matrices = list(matrices)
        chosen = set(map(id, matrices))
        others = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
        self._optimizers: list[torch.optim.Optimizer] = [
            AdamW(others, lr=rate, betas=betas, weight_decay=0.01)
        ]
        if matrices:
            self._optimizers.append(
                Muon(matrices, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
            )
        self.averaged = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.step = 0
        if path.exists():
            state = torch.load(path, weights_only=True)
            model.load_state_dict(state["model"])
            for optimizer, kept in zip(self._optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(kept)
            self.averaged, self.step = state["averaged"], state["step"]

    def go(self, loss: Callable[[int], dict[str, torch.Tensor]]) -> list[dict[str, float]]:
        """Trains to the last step; a log line every 50. `loss` gives named parts, "loss" is minimised."""
        history = []
        first = join()[0] == 0
        saved = logged = time.monotonic()
        while self.step < self.steps:
            for optimizer in self._optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = self.rate * self._schedule()
                optimizer.zero_grad(set_to_none=True)
            parts = loss(self.step)
            parts["loss"].backward()
            self._share_gradients()
            nn.utils.clip_grad_norm_(self.model.parameters(), self._clip)
            for optimizer in self._optimizers:
                optimizer.step()
            self.step += 1
            self._follow()
            history.append({name: value.item() for name, value in parts.items()})
            if first and (self.step % 50 == 0 or self.step == self.steps):
                recent = history[-50:]
                figures = "  ".join(
                    f"{name} {sum(h[name] for h in recent) / len(recent):.4f}" for name in parts
                )
                now = time.monotonic()
                print(f"step {self.step}  {figures}  {(now - logged) / len(recent):.3f} s/step", flush=True)
                logged = now
            if first and (time.monotonic() - saved > self._save_every or self.step == self.steps):
                self.save()
                saved = time.monotonic()
        return history

    def _share_gradients(self) -> None:
        _, processes = join()
        if processes == 1:
            return
        gradients = [parameter.grad for parameter in self.model.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= processes
        for gradient, shared in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(shared.view_as(gradient))

    def _schedule(self) -> float:
        warm = max(1, min(150, self.steps // 10))
        if self.step < warm:
            return (self.step + 1) / warm
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (self.step - warm) / max(1, self.steps - warm)))

    @torch.no_grad()
    def _follow(self) -> None:
        part = max(1 - self._average, 1 / (self.step + 1))
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.averaged[name].lerp_(value, part)
            else:
                self.averaged[name].copy_(value)

    def save(self) -> None:
        """Writes everything needed to go on; the old file stays until the new one is whole."""
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "averaged": self.averaged,
            "step": self.step,
        }
        part = self.path.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.path)


def begin(model: nn.Module, weights: Mapping[str, torch.Tensor], part: str) -> None:
    """Gives the model the weights of a bundle's part (`flow_lm` or `mimi`), all that it has."""
    model.load_state_dict({name: weights[f"{part}.{name}"] for name in model.state_dict()})


def averaged_weights(path: Path) -> dict[str, torch.Tensor]:
    """The averaged weights of a run, finished or not."""
    return torch.load(path, weights_only=True)["averaged"]


def autocast() -> torch.autocast:
    """bfloat16 products: 1.6 times as fast on CPUs that have them."""
    return torch.autocast("cpu", torch.bfloat16)
