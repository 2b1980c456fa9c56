"""The vectorised bootstrap against literal resampling, closed forms and its promises."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import bootstrap, contrasts
from analysis.layout import INTERVENTIONS, Floats
from analysis.sample import Sample
from diagnose.errors import InputError
from tests.analysis.studies import CODES, TASKS, study, table

WEIGHTS = np.array([contrasts.shapley(4, [0]), contrasts.banzhaf(4, [1, 3])])


def rate(task: str, cell: tuple[int, ...]) -> float:
    return min(0.95, 0.2 + 0.05 * "ABCDE".index(task[0]) * cell[0] + 0.12 * sum(cell))


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return table(rate, seed=3)


def shares(raw: pd.DataFrame) -> pd.DataFrame:
    """p[task, cell] by plain pandas."""
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    p = raw.assign(code=code).pivot_table(index="task", columns="code", values="success")
    return p[CODES]


def variances(sample: Sample, how: str, weights: Floats = WEIGHTS) -> Floats:
    """Of 40,000 resamples: the Monte Carlo error of a variance is 0.7 %."""
    rng = np.random.default_rng(1)
    return bootstrap.draws(sample, weights, bootstrap.checked_how(how), 40_000, rng).var(axis=1)


def test_a_resample_of_tasks_is_the_mean_over_the_tasks_drawn(raw: pd.DataFrame) -> None:
    sample = study(raw).sample
    drawn = np.random.default_rng(7).integers(0, 25, (50, 25))
    per_task = shares(raw).to_numpy() @ WEIGHTS.T
    expected = np.array([per_task[tasks].mean(axis=0) for tasks in drawn]).T
    got = bootstrap.draws(sample, WEIGHTS, "tasks", 50, np.random.default_rng(7))
    assert got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("lost", [0.0, 0.3])
@pytest.mark.parametrize("how", ["two_stage", "runs"])
def test_a_resample_of_runs_is_the_table_with_these_runs(
    raw: pd.DataFrame, how: str, lost: float
) -> None:
    rng = np.random.default_rng(5)
    raw = raw[raw["run"] < 8 - raw["level"]].astype({"success": float})  # unequal numbers of runs
    raw.loc[(rng.uniform(size=len(raw)) < lost) & (raw["run"] > 0), "success"] = np.nan
    sample = study(raw).sample
    whole = how == "runs"
    units = bootstrap.units_of(sample.y, None, np.arange(25))
    times, task_times = units.resampled(np.random.default_rng(7), 20, whole=whole)
    got = bootstrap.draws(sample, WEIGHTS, bootstrap.checked_how(how), 20, np.random.default_rng(7))
    original = shares(raw)
    for number in range(20):
        # Runs are numbered from 0 in every task, as the sample's places are.
        of = dict(np.ndenumerate(units.of))
        place = [TASKS.index(task) for task in raw["task"]]
        chosen = [of[key] for key in zip(place, raw["run"], strict=True)]
        count = np.where(np.array(chosen) < 0, 0, times[number][chosen]).astype(int)
        redrawn = raw.loc[raw.index.repeat(count)]
        p = shares(redrawn).reindex(index=TASKS, columns=CODES).fillna(original)
        per_task = p.to_numpy() @ WEIGHTS.T
        expected = task_times[number] @ per_task / task_times[number].sum()
        assert got[:, number] == pytest.approx(expected, abs=1e-12)


def test_variances_are_the_closed_forms(raw: pd.DataFrame) -> None:
    sample = study(raw).sample
    per_run = np.tensordot(WEIGHTS, sample.y, axes=1)  # contrasts, tasks, runs
    within = per_run.var(axis=2).mean(axis=1) / 8
    between = per_run.mean(axis=2).var(axis=1)
    assert variances(sample, "tasks") == pytest.approx(between / 25, rel=0.03)
    assert variances(sample, "runs") == pytest.approx(within / 25, rel=0.03)
    assert variances(sample, "two_stage") == pytest.approx((between + within) / 25, rel=0.03)


def test_runs_numbered_apart_are_drawn_apart(raw: pd.DataFrame) -> None:
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    apart = raw.assign(run=raw["run"] + 8 * code.map(CODES.index))
    p = shares(raw).to_numpy()
    expected = WEIGHTS**2 @ (p * (1 - p) / 8).mean(axis=0) / 25
    assert variances(study(apart).sample, "runs") == pytest.approx(expected, rel=0.03)


def test_a_chain_is_drawn_whole(raw: pd.DataFrame) -> None:
    chained = raw.assign(chain=raw["family"] + raw["run"].astype(str))
    sample = study(chained).sample
    per_run = np.tensordot(WEIGHTS, sample.y, axes=1).reshape(2, 5, 5, 8)  # family, level, run
    chain = per_run.mean(axis=2)
    assert variances(sample, "runs") == pytest.approx(
        (chain.var(axis=2) / 8).mean(axis=1) / 5, rel=0.03
    )
    family = chain.mean(axis=2).var(axis=1)
    assert variances(sample, "tasks") == pytest.approx(family / 5, rel=0.03)


def test_chains_named_by_cell_that_share_runs_are_one_unit(raw: pd.DataFrame) -> None:
    together = raw.assign(chain=raw["family"] + raw["run"].astype(str))
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    by_cell = together.assign(chain=together["chain"] + "/" + code)
    one, other = (study(frame).sample for frame in (together, by_cell))
    cluster = np.repeat(np.arange(5), 5)
    first = bootstrap.units_of(one.y, one.chains, cluster)
    second = bootstrap.units_of(other.y, other.chains, cluster)
    assert np.array_equal(first.of, second.of)
    assert first.of.max() + 1 == 40


def test_the_same_seed_gives_the_same_bytes(raw: pd.DataFrame) -> None:
    made = study(raw)
    for target, hows in (("new", ["tasks", "two_stage"]), ("fixed", ["runs"])):
        for how in hows:
            once, again, other = (
                made.estimates(target).bootstrap("shapley", how=how, resamples=500, seed=seed)
                for seed in (4, 4, 5)
            )
            assert once.to_csv() == again.to_csv()
            assert not np.array_equal(once["bootstrap_low"], other["bootstrap_low"])


@pytest.mark.parametrize(("target", "how"), [("new", None), ("fixed", None), ("new", "two_stage")])
def test_limits_stand_beside_the_formulas(raw: pd.DataFrame, target: str, how: str | None) -> None:
    frame = study(raw).estimates(target).bootstrap(how=how)
    wide = frame["ci_high"] - frame["ci_low"]
    # 25 tasks: normal quantiles and 24/25 instead of t(24) make 6.9 % less.
    ratio = (frame["bootstrap_high"] - frame["bootstrap_low"]) / wide
    whole = ratio[~frame["estimand"].str.contains("@") & (wide > 0.02)]
    low, high = (0.97, 1.6) if how == "two_stage" else (0.75, 1.05)
    assert whole.between(low, high).mean() > 0.95
    assert len(whole) > 60
    shift = frame["estimand"].eq("residual:1111")
    assert (frame.loc[shift, "bootstrap_low"] <= frame.loc[shift, "estimate"]).all()


def test_an_estimand_has_the_limits_it_has_alone(raw: pd.DataFrame) -> None:
    both = pd.concat([raw, table(rate, seed=4, model="n")])
    frame = study(both).estimates("new").bootstrap().set_index(["model", "estimand"])
    alone = study(raw).estimates("new").bootstrap("ame").set_index(["model", "estimand"])
    assert set(frame.index.get_level_values(0)) == {"m", "n", "ALL"}
    limits = ["bootstrap_low", "bootstrap_high"]
    assert np.allclose(frame.loc[alone.index, limits], alone[limits], atol=1e-12)


def test_a_resample_without_observed_runs_of_a_cell_keeps_its_share() -> None:
    raw = table(rate, tasks=TASKS[:2], runs=2).astype({"success": float})
    raw.loc[(raw["run"] == 0) & (raw["gap_hints"] == 1), "success"] = np.nan
    sample = study(raw).sample
    drawn = bootstrap.draws(sample, WEIGHTS[:1], "runs", 200, np.random.default_rng(0))
    assert np.isfinite(drawn).all()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"how": "cells"}, "choose one of tasks, two_stage, runs"),
        ({"how": "runs"}, "how: received 'runs for new tasks'; runs is for fixed tasks"),
        ({"resamples": 1}, "give a number from 2 to"),
        ({"seed": -1}, "seed: received -1"),
        ({"kind": "shaply"}, "kind: received 'shaply'"),
    ],
)
def test_what_cannot_be_asked_is_named(
    raw: pd.DataFrame, asked: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        study(raw).estimates("new").bootstrap(**asked)


def test_unneeded_rows_change_nothing(raw: pd.DataFrame) -> None:
    sample = study(raw).sample
    weights = contrasts.moebius(4, [0])[None, :]
    lost = replace(sample, y=np.where(np.arange(16)[:, None, None] == 7, np.nan, sample.y))
    for how in ("two_stage", "runs"):
        one, other = (
            bootstrap.draws(
                each, weights, bootstrap.checked_how(how), 100, np.random.default_rng(0)
            )
            for each in (sample, lost)
        )
        assert np.array_equal(one, other)
