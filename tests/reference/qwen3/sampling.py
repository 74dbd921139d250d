"""From logits to one code: what is forbidden, what is warped, and the draw itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..parts import softmax

SPECIAL = 1024  # the last so many ids of the talker's vocabulary are no codes
MIN_CODES = 2  # speech does not end before


@dataclass(frozen=True)
class Draw:
    """How one code is drawn: greedy, or from the top_k and then the top_p of the logits over the temperature."""

    do_sample: bool = True
    top_k: int = 50
    top_p: float = 1.0
    temperature: float = 0.9


GREEDY, SAMPLED = Draw(do_sample=False), Draw()


def first_code_scores(logits, history, penalty, eos):
    """Logits of code 0 (V,) as they may be drawn from.

    history: the codes 0 of this speech so far, in order (the prompt is no part of it). Each of them is made less
    likely by `penalty`; before two codes there is no end; of the special ids only the end is left.
    """
    scores = np.array(logits)
    seen = np.unique(np.asarray(history, int))
    scores[seen] = np.where(scores[seen] < 0, scores[seen] * penalty, scores[seen] / penalty)
    allowed = np.ones(len(scores), bool)
    allowed[len(scores) - SPECIAL :] = False
    allowed[eos] = len(history) >= MIN_CODES
    return np.where(allowed, scores, -np.inf)


def warp(scores, draw):
    """The scores (V,) that the softmax of a draw is taken of."""
    if draw.temperature != 1:
        scores = scores / scores.dtype.type(draw.temperature)
    if draw.top_k > 0:
        kth = np.sort(scores)[-min(draw.top_k, len(scores))]
        scores = np.where(scores < kth, -np.inf, scores)  # what equals the k-th stays
    if draw.top_p < 1:
        order = np.argsort(scores, kind="stable")  # from the least likely
        below = np.cumsum(softmax(scores[order])) <= 1 - draw.top_p
        below[-1] = False
        scores = np.array(scores)
        scores[order[below]] = -np.inf
    return scores


def pick(scores, draw, uniform):
    """One index of the scores (V,): the largest (the first of equals), or by the inverse distribution function.

    uniform in [0, 1): the index is the first whose cumulative probability, summed in order of index, exceeds it
    (the last possible one should rounding leave the whole sum below it).
    """
    if not draw.do_sample:
        return int(np.argmax(scores))
    return inverse_cdf(softmax(warp(scores, draw)), uniform)


def inverse_cdf(probabilities, uniform):
    cumulative = np.cumsum(probabilities, dtype=np.float64)
    last = int(np.flatnonzero(probabilities)[-1])
    return min(int(np.searchsorted(cumulative, uniform, side="right")), last)
