"""Firth's penalised logit against firthmodels."""

import numpy as np
import pytest
from firthmodels import FirthLogisticRegression

from analysis.fits.logit import firth, logit


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("separated", [False, True])
def test_firth_on_counts_is_firthmodels_on_episodes(seed: int, separated: bool) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (200, 3)).astype(float)
    y = (rng.uniform(size=200) < rng.uniform(0.1, 0.6)).astype(float)
    if separated:
        y[x[:, 0] == 0] = 0.0
    theirs = FirthLogisticRegression(gtol=1e-7, xtol=1e-7, max_iter=1000).fit(x, y)
    cells, cell = np.unique(x, axis=0, return_inverse=True)
    design = np.column_stack([np.ones(len(cells)), cells])
    counts = np.bincount(cell.ravel(), y), np.bincount(cell.ravel()).astype(float)
    expected = [theirs.intercept_, *theirs.coef_]
    assert firth(design, *counts).beta == pytest.approx(expected, abs=1e-6)
    fit = logit(design, *counts)
    assert fit.firth is separated
    if separated:
        assert fit.beta == pytest.approx(expected, abs=1e-6)


def test_all_failures_have_a_finite_fit() -> None:
    x = np.array([[0.0], [1.0]] * 20)
    theirs = FirthLogisticRegression(gtol=1e-7, xtol=1e-7, max_iter=1000)
    rows = np.column_stack([np.ones(2), [0.0, 1.0]])
    ours = firth(rows, np.zeros(2), np.array([20.0, 20.0]))
    y = np.zeros(40)
    y[0] = 1.0  # firthmodels wants both outcomes
    one = firth(rows, np.array([1.0, 0.0]), np.array([20.0, 20.0]))
    fit = theirs.fit(x, y)
    assert one.beta == pytest.approx([fit.intercept_, *fit.coef_], abs=1e-6)
    assert ours.beta == pytest.approx([np.log(0.5 / 20.5), 0.0], abs=1e-8)
