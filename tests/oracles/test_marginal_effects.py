"""Average effects and marginal log odds ratios against marginaleffects, where both define one.

A model saturated in the cells has the cells' rates for predictions, so that averaging over a grid
of all settings gives ``ame`` and ``mlogor``; saturated in task and cell and averaged over the grid
of both, it does so with equal task weights, whatever is missing. Standard errors are compared with
the sandwich clustered by task, which on a complete table is the task-level one.

Run with ``make test-oracles``, where marginaleffects (GPL) is installed.
"""

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from marginaleffects import avg_comparisons
from scipy import stats

from tests.oracles.tables import estimates, names, table

TASKS = 6


DUMMIES = [f"t{index}" for index in range(1, TASKS)]  # whole numbers; its categories need Polars 1


def grid(k: int) -> pd.DataFrame:
    """All settings of all tasks, each once."""
    cells = pd.DataFrame(list(itertools.product((0, 1), repeat=k)), columns=names(k))
    task = pd.DataFrame({"task": [f"A-{index}" for index in range(TASKS)]})
    return numbered(task.merge(cells, how="cross"))


def numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with a dummy for every task but the first."""
    return frame.assign(
        **{name: (frame["task"] == f"A-{name[1:]}").astype(int) for name in DUMMIES}
    )


def observed(raw: pd.DataFrame) -> pd.DataFrame:
    """The observed rows."""
    return numbered(raw.dropna().astype({"success": int}))


def effect(fit: object, factor: str, settings: pd.DataFrame, **how: object) -> tuple[float, float]:
    """The estimate and standard error of a 0 to 1 change in ``factor``, averaged over settings."""
    frame = avg_comparisons(fit, variables={factor: [0, 1]}, newdata=settings, **how)
    return float(frame["estimate"][0]), float(frame["std_error"][0])


@pytest.mark.parametrize("k", [2, 3, 4])
def test_effects_are_those_of_a_saturated_logit(k: int) -> None:
    raw = table(k, 10 + k, tasks=TASKS, runs=6)
    assert raw.groupby(names(k))["success"].mean().between(0.01, 0.99).all()
    fit = smf.logit(f"success ~ {'*'.join(names(k))}", observed(raw)).fit(
        disp=0, method="newton", tol=1e-12, maxiter=100
    )
    ours = estimates(raw, k)
    for factor in names(k):
        value, _ = effect(fit, factor, grid(k))
        assert ours.loc[f"ame:{factor}", "estimate"] == pytest.approx(value, abs=1e-7)
        value, _ = effect(fit, factor, grid(k), comparison="lnoravg")
        assert ours.loc[f"mlogor:{factor}", "estimate"] == pytest.approx(value, abs=1e-7)


@pytest.mark.parametrize(("missing", "unequal"), [(0.0, False), (0.4, False), (0.3, True)])
@pytest.mark.parametrize("k", [2, 3, 4])
def test_equal_task_weights_are_those_of_a_model_saturated_in_tasks(
    k: int, missing: float, *, unequal: bool
) -> None:
    raw = table(k, 20 + k, tasks=TASKS, runs=6, missing=missing, unequal=unequal)
    fit = smf.ols(f"success ~ ({'+'.join(DUMMIES)})*{'*'.join(names(k))}", observed(raw)).fit()
    ours = estimates(raw, k)
    for factor in names(k):
        value, _ = effect(fit, factor, grid(k))
        assert ours.loc[f"ame:{factor}", "estimate"] == pytest.approx(value, abs=1e-8)
        value, _ = effect(fit, factor, grid(k), comparison="lnoravg")
        assert ours.loc[f"mlogor:{factor}", "estimate"] == pytest.approx(value, abs=1e-7)


def test_an_additive_model_of_a_complete_table_has_the_same_average_effects() -> None:
    # Balanced columns are orthogonal: what the interactions take does not touch the main effects.
    raw = table(4, 31, tasks=TASKS, runs=6)
    fit = smf.ols(f"success ~ {'+'.join(names(4))}", observed(raw)).fit()
    ours = estimates(raw, 4)
    for factor in names(4):
        value, _ = effect(fit, factor, grid(4))
        assert ours.loc[f"ame:{factor}", "estimate"] == pytest.approx(value, abs=1e-9)


def test_standard_errors_are_the_sandwich_clustered_by_task() -> None:
    k = 3
    raw = table(k, 41, tasks=TASKS, runs=6)
    groups = pd.factorize(raw["task"])[0]
    fit = smf.ols(f"success ~ {'*'.join(names(k))}", observed(raw)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    ours = estimates(raw, k)
    quantile = stats.t.ppf(0.975, TASKS - 1)
    for kind, how, accuracy in (("ame", {}, 1e-6), ("mlogor", {"comparison": "lnoravg"}, 1e-5)):
        for factor in names(k):
            row = ours.loc[f"{kind}:{factor}"]
            _, plain = effect(fit, factor, grid(k), **how)
            expected = plain * np.sqrt(TASKS / (TASKS - 1))
            own = (row["ci_high"] - row["ci_low"]) / 2 / quantile
            assert own == pytest.approx(expected, rel=accuracy), (kind, factor)
