"""Doses and shams: closed forms, identities with the standard effects, planted truth."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis import arms, layout
from analysis.episodes import Source, layout_of, validated
from analysis.estimands import CATALOGUE, Contrast, Ratio
from analysis.estimates import Place, evaluate
from analysis.layout import INTERVENTIONS, Layout
from analysis.study import Study
from analysis.uncertainty import Uncertainty, checked_target
from diagnose import intervention
from diagnose.errors import InputError
from tests.analysis.studies import CODES, TASKS, by_name, record, study, table, write_study

DOSES = ["0000", "1000", "2000", "3000", "1111"]
PLACEBO = ["0000", "1000", "9000", "1111", "9111"]
OTHERS = [code[1:] for code in CODES[:8]]


def rate(task: str, cell: tuple[int, ...]) -> float:
    """Hints: 0.12 for the first dose, less for each further one; their sham does nothing."""
    hint = 0.0 if cell[0] == 9 else 0.3 * (1 - 0.6 ** cell[0])
    level, family = int(task[3:]), "ABCDE".index(task[0])
    return 0.3 - 0.05 * level + hint * (0.5 + 0.2 * family) + 0.05 * cell[1] + 0.2 * cell[3]


def per_task(raw: pd.DataFrame) -> pd.DataFrame:
    """p[t, c] by plain pandas."""
    code = raw[list(INTERVENTIONS)].astype(str).agg("".join, axis=1)
    return raw.assign(code=code).pivot_table(index="task", columns="code", values="success")


def interval(values: pd.Series) -> list[float]:
    """Student's interval of the mean of tasks."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return [values.mean() - half, values.mean(), values.mean() + half]


def limits(row: pd.Series) -> list[float]:
    return row[["ci_low", "estimate", "ci_high"]].astype(float).tolist()


def test_the_shams_digit_is_the_designs() -> None:
    assert layout.SHAM == intervention.SHAM


def test_a_slope_is_least_squares_on_each_task() -> None:
    raw = table(rate, codes=DOSES, common=False)
    p = per_task(raw)
    slopes = pd.Series(
        {task: np.polyfit([0, 1, 2, 3], p.loc[task, DOSES[:4]], 1)[0] for task in p.index}
    )
    row = by_name(study(raw).estimates("new").to_frame()).loc["dose:gap_hints"]
    assert limits(row) == pytest.approx(interval(slopes), abs=1e-12)
    assert row["p"] == pytest.approx(stats.ttest_1samp(slopes, 0).pvalue, abs=1e-12)
    assert row["method"] == "task-level t(24); at ?000"
    assert row["n_episodes"] == 4 * 200  # the full cell has no other doses beside it
    fixed = by_name(study(raw).estimates("fixed").to_frame()).loc["dose:gap_hints"]
    wide = raw[raw["solution_sketches"] == 0].pivot_table(
        index=["task", "run"], columns="gap_hints", values="success"
    )
    runs = (wide @ [-0.3, -0.1, 0.1, 0.3]).groupby("task").var(ddof=1)
    half = stats.t.ppf(0.975, 175) * np.sqrt(runs.sum() / 8 / 25**2)
    assert limits(fixed) == pytest.approx(
        [slopes.mean() - half, slopes.mean(), slopes.mean() + half], abs=1e-12
    )


def test_effects_against_the_sham_average_the_settings_that_hold_it() -> None:
    raw = table(rate, codes=PLACEBO, common=False)
    p = per_task(raw)
    own = by_name(study(raw).estimates("new").to_frame())
    expected = {
        "placebo:gap_hints": (p["1000"] - p["9000"] + p["1111"] - p["9111"]) / 2,
        "placebo_cell:gap_hints@?111": p["1111"] - p["9111"],
        "sham:gap_hints": p["9000"] - p["0000"],
        "ame_dose:gap_hints@1": p["1000"] - p["0000"],
    }
    for name, values in expected.items():
        assert limits(own.loc[name]) == pytest.approx(interval(values), abs=1e-12)
    value = own["estimate"]  # in one setting the effect splits exactly
    assert value["placebo_cell:gap_hints@?000"] + value["sham:gap_hints"] == pytest.approx(
        value["ame_dose:gap_hints@1"], abs=1e-12
    )
    assert own.loc["placebo:gap_hints", "method"].endswith("; at ?000, ?111")
    assert own.loc["placebo:gap_hints", "n_episodes"] == 800
    assert own.loc["sham:gap_hints", "method"].endswith("; at ?000")


def test_other_doses_leave_the_standard_effects_alone() -> None:
    codes = [dose + other for dose in "01239" for other in OTHERS]
    raw = table(rate, codes=codes)
    plain = raw[raw["gap_hints"] <= 1]
    for target in ("new", "fixed"):
        with_, without = (by_name(study(one).estimates(target).to_frame()) for one in (raw, plain))
        pd.testing.assert_frame_equal(
            with_.loc[without.index].drop(columns=["p_holm", "p_bh"]),
            without.drop(columns=["p_holm", "p_bh"]),
        )
        added = set(with_.index) - set(without.index)
        assert {name.split(":")[0] for name in added} == {
            "cell", "residual", "cell_level", "dose", "ame_dose", "placebo",
            "placebo_cell", "sham",
        }  # fmt: skip


def test_with_every_setting_the_arms_add_up_to_the_average_effect() -> None:
    codes = [dose + other for dose in "0129" for other in OTHERS]
    # Settings with another factor's sham are about that sham: the average is over 0 and 1 only.
    own = by_name(
        study(table(rate, codes=[*codes, "1900", "9900", "0900"])).estimates("new").to_frame()
    )
    value = own["estimate"]
    assert value["placebo:gap_hints"] + value["sham:gap_hints"] == pytest.approx(
        value["ame:gap_hints"], abs=1e-12
    )
    assert value["ame_dose:gap_hints@1"] == pytest.approx(value["ame:gap_hints"], abs=1e-12)
    assert value["dose:gap_hints"] == pytest.approx(value["ame_dose:gap_hints@2"] / 2, abs=1e-12)
    assert own.loc["dose:gap_hints", "method"].endswith("at all 8 settings of the others")


def test_a_factor_held_at_a_further_dose_still_has_its_neighbours_compared() -> None:
    raw = table(rate, codes=["0002", "1002", "9002"])
    own = by_name(study(raw).estimates("new").to_frame())
    assert own.loc["placebo:gap_hints", "method"].endswith("at ?002")
    p = per_task(raw)
    assert own.loc["placebo:gap_hints", "estimate"] == pytest.approx(
        (p["1002"] - p["9002"]).mean(), abs=1e-12
    )
    assert own.loc["ame:gap_hints", "status"] == "not_estimable"
    assert "dose:solution_sketches" not in own.index  # one dose has no slope


def test_arms_never_held_beside_each_other_are_not_estimable() -> None:
    raw = table(rate, codes=["0000", "1000", "2100", "9111"])
    own = by_name(study(raw).estimates("new").to_frame())
    for name in ("dose", "placebo", "sham"):
        row = own.loc[f"{name}:gap_hints"]
        assert row["status"] == "not_estimable"
        assert np.isnan(row["estimate"])
        assert "no setting of the others holds all these doses" in row["method"]
    whole = table(rate, codes=PLACEBO).astype({"success": float})
    whole.loc[(whole["gap_hints"] == 9) & (whole["solution_sketches"] == 1), "success"] = np.nan
    row = by_name(study(whole).estimates("new").to_frame()).loc["placebo:gap_hints"]
    # An arm that was planned and not observed is never dropped for an easier question.
    assert (row["status"], row["n_missing"]) == ("not_estimable", 200)


def test_a_model_without_a_sham_arm_has_no_effect_against_it() -> None:
    both = pd.concat([table(rate, codes=PLACEBO), table(rate, codes=["0000", "1000"], model="n")])
    frame = study(both).estimates("new").to_frame()
    assert by_name(frame, "m").loc["placebo:gap_hints", "status"] == ""
    for model in ("n", "ALL"):
        assert by_name(frame, model).loc["placebo:gap_hints", "status"] == "not_estimable"


def test_families_and_bounds_are_those_of_every_effect() -> None:
    cells = ["0000", "1000", "9000", "0100", "0900"]
    raw = table(rate, codes=cells).astype({"success": float})
    lost = np.random.default_rng(1).choice(len(raw), 40, replace=False)
    holes = raw.copy()
    holes.loc[lost, "success"] = np.nan
    own = by_name(study(holes).estimates("new").to_frame())
    first, second = (own.loc[f"placebo:{name}"] for name in INTERVENTIONS[:2])
    low, high = sorted([first["p"], second["p"]])
    assert sorted([first["p_holm"], second["p_holm"]]) == pytest.approx(
        sorted([2 * low, max(2 * low, high)])
    )
    worst = holes.copy()
    worst.loc[lost, "success"] = (holes.loc[lost, "gap_hints"] == 9).astype(float)
    reached = by_name(study(worst).estimates("new").to_frame()).loc["placebo:gap_hints", "estimate"]
    assert first["manski_low"] == pytest.approx(reached, abs=1e-12)
    assert first["manski_low"] < first["estimate"] < first["manski_high"]


def test_truth_is_taken_by_the_same_contrasts(tmp_path: Path) -> None:
    tasks = ["A-L1", "B-L2"]
    known = {
        task: {code: rate(task, tuple(map(int, code))) for code in [*DOSES, "9000"]}
        for task in tasks
    }
    rows = [record(t, run, c) for t in tasks for run in (0, 1) for c in [*DOSES, "9000"]]
    mean = {code: float(np.mean([known[t][code] for t in tasks])) for code in known["A-L1"]}
    folder = write_study(tmp_path, rows, {"cells": mean, "tasks": known})
    truth = by_name(Study.load(folder).estimates("fixed").to_frame())["truth"]
    slope = np.polyfit([0, 1, 2, 3], [mean[code] for code in DOSES[:4]], 1)[0]
    assert truth["dose:gap_hints"] == pytest.approx(slope)
    assert truth["placebo:gap_hints"] == pytest.approx(mean["1000"] - mean["9000"])
    assert truth["sham:gap_hints"] == pytest.approx(0, abs=1e-12)
    assert truth["cell:3000"] == pytest.approx(mean["3000"])


doses = st.sets(st.integers(0, 8), min_size=2, max_size=5).map(lambda s: tuple(sorted(s)))


@given(doses, st.floats(-1, 1), st.floats(-1, 1))
def test_the_slope_of_a_line_is_its_own(given: Sequence[int], start: float, step: float) -> None:
    found = arms.slope(given)
    value = sum(weight * (start + step * dose) for dose, weight in found.items())
    assert value == pytest.approx(step, abs=1e-9)


@given(st.sets(st.text("0129", min_size=3, max_size=3), min_size=1), st.integers(0, 2))
def test_arms_share_their_settings(cells: set[str], factor: int) -> None:
    shape = Layout(("a", "b", "c"), ("t",), (1,), ("A",), cells=frozenset(cells))
    within = arms.settings(shape, factor, (0, 1, 9))
    weights = arms.weights(shape, factor, {0: -1.0, 1: 0.25, 9: 0.75}, within)
    assert weights.sum() == pytest.approx(0, abs=1e-12)
    assert np.abs(weights).sum() == pytest.approx(2.0 if within else 0.0)
    weighed = {shape.codes[place] for place in np.flatnonzero(weights)}
    assert weighed <= cells
    settings = {code[:factor] + "?" + code[factor + 1 :] for code in weighed}
    assert settings == set(within)


def one_factor(codes: Sequence[int], used: bool = False) -> Study:
    """A study of one factor whose outcomes a simulation replaces: 25 tasks, 8 runs."""
    rows = [
        (task, task[0], int(task[3:]), run, dose, 0, 0 if used else None)
        for task, run, dose in itertools.product(TASKS, range(8), codes)
    ]
    names = ["task", "family", "level", "run", "gap_hints", "success", "used_gap_hints"]
    raw = pd.DataFrame(rows, columns=names).assign(model="m")
    raw = raw if used else raw.drop(columns="used_gap_hints")
    checked, factors = validated(raw, Source("table", str), ("gap_hints",))
    return Study("table", checked, layout_of(checked, factors), {"gap_hints": "identification"})


def spec_of(template: Study, kind: str) -> Contrast | Ratio:
    (spec,) = CATALOGUE[kind].specs(template.layout)
    assert isinstance(spec, Contrast | Ratio)
    return spec


def covered(template: Study, y: np.ndarray, spec: Contrast | Ratio, wanted: float) -> bool:
    """Whether the interval of outcomes ``y`` holds the wanted value, for new tasks."""
    place = Place(
        replace(template.sample, y=y),
        ("m",),
        template.layout.codes,
        Uncertainty(checked_target("new")),
    )
    (found,) = evaluate(place, [spec], [(-np.inf, np.inf)])
    return found.ci_low <= wanted <= found.ci_high


def test_intervals_of_slope_and_sham_cover_what_was_planted() -> None:
    # 500 studies: three standard errors below 95 % is 92.1 %.
    template = one_factor((0, 1, 2, 3, 9))
    rows = [int(code) for _, _, code in template.sample.rows]
    rng = np.random.default_rng(17)
    hits = dict.fromkeys(("dose", "placebo", "sham"), 0)
    wanted = {"dose": 0.1, "placebo": 0.1, "sham": 0.0}
    for _ in range(500):
        base, step = rng.uniform(0.1, 0.4, 25), rng.uniform(0.0, 0.2, 25)
        p = np.array([base if dose == 9 else base + step * dose for dose in rows])
        y = (rng.uniform(size=(5, 25, 8)) < p[:, :, None]).astype(float)
        for kind, value in wanted.items():
            hits[kind] += covered(template, y, spec_of(template, kind), value)
    for kind, count in hits.items():
        assert 0.921 <= count / 500 <= 0.979, kind


def test_the_effect_on_those_who_used_it_is_covered() -> None:
    # Uptake and effect differ by task; use is recorded only where the offer was made.
    template = one_factor((0, 1), used=True)
    assert [key[1:] for key in template.sample.rows] == [
        ("success", "0"), ("success", "1"), ("used_gap_hints", "0"), ("used_gap_hints", "1"),
    ]  # fmt: skip
    rng = np.random.default_rng(3)
    wanted = {"itt": 0.6 * 0.3 + 0.2 * 0.4 / 12, "uptake": 0.6}
    wanted["cace"] = wanted["itt"] / wanted["uptake"]
    hits = dict.fromkeys(wanted, 0)
    for _ in range(500):
        share = rng.uniform(size=25)  # one draw moves uptake and effect of a task: they covary
        uptake, effect = 0.4 + 0.4 * share, 0.2 + 0.2 * share
        base = rng.uniform(0.1, 0.5, 25)
        use = (rng.uniform(size=(25, 8)) < uptake[:, None]).astype(float)
        rates = np.array([np.tile(base[:, None], 8), base[:, None] + effect[:, None] * use])
        success = (rng.uniform(size=(2, 25, 8)) < rates).astype(float)
        y = np.array([*success, np.zeros((25, 8)), use])
        for kind, value in wanted.items():
            hits[kind] += covered(template, y, spec_of(template, kind), value)
    for kind, count in hits.items():
        assert 0.921 <= count / 500 <= 0.979, kind


def test_records_of_doses_and_shams(tmp_path: Path) -> None:
    made = [record(run=run, cell=code) for run in (0, 1) for code in ("0000", "1000", "3000")]
    held = record(run=0, cell="9000").interventions
    sham = replace(held["gap_hints"], dose=9, offered=True, used=False)
    # The book was due and the episode ended before it could be shown: it was not used.
    late = replace(held["gap_hints"], dose=1, offered=False, used=None)
    folder = write_study(
        tmp_path,
        [
            *made,
            record(run=2, cell="9000", interventions=held | {"gap_hints": sham}),
            record(run=2, cell="1000", interventions=held | {"gap_hints": late}),
            record(
                run=3, cell="1000", interventions=held | {"gap_hints": late},
                success=None, outcome="not_observed", missing_cause="timeout",
            ),
        ],
    )  # fmt: skip
    read = Study.load(folder)
    assert read.layout.codes[16:] == ("3000", "9000")
    assert read.layout.doses(0) == (0, 1, 3)
    own = read.episodes.set_index(["gap_hints", "run"])["used_gap_hints"]
    assert own[(9, 2)] == 0
    assert own[(1, 2)] == 0
    assert np.isnan(own[(1, 3)])
    assert own[(1, 0)] == 1


def test_use_of_a_sham_is_not_uptake() -> None:
    raw = table(rate, codes=[*CODES, "9000"])
    plain = raw.assign(used_gap_hints=np.where(raw["gap_hints"] == 0, np.nan, 1.0))
    shammed = plain.copy()
    shammed.loc[raw["gap_hints"] == 9, "used_gap_hints"] = 0.0
    first, second = (by_name(study(one).estimates("new").to_frame()) for one in (plain, shammed))
    for name in ("itt:gap_hints", "uptake:gap_hints", "cace:gap_hints"):
        assert first.loc[name, "estimate"] == second.loc[name, "estimate"]
    assert first.loc["uptake:gap_hints", "estimate"] == 1


def test_a_dose_column_beside_a_column_of_zeros_and_ones() -> None:
    raw = table(rate, codes=[*DOSES, "9000"])
    beside = raw.assign(gap_hints_dose=raw["gap_hints"])
    beside["gap_hints"] = (raw["gap_hints"] > 0).astype(int)
    pd.testing.assert_frame_equal(study(beside).episodes, study(raw).episodes)
    beside.loc[0, "gap_hints_dose"] = 2
    with pytest.raises(InputError, match=r"gap_hints_dose, row 0: .*gap_hints is 0 here"):
        study(beside)
