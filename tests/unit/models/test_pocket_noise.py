"""The noise latents start from: its distribution, its bounds, its seeds."""

import numpy as np
import pytest
from scipy import stats

from pocket_fast.models.pocket.flow import NoiseSource


def draws(n, seed, *how):
    source, out = NoiseSource(seed, *how), np.empty((n, 32), np.float32)
    for row in out:
        source.draw(row)
    return out


def test_the_variance_is_the_temperature():
    for temperature in (0.09, 1.0):
        values = draws(3000, 1, temperature).ravel()
        assert abs(values.mean()) < 0.01
        assert values.var() == pytest.approx(temperature, rel=0.02)
        assert stats.kstest(values / np.sqrt(temperature), "norm").pvalue > 1e-3


@pytest.mark.parametrize("clamp", [0.05, 0.5, 1.0, 10.0])
def test_the_clamp_truncates_the_distribution_and_does_not_pile_up_at_the_bounds(clamp):
    values = draws(1000, 2, 0.3, clamp).ravel()
    assert np.abs(values).max() <= np.float32(clamp)
    edge = clamp / np.sqrt(0.3)
    assert stats.kstest(values / np.sqrt(0.3), stats.truncnorm(-edge, edge).cdf).pvalue > 1e-3
    if clamp <= 1:
        assert np.abs(values).max() > 0.95 * clamp
    assert len(np.unique(np.abs(values))) > 0.95 * len(values)


@pytest.mark.parametrize("clamp", [1e-30, 1e-6, 1e30])
def test_extreme_clamps_give_numbers_within_them(clamp):
    values = draws(50, 3, 0.3, clamp)
    assert np.isfinite(values).all()
    assert np.abs(values).max() <= np.float32(clamp)


@pytest.mark.parametrize("clamp", [None, 0.5])
def test_temperature_0_is_no_noise(clamp):
    assert not draws(5, 4, 0.0, clamp).any()


@pytest.mark.parametrize("clamp", [None, 0.5])
def test_seeds(clamp):
    def noise(seed):
        return draws(4, seed, 0.3, clamp)

    np.testing.assert_array_equal(noise((7, 0)), noise((7, 0)))
    others = [noise(seed) for seed in [(7, 0), (7, 1), (8, 0), (2**80, 0), None, None]]
    for i, a in enumerate(others):
        for b in others[:i]:
            assert not np.array_equal(a, b)
