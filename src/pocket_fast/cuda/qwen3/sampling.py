"""How codes are drawn (kernels/sampling.cu), and code 0 with what its draw takes besides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pocket_fast.cuda.device import Device, address
from pocket_fast.cuda.rooms import Told

_MOST_LOGITS = 8192  # what the kernel has room for
_THREADS = 256
_LEAST, _MOST = 1e-6, 1e6  # that logits are divided by
_INT_MAX = 2**31 - 1


class Draw:
    """How one code is drawn; see cpu/qwen3/sampling.pyx, whose Draw this is on a GPU."""

    def __init__(self, do_sample: bool = True, top_k: int = 50, top_p: float = 1.0, temperature: float = 0.9):
        if do_sample and not 0 < temperature < math.inf:
            raise ValueError(
                f"temperature {temperature}: expected a number above 0 (do_sample=False takes the likeliest)"
            )
        if not 0 <= top_p <= 1:
            raise ValueError(f"top_p {top_p}: expected a probability from 0 to 1")
        if top_k < 0:
            raise ValueError(f"top_k {top_k}: expected a number of codes, or 0 for all of them")
        self.do_sample, self.top_k, self.top_p, self.temperature = bool(do_sample), top_k, top_p, temperature

    def tell(self, told: Any, row: int) -> None:
        """Fill in a row of the fields of draw_fields()."""
        told.sampled[row] = self.do_sample
        told.top_ks[row] = min(self.top_k, _INT_MAX)
        told.temperatures[row] = clamped(self.temperature)
        told.belows[row] = 1 - self.top_p

    def __repr__(self) -> str:
        return (
            f"Draw(do_sample={self.do_sample}, top_k={self.top_k}, top_p={self.top_p}, "
            f"temperature={self.temperature})"
        )


def clamped(divisor: float) -> float:
    """What logits may be divided by: beyond it, all that would change is quotients that overflow."""
    return min(max(divisor, _LEAST), _MOST)


def draw_fields(streams: int) -> dict[str, Any]:
    """What is told of so many draws."""
    return {
        "sampled": ((streams,), np.int32),
        "top_ks": ((streams,), np.int32),
        "temperatures": ((streams,), np.float32),
        "belows": ((streams,), np.float32),
    }


def launch_pick(
    device: Device,
    streams: int,
    codes: tuple[np.uint64, int],
    logits: tuple[np.uint64, int],
    n: int,
    told: Told,
    uniforms: tuple[np.uint64, int],
    scratch: tuple[Any, Any],
    penalty: tuple[Any, ...] = (None, None, None, 0, 0),
) -> None:
    """A code for each stream. codes, logits, uniforms: where the first one's are, and elements to the next one's.

    scratch: two of (streams, n); penalty: seen, penalties, may_end, codes and end of pick_codes.
    """
    if n > _MOST_LOGITS:
        raise ValueError(f"{n} codes to draw from: the kernel has room for {_MOST_LOGITS}")
    device.launch(
        "pick",
        (streams,),
        _THREADS,
        *codes,
        logits[0],
        np.int64(logits[1]),
        n,
        *(told.at(name) for name in draw_fields(0)),
        *uniforms,
        *penalty,
        *scratch,
    )


class FirstTold:
    """What is told of so many draws of code 0 from n logits, and what the kernel needs to draw them."""

    def __init__(self, device: Device, streams: int, n: int):
        fields = {
            **draw_fields(streams),
            "uniforms": ((streams,), np.float64),
            "penalties": ((streams,), np.float32),
            "may_end": ((streams,), np.int32),
            "seen": (((streams * n + 3) // 4 * 4,), np.uint8),
        }
        self.told: Any = Told(device, fields)
        self.scratch = device.zeros((streams, n)), device.zeros((streams, n))
        self._n = n

    def tell(
        self,
        draws: Sequence[Draw],
        uniforms: np.ndarray,
        penalties: Sequence[float],
        seen: Sequence[np.ndarray],
        may_end: Sequence[bool],
    ) -> None:
        """Fill in how each is drawn; those beyond take the largest logit."""
        told, n = self.told, self._n
        told.sampled[:] = 0
        for i, draw in enumerate(draws):
            draw.tell(told, i)
            told.penalties[i], told.may_end[i] = clamped(float(penalties[i])), bool(may_end[i])
            told.seen[i * n : (i + 1) * n] = seen[i]
        told.uniforms[: len(draws)] = uniforms
        told.send()

    def leave_alone(self) -> None:
        """What is drawn now is for nobody."""
        self.told.penalties[:] = 1
        self.tell([], np.zeros(0), [], [], [])

    def penalty(self, codes: int, end: int) -> tuple[Any, ...]:
        """For launch_pick."""
        told = self.told
        return told.at("seen"), told.at("penalties"), told.at("may_end"), codes, end


class FirstCodes:
    """Code 0 of the next frame of B streams, or the end of their speech: see pick_codes of cpu/qwen3/sampling.pyx."""

    def __init__(self, device: Device):
        self._device = device

    def __call__(
        self,
        logits: np.ndarray,
        draws: Sequence[Draw],
        uniforms: np.ndarray,
        penalties: Sequence[float],
        seen: Sequence[np.ndarray],
        may_end: Sequence[bool],
        *,
        codes: int,
        end: int,
    ) -> np.ndarray:
        batch, n = logits.shape
        counts = {len(draws), len(penalties), len(seen), len(may_end), len(uniforms), batch}
        if len(counts) > 1 or any(s.shape != (n,) for s in seen) or not 0 < codes <= n or not 0 <= end < n:
            raise ValueError(
                f"pick_codes: logits ({batch}, {n}), {len(draws)} draws, {len(uniforms)} uniforms, {len(penalties)} "
                f"penalties, {len(may_end)} may_end, seen {[s.shape for s in seen]}, ids below {codes} and {end}; "
                f"expected {batch} of each, seen ({n},), ids of the {n}"
            )
        if not all(p > 0 for p in penalties):
            raise ValueError(f"pick_codes: penalties {list(penalties)}, expected numbers above 0")
        found = np.empty(batch, np.int32)
        if not batch:
            return found
        with self._device as device:
            first, held = FirstTold(device, batch, n), device.zeros(batch, np.int32)
            given = device.upload(np.ascontiguousarray(logits))
            first.tell(draws, uniforms, penalties, seen, may_end)
            launch_pick(
                device,
                batch,
                (address(held), 1),
                (address(given), n),
                n,
                first.told,
                (first.told.at("uniforms"), 1),
                first.scratch,
                first.penalty(codes, end),
            )
            device.fetch(held, found)
        for i, code in enumerate(found):
            seen[i][code] = 1
        return found
