"""The estimates of a study as one frame: names, identities, missing data, ratios, compliance."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.estimands import CATALOGUE, row_of
from analysis.layout import INTERVENTIONS
from analysis.study import COLUMNS, Study
from diagnose.errors import InputError
from tests.analysis.studies import CODES, TASKS, by_name, record, study, table, write_study


def rate(task: str, cell: tuple[int, ...]) -> float:
    level = int(task[3:])
    return 0.35 - 0.06 * level + 0.2 * cell[0] + 0.05 * cell[1] + 0.3 * cell[3]


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return table(rate, seed=2)


@pytest.fixture(scope="module")
def frame(raw: pd.DataFrame) -> pd.DataFrame:
    return study(raw).estimates("new").to_frame()


def test_the_columns_are_the_interface(frame: pd.DataFrame) -> None:
    assert tuple(frame.columns[: len(COLUMNS)]) == (
        "model", "estimand", "estimate", "ci_low", "ci_high", "p", "p_holm", "p_bh",
        "target", "method", "n_episodes", "n_missing", "status",
    )  # fmt: skip
    assert not frame.duplicated(["model", "estimand"]).any()
    assert all(row_of(name) in CATALOGUE.values() for name in frame["estimand"])


def test_the_names_are_the_interface(frame: pd.DataFrame) -> None:
    a, b = "gap_hints", "knowledge_notes"
    assert {
        "cell:0110", "residual:1110", f"ame:{a}", f"ame_level:{a}@L3", f"ame_family:{a}@A",
        f"shapley:{a}", f"seq:{a}", "seq:residual", f"add1:{a}", f"loo:{a}", f"ratio:{a}",
        f"int:{a}*{b}", f"sii:{a}*{b}", f"ksii2:{a}", f"ksii2:{a}*{b}", f"fsii2:{a}",
        f"stii2:{a}*{b}", f"moebius:{a}*{b}", f"mlogor:{a}",
    } <= set(frame["estimand"])  # fmt: skip


def test_every_catalogue_row_is_described() -> None:
    for row in CATALOGUE.values():
        assert row.pattern.startswith(f"{row.kind}:")
        assert all((row.formula, row.source, row.valid_when))
        assert row.low < row.high


def test_gaps_add_up(frame: pd.DataFrame) -> None:
    value = by_name(frame)["estimate"]
    whole = value["cell:1111"] - value["cell:0000"]
    for kind in ("shapley", "seq"):
        total = sum(value[f"{kind}:{name}"] for name in INTERVENTIONS)
        assert total == pytest.approx(whole, abs=1e-12)
    assert value["seq:residual"] == pytest.approx(1 - value["cell:1111"], abs=1e-12)
    assert value["residual:1110"] == pytest.approx(1 - value["cell:1110"], abs=1e-12)
    levels = [value[f"ame_level:gap_hints@L{level}"] for level in range(1, 6)]
    assert value["ame:gap_hints"] == pytest.approx(np.mean(levels), abs=1e-12)
    families = [value[f"ame_family:gap_hints@{family}"] for family in "ABCDE"]
    assert value["ame:gap_hints"] == pytest.approx(np.mean(families), abs=1e-12)


def test_the_range_over_orders_holds_every_order(frame: pd.DataFrame) -> None:
    own = by_name(frame)
    value = own["estimate"]
    row = own.loc["seq:gap_hints"]
    for name in ("seq", "add1", "loo", "shapley", "ame"):
        assert row["order_low"] <= value[f"{name}:gap_hints"] <= row["order_high"]
    gaps = [value[f"cell:1{code}"] - value[f"cell:0{code}"] for code in {c[1:] for c in CODES}]
    assert (row["order_low"], row["order_high"]) == pytest.approx((min(gaps), max(gaps)))


def test_families_of_tests_are_one_kind_across_models(raw: pd.DataFrame) -> None:
    both = pd.concat([raw, table(rate, seed=3, model="n")])
    frame = study(both).estimates("new").to_frame()
    own = frame[frame["estimand"].str.startswith("ame:")]
    assert len(own) == 12  # four factors, two models and their mean
    assert own["p_holm"].to_numpy() == pytest.approx(multipletests(own["p"], method="holm")[1])
    assert own["p_bh"].to_numpy() == pytest.approx(multipletests(own["p"], method="fdr_bh")[1])
    for kind in ("cell:", "residual:", "cell_level:", "seq:residual", "ratio:residual"):
        assert (
            frame.loc[frame["estimand"].str.startswith(kind), ["p", "p_holm"]].isna().all(axis=None)
        )


def test_a_ratio_is_the_gap_over_the_baseline(frame: pd.DataFrame, raw: pd.DataFrame) -> None:
    own = by_name(frame)
    for name in (*INTERVENTIONS, "residual"):
        expected = own.loc[f"seq:{name}", "estimate"] / own.loc["cell:0000", "estimate"]
        assert own.loc[f"ratio:{name}", "estimate"] == pytest.approx(expected, abs=1e-12)
    p = raw.assign(code=raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)).pivot_table(
        index="task", columns="code", values="success"
    )
    treated, control = p["1000"], p["0000"]
    linear = treated / treated.mean() - control / control.mean()
    half = stats.t.ppf(0.975, 24) * linear.std(ddof=1) / 5
    ratio = treated.mean() / control.mean()
    got = own.loc["ratio:gap_hints", ["ci_low", "ci_high"]].to_numpy(float)
    assert got == pytest.approx(ratio * np.exp([-half, half]) - 1, abs=1e-12)


def test_a_ratio_to_a_baseline_near_zero_is_unbounded_or_not_estimable() -> None:
    never = by_name(study(table(lambda _t, cell: float(sum(cell) > 1))).estimates("new").to_frame())
    assert never.loc["ratio:gap_hints", "status"] == "not_estimable"
    assert np.isnan(never.loc["ratio:gap_hints", "estimate"])
    raw = table(lambda _t, cell: 0.6 if cell[1] else 0.0, seed=1)
    raw.loc[0, "success"] = 1  # one baseline episode of 200
    row = by_name(study(raw).estimates("new").to_frame()).loc["ratio:experiment_oracles"]
    assert (row["ci_low"], row["ci_high"]) == (-np.inf, np.inf)
    assert "unbounded" in row["method"]


def test_a_ratio_of_independent_runs_has_score_limits(raw: pd.DataFrame) -> None:
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    apart = raw.assign(run=raw["run"] + 8 * code.map(CODES.index))
    row = by_name(study(apart).estimates("fixed").to_frame()).loc["ratio:gap_hints"]
    x1, x0 = (int(raw.loc[code == cell, "success"].sum()) for cell in ("1000", "0000"))
    limits = confint_proportions_2indep(x1, 200, x0, 200, method="score", compare="ratio")
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(np.array(limits) - 1, abs=1e-5)
    assert row["method"].startswith("score risk ratio")


def test_the_log_odds_ratio_of_standardised_means(frame: pd.DataFrame) -> None:
    own = by_name(frame)
    on = np.mean([own.loc[f"cell:{c}", "estimate"] for c in CODES if c[0] == "1"])
    off = np.mean([own.loc[f"cell:{c}", "estimate"] for c in CODES if c[0] == "0"])
    expected = np.log(on / (1 - on)) - np.log(off / (1 - off))
    assert own.loc["mlogor:gap_hints", "estimate"] == pytest.approx(expected, abs=1e-12)


def test_a_cell_without_data_is_not_estimable(raw: pd.DataFrame) -> None:
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    planned = raw.astype({"success": float})
    planned.loc[code == "0110", "success"] = np.nan
    for data in (raw[code != "0110"], planned):
        own = by_name(study(data).estimates("new").to_frame())
        for name in ("cell:0110", "ame:gap_hints", "shapley:gap_hints", "mlogor:gap_hints"):
            assert own.loc[name, "status"] == "not_estimable"
            assert own.loc[name, ["estimate", "ci_low", "ci_high", "p"]].isna().all()
        assert own.loc["seq:gap_hints", "status"] == ""
        assert own.loc["seq:gap_hints", "estimate"] == pytest.approx(
            by_name(study(raw).estimates("new").to_frame()).loc["seq:gap_hints", "estimate"]
        )
    own = by_name(study(planned).estimates("new").to_frame())
    assert own.loc["cell:0110", ["manski_low", "manski_high"]].tolist() == [0, 1]


def test_missing_at_random_needs_equal_task_weights() -> None:
    # Hard tasks lose seven of eight hint episodes, easy tasks as much of the baseline. The hint
    # adds 1/8 to each task's rate. Every lost episode is one more at the observed rate.
    rows = []
    for task in TASKS:
        easy = int(task[3:]) <= 2
        for cell, of_eight in ((0, 6 if easy else 0), (1, 7 if easy else 1)):
            kept = 8 if cell != easy else 2
            for run in range(8 * 8):
                success = float(run % 8 < of_eight)
                observed = run // 8 < kept
                rows.append((task, run, cell, success if observed else np.nan))
    data = pd.DataFrame(rows, columns=["task", "run", "gap_hints", "success"])
    data = data.assign(
        model="m", family=data["task"].str[0], level=data["task"].str[3:].astype(int),
        experiment_oracles=0, knowledge_notes=0, solution_sketches=0,
    )  # fmt: skip
    seen = data.groupby("gap_hints")["success"]
    pooled = float(seen.mean()[1] - seen.mean()[0])
    failures = data.fillna({"success": 0}).groupby("gap_hints")["success"].mean()
    for target in ("new", "fixed"):
        row = by_name(study(data).estimates(target).to_frame()).loc["add1:gap_hints"]
        assert row["estimate"] == pytest.approx(1 / 8, abs=1e-12)
        assert row["n_missing"] == int(data["success"].isna().sum())
        assert row["n_episodes"] + row["n_missing"] == len(data)
        assert row["manski_low"] < row["estimate"] < row["manski_high"]
    # Both short cuts are far from the truth of 12.5 points, and in different directions.
    assert pooled < -0.2
    assert failures[1] - failures[0] < -0.05


def test_bounds_are_what_the_missing_episodes_could_make_of_it(raw: pd.DataFrame) -> None:
    holes = raw.astype({"success": float})
    lost = np.random.default_rng(5).choice(len(raw), 60, replace=False)
    holes.loc[lost, "success"] = np.nan
    own = by_name(study(holes).estimates("new").to_frame())
    names = ["shapley:gap_hints", "int:gap_hints*solution_sketches", "ratio:gap_hints",
             "ratio:residual", "mlogor:solution_sketches"]  # fmt: skip
    filled = {}
    for seed in range(6):
        guess = holes.copy()
        fill = np.random.default_rng(seed).integers(0, 2, 60)
        guess.loc[lost, "success"] = fill
        filled[seed] = by_name(study(guess).estimates("new").to_frame())["estimate"]
    for name in names:
        low, high = own.loc[name, ["manski_low", "manski_high"]]
        assert low < own.loc[name, "estimate"] < high
        assert all(low <= one[name] <= high for one in filled.values())
    # Worst and best are reached: failures wherever hints are on, successes wherever off.
    ame = own.loc["ame:gap_hints"]
    guess = holes.copy()
    guess.loc[lost, "success"] = 1.0 - guess.loc[lost, "gap_hints"]
    worst = by_name(study(guess).estimates("new").to_frame()).loc["ame:gap_hints", "estimate"]
    assert ame["manski_low"] == pytest.approx(worst, abs=1e-12)


def test_a_task_lost_in_one_cell_is_said(raw: pd.DataFrame) -> None:
    holes = raw.astype({"success": float})
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    holes.loc[(code == "1000") & (raw["task"] == "B-L2"), "success"] = np.nan
    new = by_name(study(holes).estimates("new").to_frame()).loc["seq:gap_hints"]
    assert new["method"] == "task-level t(23); 24 of 25 tasks have data in every cell"
    rest = by_name(study(raw[raw["task"] != "B-L2"]).estimates("new").to_frame()).loc[
        "seq:gap_hints"
    ]
    assert new["estimate"] == pytest.approx(rest["estimate"], abs=1e-12)
    # The mean over these 25 tasks cannot be had from 24.
    fixed = by_name(study(holes).estimates("fixed").to_frame()).loc["seq:gap_hints"]
    assert fixed["status"] == "not_estimable"


def test_models_given_different_tasks(raw: pd.DataFrame) -> None:
    fewer = table(rate, seed=3, model="n", tasks=TASKS[:10])
    fixed = study(pd.concat([raw, fewer])).estimates("fixed").to_frame()
    alone = by_name(study(fewer).estimates("fixed").to_frame(), "n")
    got = by_name(fixed, "n")
    same = [name for name in alone.index if not name.startswith(("ame_", "cell_level"))]
    for column in ("estimate", "ci_low", "ci_high"):
        expected = alone.loc[same, column].to_numpy(float)
        assert got.loc[same, column].to_numpy(float) == pytest.approx(expected, nan_ok=True)
    # A mean of both models over all 25 tasks is not to be had; over new tasks it is, from ten.
    assert by_name(fixed, "ALL").loc["ame:gap_hints", "status"] == "not_estimable"
    new = by_name(study(pd.concat([raw, fewer])).estimates("new").to_frame(), "ALL").loc[
        "ame:gap_hints"
    ]
    assert new["method"] == "task-level t(9); 10 of 25 tasks have data in every cell"


def test_compliance(raw: pd.DataFrame) -> None:
    rng = np.random.default_rng(8)
    used = np.where(raw["gap_hints"] == 1, rng.uniform(size=len(raw)) < 0.7, np.nan)
    data = raw.assign(used_gap_hints=used)
    own = by_name(study(data).estimates("new").to_frame())
    assert own.loc["itt:gap_hints", "estimate"] == own.loc["ame:gap_hints", "estimate"]
    on = data[data["gap_hints"] == 1].groupby("task")["used_gap_hints"].mean().to_numpy()
    assert own.loc["uptake:gap_hints", "estimate"] == pytest.approx(on.mean(), abs=1e-12)
    by_task = raw.groupby(["task", "gap_hints"])["success"].mean().unstack()
    itt = (by_task[1] - by_task[0]).to_numpy()
    cace = itt.mean() / on.mean()
    half = stats.t.ppf(0.975, 24) * (itt - cace * on).std(ddof=1) / 5 / on.mean()
    row = own.loc["cace:gap_hints"]
    got = row[["estimate", "ci_low", "ci_high"]].to_numpy(float)
    assert got == pytest.approx([cace, cace - half, cace + half], abs=1e-12)
    assert "cace:knowledge_notes" not in own.index
    # Use that was not recorded where it was offered is missing, not "no".
    first = int(np.flatnonzero(raw["gap_hints"] == 1)[0])
    data.loc[first, "used_gap_hints"] = np.nan
    row = by_name(study(data).estimates("new").to_frame()).loc["uptake:gap_hints"]
    assert (row["n_episodes"], row["n_missing"]) == (3199, 1)
    assert row["manski_low"] < row["estimate"] < row["manski_high"]


def test_truth_takes_the_same_contrasts(tmp_path: Path) -> None:
    tasks = ["A-L1", "A-L2", "B-L1", "B-L2"]
    rng = np.random.default_rng(0)
    known = {task: {code: float(rng.uniform()) for code in CODES} for task in tasks}
    mean = {code: float(np.mean([known[task][code] for task in tasks])) for code in CODES}
    rows = [record(t, run, c) for t in tasks for run in (0, 1) for c in CODES]
    folder = write_study(tmp_path, rows, {"cells": mean, "tasks": known})
    own = by_name(Study.load(folder).estimates("new").to_frame())
    assert own.loc["cell:0110", "truth"] == pytest.approx(mean["0110"])
    assert own.loc["seq:gap_hints", "truth"] == pytest.approx(mean["1000"] - mean["0000"])
    level = np.mean([known[task]["0110"] for task in ("A-L2", "B-L2")])
    assert own.loc["cell_level:0110@L2", "truth"] == pytest.approx(level)
    ratio = (mean["1000"] - mean["0000"]) / mean["0000"]
    assert own.loc["ratio:gap_hints", "truth"] == pytest.approx(ratio)
    total = sum(own.loc[f"shapley:{name}", "truth"] for name in INTERVENTIONS)
    assert total == pytest.approx(mean["1111"] - mean["0000"])


def test_an_unknown_target_is_refused(raw: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="choose one of new, fixed"):
        study(raw).estimates("old")
