"""The figures that `quantize` reports of a Pocket TTS model's speech."""

import numpy as np

from guarded import same_bits
from pocket_fast.models.pocket.fidelity import speak, speech_report
from tiny_stages import config, normal, stages


def test_what_was_said_before_may_be_given():
    tokens, noise = [3, 1, 4], normal(2, 6, config("tiny").mimi.latent_dim)
    free = speak(stages("tiny"), None, tokens, noise)
    for found, expected in zip(speak(stages("tiny"), None, tokens, noise, heard=free[1]), free, strict=True):
        assert same_bits(found, expected)
    hidden, _, _ = speak(stages("tiny"), None, tokens, noise, heard=noise)
    assert same_bits(hidden[0], free[0][0])  # the first frame has no past
    assert not np.isclose(hidden[1:], free[0][1:]).all(axis=1).any()


def test_a_model_is_its_own_equal():
    noise = normal(2, 3, config("tiny").mimi.latent_dim)
    lines = speech_report(stages("tiny"), stages("tiny", threads=2), [None, None], [3, 1, 4], noise)
    assert lines[0].startswith("float32 over float32, 3 frames")
    assert [line.split()[-2] for line in lines[1:]] == ["inf"] * 3
