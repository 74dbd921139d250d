"""Random matrices for the tests of products, and shapes around vectors, tiles, panels and groups."""

import numpy as np

F32 = np.float32
SHAPES = [  # rows, outputs, inputs
    (1, 5, 1),
    (1, 33, 3),
    (1, 64, 64),
    (2, 31, 7),
    (3, 97, 65),
    (7, 64, 130),
    (9, 40, 16),
    (9, 40, 32),
    (25, 70, 33),
    (70, 70, 33),
]


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(F32)
