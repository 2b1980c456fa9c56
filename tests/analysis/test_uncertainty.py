"""Standard errors against closed forms, an independent regression and planted truth."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from analysis import contrasts
from analysis.estimands import Contrast
from analysis.estimates import Place, evaluate
from analysis.layout import INTERVENTIONS
from analysis.study import Study
from analysis.uncertainty import Uncertainty, checked_target, run_covariance
from tests.analysis.studies import CODES, TASKS, by_name, study, table


def varied(task: str, cell: tuple[int, ...]) -> float:
    """Rates that differ by task, with effects that differ by task."""
    level, family = int(task[3:]), "ABCDE".index(task[0])
    effect = 0.05 + 0.03 * family
    return min(0.95, 0.5 - 0.09 * level + effect * cell[0] + 0.1 * cell[3] + 0.02 * sum(cell))


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return table(varied, seed=4)


def per_task(raw: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """d_t = sum_c w_c p[c,t], by plain pandas."""
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    p = raw.assign(code=code).pivot_table(index="task", columns="code", values="success")
    return (p[CODES] @ weights).to_numpy()


def test_new_tasks_is_the_mean_of_tasks_with_students_t(raw: pd.DataFrame) -> None:
    d = per_task(raw, contrasts.shapley(4, [0]))
    # The intercept-only regression of d on a constant is the same estimate and interval.
    fit = sm.OLS(d, np.ones(len(d))).fit()
    row = by_name(study(raw).estimates("new").to_frame()).loc["shapley:gap_hints"]
    assert row["estimate"] == pytest.approx(fit.params[0], abs=1e-12)
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(list(fit.conf_int()[0]), abs=1e-12)
    assert row["p"] == pytest.approx(fit.pvalues[0], abs=1e-12)
    assert row["method"] == "task-level t(24)"
    scipys = stats.ttest_1samp(d, 0)
    assert row["p"] == pytest.approx(scipys.pvalue, abs=1e-12)
    limits = scipys.confidence_interval(0.95)
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(list(limits), abs=1e-12)


def test_new_tasks_is_the_sandwich_clustered_by_task(raw: pd.DataFrame) -> None:
    # A regression on the cells, clustered: G/(G-1) of the sandwich is the task-level variance.
    both = pd.concat([raw, table(varied, seed=5, model="n")])
    estimates = study(both).estimates("new").to_frame()
    for model, own in (("m", raw), ("ALL", both)):
        code = own[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
        cells = pd.get_dummies(code)[CODES].to_numpy(float)
        fit = sm.OLS(own["success"], cells).fit(
            cov_type="cluster",
            cov_kwds={"groups": pd.factorize(own["task"])[0], "use_correction": False},
        )
        frame = by_name(estimates, model)
        for kind, index in (("shapley", contrasts.shapley), ("ame", contrasts.banzhaf)):
            weights = index(4, [2])
            row = frame.loc[f"{kind}:knowledge_notes"]
            se = np.sqrt(weights @ fit.cov_params().to_numpy() @ weights * 25 / 24)
            half = stats.t.ppf(0.975, 24) * se
            assert row["estimate"] == pytest.approx(weights @ fit.params, abs=1e-12)
            assert row["ci_high"] - row["estimate"] == pytest.approx(half, abs=1e-10)


def test_fixed_tasks_is_the_sandwich_clustered_by_run_within_tasks(raw: pd.DataFrame) -> None:
    # Saturated in task and cell, clustered by run: R/(R-1) of the sandwich is the variance.
    weights = contrasts.shapley(4, [1])
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    cell = raw["task"] + "/" + code
    design = pd.get_dummies(cell)
    fit = sm.OLS(raw["success"], design.to_numpy(float)).fit(
        cov_type="cluster",
        cov_kwds={
            "groups": pd.factorize(raw["task"] + "/" + raw["run"].astype(str))[0],
            "use_correction": False,
        },
    )
    of = dict(zip(CODES, weights, strict=True))
    w = np.array([of[name.partition("/")[2]] / 25 for name in design.columns])
    row = by_name(study(raw).estimates("fixed").to_frame()).loc["shapley:experiment_oracles"]
    half = stats.t.ppf(0.975, 175) * np.sqrt(w @ fit.cov_params().to_numpy() @ w * 8 / 7)
    assert row["estimate"] == pytest.approx(w @ fit.params, abs=1e-12)
    assert row["ci_high"] - row["estimate"] == pytest.approx(half, abs=1e-10)


def test_new_tasks_within_levels(raw: pd.DataFrame) -> None:
    d = per_task(raw, contrasts.banzhaf(4, [3]))
    # The residual variance of a regression on level dummies is the mean within-level variance.
    fit = sm.OLS(d, pd.get_dummies(sorted_levels(raw)).to_numpy(float)).fit()
    half = stats.t.ppf(0.975, 20) * np.sqrt(fit.scale / 25)
    frame = study(raw).estimates("new", within_levels=True).to_frame()
    row = by_name(frame).loc["ame:solution_sketches"]
    assert row["ci_high"] - row["estimate"] == pytest.approx(half, abs=1e-12)
    assert row["method"] == "task-level t(20) within levels"


def sorted_levels(raw: pd.DataFrame) -> list[int]:
    return raw.groupby("task")["level"].first().tolist()


def test_fixed_tasks_is_the_variance_of_per_run_contrasts(raw: pd.DataFrame) -> None:
    weights = contrasts.banzhaf(4, [0])
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    wide = raw.assign(code=code).pivot_table(
        index=["task", "run"], columns="code", values="success"
    )
    x = (wide[CODES] @ weights).groupby("task")
    variance = (x.var(ddof=1) / 8).sum() / 25**2
    row = by_name(study(raw).estimates("fixed").to_frame()).loc["ame:gap_hints"]
    half = stats.t.ppf(0.975, 175) * np.sqrt(variance)
    assert row["ci_high"] - row["estimate"] == pytest.approx(half, abs=1e-12)
    assert row["method"] == "run-level t(175), common seeds"


def test_runs_numbered_apart_are_independent(raw: pd.DataFrame) -> None:
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    apart = raw.assign(run=raw["run"] + 8 * code.map(CODES.index))
    p = raw.assign(code=code).pivot_table(index="task", columns="code", values="success")
    w = pd.Series(contrasts.shapley(4, [3]), index=CODES)
    variance = ((p * (1 - p) / 7) @ w**2).sum() / 25**2  # p (1 - p) / (n - 1) per cell and task
    row = by_name(study(apart).estimates("fixed").to_frame()).loc["shapley:solution_sketches"]
    half = stats.t.ppf(0.975, 175) * np.sqrt(variance)
    assert row["ci_high"] - row["estimate"] == pytest.approx(half, abs=1e-12)
    assert row["method"] == "run-level t(175), independent runs"


@given(st.integers(0, 2**32 - 1))
def test_covariance_of_complete_runs_is_the_textbook_one(seed: int) -> None:
    y = np.random.default_rng(seed).integers(0, 2, (3, 4, 5)).astype(float)
    expected = sum(np.cov(y[:, task]) for task in range(4)) / 5 / 16
    assert run_covariance(y) == pytest.approx(expected, abs=1e-12)


def test_covariance_with_missing_runs_is_unbiased() -> None:
    rng = np.random.default_rng(11)
    seen = rng.uniform(size=(3, 6, 8)) < 0.6
    seen[:, :, :2] = True
    rates = np.array([0.3, 0.5, 0.8])
    total, draws = np.zeros((3, 3)), 4000
    for _ in range(draws):
        y = (rng.uniform(size=(1, 6, 8)) < rates[:, None, None]).astype(float)  # common seeds
        y[~seen] = np.nan
        total += run_covariance(y)
    # Two rows with one uniform draw both succeed when it is below the lower rate.
    per_run = np.minimum.outer(rates, rates) - np.outer(rates, rates)
    n, common = seen.sum(axis=2).T, np.einsum("ctr,dtr->tcd", seen * 1.0, seen * 1.0)
    exact = (common * per_run / (n[:, :, None] * n[:, None, :])).sum(axis=0) / 36
    # One estimate has near 30 relative degrees of freedom: 0.4 % for the mean of all draws.
    assert total / draws == pytest.approx(exact, rel=0.025)


def test_no_variance_between_tasks_falls_back_to_runs() -> None:
    # Every task has 4 of 8 successes in each cell, on different runs: no two tasks differ.
    raw = table(lambda _task, _cell: 0.5)
    turn = raw["gap_hints"] * 2 + raw["experiment_oracles"]
    raw["success"] = ((raw["run"] + turn) % 8 < 4).astype(int)
    row = by_name(study(raw).estimates("new").to_frame()).loc["cell:0000"]
    assert row["method"] == "within-task run-level t(175); no variance between tasks"
    half = stats.t.ppf(0.975, 175) * np.sqrt(8 / 7 * 0.25 / 8 / 25)
    assert row["ci_high"] == pytest.approx(0.5 + half, abs=1e-12)


@pytest.mark.parametrize("target", ["new", "fixed"])
def test_no_variance_at_all_still_has_width(target: str) -> None:
    raw = table(lambda _task, cell: float(cell[3]))  # sketches decide, always
    frame = by_name(study(raw).estimates(target).to_frame())
    row = frame.loc["cell:0000"]
    assert (row["estimate"], row["ci_low"]) == (0, 0)
    assert row["ci_high"] == pytest.approx(3.8414588 / (200 + 3.8414588), abs=1e-7)  # Wilson
    assert row["method"].startswith("Wilson on counts")
    for name in frame.index:
        low, high = frame.loc[name, ["ci_low", "ci_high"]]
        assert frame.loc[name, "status"] == "not_estimable" or high > low, name
    assert frame.loc["add1:solution_sketches", "ci_low"] > 0.9
    assert frame.loc["add1:gap_hints", "p"] == 1
    assert frame.loc["add1:solution_sketches", "p"] < 1e-6


@pytest.mark.parametrize("target", ["new", "fixed"])
def test_a_rate_near_zero_has_wilson_limits_for_its_standard_error(target: str) -> None:
    # One of 200 passes: the t limits would reach below 0, and are too low at the top.
    raw = table(lambda _task, cell: 0.5 if cell[3] else 0.0, seed=6)
    hit = (raw["task"] == "B-L2") & (raw["solution_sketches"] == 0) & (raw["run"] < 1)
    raw.loc[hit, "success"] = 1
    frame = by_name(study(raw).estimates(target).to_frame())
    row, p = frame.loc["cell:0000"], 1 / 200
    per_task = np.array([1 / 8] + [0] * 24)
    within = 8 / 7 * per_task * (1 - per_task) / 8
    se, df = (per_task.std(ddof=1) / 5, 24) if target == "new" else (within.sum() ** 0.5 / 25, 175)
    trials = p * (1 - p) / se**2
    level = 2 * stats.norm.cdf(stats.t.ppf(0.975, df)) - 1  # whose normal quantile is this t's
    low, high = proportion_confint(p * trials, trials, 1 - level, method="wilson")
    assert [row["ci_low"], row["ci_high"]] == pytest.approx([low, high], abs=1e-9)
    assert row["method"].startswith("Wilson on effective counts; ")
    mirrored = frame.loc["residual:0000"]
    assert [mirrored["ci_low"], mirrored["ci_high"]] == pytest.approx([1 - high, 1 - low], abs=1e-9)
    assert frame.loc["cell:0001", "method"].startswith(("task-level", "run-level"))


def test_one_run_per_task_uses_counts() -> None:
    raw = table(varied, runs=1, seed=9)
    row = by_name(study(raw).estimates("fixed").to_frame()).loc["add1:solution_sketches"]
    assert row["method"] == "Newcombe on counts; one run of a task in a cell"
    assert row["ci_low"] < row["estimate"] < row["ci_high"]


def test_one_task_gives_no_interval_for_new_tasks() -> None:
    raw = table(varied, tasks=["A-L1"])
    row = by_name(study(raw).estimates("new").to_frame()).loc["ame:gap_hints"]
    assert np.isnan(row["ci_low"])
    assert row["method"] == "one task or cluster: no interval for new tasks"
    assert by_name(study(raw).estimates("fixed").to_frame()).loc["ame:gap_hints", "ci_low"] < 1


def test_models_on_the_same_tasks_are_averaged_first(raw: pd.DataFrame) -> None:
    other = table(varied, seed=5, model="n")
    both = pd.concat([raw, other])
    row = by_name(study(both).estimates("new").to_frame(), "ALL").loc["ame:gap_hints"]
    weights = contrasts.banzhaf(4, [0])
    d = (per_task(raw, weights) + per_task(other, weights)) / 2
    assert row["estimate"] == pytest.approx(d.mean(), abs=1e-12)
    half = stats.t.ppf(0.975, 24) * d.std(ddof=1) / 5
    assert row["ci_high"] - row["estimate"] == pytest.approx(half, abs=1e-12)


def test_a_chain_is_the_cluster(raw: pd.DataFrame) -> None:
    # A chain carries a book through a family's levels, in one run, for all cells alike.
    chained = raw.assign(chain=raw["family"] + raw["run"].astype(str))
    new = by_name(study(chained).estimates("new").to_frame()).loc["ame:gap_hints"]
    weights = contrasts.banzhaf(4, [0])
    family = per_task(raw, weights).reshape(5, 5).mean(axis=1)  # tasks sort by family
    half = stats.t.ppf(0.975, 4) * family.std(ddof=1) / np.sqrt(5)
    assert new["ci_high"] - new["estimate"] == pytest.approx(half, abs=1e-12)
    fixed = by_name(study(chained).estimates("fixed").to_frame()).loc["ame:gap_hints"]
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    wide = raw.assign(code=code).pivot_table(
        index=["family", "run", "task"], columns="code", values="success"
    )
    x = (wide[CODES] @ weights).groupby(["family", "run"]).mean().groupby("family")
    half = stats.t.ppf(0.975, 35) * np.sqrt((x.var(ddof=1) / 8).sum()) / 5
    assert fixed["ci_high"] - fixed["estimate"] == pytest.approx(half, abs=1e-12)
    assert fixed["method"] == "chain-level t(35)"


def simulated_coverage(target: str, studies: int, seed: int) -> float:
    """How often the nominal 95 % interval of an average effect holds the planted one.

    Task difficulties and slopes are normal on the logit scale (slope SD 0.9); runs share seeds.
    """
    rng = np.random.default_rng(seed)
    cells = np.array(list(itertools.product((0, 1), repeat=4)))
    weights = contrasts.banzhaf(4, [0])

    def rates(tasks: int) -> np.ndarray:
        base = rng.normal(-0.5, 1.0, tasks)
        slope = np.array([0.8, 0.3, 0.2, 0.6]) + rng.normal(0, 0.9, (tasks, 4))
        return 1 / (1 + np.exp(-(base + cells @ slope.T)))  # shape: (cells, tasks)

    wanted = float(weights @ rates(200_000).mean(axis=1))
    frame = table(lambda _task, _cell: 0.5)
    template = study(frame)
    hits = 0
    for _ in range(studies):
        p = rates(25)
        if target == "fixed":
            wanted = float(weights @ p.mean(axis=1))
        y = (rng.uniform(size=(1, 25, 8)) < p[:, :, None]).astype(float)
        hits += covers(template, y, target, wanted)
    return hits / studies


def covers(template: Study, y: np.ndarray, target: str, wanted: float) -> bool:
    sample = replace(template.sample, y=y)
    place = Place(sample, ("m",), template.layout.codes, Uncertainty(checked_target(target)))
    spec = Contrast("ame:gap_hints", contrasts.banzhaf(4, [0]))
    (found,) = evaluate(place, [spec], [(-1.0, 1.0)])
    return found.ci_low <= wanted <= found.ci_high


@pytest.mark.parametrize("target", ["new", "fixed"])
def test_intervals_cover_a_planted_truth(target: str) -> None:
    # 600 studies: three standard errors below 95 % is 92.3 %. Taking these tasks for new ones
    # covers 58 % here (within-task variance), so the test tells them apart.
    assert 0.923 <= simulated_coverage(target, 600, seed=20) <= 0.977


def test_a_contrast_of_chains_is_the_same_whatever_is_evaluated_with_it() -> None:
    """Chains of unlike cells: those of another contrast's cells form no strata here."""
    codes = ["0000", "1000", "0100"]
    raw = table(lambda _t, cell: 0.3 + 0.3 * cell[0], codes=codes, tasks=TASKS[:4], seed=5)
    raw["chain"] = raw["family"] + "/" + raw["run"].astype(str)
    # Half of the runs have no episodes of the third cell.
    raw = raw[(raw["experiment_oracles"] == 0) | (raw["run"] < 4)]
    both, alone = (
        by_name(study(one).estimates("fixed").to_frame()).loc["add1:gap_hints"]
        for one in (raw, raw[raw["experiment_oracles"] == 0])
    )
    assert both["method"] == alone["method"]
    assert both["ci_low"] == pytest.approx(alone["ci_low"], abs=1e-12)
