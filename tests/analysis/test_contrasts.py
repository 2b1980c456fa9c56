"""Indices against their definitions, their axioms and an independent library."""

import itertools
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analysis import contrasts

SIZES = st.integers(2, 5)


@st.composite
def games(draw: st.DrawFn) -> tuple[int, np.ndarray]:
    """A number of factors and the success rate of each cell."""
    k = draw(SIZES)
    return k, draw(hnp.arrays(np.float64, 2**k, elements=st.floats(0, 1, width=32)))


def value(v: np.ndarray, k: int, on: tuple[int, ...] | set[int]) -> float:
    return float(v[sum(2 ** (k - 1 - member) for member in on)])


def over_orders(v: np.ndarray, k: int, factor: int) -> list[float]:
    """The factor's gap in each of the k! orders."""
    gaps = []
    for order in itertools.permutations(range(k)):
        before = set(order[: order.index(factor)])
        gaps.append(value(v, k, before | {factor}) - value(v, k, before))
    return gaps


@given(games())
def test_shapley_is_the_mean_over_all_orders(game: tuple[int, np.ndarray]) -> None:
    k, v = game
    for factor in range(k):
        expected = np.mean(over_orders(v, k, factor))
        assert contrasts.shapley(k, [factor]) @ v == pytest.approx(expected, abs=1e-12)


@given(games())
def test_a_factors_marginals_span_its_gaps_over_all_orders(game: tuple[int, np.ndarray]) -> None:
    k, v = game
    for factor in range(k):
        gaps = contrasts.marginals(k, factor) @ v
        orders = over_orders(v, k, factor)
        assert (gaps.min(), gaps.max()) == pytest.approx((min(orders), max(orders)), abs=1e-12)


@given(games())
def test_efficient_indices_sum_to_full_minus_baseline(game: tuple[int, np.ndarray]) -> None:
    k, v = game
    whole = v[-1] - v[0]
    singles = [[factor] for factor in range(k)]
    pairs = [list(pair) for pair in itertools.combinations(range(k), 2)]
    assert sum(contrasts.shapley(k, s) @ v for s in singles) == pytest.approx(whole, abs=1e-9)
    for index in (contrasts.shapley_taylor_2, contrasts.k_shapley_2, contrasts.faith_shapley_2):
        assert sum(index(k, s) @ v for s in singles + pairs) == pytest.approx(whole, abs=1e-9)
    subsets = [s for size in range(1, k + 1) for s in itertools.combinations(range(k), size)]
    assert sum(contrasts.moebius(k, s) @ v for s in subsets) == pytest.approx(whole, abs=1e-9)


@given(games(), st.data())
def test_a_factor_without_effect_gets_zero(
    game: tuple[int, np.ndarray], data: st.DataObject
) -> None:
    k, v = game
    idle = data.draw(st.integers(0, k - 1))
    cells = np.arange(2**k)
    v = v[cells & ~(1 << (k - 1 - idle))]  # each cell's rate is that with the factor off
    other = (idle + 1) % k
    for index in (contrasts.shapley, contrasts.banzhaf, contrasts.k_shapley_2):
        assert index(k, [idle]) @ v == pytest.approx(0, abs=1e-12)
        assert index(k, sorted([idle, other])) @ v == pytest.approx(0, abs=1e-12)


@given(games(), st.data())
def test_renaming_factors_renames_values(game: tuple[int, np.ndarray], data: st.DataObject) -> None:
    k, v = game
    order = data.draw(st.permutations(range(k)))
    moved = v.reshape((2,) * k).transpose(order).ravel()  # factor i of moved is order[i] of v
    for index in (contrasts.shapley, contrasts.banzhaf, contrasts.faith_shapley_2):
        for i in range(k):
            assert index(k, [i]) @ moved == pytest.approx(index(k, [order[i]]) @ v, abs=1e-9)


@given(games())
def test_banzhaf_is_the_plain_mean_of_marginals(game: tuple[int, np.ndarray]) -> None:
    k, v = game
    for factor in range(k):
        mean = (contrasts.marginals(k, factor) @ v).mean()
        assert contrasts.banzhaf(k, [factor]) @ v == pytest.approx(mean, abs=1e-12)


@given(games())
def test_faith_shapley_is_the_best_second_order_fit(game: tuple[int, np.ndarray]) -> None:
    # Tsai et al. 2023: least squares with weights 1 / (C(k,s) s (k-s)), exact at none and all.
    k, v = game
    cells = list(itertools.product((0, 1), repeat=k))
    subsets = [s for size in range(3) for s in itertools.combinations(range(k), size)]
    design = np.array([[all(cell[m] for m in s) for s in subsets] for cell in cells], dtype=float)
    size = np.array([sum(cell) for cell in cells])
    inner = (size > 0) & (size < k)
    binomial = np.array([factorial(k) / factorial(s) / factorial(k - s) for s in size])
    weight = np.divide(1.0, binomial * size * (k - size), out=np.zeros(2**k), where=inner)
    exact = design[~inner]
    gram = design.T @ (weight[:, None] * design)
    system = np.block([[gram, exact.T], [exact, np.zeros((2, 2))]])
    right = np.concatenate([design.T @ (weight * v), v[~inner]])
    fitted = dict(zip(subsets, np.linalg.lstsq(system, right, rcond=None)[0], strict=False))
    if k < 3:  # two factors: the fit is the game itself, weights do not matter
        fitted = {s: contrasts.moebius(k, s) @ v for s in subsets if s}
    for subset in subsets[1:]:
        got = contrasts.faith_shapley_2(k, list(subset)) @ v
        assert got == pytest.approx(fitted[subset], abs=1e-8)


@given(games())
def test_half_means_differ_by_the_average_effect(game: tuple[int, np.ndarray]) -> None:
    k, v = game
    for factor in range(k):
        halves = contrasts.half_mean(k, factor, on=True) - contrasts.half_mean(k, factor, on=False)
        assert halves @ v == pytest.approx(contrasts.banzhaf(k, [factor]) @ v, abs=1e-12)


# shapiq 1.8.0: ExactComputer(n_players=4, game=v)(index=..., order=2), v below, cell 0 first and
# the first player the first binary digit. Made once; the library is no dependency of the tests.
GAME = np.array(
    [0.26, 0.41, 0.31, 0.44, 0.35, 0.33, 0.29, 0.52, 0.525, 0.61, 0.58, 0.7, 0.58, 0.81, 0.64, 0.9]
)
SHAPIQ = {
    "SII": {
        "0": 0.310416667,
        "1": 0.097083333,
        "2": 0.065416667,
        "3": 0.167083333,
        "01": 0.088333333,
        "02": -0.001666667,
        "03": 0.028333333,
        "12": -0.009166667,
        "13": 0.030833333,
        "23": 0.050833333,
    },
    "BII": {
        "0": 0.304375,
        "1": 0.073125,
        "2": 0.063125,
        "3": 0.148125,
        "01": 0.11125,
        "02": 0.02125,
        "03": 0.05125,
        "12": 0.01375,
        "13": 0.05375,
        "23": 0.07375,
    },
    "STII": {
        "0": 0.265,
        "1": 0.09,
        "2": 0.05,
        "3": 0.15,
        "01": 0.0625,
        "02": 0.015833333,
        "03": 0.0125,
        "12": -0.0275,
        "13": -0.020833333,
        "23": 0.0425,
    },
    "k-SII": {
        "0": 0.252916667,
        "1": 0.042083333,
        "2": 0.045416667,
        "3": 0.112083333,
        "01": 0.088333333,
        "02": -0.001666667,
        "03": 0.028333333,
        "12": -0.009166667,
        "13": 0.030833333,
        "23": 0.050833333,
    },
    "FSII": {
        "0": 0.239166667,
        "1": 0.028333333,
        "2": 0.031666667,
        "3": 0.098333333,
        "01": 0.0975,
        "02": 0.0075,
        "03": 0.0375,
        "12": 0.0,
        "13": 0.04,
        "23": 0.06,
    },
}


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("SII", contrasts.shapley),
        ("BII", contrasts.banzhaf),
        ("STII", contrasts.shapley_taylor_2),
        ("k-SII", contrasts.k_shapley_2),
        ("FSII", contrasts.faith_shapley_2),
    ],
)
def test_indices_agree_with_shapiq(name: str, index: "object") -> None:
    assert callable(index)
    for key, expected in SHAPIQ[name].items():
        subset = [int(digit) for digit in key]
        assert index(4, subset) @ GAME == pytest.approx(expected, abs=1e-8), key
