"""Closed-form intervals and adjusted p values against statsmodels, scipy and their inversion."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
)
from statsmodels.stats.proportion import (
    test_proportions_2indep as score_test,
)

from analysis import intervals
from analysis.multiplicity import benjamini_hochberg, holm

COUNTS = st.integers(2, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS)
def test_wilson_equals_statsmodels(count: tuple[int, int]) -> None:
    x, n = count
    low, high = intervals.wilson(np.array([x / n]), np.array([float(n)]))
    expected = proportion_confint(x, n, method="wilson")
    assert (low[0], high[0]) == pytest.approx(expected, abs=1e-12)
    scipys = stats.binomtest(x, n).proportion_ci(method="wilson")
    assert (low[0], high[0]) == pytest.approx((scipys.low, scipys.high), abs=1e-12)
    assert low[0] < high[0]


@given(COUNTS, COUNTS)
def test_two_cells_are_newcombe(after: tuple[int, int], before: tuple[int, int]) -> None:
    (x1, n1), (x0, n0) = after, before
    weights, n = np.array([1.0, -1.0]), np.array([n1, n0], dtype=float)
    got = intervals.mover(weights, np.array([x1 / n1, x0 / n0]), n)
    expected = confint_proportions_2indep(x1, n1, x0, n0, method="newcomb", compare="diff")
    assert got == pytest.approx(expected, abs=1e-12)
    assert got[0] < got[1]


@given(COUNTS, COUNTS)
def test_the_p_value_is_where_the_interval_touches_zero(
    after: tuple[int, int], before: tuple[int, int]
) -> None:
    weights = np.array([1.0, -1.0])
    n = np.array([after[1], before[1]], dtype=float)
    p = np.array([after[0], before[0]]) / n
    value = intervals.mover_p(weights, p, n)
    assert 0 <= value <= 1
    low, high = intervals.mover(weights, p, n)
    if abs(value - 0.05) > 1e-9:
        assert (value < 0.05) == (low > 0 or high < 0)
    assume(1e-12 < value < 1)
    from scipy.special import ndtri

    at = intervals.mover(weights, p, n, z=float(-ndtri(value / 2)))
    assert min(abs(at[0]), abs(at[1])) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("x1", "n1", "x0", "n0"),
    [(105, 200, 52, 200), (3, 40, 5, 40), (75, 200, 21, 200), (17, 30, 9, 60), (40, 40, 11, 40)],
)
def test_risk_ratio_equals_statsmodels(x1: int, n1: int, x0: int, n0: int) -> None:
    # Its tolerance is a fixed step on the ratio, hence 1e-5.
    expected = confint_proportions_2indep(x1, n1, x0, n0, method="score", compare="ratio")
    assert intervals.risk_ratio((x1, x0), (n1, n0)) == pytest.approx(expected, rel=1e-5)


@given(COUNTS, COUNTS)
def test_the_score_test_of_either_limit_has_a_p_value_of_five_percent(
    after: tuple[int, int], before: tuple[int, int]
) -> None:
    (x1, n1), (x0, n0) = after, before
    assume(0 < x1 < n1 and 0 < x0 < n0)  # statsmodels divides by their odds
    for limit in intervals.risk_ratio((x1, x0), (n1, n0)):
        # statsmodels loses digits where the restricted rates are at a corner.
        assume(1e-3 < limit < 1e3)
        found = score_test(
            x1, n1, x0, n0, value=limit, compare="ratio", method="score", correction=True
        )
        assert found.pvalue == pytest.approx(0.05, abs=1e-6)


def test_risk_ratio_with_zeros_is_one_sided() -> None:
    low, high = intervals.risk_ratio((0, 10), (40, 40))
    assert low == 0
    assert 0 < high < 1
    low, high = intervals.risk_ratio((10, 0), (40, 40))
    assert 1 < low < math.inf
    assert high == math.inf


def test_fieller_solves_its_quadratic_or_is_unbounded() -> None:
    a, b, (va, cab, vb), z = 0.2, 0.3, (0.002, -0.0004, 0.001), 1.96
    for limit in intervals.fieller(a, b, (va, cab, vb), z):
        distance = (a - limit * b) ** 2
        assert distance == pytest.approx(z**2 * (va - 2 * limit * cab + limit**2 * vb))
    assert intervals.fieller(0.2, 0.05, (va, cab, vb), z) == (-math.inf, math.inf)


@settings(max_examples=25)  # the oracle is slow
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_equal_statsmodels(values: list[float]) -> None:
    p = np.array([*values, np.nan])
    known = p[:-1]
    assert np.isnan(holm(p)[-1])
    assert holm(p)[:-1] == pytest.approx(multipletests(known, method="holm")[1], abs=1e-12)
    expected = multipletests(known, method="fdr_bh")[1]
    assert benjamini_hochberg(p)[:-1] == pytest.approx(expected, abs=1e-12)
    assert stats.false_discovery_control(known) == pytest.approx(expected, abs=1e-12)
