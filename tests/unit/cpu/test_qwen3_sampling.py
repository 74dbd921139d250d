"""Drawing codes: against the NumPy specification, at ties and ends, and never outside what is allowed."""

import numpy as np
import pytest
from pocket_fast.cpu.qwen3.sampling import Draw, pick_codes

from reference import qwen3

F32 = np.float32
SETTINGS = [
    {},
    {"do_sample": False},
    {"top_k": 0, "temperature": 1.0},
    {"top_k": 1},
    {"top_k": 7, "top_p": 0.5},
    {"top_k": 0, "top_p": 0.9, "temperature": 1.3},
    {"top_k": 0, "top_p": 0.0},
    {"top_k": 500, "top_p": 0.999, "temperature": 0.1},
]


def draw(logits, draws, uniforms):
    """One draw per row, nothing forbidden, nothing penalised."""
    batch, n = logits.shape
    seen, may_end = [np.zeros(n, np.uint8) for _ in range(batch)], [True] * batch
    uniforms = np.array(uniforms, dtype=float)
    return pick_codes(logits, draws, uniforms, [1.0] * batch, seen, may_end, codes=n, end=0).tolist()


def pick(logits, uniform, **how):
    return draw(np.array([logits], F32), [Draw(**how)], [uniform])[0]


@pytest.mark.parametrize("how", SETTINGS)
@pytest.mark.parametrize("n", [1, 2, 50, 64, 3072])
def test_equals_the_numpy_draw(n, how):
    rng = np.random.default_rng(n)
    logits = 3 * rng.standard_normal((200, n)).astype(F32)
    logits[:50] = np.round(logits[:50])  # full of ties
    uniforms = rng.random(200)
    expected = [qwen3.pick(row, qwen3.Draw(**how), u) for row, u in zip(logits, uniforms, strict=True)]
    assert draw(logits, [Draw(**how)] * 200, uniforms) == expected


def test_each_row_has_its_own_settings():
    rng = np.random.default_rng(1)
    logits, uniforms = rng.standard_normal((len(SETTINGS), 64)).astype(F32), rng.random(len(SETTINGS))
    expected = [
        qwen3.pick(row, qwen3.Draw(**how), u) for row, how, u in zip(logits, SETTINGS, uniforms, strict=True)
    ]
    assert draw(logits, [Draw(**how) for how in SETTINGS], uniforms) == expected


def test_greedy_takes_the_first_of_equals():
    assert pick([1, 3, 2, 3], 0.99, do_sample=False) == 1
    assert pick([0, 0, 0], 0.99, do_sample=False) == 0
    assert pick([-1, -2], 0.99, do_sample=False) == 0


def test_the_first_index_whose_cumulative_probability_exceeds_the_number():
    logits = np.log([0.25, 0.25, 0.5])
    how = {"top_k": 0, "temperature": 1.0}
    assert [pick(logits, u, **how) for u in (0.0, 0.2499, 0.2501, 0.4999, 0.5001, 0.99999)] == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]
    # a number that lies on a border belongs to the next one
    assert [pick([0, 0, 0, 0], u, **how) for u in (0.0, 0.25, 0.5, 0.75)] == [0, 1, 2, 3]


def test_what_equals_the_kth_stays():
    logits, how = [5, 1, 3, 3, 3, 0], {"top_k": 2, "temperature": 1.0}
    drawn = {pick(logits, u, **how) for u in np.linspace(0, 0.999, 500)}
    assert drawn == {0, 2, 3, 4}
    assert {pick(logits, u, **how | {"top_k": 1}) for u in (0.0, 0.999)} == {0}


def test_top_p_drops_while_the_sum_is_at_most_the_rest():
    """Of probabilities 1/8, 1/8, 1/4, 1/2 a rest of exactly 1/4 drops the first two, one below it only the first."""
    logits, how = np.log2([2, 2, 4, 8]) * np.log(2), {"top_k": 0, "temperature": 1.0}
    numbers = np.linspace(0, 0.999, 200)
    assert {pick(logits, u, top_p=0.75, **how) for u in numbers} == {2, 3}
    assert {pick(logits, u, top_p=0.76, **how) for u in numbers} == {1, 2, 3}
    assert {pick(logits, u, top_p=0.0, **how) for u in numbers} == {3}
    assert {pick([1, 1, 1], u, top_p=0.0, **how) for u in numbers} == {2}


def test_top_p_is_taken_of_what_top_k_left():
    """Of four equals and many below, half a probability is two of the four, not all of them."""
    logits, how = [0.0] * 60 + [3.0] * 4, {"top_k": 4, "top_p": 0.5, "temperature": 1.0}
    assert {pick(logits, u, **how) for u in np.linspace(0, 0.999, 200)} == {62, 63}


def test_rounding_never_draws_what_is_impossible():
    logits = np.full(3000, -np.inf, F32)
    logits[:2900] = 1e-4 * np.arange(2900) % 0.1
    for u in (1 - 2**-53, 1.0):
        for how in ({"top_k": 0}, {"top_k": 0, "top_p": 0.99}):
            assert pick(logits, u, **how) < 2900
    assert pick([-200, 0, -200], 1 - 2**-53, top_k=0) == 1


# --- code 0 ----------------------------------------------------------------------------------------

VOCAB, CODES, END = 1088, 64, 72


@pytest.mark.parametrize("how", SETTINGS)
def test_code_0_equals_the_numpy_scores(how):
    rng = np.random.default_rng(2)
    logits = 3 * rng.standard_normal((100, VOCAB)).astype(F32)
    logits[:, CODES:] += 2  # what is forbidden would often win
    uniforms, penalties = rng.random(100), rng.choice([1.0, 1.05, 2.0], 100)
    histories = [rng.integers(0, CODES, rng.integers(0, 30)) for _ in range(100)]
    seen = [np.isin(np.arange(VOCAB), h).astype(np.uint8) for h in histories]
    may_end = [len(h) >= qwen3.sampling.MIN_CODES for h in histories]
    expected = []
    for row, history, penalty, u in zip(logits, histories, penalties, uniforms, strict=True):
        scores = qwen3.first_code_scores(row, history, F32(penalty), END)
        expected.append(qwen3.pick(scores, qwen3.Draw(**how), u))
    before = logits.copy()
    found = pick_codes(logits, [Draw(**how)] * 100, uniforms, penalties, seen, may_end, codes=CODES, end=END)
    assert found.dtype == np.int32
    assert found.tolist() == expected
    assert (logits == before).all()
    for code, history, now in zip(found, histories, seen, strict=True):
        assert np.flatnonzero(now).tolist() == sorted({*history.tolist(), int(code)})
    if how.get("do_sample", True):
        assert END in expected


def first_code(logits, penalty=1.0, drawn=(), may_end=True):
    row, seen = np.zeros((1, VOCAB), F32), np.zeros(VOCAB, np.uint8)
    for place, value in logits.items():
        row[0, place] = value
    seen[list(drawn)] = 1
    greedy = [Draw(do_sample=False)]
    return pick_codes(row, greedy, np.zeros(1), [penalty], [seen], [may_end], codes=CODES, end=END)[0]


def test_a_penalty_makes_less_likely_on_both_sides_of_zero():
    assert first_code({3: 4.0, 5: 3.0}) == 3
    assert first_code({3: 4.0, 5: 3.0}, 1.4, [3]) == 5
    assert first_code({3: 4.0, 5: 3.0}, 1.4, [3, 5]) == 3
    low = dict.fromkeys(range(VOCAB), -9.0)
    assert first_code({**low, 3: -2.0, 5: -3.0}, 2.0, [3]) == 5
    assert first_code({**low, 3: -2.0, 5: -3.0}, 2.0, [5]) == 3


def test_special_ids_are_never_drawn_and_the_end_only_when_it_may():
    assert first_code({END: 9.0, 3: 1.0}) == END
    assert first_code({END: 9.0, 3: 1.0}, may_end=False) == 3
    for other in (CODES, END - 1, END + 1, VOCAB - 1):
        assert first_code({other: 9.0, 3: 1.0}) == 3


# --- numbers as large and as small as they get ---------------------------------------------------


@pytest.mark.parametrize("top_k", [0, 5, 2**31, 2**70])
@pytest.mark.parametrize("top_p", [1.0, 0.5, 5e-324])
def test_a_tiny_temperature_takes_the_likeliest(top_k, top_p):
    """Quotients that overflow would be infinite, and their differences no numbers."""
    for temperature in (1e-6, 1e-30, 1e-46, 5e-324):
        how = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        assert {pick([-900, 800, 801.5, -np.inf, 3], u, **how) for u in (0, 0.5, 0.999)} == {2}
        assert {pick([-7, -5, -6], u, **how) for u in (0, 0.5, 0.999)} == {1}


def test_a_huge_temperature_takes_anything_that_is_not_forbidden():
    for temperature in (1e6, 1e38, 1e39, 1e308):
        how = {"temperature": temperature, "top_k": 0}
        assert {pick([300, -np.inf, -300, 0], u, **how) for u in np.linspace(0, 0.999, 50)} == {0, 2, 3}
        assert pick([300, -np.inf, -300, 0], 0.9, **how | {"top_k": 2}) in (0, 3)


@pytest.mark.parametrize("penalty", [1e-300, 1e-30, 1e30, 1e300])
def test_a_penalty_that_overflows(penalty):
    """Codes 0 and 1 were drawn before: as unlikely, or as likely, as codes get."""
    logits, seen = np.array([[3.0, -3.0, 0.0, 1.0]], F32), np.array([1, 1, 0, 0], np.uint8)
    found = {
        pick_codes(logits, [Draw(top_k=0)], np.array([u]), [penalty], [seen.copy()], [True], codes=4, end=3)[
            0
        ]
        for u in np.linspace(0, 0.999, 60)
    }
    assert found == ({0} if penalty < 1 else {0, 2, 3})


# --- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"temperature": 0.0}, "temperature 0.0: expected a number above 0"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"top_p": 1.1}, "top_p 1.1"),
        ({"top_p": float("nan")}, "top_p"),
        ({"top_k": -1}, "top_k -1"),
    ],
)
def test_settings_that_cannot_be(how, message):
    with pytest.raises(ValueError, match=message):
        Draw(**how)


def test_greedy_asks_for_no_temperature():
    assert not Draw(do_sample=False, temperature=0.0).do_sample


def test_fields_of_a_draw():
    d = Draw(True, 7, 0.8, 1.1)
    assert (d.do_sample, d.top_k, d.top_p, d.temperature) == (True, 7, 0.8, 1.1)
    assert repr(d) == "Draw(do_sample=True, top_k=7, top_p=0.8, temperature=1.1)"
    with pytest.raises(AttributeError):
        d.top_k = 3


def test_batches_that_do_not_fit():
    def call(**changed):
        given = {
            "logits": np.zeros((2, VOCAB), F32),
            "draws": [Draw()] * 2,
            "uniforms": np.zeros(2),
            "penalties": [1.0] * 2,
            "seen": [np.zeros(VOCAB, np.uint8) for _ in range(2)],
            "may_end": [True] * 2,
            "codes": CODES,
            "end": END,
        }
        return pick_codes(**{**given, **changed})

    assert call().shape == (2,)
    for changed in [
        {"draws": [Draw()]},
        {"uniforms": np.zeros(3)},
        {"penalties": [1.0]},
        {"seen": [np.zeros(VOCAB, np.uint8)]},
        {"seen": [np.zeros(VOCAB - 1, np.uint8)] * 2},
        {"may_end": [True]},
        {"codes": 0},
        {"codes": VOCAB + 1},
        {"end": VOCAB},
        {"end": -1},
        {"logits": np.zeros((3, VOCAB), F32)},
        {"penalties": [1.0, 0.0]},
        {"penalties": [1.0, float("nan")]},
    ]:
        with pytest.raises(ValueError, match="pick_codes"):
            call(**changed)
    for draws in ([Draw(), None], [Draw(), {}]):
        with pytest.raises(TypeError, match="expected a Draw"):
            call(draws=draws)
