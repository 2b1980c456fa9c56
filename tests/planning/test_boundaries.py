"""Boundaries against published constants, exact enumeration and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm, t

from analysis.planning.boundaries import (
    RULES,
    boundary,
    crossing,
    equal,
    spend_obrien_fleming,
    spend_pocock,
    t_of_z,
    z_of_t,
)
from diagnose.errors import InputError

# Jennison and Turnbull 2000, tables 2.1 and 2.3: two-sided, alpha 0.05.
POCOCK = {
    1: 1.960,
    2: 2.178,
    3: 2.289,
    4: 2.361,
    5: 2.413,
    6: 2.453,
    8: 2.512,
    10: 2.555,
    20: 2.672,
}
OBF = {1: 1.960, 2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040, 6: 2.053, 8: 2.072, 10: 2.087, 20: 2.126}
# Armitage, McPherson and Rowe 1969: testing at 1.96 after every look.
PEEKING = {1: 0.050, 2: 0.083, 3: 0.107, 4: 0.126, 5: 0.142, 10: 0.193, 20: 0.248}


@pytest.mark.parametrize("looks", POCOCK)
def test_the_published_constants(looks):
    pocock = boundary("pocock", equal(looks))
    assert pocock.critical == pytest.approx([POCOCK[looks]] * looks, abs=5.01e-4)
    obf = boundary("obrien_fleming", equal(looks))
    assert obf.critical[-1] == pytest.approx(OBF[looks], abs=5.01e-4)
    scaled = np.array(obf.critical) * np.sqrt(equal(looks))
    assert scaled == pytest.approx([obf.critical[-1]] * looks, rel=1e-9)


@pytest.mark.parametrize(
    ("rule", "published"),  # Reboussin, DeMets, Kim and Lan 2000 (ld98); R's ldbounds
    [
        ("spend_obrien_fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("spend_pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_the_published_spending_bounds(rule, published):
    assert boundary(rule, equal(5)).critical == pytest.approx(published, abs=1.5e-4)


@pytest.mark.parametrize("looks", PEEKING)
def test_naive_peeking(looks):
    found = crossing([norm.ppf(0.975)] * looks, equal(looks)).sum()
    assert found == pytest.approx(PEEKING[looks], abs=5.01e-4)


def peeking_at_two_cells(rate: float, tasks: int = 25, seeds: int = 8) -> float:
    """Exact type I error of a pooled z test of two cells after each seed of every task."""
    step = binom.pmf(np.arange(tasks + 1), tasks, rate)
    chance = np.ones((1, 1))
    crossed = 0.0
    for seed in range(1, seeds + 1):
        rows = np.array([np.convolve(row, step) for row in chance])
        chance = np.array([np.convolve(column, step) for column in rows.T]).T
        n = tasks * seed
        a, b = np.arange(n + 1)[:, None] / n, np.arange(n + 1)[None, :] / n
        pooled = (a + b) / 2
        se = np.sqrt(2 * pooled * (1 - pooled) / n)
        out = np.abs(a - b) > norm.ppf(0.975) * se
        crossed += chance[out].sum()
        chance = np.where(out, 0.0, chance)
    return float(crossed)


def test_peeking_after_each_of_eight_seeds():
    """Eight looks: 17.6 % in the limit of many episodes; with 25 tasks counted, 17.9 to 19.4 %."""
    assert crossing([norm.ppf(0.975)] * 8, equal(8)).sum() == pytest.approx(0.17627, abs=5e-5)
    found = {rate: peeking_at_two_cells(rate) for rate in (0.3, 0.4, 0.5)}
    assert found == pytest.approx({0.3: 0.1792, 0.4: 0.1857, 0.5: 0.1945}, abs=1e-4)


@pytest.mark.parametrize(
    ("rule", "power", "factor"),  # Jennison and Turnbull 2000, tables 2.2 and 2.4, K = 5
    [
        ("pocock", 0.8, 1.229), ("pocock", 0.9, 1.207),
        ("obrien_fleming", 0.8, 1.028), ("obrien_fleming", 0.9, 1.026),
    ],
)  # fmt: skip
def test_what_looks_cost_at_most(rule, power, factor):
    assert boundary(rule, equal(5)).inflation(power) == pytest.approx(factor, abs=1e-3)


@given(
    rule=st.sampled_from(RULES),
    alpha=st.sampled_from([0.01, 0.05, 0.1]),
    gaps=st.lists(st.integers(1, 8), min_size=1, max_size=8),
)
def test_every_boundary_spends_its_alpha_and_no_more(rule, alpha, gaps):
    fractions = tuple((np.cumsum(gaps) / sum(gaps)).tolist())
    made = boundary(rule, fractions, alpha)
    assert made.power(0.0) == pytest.approx(alpha, abs=1e-8)
    spending = {"spend_pocock": spend_pocock, "spend_obrien_fleming": spend_obrien_fleming}
    if rule in spending:
        spent = [spending[rule](t, alpha) for t in fractions]
        assert np.cumsum(made.crossing()) == pytest.approx(spent, abs=1e-8)
    assert made.expected_share(0.0) <= 1
    assert made.power(made.drift(0.8)) == pytest.approx(0.8, abs=1e-8)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("drift", [0.0, 2.8, 5.0])
def test_crossing_is_what_a_simulation_gives(rule, drift):
    """A million Brownian paths; five standard errors."""
    made = boundary(rule, (0.25, 0.4, 0.8, 1.0))
    t = np.array(made.fractions)
    draw = np.random.default_rng(11)
    steps = draw.standard_normal((400_000, 4)) * np.sqrt(np.diff(t, prepend=0))
    z = (steps.cumsum(axis=1) + drift * t) / np.sqrt(t)
    out = np.abs(z) >= np.array(made.critical)
    first = np.where(out.any(axis=1), out.argmax(axis=1), -1)
    seen = np.array([(first == look).mean() for look in range(4)])
    expected = made.crossing(drift)
    assert np.all(np.abs(seen - expected) < 5 * np.sqrt(expected / len(z) + 1e-10))
    stopped = np.where(first < 0, 3, first)
    assert made.expected_share(drift) == pytest.approx(t[stopped].mean(), abs=2e-3)


@pytest.mark.parametrize("rule", RULES)
def test_a_repeated_p_value_is_alpha_where_the_boundary_is_met(rule):
    made = boundary(rule, equal(4))
    for look, z in enumerate(made.critical):
        if z < 8:
            assert made.p_value(look, z) == pytest.approx(0.05, abs=1e-6)
            assert made.p_value(look, -1.1 * z) < 0.05 < made.p_value(look, 0.9 * z)
    assert made.p_value(3, 0.0) == pytest.approx(1.0, abs=1e-6)


def test_a_t_statistic_is_held_to_the_level_of_its_z():
    for z in (1.96, 2.413, 4.562):
        assert t.sf(t_of_z(z, 24), 24) == pytest.approx(norm.sf(z), rel=1e-9)
        assert z_of_t(t_of_z(z, 24), 24) == pytest.approx(z, rel=1e-9)
        assert z_of_t(-t_of_z(z, 24), 24) == pytest.approx(-z, rel=1e-9)
    assert t_of_z(2.0, np.inf) == 2.0


@pytest.mark.parametrize(
    ("rule", "fractions", "alpha", "said"),
    [
        ("pockock", (1.0,), 0.05, "stop.rule"),
        ("pocock", (0.5, 0.9), 0.05, "rise to 1"),
        ("pocock", (0.5, 0.5, 1.0), 0.05, "rise to 1"),
        ("pocock", (), 0.05, "rise to 1"),
        ("pocock", (1.0,), 0.0, "stop.alpha"),
    ],
)
def test_what_cannot_be_is_refused(rule, fractions, alpha, said):
    with pytest.raises(InputError, match=said):
        boundary(rule, fractions, alpha)
