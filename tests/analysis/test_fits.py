"""Fitted estimands against statsmodels, closed forms and brute force."""

import itertools
from collections.abc import Iterable
from functools import cache
from math import comb

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq
from statsmodels.discrete.conditional_models import ConditionalLogit
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from analysis.fits.logit import firth
from analysis.fits.pairs import newcombe_paired
from analysis.intervals import mover
from analysis.layout import INTERVENTIONS
from analysis.study import Study
from tests.analysis.studies import TASKS, by_name, study, table

FACTORS = list(INTERVENTIONS)
A = "gap_hints"


def rate(task: str, cell: tuple[int, ...]) -> float:
    level, family = int(task[3:]), "ABCDE".index(task[0])
    hint = 0.1 + 0.05 * family
    return 0.35 - 0.05 * level + hint * cell[0] + 0.05 * cell[1] + 0.02 * cell[2] + 0.25 * cell[3]


def blurred(raw: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same runs with noise of each episode's own, so that common seeds decide not all."""
    rng = np.random.default_rng(seed)
    flip = rng.uniform(size=len(raw)) < 0.15
    return raw.assign(success=np.where(flip, 1 - raw["success"], raw["success"]).astype(float))


def holes(raw: pd.DataFrame, seed: int, share: float = 0.15) -> pd.DataFrame:
    lost = np.random.default_rng(seed).uniform(size=len(raw)) < share
    return raw.assign(success=raw["success"].mask(lost))


CASES = ["complete", "holes", "two models", "two models, holes"]


@cache
def data(case: str) -> pd.DataFrame:
    """A table of 25 tasks, 8 runs and 16 cells, alone or of two models, whole or with holes."""
    raw = blurred(table(rate, seed=4), 1)
    if "two" in case:
        raw = pd.concat([raw, blurred(table(rate, seed=5, model="n"), 2)], ignore_index=True)
    return holes(raw, 3) if "holes" in case else raw


def rows(raw: pd.DataFrame, target: str = "new") -> pd.DataFrame:
    model = "ALL" if raw["model"].nunique() > 1 else "m"
    return by_name(study(raw).estimates(target).frame, model)


@cache
def rows_of(case: str, target: str = "new") -> pd.DataFrame:
    return rows(data(case), target)


def limits(row: pd.Series) -> list[float]:
    return row[["ci_low", "estimate", "ci_high"]].astype(float).tolist()


@pytest.mark.parametrize("case", CASES)
def test_gee_is_statsmodels_with_few_clusters_allowed_for(case: str) -> None:
    seen = data(case).dropna(subset="success")
    models = pd.get_dummies(seen["model"]).astype(float)
    x = pd.concat([models, seen[FACTORS].astype(float)], axis=1)
    fit = sm.GEE(seen["success"], x, groups=seen["task"], family=sm.families.Binomial()).fit()
    own = rows_of(case)
    for name in FACTORS:
        half = stats.t.ppf(0.975, 24) * fit.bse[name] * np.sqrt(25 / 24)
        expected = [fit.params[name] - half, fit.params[name], fit.params[name] + half]
        assert limits(own.loc[f"gee:{name}"]) == pytest.approx(expected, abs=1e-6)
        assert own.loc[f"gee:{name}", "status"] == "model_based"


@pytest.mark.parametrize("target", ["new", "fixed"])
def test_a_logit_of_one_factor_is_the_log_odds_of_its_means(target: str) -> None:
    raw = blurred(table(rate, seed=8, codes=["0000", "1000"]), 9)
    own = by_name(one_factor(raw).estimates(target).frame)
    for column in ("estimate", "ci_low", "ci_high", "p"):
        expected = own.loc[f"mlogor:{A}", column]
        assert own.loc[f"gee:{A}", column] == pytest.approx(expected, abs=1e-9)


def one_factor(raw: pd.DataFrame) -> Study:
    """The study of the first factor alone."""
    from analysis.episodes import Source, layout_of, validated

    checked, factors = validated(raw, Source("table", str), (A,))
    return Study("table", checked, layout_of(checked, factors), {A: "identification"})


def conditional(raw: pd.DataFrame) -> ConditionalLogit:
    """statsmodels' model of the runs with both outcomes; of the others it warns."""
    seen = raw.dropna(subset="success")
    groups = seen["model"] + seen["task"] + seen["run"].astype(str)
    mixed = seen["success"].groupby(groups).transform("nunique") == 2
    x = seen.loc[mixed, FACTORS].astype(float)
    return ConditionalLogit(seen.loc[mixed, "success"], x, groups=groups[mixed])


@pytest.mark.parametrize("case", CASES)
def test_clogit_is_where_statsmodels_has_no_slope(case: str) -> None:
    # Its own search (BFGS) stops 1e-4 away; the maximum of a concave function has a score of zero.
    own = rows_of(case)
    values = np.array([own.loc[f"clogit:{name}", "estimate"] for name in FACTORS])
    assert conditional(data(case)).score(values) == pytest.approx(np.zeros(4), abs=1e-8)


def test_with_one_run_of_a_task_clogit_has_statsmodels_own_interval() -> None:
    raw = blurred(table(rate, seed=6, runs=1), 3)
    fit = conditional(raw).fit(method="newton", disp=0)
    own = rows(raw, "fixed")
    for name in FACTORS:
        half = stats.norm.ppf(0.975) * fit.bse[name]
        expected = [fit.params[name] - half, fit.params[name], fit.params[name] + half]
        row = own.loc[f"clogit:{name}"]
        assert limits(row) == pytest.approx(expected, abs=1e-5)  # its Hessian is numerical
        assert "one run of a task: model-based" in row["method"]


def pairs_of(raw: pd.DataFrame) -> pd.DataFrame:
    """One row per pair of episodes that differ by the first factor alone; both observed."""
    keys = ["model", "task", "run", *FACTORS[1:]]
    wide = raw.pivot_table(index=keys, columns=A, values="success", dropna=False)
    return wide.dropna().reset_index()


def test_the_conditional_logit_of_pairs_is_a_closed_form() -> None:
    raw = holes(blurred(table(rate, seed=8, codes=["0000", "1000"]), 9), 2)
    pairs = pairs_of(raw)
    b = (pairs[1] > pairs[0]).groupby(pairs["task"]).sum()
    n = (pairs[1] != pairs[0]).groupby(pairs["task"]).sum()
    p = b.sum() / n.sum()
    share = (b - p * n) / (n.sum() * p * (1 - p))
    row = by_name(one_factor(raw).estimates("new").frame).loc[f"clogit:{A}"]
    half = stats.t.ppf(0.975, 24) * np.sqrt((share**2).sum() * 25 / 24)
    value = np.log(p / (1 - p))
    assert limits(row) == pytest.approx([value - half, value, value + half], abs=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_mcnemar_has_the_exact_p_and_the_mean_difference_of_pairs(case: str) -> None:
    pairs = pairs_of(data(case))
    both = pd.crosstab(pairs[1], pairs[0]).to_numpy()
    own = rows_of(case)
    row = own.loc[f"mcnemar:{A}"]
    assert row["p"] == pytest.approx(statsmodels_mcnemar(both, exact=True).pvalue, rel=1e-9)
    by_task = (pairs[1] - pairs[0]).groupby(pairs["task"]).mean()
    half = stats.t.ppf(0.975, 24) * by_task.std(ddof=1) / 5
    value = by_task.mean()
    assert limits(row) == pytest.approx([value - half, value, value + half], abs=1e-12)
    assert row["n_episodes"] == 2 * len(pairs)
    planned = (data(case).groupby(A).size() * 1.0).sum()
    assert row["n_episodes"] + row["n_missing"] == planned
    for target in ("new", "fixed"):
        if "holes" not in case:  # the linear estimator of the same contrast
            ame, pair = (rows_of(case, target).loc[f"{kind}:{A}"] for kind in ("ame", "mcnemar"))
            assert limits(pair) == pytest.approx(limits(ame), abs=1e-12)


def test_newcombe_s_limits_of_pairs() -> None:
    # Without correlation (a d = b c) they are Newcombe's for two independent proportions.
    apart = mover(np.array([1.0, -1.0]), np.array([10 / 15, 6 / 15]), np.array([15.0, 15.0]))
    assert newcombe_paired(4, 6, 2, 3) == pytest.approx(apart, abs=1e-12)
    low, high = newcombe_paired(20, 12, 2, 16)
    assert newcombe_paired(20, 2, 12, 16) == pytest.approx((-high, -low), abs=1e-12)
    low, high = newcombe_paired(8, 0, 0, 8)
    assert -high == pytest.approx(low)
    assert low < 0


@pytest.mark.parametrize("case", CASES)
def test_cmh_is_statsmodels(case: str) -> None:
    seen = data(case).dropna(subset="success")
    strata = ["model", "task", *FACTORS[1:]]
    counts = seen.groupby([*strata, A])["success"].agg(["sum", "count"]).unstack().dropna()
    a, c, n1, n0 = (
        counts[key].to_numpy(float) for key in itertools.product(["sum", "count"], [1, 0])
    )
    tables = np.array([[a, n1 - a], [c, n0 - c]])
    tasks = counts.index.get_level_values("task")
    fit = StratifiedTable(tables)
    row = rows_of(case, "fixed").loc[f"cmh:{A}"]
    value, half = fit.logodds_pooled, stats.norm.ppf(0.975) * fit.logodds_pooled_se
    assert limits(row) == pytest.approx([value - half, value, value + half], abs=1e-6)
    # statsmodels takes p from 1 - cdf: no more than 1e-15 of it is there.
    assert row["p"] == pytest.approx(fit.test_null_odds(correction=False).pvalue, abs=1e-12)
    # New tasks: what leaving out a task's tables changes, to first order.
    up, down = a * (n0 - c) / (n1 + n0), (n1 - a) * c / (n1 + n0)
    share = pd.Series(up / up.sum() - down / down.sum()).groupby(tasks).sum()
    half = stats.t.ppf(0.975, 24) * np.sqrt((share**2).sum() * 25 / 24)
    assert limits(rows_of(case).loc[f"cmh:{A}"]) == pytest.approx(
        [value - half, value, value + half], abs=1e-9
    )


@given(st.integers(1, 30), st.integers(1, 30), st.data())
def test_firth_on_one_factor_adds_a_half_to_every_cell(
    n1: int, n0: int, drawn: st.DataObject
) -> None:
    x1, x0 = drawn.draw(st.integers(0, n1)), drawn.draw(st.integers(0, n0))
    design = np.array([[1.0, 1.0], [1.0, 0.0]])
    fit = firth(design, np.array([x1, x0], float), np.array([n1, n0], float))
    odds = np.log([(x1 + 0.5) / (n1 - x1 + 0.5), (x0 + 0.5) / (n0 - x0 + 0.5)])
    assert fit.beta == pytest.approx([odds[1], odds[0] - odds[1]], abs=1e-7)


def test_separated_data_have_firth_s_estimate_and_never_an_infinite_one() -> None:
    raw = table(lambda task, cell: rate(task, cell) * cell[0], seed=3)  # nothing without the hint
    for target in ("new", "fixed"):
        own = rows(raw, target)
        row = own.loc[f"gee:{A}"]
        counts = raw.groupby(FACTORS)["success"].agg(["sum", "count"]).reset_index()
        x = np.column_stack([np.ones(16), counts[FACTORS].to_numpy(float)])
        fit = firth(x, counts["sum"].to_numpy(float), counts["count"].to_numpy(float))
        assert row["estimate"] == pytest.approx(fit.beta[1], abs=1e-9)
        assert 0 < row["ci_low"] < row["ci_high"] < 15
        assert row["method"].startswith("Firth")
        for kind in ("mlogor", "clogit", "cmh"):
            lost = own.loc[f"{kind}:{A}"]
            assert lost["status"] == "not_estimable", kind
            assert lost["method"]


def test_bounds_of_fits_are_reached() -> None:
    raw = data("holes")
    own = rows(raw)
    for kind in ("gee", "cmh", "mcnemar"):
        row = own.loc[f"{kind}:{A}"]
        for side, on in (("manski_low", 0.0), ("manski_high", 1.0)):
            fill = np.where(raw[A] == 1, on, 1 - on)
            whole = raw.assign(success=raw["success"].fillna(pd.Series(fill, raw.index)))
            reached = rows(whole).loc[f"{kind}:{A}", "estimate"]
            assert row[side] == pytest.approx(reached, abs=1e-9), (kind, side)
        assert row["manski_low"] < row["estimate"] < row["manski_high"]


def around(p: float, se: float, df: int, k: int) -> list[float]:
    """Limits around a rate: t at k = 1, else where the score z of its effective trials is t."""
    t = stats.t.ppf(0.975, df)
    if k == 1:
        return [p - t * se, p, p + t * se]
    trials = p * (1 - p) / se**2

    def score(rate: float) -> float:
        return (p - rate) ** 2 - t**2 * rate * (1 - rate) / trials

    return [brentq(score, 0, p), p, brentq(score, p, 1)]


def run_se(counts: Iterable[int], n: int, k: int, *, every: bool) -> float:
    """The standard error of the mean over tasks under runs that succeed at Jeffreys' rates."""
    total, tasks = 0.0, 0
    ways = [comb(x if every else n - x, k) / comb(n, k) for x in range(n + 1)]
    values = np.array(ways) if every else 1 - np.array(ways)
    for c in counts:
        chances = stats.binom.pmf(np.arange(n + 1), n, (c + 0.5) / (n + 1))
        total += chances @ (values - chances @ values) ** 2 * n / (n - 1)
        tasks += 1
    return float(np.sqrt(total) / tasks)


@pytest.mark.parametrize("k", [1, 2, 4, 5])
def test_pass_at_k_is_the_share_of_draws_without_replacement(k: int) -> None:
    raw = table(
        lambda task, cell: 0.15 * int(task[3:]) * cell[0], seed=7, runs=5, codes=["0000", "1000"]
    )
    own = rows(raw)
    by_task = raw[raw[A] == 1].groupby("task")["success"].apply(list)
    draws = [list(itertools.combinations(runs, k)) for runs in by_task]
    for name, judge in (("pass@", any), ("pass^", all)):
        values = pd.Series([np.mean([judge(draw) for draw in task]) for task in draws])
        row = own.loc[f"{name}{k}:1000"]
        se = values.std(ddof=1) / 5
        if k > 1:
            counts = [sum(runs) for runs in by_task]
            se = max(se, run_se(counts, 5, k, every=name == "pass^"))
        assert limits(row) == pytest.approx(around(values.mean(), se, 24, k), abs=1e-9)
        assert np.isnan(row["p"])
    kinds = {name.partition(":")[0] for name in own.index}
    assert {kind for kind in kinds if kind.startswith("pass")} == {
        f"pass{mark}{size}" for mark in "@^" for size in (1, 2, 4, 5)
    }


def test_pass_at_one_is_the_cell_and_its_interval() -> None:
    for case, target in itertools.product(("complete", "holes"), ("new", "fixed")):
        own = rows_of(case, target)
        for name in ("pass@1:0110", "pass^1:0110"):
            for column in ("estimate", "ci_low", "ci_high", "manski_low", "manski_high"):
                cell = own.loc["cell:0110", column]
                assert own.loc[name, column] == pytest.approx(cell, abs=1e-9, nan_ok=True)


def test_the_spread_of_pass_at_k_over_runs_is_its_binomial_s() -> None:
    raw = table(lambda _task, cell: 0.3 + 0.4 * cell[0], seed=2, codes=["0000", "1000"])
    row = rows(raw, "fixed").loc["pass@2:1000"]
    counts = raw[raw[A] == 1].groupby("task")["success"].sum()
    expected = around(row["estimate"], run_se(counts, 8, 2, every=False), 175, 2)
    assert limits(row) == pytest.approx(expected, abs=1e-9)


def test_a_ratio_of_gaps_is_fieller_s() -> None:
    raw = blurred(table(lambda _t, cell: 0.1 + 0.3 * cell[0] + 0.4 * cell[1], seed=5, runs=20), 1)
    own = rows(raw)
    code = raw[FACTORS].astype(str).agg("".join, axis=1)
    p = raw.assign(code=code).pivot_table(index="task", columns="code", values="success")
    a, b = p["1000"] - p["0000"], p["1100"] - p["1000"]
    t2 = stats.t.ppf(0.975, 24) ** 2 / 25
    cov = np.cov(a, b, ddof=1) * t2
    lead, middle, tail = (
        b.mean() ** 2 - cov[1, 1], a.mean() * b.mean() - cov[0, 1], a.mean() ** 2 - cov[0, 0],
    )  # fmt: skip
    root = np.sqrt(middle**2 - lead * tail)
    row = own.loc["fieller:gap_hints/experiment_oracles"]
    expected = [(middle - root) / lead, a.mean() / b.mean(), (middle + root) / lead]
    assert limits(row) == pytest.approx(expected, abs=1e-9)
    assert row["p"] == pytest.approx(own.loc["seq:gap_hints", "p"])
    back = own.loc["fieller:experiment_oracles/gap_hints"]
    assert limits(back) == pytest.approx([1 / x for x in limits(row)[::-1]], abs=1e-9)
    nothing = own.loc["fieller:gap_hints/knowledge_notes"]  # the notes do nothing
    assert (nothing["ci_low"], nothing["ci_high"]) == (-np.inf, np.inf)
    assert "unbounded" in nothing["method"]
    assert sum(name.startswith("fieller:") for name in own.index) == 12


def test_a_ratio_lies_in_its_limits_where_only_the_sum_has_no_variance_between_tasks() -> None:
    """The sum's spread is then of runs, the gaps' of tasks: no covariance goes with the three."""
    passed = {"0000": (6, 6), "1000": (8, 9), "1100": (10, 10)}  # of 16, on each of two tasks
    raw = table(lambda _task, _cell: 0.0, tasks=TASKS[:2], runs=16, codes=list(passed))
    code = raw[FACTORS].astype(str).agg("".join, axis=1)
    for name, counts in passed.items():
        for task, count in zip(TASKS, counts, strict=False):
            raw.loc[(code == name) & (raw["task"] == task) & (raw["run"] < count), "success"] = 1
    raw["run"] += 16 * code.map(list(passed).index)  # seeds of its own for each cell
    row = rows(raw).loc["fieller:gap_hints/experiment_oracles"]
    assert row["estimate"] == pytest.approx((8.5 - 6) / (10 - 8.5))
    assert row["ci_low"] < row["estimate"] < row["ci_high"]
    assert "adjusted Wald on counts" in row["method"]


@pytest.mark.parametrize("target", ["new", "fixed"])
def test_biased_contrasts_are_what_their_names_say(target: str) -> None:
    raw = blurred(table(rate, seed=3), 4)
    use = np.random.default_rng(5).uniform(size=len(raw)) < 0.6
    raw[f"used_{A}"] = ((raw[A] == 1) & use).astype(float)
    own = rows(raw, target)
    used = raw[f"used_{A}"] == 1
    for name, others in (("as_treated", ~used), ("per_protocol", raw[A] == 0)):
        m1, m0 = (raw[part].groupby("task")["success"].mean() for part in (used, others))
        row = own.loc[f"{name}:{A}"]
        assert row["estimate"] == pytest.approx((m1 - m0).mean(), abs=1e-12)
        assert row["method"].startswith(f"biased: {name.replace('_', ' ')}")
        half = stats.t.ppf(0.975, 24) * (m1 - m0).std(ddof=1) / 5
        if target == "fixed":  # linearised: each run's share of both means' errors
            error = pd.Series(0.0, raw.index)
            for part, mean, sign in ((used, m1, 1), (others, m0, -1)):
                n = part.groupby(raw["task"]).transform("sum")
                error += sign * part * (raw["success"] - raw["task"].map(mean)) / n
            shares = error.groupby([raw["task"], raw["run"]]).sum()
            variance = (shares.groupby("task").var(ddof=1) * 8).sum() / 25**2
            half = stats.t.ppf(0.975, 175) * np.sqrt(variance)
        assert row["ci_high"] - row["estimate"] == pytest.approx(half, abs=1e-12)
        assert row["status"] == ""


def test_planted_log_odds_are_found() -> None:
    # An additive logit on every task: what gee and clogit assume. 40 runs of 25 tasks.
    truth = np.array([0.8, -0.4, 0.0, 1.2])

    def p(_task: str, cell: tuple[int, ...]) -> float:
        eta = -1.0 + truth @ np.array(cell)
        return float(1 / (1 + np.exp(-eta)))

    own = rows(table(p, seed=11, runs=40, common=False, tasks=TASKS[:10]), "fixed")
    for kind in ("gee", "clogit", "cmh"):
        for name, value in zip(FACTORS, truth, strict=True):
            row = own.loc[f"{kind}:{name}"]
            assert row["ci_low"] - 0.05 < value < row["ci_high"] + 0.05, (kind, name)
