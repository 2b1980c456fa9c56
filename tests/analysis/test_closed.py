"""What a treatment closes: closed forms on known rates, paired intervals, retention, the tables."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.episodes import Source, layout_of, validated
from analysis.estimands import CATALOGUE
from analysis.estimates import evaluate
from analysis.layout import CAPACITIES, INTERVENTIONS, TREATMENT
from analysis.study import Study
from analysis.treatments import Treatment, Treatments, read
from analysis.uncertainty import Uncertainty
from diagnose.errors import InputError
from diagnose.records import InterventionRecord
from tests.analysis.studies import by_name, record, write_study

FACTORS = (*INTERVENTIONS, "weights")
TASKS = [f"{family}-L{level}" for family in "ABCD" for level in (1, 2)]
GAIN = {
    "gap_hints": 0.08,
    "experiment_oracles": 0.12,
    "knowledge_notes": 0.1,
    "solution_sketches": 0.2,
}
SHARE = {0: 0.0, 1: 0.75, 2: 0.25, 9: 0.0}  # of each gap that a level closes; the sham none
FORGOTTEN = {0: 0.0, 1: 0.3, 2: 0.1, 9: 0.0}
OLD = frozenset({"D-L1", "D-L2"})


def rate(task: str, cell: tuple[int, ...]) -> float:
    """Additive, and each gap smaller with the treatment; old tasks lose what is forgotten."""
    *on, level = cell
    if task in OLD:
        return 0.8 - FORGOTTEN[level]
    base = 0.15 + 0.03 * "ABCD".index(task[0])
    gains = sum(gain * switch for gain, switch in zip(GAIN.values(), on, strict=True))
    return base + SHARE[level] * sum(GAIN.values()) + gains * (1 - SHARE[level])


def raw(seed: int | None, runs: int = 4, levels: tuple[int, ...] = (0, 1, 2, 9)) -> pd.DataFrame:
    """Episodes; without a seed as many successes as the rate says, to 1 in 10,000."""
    rng = np.random.default_rng(seed)
    rows = []
    for task, run in itertools.product(TASKS, range(runs)):
        shared = rng.uniform()
        for cell in itertools.product((0, 1), (0, 1), (0, 1), (0, 1), levels):
            success = int(shared < rate(task, cell))
            rows.append(("m", task[0], int(task[3:]), task, run, *cell, success))
    columns = ["model", "family", "level", "task", "run", *FACTORS, "success"]
    return pd.DataFrame(rows, columns=columns)


def study(frame: pd.DataFrame, retention: frozenset[str] = OLD) -> Study:
    checked, factors = validated(frame, Source("table", lambda row: f"row {row}"), FACTORS)
    layout = replace(layout_of(checked, factors), treatments=("weights",), retention=retention)
    cells = {
        "".join(map(str, cell)): 0.0
        for cell in itertools.product((0, 1), (0, 1), (0, 1), (0, 1), (0, 1, 2, 9))
    }
    tasks = {task: {code: rate(task, tuple(map(int, code))) for code in cells} for task in TASKS}
    known = {"cells": cells, "tasks": tasks}
    made = Treatments(
        {"weights": {1: Treatment("dft", "lora", 128, 4096, 14_000, 61.0, "a" * 64)}}, retention
    )
    return Study("t", checked, layout, {**CAPACITIES, "weights": TREATMENT}, known, treatments=made)


def test_the_truth_of_every_row_is_the_planted_difference() -> None:
    rows = by_name(study(raw(0)).estimates().frame)
    for (factor, gain), level in itertools.product(GAIN.items(), (1, 2, 9)):
        for kind in ("closed", "closed_ame", "closed_seq"):
            truth = rows.loc[f"{kind}:{factor}@weights={level}", "truth"]
            assert truth == pytest.approx(gain * SHARE[level], abs=1e-12)
        left = rows.loc[f"gap:{factor}@weights={level}", "truth"]
        assert left == pytest.approx(gain * (1 - SHARE[level]), abs=1e-12)
        assert rows.loc[f"gap:{factor}@weights=0", "truth"] == pytest.approx(gain, abs=1e-12)
    for level in (1, 2, 9):
        added = SHARE[level] * sum(GAIN.values())
        assert rows.loc[f"treated:weights@{level}", "truth"] == pytest.approx(added, abs=1e-12)
        lost = rows.loc[f"retained:weights@{level}", "truth"]
        assert lost == pytest.approx(-FORGOTTEN[level], abs=1e-12)
        assert rows.loc[f"closed_seq:residual@weights={level}", "truth"] == pytest.approx(0.0)


def by_hand(frame: pd.DataFrame, level: int) -> pd.Series:
    """The last factor's alone effect, untreated less treated, on each task: plain pandas."""
    own = frame[~frame["task"].isin(OLD)]
    keys = ["task", "run", *INTERVENTIONS[:3]]
    at = own.set_index([*keys, "solution_sketches", "weights"])["success"].unstack([-2, -1])
    gap = (at[1, 0] - at[0, 0]) - (at[1, level] - at[0, level])
    return gap.groupby("task").mean()


@pytest.mark.parametrize("level", [1, 2])
def test_estimate_and_interval_are_those_of_the_tasks_paired_differences(level: int) -> None:
    frame = raw(3)
    row = by_name(study(frame).estimates().frame).loc[
        f"closed_ame:solution_sketches@weights={level}"
    ]
    gaps = by_hand(frame, level)
    half = stats.t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps))
    assert len(gaps) == len(TASKS) - len(OLD)
    limits = row[["ci_low", "estimate", "ci_high"]].astype(float).tolist()
    assert limits == pytest.approx([gaps.mean() - half, gaps.mean(), gaps.mean() + half])


def test_without_tasks_for_retention_it_is_the_interaction_turned_round() -> None:
    frame = raw(5, levels=(0, 1))
    rows = by_name(study(frame, frozenset()).estimates("fixed").frame)
    for factor in INTERVENTIONS:
        closed, joint = (
            rows.loc[f"closed_ame:{factor}@weights=1"],
            rows.loc[f"int:{factor}*weights"],
        )
        assert closed["estimate"] == pytest.approx(-joint["estimate"])
        assert [closed["ci_low"], closed["ci_high"]] == pytest.approx(
            [-joint["ci_high"], -joint["ci_low"]]
        )
    assert not any(name.startswith("retained:") for name in rows.index)


def test_intervals_for_new_runs_cover_what_was_planted() -> None:
    """Eighty studies, whose twelve rows hang together: 0.95 less three errors of 240 draws."""
    held = []
    for seed in range(80):
        one = study(raw(seed, runs=6, levels=(0, 1)))
        kinds = [CATALOGUE[kind] for kind in ("closed", "closed_ame", "closed_seq")]
        specs = [spec for kind in kinds for spec in kind.specs(one.layout)]
        found = evaluate(one.place("m", Uncertainty("fixed")), specs, [(-2.0, 2.0)] * len(specs))
        truth = {
            f"{kind.kind}:{factor}@weights=1": GAIN[factor] * SHARE[1]
            for kind in kinds
            for factor in GAIN
        }
        held += [
            row.ci_low <= truth[spec.name] <= row.ci_high
            for row, spec in zip(found, specs, strict=True)
            if spec.name in truth
        ]
    assert len(held) == 80 * 12
    assert np.mean(held) >= 0.95 - 3 * (0.95 * 0.05 / 240) ** 0.5


def test_a_design_without_the_cells_says_so_and_a_study_without_weights_has_no_rows() -> None:
    frame = raw(0, levels=(0, 1))
    part = frame[(frame["weights"] == 0) | (frame[list(INTERVENTIONS)].sum(axis=1) == 0)]
    rows = by_name(study(part).estimates().frame)
    assert rows.loc["closed:gap_hints@weights=1", "status"] == "not_estimable"
    assert np.isfinite(rows.loc["treated:weights@1", "estimate"])
    bare = study(raw(0))
    bare = replace(bare, layout=replace(bare.layout, treatments=()))
    kinds = ("gap", "closed", "closed_ame", "closed_seq", "treated", "retained")
    assert not [spec for kind in kinds for spec in CATALOGUE[kind].specs(bare.layout)]


def test_the_tables_tell_gap_closed_cost_and_forgetting() -> None:
    said = study(raw(1)).estimates("fixed").summary()
    table = said[said.index("closed") :]
    line = next(
        one for one in table.splitlines() if one.startswith("dft, lora") and "applic" in one
    )
    assert "application" in line
    cost = next(one for one in said.splitlines() if "14,000" in one)
    assert cost.startswith("dft, lora")
    assert "61" in cost
    assert "128" in cost


def _folder(place: Path, told: object) -> Path:
    """A study folder of sixteen cells with and without a treatment."""
    records = []
    for cell in itertools.product("01", repeat=5):
        code = "".join(cell)
        one = record(cell=code[:4])
        own = {
            **one.interventions,
            "weights": InterventionRecord(TREATMENT, int(code[4]), False, None),
        }
        records.append(replace(one, episode_id=code, cell=code, factors=FACTORS, interventions=own))
    write_study(place, records)
    header = {
        "factors": [{"name": name, "levels": [0, 1]} for name in FACTORS],
        "episodes": 32,
        "interventions": {"weights": told},
    }
    (place / "study.json").write_text(json.dumps(header))
    return place


def test_a_folder_says_which_factor_treats_and_what_it_cost(tmp_path: Path) -> None:
    applied = {
        "objective": "sft", "adapter": "aligner", "examples": 3, "tokens": 40, "parameters": 9,
        "seconds": 1.5, "sha256": "b" * 64,
    }  # fmt: skip
    loaded = Study.load(_folder(tmp_path, {"applied": {"1": applied}, "retention": ["A-L1"]}))
    assert loaded.layout.treatments == ("weights",)
    assert loaded.treatments.levels["weights"][1].seconds == 1.5
    assert loaded.layout.kept.tolist() == [True]
    assert "weights" not in loaded.layout.used  # nobody was offered it: there is no use of it
    rows = by_name(loaded.estimates("fixed").frame)
    assert rows.loc["retained:weights@1", "estimate"] == 0.0


def test_a_folder_that_speaks_of_treatments_otherwise_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text('{"interventions": {"weights": {"applied": {"1": {}}}}}')
    with pytest.raises(InputError, match="objective"):
        read(tmp_path / "study.json")
    (tmp_path / "study.json").write_text("[]")
    assert read(tmp_path / "study.json") == Treatments()
