"""The order in which a slow teacher says the sentences: the most useful first, so that a part is already a set."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

_PAIR = 0.25  # what a pair of neighbours counts for, against a word
_FREQUENT = 0.75
_PAUSE = 15  # characters that a sentence costs beside its own: what surrounds it


def useful_first(sentences: list[str]) -> list[str]:
    """The same sentences: next is always what gives most for its length, by words and pairs of neighbours.

    A word counts by how many of all the sentences have it, to the power of 3/4, over how many of those taken have it
    and one; so frequent words come first, and again and again, rare ones once there is nothing better.
    """
    features = [sorted(set(_features(text))) for text in sentences]
    often = Counter(feature for each in features for feature in each)
    worth = {feature: count**_FREQUENT * _PAIR ** (" " in feature) for feature, count in often.items()}
    taken: Counter[str] = Counter()

    def gain(k: int) -> float:
        return sum(worth[feature] / (1 + taken[feature]) for feature in features[k]) / (
            len(sentences[k]) + _PAUSE
        )

    # gains only fall: what is still at the top with its gain of now is the best
    heap = [(-gain(k), k) for k in range(len(sentences))]
    heapq.heapify(heap)
    order = []
    while heap:
        _, k = heap[0]
        now = gain(k)
        if len(heap) > 1 and -now > min(heap[1:3])[0]:
            heapq.heapreplace(heap, (-now, k))
            continue
        heapq.heappop(heap)
        taken.update(features[k])
        order.append(sentences[k])
    return order


def _features(text: str) -> Iterator[str]:
    words = re.findall(r"[a-z']+", text.lower())
    yield from words
    yield from map(" ".join, pairwise(words))
