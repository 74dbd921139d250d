"""The noise of csrc/web is NumPy's."""

from decimal import Decimal, getcontext

import numpy as np
import pytest

from pocket_fast.models.pocket.flow import NoiseSource
from web_machine import ROOT

F32 = np.float32


def words(*numbers):
    """As JavaScript has to cut them: 32 bits each, lowest first, at least one."""
    found = []
    for number in numbers:
        found.append(number & 0xFFFFFFFF)
        while number := number >> 32:
            found.append(number & 0xFFFFFFFF)
    return found


SEEDS = [(0,), (5, 0), (1234, 7), (2**32,), (2**32 - 1, 3), (2**70 + 3, 1, 2, 3, 4, 5)]


@pytest.fixture
def model(web_model):
    return web_model("tiny-2m")


@pytest.mark.parametrize("seed", SEEDS, ids=str)
def test_normal_noise(model, seed):
    model.seed(*words(*seed))
    found = model.noise(100_000, temperature=1.0)
    expected = np.empty(100_000, F32)
    NoiseSource(seed, 1.0).draw(expected)
    tail = (
        np.abs(expected) > 3.65
    )  # where a logarithm may be rounded otherwise than that of this machine's library
    np.testing.assert_array_equal(found[~tail], expected[~tail])
    np.testing.assert_array_max_ulp(found[tail], expected[tail], 1)


def test_temperature_and_frames(model):
    source = NoiseSource((3, 1), 0.3)
    model.seed(3, 1)
    for _ in range(5):  # a frame takes an odd number of draws: half of a number is kept for the next
        expected = np.empty(33, F32)
        source.draw(expected)
        np.testing.assert_array_equal(model.noise(33, temperature=0.3), expected)


@pytest.mark.parametrize("clamp", [0.1, 0.7, 3.0, 30.0])
def test_clamped_noise(model, clamp):
    expected = np.empty(5000, F32)
    NoiseSource((9,), 0.3, clamp).draw(expected)
    model.seed(9)
    found = model.noise(5000, temperature=0.3, clamp=clamp)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    assert np.abs(found).max() <= F32(clamp)


def test_no_temperature_draws_nothing(model):
    model.seed(4)
    assert not model.noise(10, temperature=0.0).any()
    expected = np.empty(10, F32)
    NoiseSource((4,), 1.0).draw(expected)
    np.testing.assert_array_equal(model.noise(10), expected)


def test_the_tables_are_what_they_say():
    """256 layers of one area, from the last edge inwards, with 60 digits."""
    getcontext().prec = 60
    edge = Decimal("3.6541528853610087963519472518")
    area = Decimal("0.004928673233974655401157")  # edge * exp(-edge^2 / 2) and the tail beyond it

    def height(x):
        return (-x * x / 2).exp()

    edges = [area / height(edge), *[Decimal(0)] * 254, edge]
    for i in range(254, 0, -1):
        edges[i] = (-2 * (area / edges[i + 1] + height(edges[i + 1])).ln()).sqrt()
    shares = [edge / edges[0], Decimal(0)] + [edges[i - 1] / edges[i] for i in range(2, 256)]
    text = (ROOT / "csrc" / "web" / "ziggurat.inl").read_text(encoding="utf-8")
    tables = [part.split("{")[1].split("}")[0].replace("f", "") for part in text.split("static const")[1:]]
    k, w, f = ([float(number) for number in table.split(",") if number.strip()] for table in tables)
    assert k == [float((share * 2**23).to_integral_value()) for share in shares]
    np.testing.assert_array_equal(np.array(w, F32), np.array([float(x / 2**23) for x in edges], F32))
    np.testing.assert_array_equal(
        np.array(f, F32), np.array([1.0] + [float(height(x)) for x in edges[1:]], F32)
    )
